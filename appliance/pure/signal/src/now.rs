//! The two clocks a room needs, read by the caller.

use std::time::{Duration, Instant};
use vocab::UnixMillis;

/// One moment on both clocks: the steady one for timers, the civil one for records.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Steady; timers only.
    pub instant: Instant,
    /// Civil; what clients, webhooks and the journal see.
    pub unix: UnixMillis,
}

impl Now {
    /// The moment `by` later on both clocks.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        Self {
            instant: self.instant + by,
            unix: UnixMillis(self.unix.0.saturating_add(millis)),
        }
    }
}
