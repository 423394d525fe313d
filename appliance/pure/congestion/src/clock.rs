//! Instants as microseconds, so that a remembered packet stays small.

use std::time::{Duration, Instant};

/// Microseconds since a controller began, or on a receiver's clock.
pub(crate) type Micros = i64;

/// One second.
pub(crate) const SECOND: Micros = 1_000_000;

/// Translates between instants and [`Micros`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn new(zero: Instant) -> Self {
        Self(zero)
    }

    /// Instants before the beginning count as the beginning.
    pub(crate) fn micros(self, at: Instant) -> Micros {
        micros(at.saturating_duration_since(self.0))
    }

    pub(crate) fn instant(self, at: Micros) -> Option<Instant> {
        self.0
            .checked_add(Duration::from_micros(at.max(0).unsigned_abs()))
    }
}

/// Saturates at 292,000 years.
pub(crate) fn micros(duration: Duration) -> Micros {
    Micros::try_from(duration.as_micros()).unwrap_or(Micros::MAX)
}

/// For formulas.
pub(crate) fn seconds(micros: Micros) -> f64 {
    micros as f64 / SECOND as f64
}
