//! Keyframe requests: many viewers ask, the publisher's encoder hears at most one per interval.

use std::time::{Duration, Instant};

/// Least time between two keyframe requests for one layer, and the retry interval while somebody
/// waits: a keyframe costs as much as a second of video (`reliability.md` A5).
pub const KEYFRAME_REQUEST_INTERVAL: Duration = Duration::from_millis(500);

/// Coalesces the requests for one layer.
#[derive(Debug, Default)]
pub(crate) struct KeyframeGate {
    last: Option<Instant>,
    pending: bool,
}

impl KeyframeGate {
    /// Somebody needs a keyframe. True: ask the publisher now; false: at [`Self::due`].
    pub(crate) fn request(&mut self, now: Instant) -> bool {
        if self.due().is_some_and(|due| now < due) {
            self.pending = true;
            return false;
        }
        self.last = Some(now);
        self.pending = false;
        true
    }

    /// A keyframe began: whoever asked before is served by it.
    pub(crate) fn served(&mut self) {
        self.pending = false;
    }

    /// A request waits for the interval to pass.
    pub(crate) fn is_pending(&self) -> bool {
        self.pending
    }

    /// The earliest moment of the next request; `None` when one may go at once.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.last.map(|last| last + KEYFRAME_REQUEST_INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests begin somewhere")]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_keyframe_serves_everyone_who_asked_before_it() {
        let start = Instant::now();
        let mut gate = KeyframeGate::default();
        assert!(gate.request(start));
        assert!(!gate.request(start + Duration::from_millis(499)));
        assert!(gate.is_pending());
        gate.served();
        assert!(!gate.is_pending());
        assert!(gate.request(start + KEYFRAME_REQUEST_INTERVAL));
    }

    proptest! {
        #[test]
        fn requests_are_never_closer_than_the_interval(
            gaps in proptest::collection::vec(0u64..700, 1..200)
        ) {
            let mut now = Instant::now();
            let mut gate = KeyframeGate::default();
            let mut last: Option<Instant> = None;
            for gap in gaps {
                now += Duration::from_millis(gap);
                if gate.request(now) {
                    if let Some(last) = last {
                        prop_assert!(now - last >= KEYFRAME_REQUEST_INTERVAL);
                    }
                    last = Some(now);
                }
            }
        }
    }
}
