//! The subscription of a console.

use crate::admin::operator::Operator;
use crate::events::bad_query;
use crate::live::Subscription;
use crate::problem::ApiError;
use crate::state::Api;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use std::convert::Infallible;

/// Content type of one JSON object per line.
const JSON_LINES: &str = "application/jsonl";

/// What a subscription may ask for.
#[derive(Debug, Deserialize)]
pub(crate) struct StreamQuery {
    /// A room to be told in full, by sid.
    room: Option<String>,
}

/// `GET /admin/stream?room=`: one [`wire::admin::Frame`] per line, for as long as both sides live.
pub(crate) async fn stream(
    State(api): State<Api>,
    operator: Operator,
    query: Result<Query<StreamQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(bad_query)?;
    let subscription = api.live.subscribe(operator.role, query.room);
    let subscription = subscription.map_err(|e| ApiError::new(e.kind(), e.to_string()))?;
    let lines = stream::unfold((subscription, api, operator), next_lines);
    let headers = [
        (header::CONTENT_TYPE, JSON_LINES),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}

type Watching = (Subscription, Api, Operator);

/// The next lines of an answer that ends with the session of whoever asked.
async fn next_lines(
    (mut subscription, api, operator): Watching,
) -> Option<(Result<Bytes, Infallible>, Watching)> {
    let lines = subscription.next().await?;
    let known = operator.is_still_known(&api);
    known.then_some((Ok(Bytes::from(lines)), (subscription, api, operator)))
}
