//! Whether the box lives, whether it admits newcomers, and what it counted.

use crate::state::Api;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// `GET /healthz`: the process answers.
pub(crate) async fn healthz() -> &'static str {
    "OK"
}

/// `GET /readyz`: 200 while newcomers are admitted, else 503 with one reason per line.
pub(crate) async fn readyz(State(api): State<Api>) -> Response {
    let status = api.control.status();
    if status.ready {
        return "OK".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, status.problems.join("\n")).into_response()
}

/// `GET /metrics`, in Prometheus' text format. No label names a person or a room.
pub(crate) async fn metrics(State(api): State<Api>) -> Response {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        api.metrics.render(),
    )
        .into_response()
}
