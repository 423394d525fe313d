//! Twirp's error: JSON whatever the request was (Twirp wire protocol v7, "Errors").

use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use control::CallError;
use control::room::{CreateRoomError, RoomError, RoomNotFound};
use control::rpc::PerformRpcError;
use serde::Serialize;
use signal::RpcFailure;
use std::collections::BTreeMap;
use vocab::ErrorKind;

/// The codes the box uses, with their HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidArgument,
    Malformed,
    Unauthenticated,
    NotFound,
    BadRoute,
    Canceled,
    AlreadyExists,
    FailedPrecondition,
    ResourceExhausted,
    Internal,
    Unimplemented,
    Unavailable,
}

impl Code {
    fn as_str(self) -> &'static str {
        match self {
            Self::InvalidArgument => "invalid_argument",
            Self::Malformed => "malformed",
            Self::Unauthenticated => "unauthenticated",
            Self::NotFound => "not_found",
            Self::BadRoute => "bad_route",
            Self::Canceled => "canceled",
            Self::AlreadyExists => "already_exists",
            Self::FailedPrecondition => "failed_precondition",
            Self::ResourceExhausted => "resource_exhausted",
            Self::Internal => "internal",
            Self::Unimplemented => "unimplemented",
            Self::Unavailable => "unavailable",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::InvalidArgument | Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::NotFound | Self::BadRoute => StatusCode::NOT_FOUND,
            Self::Canceled => StatusCode::REQUEST_TIMEOUT,
            Self::AlreadyExists => StatusCode::CONFLICT,
            Self::FailedPrecondition => StatusCode::PRECONDITION_FAILED,
            Self::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Invalid => Self::InvalidArgument,
            // LiveKit reports missing grants as unauthenticated (`livekit.md` §9).
            ErrorKind::Unauthenticated | ErrorKind::Forbidden => Self::Unauthenticated,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Conflict => Self::AlreadyExists,
            ErrorKind::Precondition => Self::FailedPrecondition,
            ErrorKind::Exhausted => Self::ResourceExhausted,
            ErrorKind::Unavailable => Self::Unavailable,
        }
    }
}

/// A refusal in Twirp's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TwirpError {
    code: Code,
    message: String,
    meta: BTreeMap<&'static str, String>,
}

impl TwirpError {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            meta: BTreeMap::new(),
        }
    }

    pub(super) fn of(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::new(Code::of(kind), message)
    }

    /// The grant is missing, or the token.
    pub(super) fn permission_denied() -> Self {
        Self::new(Code::Unauthenticated, "permissions denied")
    }

    pub(super) fn unimplemented(what: &str) -> Self {
        Self::new(
            Code::Unimplemented,
            format!("{what} is not available on this box"),
        )
    }

    pub(super) fn bad_route(message: String, method: &Method, uri: &Uri) -> Self {
        let route = format!("{method} {}", uri.path());
        Self {
            meta: BTreeMap::from([("twirp_invalid_route", route)]),
            ..Self::new(Code::BadRoute, message)
        }
    }
}

#[derive(Serialize)]
struct Wire<'a> {
    code: &'static str,
    msg: &'a str,
    meta: &'a BTreeMap<&'static str, String>,
}

impl IntoResponse for TwirpError {
    fn into_response(self) -> Response {
        let wire = Wire {
            code: self.code.as_str(),
            msg: &self.message,
            meta: &self.meta,
        };
        // Strings only: writing them cannot fail.
        let body = serde_json::to_vec(&wire).unwrap_or_default();
        (
            self.code.status(),
            [(header::CONTENT_TYPE, "application/json")],
            body,
        )
            .into_response()
    }
}

impl From<CallError> for TwirpError {
    fn from(e: CallError) -> Self {
        Self::of(e.kind(), e.to_string())
    }
}

impl From<RoomNotFound> for TwirpError {
    fn from(e: RoomNotFound) -> Self {
        Self::of(e.kind(), e.to_string())
    }
}

impl From<CreateRoomError> for TwirpError {
    fn from(e: CreateRoomError) -> Self {
        Self::of(e.kind(), e.to_string())
    }
}

impl From<PerformRpcError> for TwirpError {
    fn from(e: PerformRpcError) -> Self {
        match e {
            PerformRpcError::RoomNotFound(missing) => missing.into(),
            PerformRpcError::Call(unanswered) => unanswered.into(),
            PerformRpcError::Failed(failure) => failure.into(),
        }
    }
}

/// As LiveKit maps them (`pkg/utils/rpc.go`, `PsrpcError`); timeouts are `canceled` there.
impl From<RpcFailure> for TwirpError {
    fn from(e: RpcFailure) -> Self {
        let code = match &e {
            RpcFailure::ParticipantNotFound(_) => Code::NotFound,
            RpcFailure::RequestTooLarge(_) | RpcFailure::ResponseTooLarge => Code::Malformed,
            RpcFailure::BadMethod(_) | RpcFailure::UnsupportedMethod => Code::InvalidArgument,
            RpcFailure::TooMany => Code::ResourceExhausted,
            RpcFailure::ConnectionTimeout | RpcFailure::ResponseTimeout => Code::Canceled,
            RpcFailure::Disconnected => Code::Unavailable,
            RpcFailure::Application { .. } => Code::Internal,
        };
        Self::new(code, e.to_string())
    }
}

macro_rules! from_refusals {
    ($($error:ty),* $(,)?) => {
        $(impl From<RoomError<$error>> for TwirpError {
            fn from(e: RoomError<$error>) -> Self {
                match e {
                    RoomError::NotFound(missing) => missing.into(),
                    RoomError::Refused(refusal) => Self::of(refusal.kind(), refusal.to_string()),
                }
            }
        })*
    };
}

from_refusals!(
    signal::MuteTrackError,
    signal::ParticipantNotFound,
    signal::SendDataError,
    signal::UpdateParticipantError,
    signal::UpdateRoomMetadataError,
    signal::UpdateSubscriptionsError,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_call_of_a_participant_has_livekits_code() {
        let application = RpcFailure::Application {
            code: 101,
            words: "no".to_owned(),
        };
        for (failure, code, status) in [
            (RpcFailure::ConnectionTimeout, "canceled", 408),
            (RpcFailure::ResponseTimeout, "canceled", 408),
            (RpcFailure::Disconnected, "unavailable", 503),
            (RpcFailure::UnsupportedMethod, "invalid_argument", 400),
            (RpcFailure::RequestTooLarge(20_000), "malformed", 400),
            (RpcFailure::ResponseTooLarge, "malformed", 400),
            (RpcFailure::TooMany, "resource_exhausted", 429),
            (application, "internal", 500),
        ] {
            let error = TwirpError::from(failure);
            let got = (error.code.as_str(), error.code.status().as_u16());
            assert_eq!(got, (code, status), "{}", error.message);
        }
    }
}
