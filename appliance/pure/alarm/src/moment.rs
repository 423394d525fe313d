//! Now, on both clocks.

use std::time::{Duration, Instant};
use vocab::UnixMillis;

/// Now, on both clocks: intervals are measured on the one that never steps, what is shown and kept
/// is on the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Monotonic.
    pub instant: Instant,
    /// On the box's clock.
    pub unix: UnixMillis,
}

impl Moment {
    /// So much later on both clocks.
    #[must_use]
    pub fn after(self, passed: Duration) -> Self {
        let passed_ms = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        Self {
            instant: self.instant + passed,
            unix: UnixMillis(self.unix.0.saturating_add(passed_ms)),
        }
    }
}
