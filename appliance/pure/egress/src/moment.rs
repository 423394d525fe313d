//! A time in four bytes, for what is kept per packet.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// 16 µs: finer than two turns of a loop are apart.
const TICK_SHIFT: u32 = 4;

/// A time since an epoch in ticks of 16 µs. It wraps after 19 hours: only times that are known to be
/// near each other may be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(NonZeroU32);

impl Moment {
    pub(crate) fn new(epoch: Instant, at: Instant) -> Self {
        let micros = at.saturating_duration_since(epoch).as_micros();
        // Zero is one tick late, so that an absent time costs no byte.
        Self(NonZeroU32::new((micros >> TICK_SHIFT) as u32).unwrap_or(NonZeroU32::MIN))
    }

    /// Zero when `earlier` is not earlier.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let ticks = self.0.get().wrapping_sub(earlier.0.get()) as i32;
        Duration::from_micros(u64::from(ticks.max(0).unsigned_abs()) << TICK_SHIFT)
    }

    /// Whether it is later than `other`.
    pub(crate) fn is_after(self, other: Self) -> bool {
        self.0.get().wrapping_sub(other.0.get()) as i32 > 0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests begin somewhere")]

    use super::*;

    #[test]
    fn times_differ_by_what_passed_also_over_the_wrap() {
        let epoch = Instant::now();
        let wrap = Duration::from_micros((1_u64 << 32) << TICK_SHIFT);
        for begun in [
            Duration::ZERO,
            wrap / 2,
            wrap.saturating_sub(Duration::from_millis(1)),
            wrap,
        ] {
            let first = Moment::new(epoch, epoch + begun);
            for passed in [0, 32, 2_000_000, 3_600_000_000].map(Duration::from_micros) {
                let then = Moment::new(epoch, epoch + begun + passed);
                let off = then.since(first).abs_diff(passed);
                assert!(off <= Duration::from_micros(32), "{begun:?} {passed:?}");
                assert_eq!(then.is_after(first), !passed.is_zero(), "{passed:?}");
                assert_eq!(first.since(then), Duration::ZERO, "not earlier");
            }
        }
        assert_eq!(size_of::<Option<Moment>>(), 4);
    }
}
