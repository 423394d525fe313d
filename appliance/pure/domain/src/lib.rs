//! Rooms, sessions and events as facts: rules without a clock, a socket or a disk.

pub mod action;
pub mod audit;
pub mod event;
pub mod second;
pub mod standing;

pub use audit::{AuditPhase, AuditRecord};
pub use event::{EndReason, Event, EventData, EventType, TrackKind, TrackSource};
pub use standing::{AuditHead, Standing};
