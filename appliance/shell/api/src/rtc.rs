//! LiveKit's signalling endpoint (`livekit.md` §1).

mod frame;
mod pace;
mod pump;

use crate::bearer::header_or_query;
use crate::listen::Permit;
use crate::problem;
use crate::state::Api;
use axum::Extension;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{RawQuery, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use control::session::OpenSessionError;
use signal::join::{Join, ParseJoinError, Query};
use signal::limits::MAX_MESSAGE_BYTES;
use vocab::ErrorKind;

/// Read buffer of one WebSocket: most messages are a few hundred bytes.
const READ_BUFFER_BYTES: usize = 16 * 1024;

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
    query: RawQuery,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refused> {
    join(Version::V0, api, permit, query, headers, upgrade).await
}

/// `GET /rtc/v1`.
pub(crate) async fn join_v1(
    api: State<Api>,
    permit: Option<Extension<Permit>>,
    query: RawQuery,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refused> {
    join(Version::V1, api, permit, query, headers, upgrade).await
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

async fn join(
    version: Version,
    State(api): State<Api>,
    permit: Option<Extension<Permit>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refused> {
    let upgrade =
        upgrade.map_err(|_| Refused(StatusCode::NOT_FOUND, "404 page not found\n".into()))?;
    let join = read_join(&api, version, query, &headers)?;
    // The first answer is computed before the upgrade, so that a refusal is a status.
    let session = api.control.open_session(join).await?;
    let limited = upgrade
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .read_buffer_size(READ_BUFFER_BYTES);
    Ok(limited.on_upgrade(move |socket| pump::run(socket, session, permit.map(|p| p.0))))
}

async fn validate(
    api: &Api,
    version: Version,
    query: Option<String>,
    headers: &HeaderMap,
) -> Result<&'static str, Refused> {
    let join = read_join(api, version, query, headers)?;
    api.control.check_session(join).await?;
    Ok("success")
}

fn read_join(
    api: &Api,
    version: Version,
    query: Option<String>,
    headers: &HeaderMap,
) -> Result<Join, Refused> {
    let query = Query::parse(&query.unwrap_or_default()).map_err(ParseJoinError::from)?;
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
        (self.0, self.1).into_response()
    }
}
