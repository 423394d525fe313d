//! How the box is, in short.

use crate::state::Api;
use axum::Json;
use axum::extract::State;
use wire::StatusView;

/// `GET /admin/status`.
pub(crate) async fn status(State(api): State<Api>) -> Json<StatusView> {
    let status = api.control.status();
    // A box whose control thread is stuck still says how it is.
    let facts = api.control.run(|c| c.facts()).await.unwrap_or_default();
    Json(StatusView {
        draining: status.draining,
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
