//! The operators' face, on the Unix socket only: whoever may open the socket may do all of it.

use crate::events::{self, EventsQuery, bad_query};
use crate::problem::ApiError;
use crate::sessions::{self, SessionsQuery};
use crate::state::Api;
use crate::view;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use control::Control;
use control::event::EventQuery;
use futures_util::stream;
use std::convert::Infallible;
use std::time::Duration;
use wire::{Page, RoomView, SessionView, StatusView};

/// How often an answer that follows says that it lives: an empty line.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Content type of one JSON object per line.
const JSON_LINES: &str = "application/jsonl";

/// `GET /admin/rooms`.
pub(crate) async fn rooms(State(api): State<Api>) -> Result<Json<Vec<RoomView>>, ApiError> {
    let rooms = api.control.run(Control::rooms).await?;
    Ok(Json(rooms.into_iter().map(view::room).collect()))
}

/// `GET /admin/rooms/{room}`.
pub(crate) async fn room(
    State(api): State<Api>,
    Path(room): Path<String>,
) -> Result<Json<RoomView>, ApiError> {
    let detail = api.control.run(move |c| c.room(&room)).await??;
    Ok(Json(view::room(detail)))
}

/// `DELETE /admin/rooms/{room}`: everyone leaves; its record stays.
pub(crate) async fn end_room(
    State(api): State<Api>,
    Path(room): Path<String>,
) -> Result<StatusCode, ApiError> {
    api.control.run(move |c| c.delete_room(&room)).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /admin/events`: a page, or with `follow=1` one event per line as they are saved, from
/// `cursor` or from now.
pub(crate) async fn events(
    State(api): State<Api>,
    query: Result<Query<EventsQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(bad_query)?;
    let mut question = events::parse(&query)?;
    if !matches!(query.follow.as_deref(), Some("1" | "true")) {
        let page = api.control.events(question).await?;
        return Ok(Json(view::page(page, view::event)).into_response());
    }
    question.newest_first = false;
    question.after = question.after.or(Some(api.control.last_sequence()));
    let lines = stream::unfold((api, question), next_lines);
    Ok((
        [(header::CONTENT_TYPE, JSON_LINES)],
        Body::from_stream(lines),
    )
        .into_response())
}

/// `GET /admin/sessions`.
pub(crate) async fn sessions(
    State(api): State<Api>,
    query: Result<Query<SessionsQuery>, QueryRejection>,
) -> Result<Json<Page<SessionView>>, ApiError> {
    let Query(query) = query.map_err(bad_query)?;
    sessions::ask(&api, &query).await
}

/// `GET /admin/sessions/{sid}`.
pub(crate) async fn session(
    State(api): State<Api>,
    Path(sid): Path<String>,
) -> Result<Json<SessionView>, ApiError> {
    sessions::find(&api, sid).await.map(Json)
}

/// `GET /admin/status`.
pub(crate) async fn status(State(api): State<Api>) -> Json<StatusView> {
    let status = api.control.status();
    // A box whose control thread is stuck still says how it is.
    let facts = api.control.run(|c| c.facts()).await.unwrap_or_default();
    Json(StatusView {
        version: api.config.version.clone(),
        started_at_ms: status.started_at.0,
        ready: status.ready,
        problems: status.problems,
        rooms: status.rooms,
        participants: status.participants,
        tracks: status.tracks,
        exchanges: status.exchanges,
        facts,
    })
}

type Following = (Api, EventQuery);

/// The next lines of an answer that follows; ends when the index can no longer be read.
async fn next_lines((api, mut query): Following) -> Option<(Result<Bytes, Infallible>, Following)> {
    let page = api
        .control
        .follow_events(query.clone(), HEARTBEAT)
        .await
        .ok()?;
    query.after = page
        .items
        .last()
        .map(|last| last.sequence)
        .or(page.next)
        .or(query.after);
    let mut lines = Vec::new();
    for event in page.items {
        // Strings and numbers: writing them cannot fail.
        lines.extend(serde_json::to_vec(&view::event(event)).unwrap_or_default());
        lines.push(b'\n');
    }
    if lines.is_empty() {
        lines.push(b'\n');
    }
    Some((Ok(Bytes::from(lines)), (api, query)))
}
