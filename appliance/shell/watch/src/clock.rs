//! The one place that reads the clocks.

use alarm::Moment;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use vocab::UnixMillis;

/// Now, on both clocks. A clock before 1970 reads as 1970.
#[must_use]
pub fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let unix_ms = since.unwrap_or_default().as_millis();
    Moment {
        instant: Instant::now(),
        unix: UnixMillis(u64::try_from(unix_ms).unwrap_or(u64::MAX)),
    }
}
