//! When the room next has something to do by itself.

use std::time::Instant;

/// One instant per kind of work; `None`: nothing of that kind is due.
#[derive(Debug, Default)]
pub(super) struct Timers {
    pub(super) keyframe: Option<Instant>,
    pub(super) allocation: Option<Instant>,
    pub(super) speakers: Option<Instant>,
    pub(super) quality: Option<Instant>,
    pub(super) silence: Option<Instant>,
    pub(super) demand: Option<Instant>,
    pub(super) held: Option<Instant>,
}

impl Timers {
    /// The earliest.
    pub(super) fn next(&self) -> Option<Instant> {
        [
            self.keyframe,
            self.allocation,
            self.speakers,
            self.quality,
            self.silence,
            self.demand,
            self.held,
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

/// The earlier of two, where there are any.
pub(super) fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Whether it is time.
pub(super) fn is_due(timer: Option<Instant>, now: Instant) -> bool {
    timer.is_some_and(|at| at <= now)
}
