//! HTTP, WebSocket and Twirp: parse, call, shape.
//!
//! Three faces on one port: LiveKit's (`/rtc`, `/twirp`), WHIP and WHEP, and the box's own
//! (`/v1`, health, metrics, the meeting page). The operators' face, `/admin`, is on a Unix
//! socket, and over HTTPS behind a session. What each route requires is a table in [`access`], which a test walks.

pub mod access;
pub mod config;
pub mod listen;
pub mod live;

mod admin;
mod attempts;
mod bearer;
mod body;
mod cors;
mod count;
mod dev;
mod events;
mod health;
mod page;
mod problem;
mod router;
mod rtc;
mod sessions;
mod state;
mod trouble;
mod twirp;
mod view;
mod whip;

pub use admin::operator::OperatorIdentity;
pub use config::{ApiConfig, ConnectionLimits, PageFile};
pub use listen::{
    BindAdminError, Others, Refusals, Remote, bind_unix, redirect_router, serve_ice, serve_tcp,
    serve_tls, serve_unix,
};
pub use live::{Live, Watch, WatchConfig};
pub use page::MEETING_PAGE;
pub use router::{admin_router, https_router, router};
pub use state::Api;
