//! Both clocks, read at the edge of the pure world.

use signal::Now;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use vocab::UnixMillis;

/// This moment. A civil clock before 1970 reads as 1970.
pub(crate) fn now() -> Now {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Now {
        instant: Instant::now(),
        unix: UnixMillis(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)),
    }
}
