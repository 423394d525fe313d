//! Rooms' lives on disk, and a living room's lock.

use crate::bearer::{Bearer, TokenRefused};
use crate::events::{bad_query, limit, newest_first, scope};
use crate::problem::ApiError;
use crate::state::Api;
use crate::view;
use auth::Claims;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use control::event::SessionQuery;
use serde::Deserialize;
use vocab::{ErrorKind, RoomName, RoomSid, UnixMillis};
use wire::{Page, SessionView};

/// `GET /v1/rooms/sessions?…`. All are optional.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct SessionsQuery {
    /// A room's name.
    room: Option<String>,
    /// `true`: only those that live; `false`: only those that ended.
    open: Option<bool>,
    /// Lived at or after, in milliseconds since 1970.
    from: Option<u64>,
    /// Began before, in milliseconds since 1970.
    to: Option<u64>,
    /// `next` of the page before.
    cursor: Option<u64>,
    /// Entries per page, 1 to 1,000.
    limit: Option<usize>,
    /// `desc`: latest first.
    order: Option<String>,
}

/// `GET /v1/rooms/sessions`.
pub(crate) async fn list(
    State(api): State<Api>,
    bearer: Result<Bearer, TokenRefused>,
    query: Result<Query<SessionsQuery>, QueryRejection>,
) -> Result<Json<Page<SessionView>>, ApiError> {
    let claims = bearer?.0.ok_or_else(ApiError::unauthenticated)?;
    let Query(mut query) = query.map_err(bad_query)?;
    query.room = scope(&claims, query.room)?;
    ask(&api, &query).await
}

/// `GET /v1/rooms/sessions/{sid}`.
pub(crate) async fn one(
    State(api): State<Api>,
    bearer: Result<Bearer, TokenRefused>,
    Path(sid): Path<String>,
) -> Result<Json<SessionView>, ApiError> {
    let claims = bearer?.0.ok_or_else(ApiError::unauthenticated)?;
    // The grant is checked before anything is looked up: a stranger cannot probe for ids.
    let allowed = scope(&claims, None)?;
    let session = find(&api, sid).await?;
    match allowed {
        Some(room) if room != session.room => Err(missing()),
        _ => Ok(Json(session)),
    }
}

/// `PUT /v1/rooms/{room}/lock`: nobody new is admitted.
pub(crate) async fn lock(
    api: State<Api>,
    bearer: Result<Bearer, TokenRefused>,
    room: Path<String>,
) -> Result<StatusCode, ApiError> {
    set_locked(api, bearer?.0, room, true).await
}

/// `DELETE /v1/rooms/{room}/lock`.
pub(crate) async fn unlock(
    api: State<Api>,
    bearer: Result<Bearer, TokenRefused>,
    room: Path<String>,
) -> Result<StatusCode, ApiError> {
    set_locked(api, bearer?.0, room, false).await
}

/// The page a query asks for, whoever asks.
pub(crate) async fn ask(
    api: &Api,
    query: &SessionsQuery,
) -> Result<Json<Page<SessionView>>, ApiError> {
    let query = SessionQuery {
        name: query.room.as_deref().map(RoomName::from),
        open: query.open,
        from: query.from.map(UnixMillis),
        to: query.to.map(UnixMillis),
        after: query.cursor,
        limit: limit(query.limit)?,
        newest_first: newest_first(query.order.as_deref())?,
        participants: true,
    };
    let page = api.control.room_sessions(query).await?;
    Ok(Json(view::page(page, view::session)))
}

/// One life, whoever asks.
pub(crate) async fn find(api: &Api, sid: String) -> Result<SessionView, ApiError> {
    let found = api.control.room_session(RoomSid::from(sid)).await?;
    found.map(view::session).ok_or_else(missing)
}

fn missing() -> ApiError {
    ApiError::new(ErrorKind::NotFound, "no room has lived under that sid")
}

async fn set_locked(
    State(api): State<Api>,
    claims: Option<Claims>,
    Path(room): Path<String>,
    locked: bool,
) -> Result<StatusCode, ApiError> {
    let claims = claims.ok_or_else(ApiError::unauthenticated)?;
    if !claims.room_admin_for(&room) {
        let message = "the token needs roomAdmin for this room";
        return Err(ApiError::new(ErrorKind::Forbidden, message));
    }
    api.control
        .run(move |c| c.set_room_locked(&room, locked))
        .await??;
    Ok(StatusCode::NO_CONTENT)
}
