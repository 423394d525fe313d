//! What happened, as a page or line by line.

use crate::admin::operator::Operator;
use crate::events::{self, EventsQuery, bad_query};
use crate::problem::ApiError;
use crate::state::Api;
use crate::view;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use control::event::EventQuery;
use futures_util::stream;
use std::convert::Infallible;
use std::time::Duration;

/// How often an answer that follows says that it lives: an empty line.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Content type of one JSON object per line.
const JSON_LINES: &str = "application/jsonl";

/// `GET /admin/events`: a page, or with `follow=1` one event per line as they are saved, from
/// `cursor` or from now.
pub(crate) async fn events(
    State(api): State<Api>,
    operator: Operator,
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
    let lines = stream::unfold((api, operator, question), next_lines);
    Ok((
        [(header::CONTENT_TYPE, JSON_LINES)],
        Body::from_stream(lines),
    )
        .into_response())
}

type Following = (Api, Operator, EventQuery);

/// The next lines of an answer that follows; ends with the session of whoever asked, and when the
/// index can no longer be read.
async fn next_lines(
    (api, operator, mut query): Following,
) -> Option<(Result<Bytes, Infallible>, Following)> {
    let page = api
        .control
        .follow_events(query.clone(), HEARTBEAT)
        .await
        .ok()?;
    if !operator.is_still_known(&api) {
        return None;
    }
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
    Some((Ok(Bytes::from(lines)), (api, operator, query)))
}
