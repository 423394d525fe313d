//! LiveKit's signalling endpoint (`livekit.md` §1).

mod frame;
mod pace;
mod pump;

use crate::attempts::Attempt;
use crate::bearer::{brought, header_or_query};
use crate::listen::Permit;
use crate::problem;
use crate::state::Api;
use axum::Extension;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{RawQuery, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use control::session::OpenSessionError;
use signal::join::{Join, ParseJoinError, Query};
use signal::limits::MAX_MESSAGE_BYTES;
use vocab::ErrorKind;

/// Read buffer of one WebSocket: most messages are a few hundred bytes.
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// Seconds after which a refused join is worth another try: a full room or a busy box may have
/// changed by then, and a box that drains is told of by then elsewhere.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("30");

/// Which way of joining a path speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V0,
    V1,
}

/// Why a join or its validation is refused: a status and LiveKit's plain text.
#[derive(Debug)]
pub(crate) struct Refused(StatusCode, String);

/// `GET /rtc`.
pub(crate) async fn join_v0(
    api: State<Api>,
    permit: Option<Extension<Permit>>,
    origin: Came,
    query: RawQuery,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refused> {
    join(Version::V0, api, permit, origin, query, headers, upgrade).await
}

/// `GET /rtc/v1`.
pub(crate) async fn join_v1(
    api: State<Api>,
    permit: Option<Extension<Permit>>,
    origin: Came,
    query: RawQuery,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refused> {
    join(Version::V1, api, permit, origin, query, headers, upgrade).await
}

/// `GET /rtc/validate`: every check of a join, and no join.
pub(crate) async fn validate_v0(
    State(api): State<Api>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<&'static str, Refused> {
    validate(&api, Version::V0, query, &headers).await
}

/// `GET /rtc/v1/validate`.
pub(crate) async fn validate_v1(
    State(api): State<Api>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<&'static str, Refused> {
    validate(&api, Version::V1, query, &headers).await
}

/// Where a request came from, if its listener says so.
type Came = Option<Extension<logbook::Origin>>;

async fn join(
    version: Version,
    State(api): State<Api>,
    permit: Option<Extension<Permit>>,
    origin: Came,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refused> {
    let origin = origin.map(|origin| origin.0);
    let begin = || Attempt::begin(&api, attempt::Door::Rtc, origin);
    let Ok(upgrade) = upgrade else {
        note_stripped(&api, begin(), query.as_deref(), &headers);
        return Err(Refused(
            StatusCode::NOT_FOUND,
            "404 page not found\n".into(),
        ));
    };
    let read = read_join(&api, version, query.as_deref(), &headers);
    let join = read.inspect_err(|refused| {
        note_unread(&api, begin(), refused, query.as_deref(), &headers);
    })?;
    let resumed = join.reconnect.as_ref();
    let resumed = resumed.and_then(|_| Attempt::resume(&api, &join.claims));
    let attempt = resumed.unwrap_or_else(|| {
        let attempt = begin();
        attempt.bearer(&join.claims);
        attempt.client(&join.client);
        attempt
    });
    // The first answer is computed before the upgrade, so that a refusal is a status.
    let session = match api.control.open_session(join, attempt.key()).await {
        Ok(session) => session,
        Err(error) => {
            attempt.refused_session(&api, error);
            return Err(error.into());
        }
    };
    let limited = upgrade
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .read_buffer_size(READ_BUFFER_BYTES);
    let permit = permit.map(|permit| permit.0);
    Ok(limited.on_upgrade(move |socket| pump::run(socket, session, permit, attempt)))
}

/// A request with a token that is no request for a WebSocket: a proxy took its words out. Without
/// one it is anybody who looked at the address.
fn note_stripped(api: &Api, attempt: Attempt, query: Option<&str>, headers: &HeaderMap) {
    let query = Query::parse(query.unwrap_or_default()).unwrap_or_default();
    match header_or_query(api, headers, &query) {
        Ok(Some(claims)) => {
            attempt.bearer(&claims);
            attempt.stripped();
        }
        _ => attempt.unauthenticated(api, brought(headers, &query)),
    }
}

fn note_unread(
    api: &Api,
    attempt: Attempt,
    refused: &Refused,
    query: Option<&str>,
    headers: &HeaderMap,
) {
    let query = Query::parse(query.unwrap_or_default()).unwrap_or_default();
    match header_or_query(api, headers, &query) {
        Ok(Some(claims)) => {
            attempt.bearer(&claims);
            if refused.0 == StatusCode::UNAUTHORIZED {
                attempt.forbidden();
            } else {
                attempt.unreadable();
            }
        }
        _ => attempt.unauthenticated(api, brought(headers, &query)),
    }
}

async fn validate(
    api: &Api,
    version: Version,
    query: Option<String>,
    headers: &HeaderMap,
) -> Result<&'static str, Refused> {
    let join = read_join(api, version, query.as_deref(), headers)?;
    api.control.check_session(join).await?;
    Ok("success")
}

fn read_join(
    api: &Api,
    version: Version,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Join, Refused> {
    let query = Query::parse(query.unwrap_or_default()).map_err(ParseJoinError::from)?;
    let claims = header_or_query(api, headers, &query)
        .map_err(|_| Refused(StatusCode::UNAUTHORIZED, auth::REFUSED_TEXT.into()))?
        .filter(|claims| claims.video.room_join)
        .ok_or(ParseJoinError::NotAllowed)?;
    Ok(match version {
        Version::V0 => Join::from_v0_query(claims, &query)?,
        Version::V1 => Join::from_v1_query(claims, &query)?,
    })
}

impl From<ParseJoinError> for Refused {
    fn from(error: ParseJoinError) -> Self {
        Self(problem::status(error.kind()), error.to_string())
    }
}

impl From<OpenSessionError> for Refused {
    fn from(error: OpenSessionError) -> Self {
        let status = match error.kind() {
            // Limits are 503 here (`livekit.md` §1), since clients retry only that.
            ErrorKind::Exhausted => StatusCode::SERVICE_UNAVAILABLE,
            kind => problem::status(kind),
        };
        Self(status, error.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.0, self.1).into_response();
        if self.0 == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}
