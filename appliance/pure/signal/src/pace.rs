//! How often a participant may cause what everyone in its room is told.
//!
//! The connection's own pace, whatever is said, is the WebSocket's; these are finer, since one
//! small request becomes a message to each of up to [`crate::MAX_PARTICIPANTS`] others.

use std::time::Instant;

/// Changes of its own name, metadata and attributes a participant may make at once: beyond it a
/// change is refused with `LIMIT_EXCEEDED`. Each is repeated to everyone with all texts.
pub const TEXT_CHANGE_BURST: u32 = 50;
/// Changes of texts per second after that.
pub const TEXT_CHANGES_PER_SECOND: u32 = 5;

/// Changes of its tracks (announced, muted, resized, admitted to whom) a participant may make at
/// once: beyond it a change is refused with `LIMIT_EXCEEDED`. A client that comes back renews
/// each of its tracks, at most 32, in a few ways.
pub const TRACK_CHANGE_BURST: u32 = 200;
/// Changes of tracks per second after that.
pub const TRACK_CHANGES_PER_SECOND: u32 = 20;

const MICROS: u64 = 1_000_000;

/// What a request changes for everyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The participant's texts.
    Texts,
    /// One of its tracks.
    Track,
}

/// A participant's allowances.
#[derive(Debug)]
pub(crate) struct Pace {
    texts: Bucket,
    tracks: Bucket,
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            texts: Bucket::new(TEXT_CHANGE_BURST, TEXT_CHANGES_PER_SECOND, now),
            tracks: Bucket::new(TRACK_CHANGE_BURST, TRACK_CHANGES_PER_SECOND, now),
        }
    }

    /// Whether one more change is within the pace.
    pub(crate) fn admit(&mut self, change: Change, now: Instant) -> bool {
        match change {
            Change::Texts => self.texts.take(now),
            Change::Track => self.tracks.take(now),
        }
    }
}

/// A token bucket, counted in millionths.
#[derive(Debug)]
struct Bucket {
    full: u64,
    per_second: u64,
    left: u64,
    filled: Instant,
}

impl Bucket {
    fn new(burst: u32, per_second: u32, now: Instant) -> Self {
        let full = u64::from(burst) * MICROS;
        Self {
            full,
            per_second: per_second.into(),
            left: full,
            filled: now,
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_micros();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        self.filled = self.filled.max(now);
        let earned = passed.saturating_mul(self.per_second);
        self.left = self.left.saturating_add(earned).min(self.full);
        let admitted = self.left >= MICROS;
        if admitted {
            self.left -= MICROS;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests begin somewhere")]

    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_passes_and_the_rest_at_its_rate() {
        for (change, burst, per_second) in [
            (Change::Texts, TEXT_CHANGE_BURST, TEXT_CHANGES_PER_SECOND),
            (Change::Track, TRACK_CHANGE_BURST, TRACK_CHANGES_PER_SECOND),
        ] {
            let start = Instant::now();
            let mut pace = Pace::new(start);
            let mut count = |after: u64| {
                let now = start + Duration::from_secs(after);
                (0..1_000).filter(|_| pace.admit(change, now)).count()
            };
            assert_eq!(count(0), burst as usize, "{change:?}");
            assert_eq!(count(0), 0, "{change:?}");
            assert_eq!(count(2), 2 * per_second as usize, "{change:?}");
            assert_eq!(count(10_000), burst as usize, "{change:?}: never more");
        }
    }
}
