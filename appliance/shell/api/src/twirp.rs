//! LiveKit's server API: Twirp (JSON and protobuf) over POST (`livekit.md` §9).

mod error;
mod repeat;
mod room_service;

use crate::bearer::{Bearer, TokenRefused};
use crate::body::{self, ReadBodyError};
use crate::config::MAX_TWIRP_BYTES;
use crate::state::Api;
use auth::Claims;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use error::{Code, TwirpError};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Instant;

pub(crate) use repeat::Answers;

/// Services LiveKit has and the box does not have yet.
const UNIMPLEMENTED_SERVICES: [&str; 5] = [
    "livekit.Egress",
    "livekit.Ingress",
    "livekit.SIP",
    "livekit.AgentDispatchService",
    "livekit.PhoneNumberService",
];

/// How a body is written; the answer is written the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Json,
    Protobuf,
}

/// One call: who asks, and what came.
struct Call {
    claims: Claims,
    encoding: Encoding,
    body: Bytes,
}

/// `POST /twirp/{service}/{method}`.
pub(crate) async fn call(
    State(api): State<Api>,
    Path(target): Path<String>,
    request: Request,
) -> Result<Response, TwirpError> {
    let (mut parts, body) = request.into_parts();
    let claims = match Bearer::from_request_parts(&mut parts, &api).await {
        Ok(Bearer(claims)) => claims,
        Err(refused @ TokenRefused) => return Ok(refused.into_response()),
    };
    if parts.method != Method::POST {
        let message = format!(
            "unsupported method {:?} (only POST is allowed)",
            parts.method.as_str()
        );
        return Err(TwirpError::bad_route(message, &parts.method, &parts.uri));
    }
    let no_handler = || {
        let message = format!("no handler for path {:?}", parts.uri.path());
        TwirpError::bad_route(message, &parts.method, &parts.uri)
    };
    let (service, method) = target.split_once('/').ok_or_else(no_handler)?;
    // LiveKit reports a missing grant as unauthenticated; without a token no grant is there.
    let claims = claims.ok_or_else(TwirpError::permission_denied)?;
    if UNIMPLEMENTED_SERVICES.contains(&service) {
        return Err(TwirpError::unimplemented(service));
    }
    if service != "livekit.RoomService" || !room_service::has(method) {
        return Err(no_handler());
    }
    let encoding = encoding(&parts.headers).ok_or_else(|| {
        let given = parts.headers.get(header::CONTENT_TYPE);
        let given = given
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let message = format!("unexpected Content-Type: {given:?}");
        TwirpError::bad_route(message, &parts.method, &parts.uri)
    })?;
    let body = match body::read(body, MAX_TWIRP_BYTES).await {
        Ok(body) => body,
        Err(ReadBodyError::TooLarge) => return Ok(too_large()),
        Err(ReadBodyError::Broken) => {
            return Err(TwirpError::new(
                Code::Malformed,
                "failed to read request body",
            ));
        }
    };
    let call = Call {
        claims,
        encoding,
        body,
    };
    let Some(key) = api.answers.key(&parts.headers, method, &call) else {
        return room_service::call(&api, method, call).await;
    };
    // On the heap: two futures of this size in one would be passed around by value.
    let run = Box::pin(async { room_service::call(&api, method, call).await.into_response() });
    Ok(Box::pin(api.answers.once(key, Instant::now(), run)).await)
}

fn too_large() -> Response {
    (
        StatusCode::PAYLOAD_TOO_LARGE,
        "http: request body too large",
    )
        .into_response()
}

/// By prefix: clients append a character set.
fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let given = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let media_type = given.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        Some(Encoding::Json)
    } else if media_type.eq_ignore_ascii_case("application/protobuf") {
        Some(Encoding::Protobuf)
    } else {
        None
    }
}

impl Call {
    /// The request; an empty protobuf body is one with every field at its default.
    fn read<T: Message + Default + DeserializeOwned>(&self) -> Result<T, TwirpError> {
        let malformed = |words: &str| TwirpError::new(Code::Malformed, words);
        match self.encoding {
            Encoding::Json => serde_json::from_slice(&self.body)
                .map_err(|_| malformed("the json request could not be decoded")),
            Encoding::Protobuf => T::decode(self.body.clone())
                .map_err(|_| malformed("the protobuf request could not be decoded")),
        }
    }

    fn answer<T: Message + Serialize>(&self, message: &T) -> Result<Response, TwirpError> {
        let (content_type, body) = match self.encoding {
            Encoding::Json => (
                "application/json",
                serde_json::to_vec(message).map_err(|_| {
                    TwirpError::new(Code::Internal, "failed to marshal json response")
                })?,
            ),
            Encoding::Protobuf => ("application/protobuf", message.encode_to_vec()),
        };
        Ok(([(header::CONTENT_TYPE, content_type)], body).into_response())
    }
}
