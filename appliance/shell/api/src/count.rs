//! Around every request: a time limit, a panic boundary and counters.

use crate::config::REQUEST_TIMEOUT;
use crate::problem;
use axum::extract::{MatchedPath, Request};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use std::any::Any;
use std::time::Instant;
use telemetry::names;

/// Counts and times a request by its route's pattern, never by its path, and ends it when it
/// takes too long.
pub(crate) async fn request(request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let began = Instant::now();
    let response = match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => problem::answer(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            "the request was not complete in time".to_owned(),
        ),
    };
    let class = match response.status().as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    metrics::counter!(names::HTTP_REQUESTS, "route" => route.clone(), "class" => class)
        .increment(1);
    metrics::histogram!(names::HTTP_SECONDS, "route" => route).record(began.elapsed());
    response
}

/// A handler panicked: its caller gets 500, everybody else notices nothing.
pub(crate) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    metrics::counter!(names::HTTP_PANICS).increment(1);
    tracing::error!("a request handler panicked; it was answered with 500");
    problem::answer(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "the request failed inside the box; it is in the log".to_owned(),
    )
}
