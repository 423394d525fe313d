//! Who is asking: the access token of a request.

use crate::attempts::Attempt;
use crate::state::Api;
use attempt::Door;
use auth::Claims;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use signal::join::Query;
use std::time::{SystemTime, UNIX_EPOCH};
use telemetry::names;
use vocab::UnixMillis;

/// A token that was refused: 401, plain text, the same whatever the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenRefused;

impl IntoResponse for TokenRefused {
    fn into_response(self) -> Response {
        (StatusCode::UNAUTHORIZED, auth::REFUSED_TEXT).into_response()
    }
}

/// The claims of the request's `Authorization: Bearer`, or `None` when it brings no token.
/// A token that is brought must be good.
pub(crate) struct Bearer(pub(crate) Option<Claims>);

impl FromRequestParts<Api> for Bearer {
    type Rejection = TokenRefused;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, TokenRefused> {
        let token = header_token(&parts.headers)?;
        claims(api, token).map(Bearer).inspect_err(|_| {
            if let Some(door) = door(parts) {
                let origin = parts.extensions.get().copied();
                Attempt::begin(api, door, origin).unauthenticated(api, token);
            }
        })
    }
}

/// Which door a request that opens something knocks at.
fn door(parts: &Parts) -> Option<Door> {
    let path = parts.uri.path();
    if parts.method != Method::POST {
        return None;
    }
    path.starts_with("/whip/")
        .then_some(Door::Whip)
        .or(path.starts_with("/whep/").then_some(Door::Whep))
}

/// The claims of a header's token, else of the query's `access_token`, as browsers' WebSockets
/// need it. Only `/rtc` reads tokens from a query: queries end in logs and histories.
pub(crate) fn header_or_query(
    api: &Api,
    headers: &HeaderMap,
    query: &Query,
) -> Result<Option<Claims>, TokenRefused> {
    let in_query = query.get("access_token").filter(|token| !token.is_empty());
    claims(api, header_token(headers)?.or(in_query))
}

/// The token of the request's `Authorization: Bearer`; `None` when it brings none.
pub(crate) fn header_token(headers: &HeaderMap) -> Result<Option<&str>, TokenRefused> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| TokenRefused)?;
    if text.is_empty() {
        return Ok(None);
    }
    // RFC 9110 §11.1: the scheme's case does not matter.
    let (scheme, token) = text.split_once(' ').ok_or(TokenRefused)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(Some(token.trim()))
    } else {
        Err(TokenRefused)
    }
}

fn claims(api: &Api, token: Option<&str>) -> Result<Option<Claims>, TokenRefused> {
    let Some(token) = token else { return Ok(None) };
    match auth::verify(token, &api.config.keys, unix_now()) {
        Ok(claims) => Ok(Some(claims)),
        Err(error) => {
            let cause = error.fault().label();
            metrics::counter!(names::TOKENS_REFUSED, "cause" => cause).increment(1);
            Err(TokenRefused)
        }
    }
}

/// The token that a request brings, good or not.
pub(crate) fn brought<'a>(headers: &'a HeaderMap, query: &'a Query) -> Option<&'a str> {
    let in_query = query.get("access_token").filter(|token| !token.is_empty());
    header_token(headers).ok().flatten().or(in_query)
}

fn unix_now() -> UnixMillis {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixMillis(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}
