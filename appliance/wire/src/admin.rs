//! What an operator sees and does: the admin API, over the Unix socket and over HTTPS.
//!
//! One subscription per console, `GET /admin/stream`: a [`Frame`] per line, the first one a
//! [`Change::Snapshot`], then what changed. `sequence` rises by one per frame of a subscription;
//! a consumer that is too slow misses frames and gets a new snapshot. Texts are as they came from
//! outside: whoever shows them makes them safe for a terminal first.

mod account;
mod action;
mod alarm;
mod attempt;
mod audit;
mod health;
mod live;
mod stream;

pub use account::{AccountView, LoggedIn, Login, NewAccount, NewPassword, OwnPassword};
pub use action::{ActionAnswer, ActionRequest, Outcome, Reason, Target, Verb};
pub use alarm::{AlarmScore, AlarmState, AlarmView, AlarmsView, Priority};
pub use attempt::{AttemptView, Finding, Grade, Group, Stage, StageView, WhyView};
pub use audit::{AuditEntry, AuditPage, AuditPhase, ChainView, HeadView, HeadsPage};
pub use health::{BoxView, CertificateView, CoreView, DiskView};
pub use live::{EndRequest, LiveParticipant, LiveRoom, LiveTrack, Path, RoomDetail};
pub use stream::{Change, Frame, Role};
