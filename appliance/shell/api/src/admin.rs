//! The operators' face, on the Unix socket: one file per noun.
//!
//! Everything under `/admin` is behind [`operator::known`]: a request whose sender no listener
//! vouches for goes no further. What a role may do, each handler says with
//! [`operator::Operator::require`].

pub(crate) mod attempts;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod operator;
pub(crate) mod rooms;
pub(crate) mod sessions;
pub(crate) mod status;
pub(crate) mod stream;

use crate::state::Api;
use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;

pub(crate) mod actions;
pub(crate) mod audit;

/// Every route under `/admin`, for any listener that says who is asking.
pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/admin/actions", axum::routing::post(actions::act))
        .route("/admin/audit", get(audit::page))
        .route("/admin/rooms", get(rooms::rooms))
        .route(
            "/admin/rooms/{room}",
            get(rooms::room).delete(rooms::end_room),
        )
        .route("/admin/events", get(events::events))
        .route("/admin/sessions", get(sessions::sessions))
        .route("/admin/why/{whom}", get(attempts::why))
        .route("/admin/attempts", get(attempts::attempts))
        .route("/admin/sessions/{sid}", get(sessions::session))
        .route("/admin/status", get(status::status))
        .route("/admin/stream", get(stream::stream))
        .route("/admin/health", get(health::health))
        .route("/admin/alarms", get(health::alarms))
        .route_layer(from_fn(operator::known))
}
