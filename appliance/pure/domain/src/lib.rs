//! Rooms, sessions and events as facts: rules without a clock, a socket or a disk.

pub mod event;

pub use event::{EndReason, Event, EventData, EventType, TrackKind, TrackSource};
