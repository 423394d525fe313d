//! Whether the box lives, whether it admits newcomers, and what it counted.

use crate::state::Api;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// `GET /healthz`: the process answers.
pub(crate) async fn healthz() -> &'static str {
    "OK"
}

/// `GET /readyz`: 200 while newcomers are admitted, with what is wrong all the same, one per line;
/// else 503 with one reason per line.
pub(crate) async fn readyz(State(api): State<Api>) -> Response {
    let status = api.control.status();
    let problems = status.problems.join("\n");
    match (status.ready, problems.is_empty()) {
        (true, true) => "OK".into_response(),
        (true, false) => format!("OK, degraded\n{problems}").into_response(),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, problems).into_response(),
    }
}

/// `GET /metrics`, in Prometheus' text format. No label names a person or a room.
pub(crate) async fn metrics(State(api): State<Api>) -> Response {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        api.metrics.render(),
    )
        .into_response()
}

/// What the box can be asked, as committed (`cargo xtask openapi`).
const OPENAPI: &str = include_str!("../../../openapi/v1.json");

/// `GET /openapi.json`.
pub(crate) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}
