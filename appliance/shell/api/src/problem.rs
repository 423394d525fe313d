//! Errors of the box's own API: `application/problem+json` (RFC 9457).

use crate::bearer::TokenRefused;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use control::CallError;
use control::event::{QueryError, ReportEventsError};
use control::room::{RoomError, RoomNotFound};
use vocab::ErrorKind;
use wire::{PROBLEM_JSON, Problem};

/// A refusal: its grade picks the status, its message is for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(
            ErrorKind::Unauthenticated,
            "an access token is needed: Authorization: Bearer …",
        )
    }
}

/// The one place where a grade becomes a status.
pub(crate) fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Precondition => StatusCode::PRECONDITION_FAILED,
        ErrorKind::Exhausted => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Invalid => "invalid",
        ErrorKind::Unauthenticated => "unauthenticated",
        ErrorKind::Forbidden => "forbidden",
        ErrorKind::NotFound => "not_found",
        ErrorKind::Conflict => "conflict",
        ErrorKind::Precondition => "precondition",
        ErrorKind::Exhausted => "exhausted",
        ErrorKind::Unavailable => "unavailable",
    }
}

/// A problem as an answer, for what has a status but no grade.
pub(crate) fn answer(status: StatusCode, kind: &str, detail: String) -> Response {
    let problem = Problem {
        kind: kind.to_owned(),
        title: status.canonical_reason().unwrap_or_default().to_owned(),
        status: status.as_u16(),
        detail,
    };
    // Strings and a number: writing them cannot fail.
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response()
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        answer(status(self.kind), name(self.kind), self.message)
    }
}

impl From<TokenRefused> for ApiError {
    fn from(_: TokenRefused) -> Self {
        Self::new(ErrorKind::Unauthenticated, auth::REFUSED_TEXT)
    }
}

macro_rules! from_errors {
    ($($error:ty),* $(,)?) => {
        $(impl From<$error> for ApiError {
            fn from(e: $error) -> Self {
                Self::new(e.kind(), e.to_string())
            }
        })*
    };
}

from_errors!(CallError, QueryError, ReportEventsError, RoomNotFound);

impl<E: std::fmt::Display> From<RoomError<E>> for ApiError {
    fn from(e: RoomError<E>) -> Self {
        Self::new(ErrorKind::NotFound, e.to_string())
    }
}
