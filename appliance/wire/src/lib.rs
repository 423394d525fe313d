//! Data transfer objects shared by api, console and benches.
//!
//! Times are milliseconds since 1970 (`…_ms`), names as the event journal has them. Unknown
//! fields are ignored on reading, so that an older console can read a newer box.

pub mod admin;

mod event;
mod page;
mod problem;
mod report;
mod session;
mod status;

pub use event::{EventView, Value};
pub use page::Page;
pub use problem::{PROBLEM_JSON, Problem};
pub use report::{MAX_REPORTED_EVENTS, ReportEvents, Reported};
pub use session::{PresenceTrackView, PresenceView, SessionView};
pub use status::StatusView;
