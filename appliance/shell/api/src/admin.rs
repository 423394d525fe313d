//! The operators' face, on the Unix socket and over HTTPS: one file per noun.
//!
//! Everything under `/admin` is behind [`operator::known`]: a request whose sender no listener
//! vouches for goes no further. What a role may do, each handler says with
//! [`operator::Operator::require`].

pub(crate) mod accounts;
pub(crate) mod attempts;
pub(crate) mod events;
pub(crate) mod heads;
pub(crate) mod health;
pub(crate) mod login;
pub(crate) mod operator;
pub(crate) mod rooms;
pub(crate) mod sessions;
pub(crate) mod status;
pub(crate) mod stream;

use crate::cors;
use crate::state::Api;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, post, put};

pub(crate) mod actions;
pub(crate) mod audit;

/// Every route under `/admin`, for any listener that says who is asking.
pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/admin/actions", axum::routing::post(actions::act))
        .route("/admin/audit", get(audit::page))
        .route("/admin/audit/heads", get(heads::heads))
        .route("/admin/rooms", get(rooms::rooms))
        .route(
            "/admin/rooms/{room}",
            get(rooms::room).delete(rooms::end_room),
        )
        .route("/admin/rooms/{room}/card", put(rooms::hold_card))
        .route("/admin/events", get(events::events))
        .route("/admin/sessions", get(sessions::sessions))
        .route("/admin/why/{whom}", get(attempts::why))
        .route("/admin/attempts", get(attempts::attempts))
        .route("/admin/sessions/{sid}", get(sessions::session))
        .route("/admin/status", get(status::status))
        .route("/admin/stream", get(stream::stream))
        .route("/admin/health", get(health::health))
        .route("/admin/alarms", get(health::alarms))
        .route("/admin/accounts", get(accounts::list).post(accounts::add))
        .route("/admin/accounts/{name}", delete(accounts::remove))
        .route("/admin/accounts/{name}/password", put(accounts::password))
        .route("/admin/accounts/{name}/unlock", post(accounts::unlock))
        .route("/admin/password", put(accounts::own_password))
        .route_layer(from_fn(operator::known))
}

/// The same routes for whoever has a session, and where sessions begin and end. What a browser sends
/// for a page of another origin is refused before anything else is looked at.
pub(crate) fn session_routes(api: &Api) -> Router<Api> {
    routes()
        .layer(from_fn_with_state(api.clone(), login::identify))
        .route("/admin/login", post(login::login))
        .route("/admin/logout", post(login::logout))
        .layer(from_fn(cors::same_origin))
}
