//! How fast a client may talk.

use std::time::{Duration, Instant};

/// Messages a client may send at once: a large room's track settings all change together.
const BURST: u32 = 2_000;

/// Messages per second after that.
const PER_SECOND: u32 = 200;

/// WebSocket pings and pongs a client may send at once; browsers send none by themselves.
const CONTROL_BURST: u32 = 100;

/// WebSocket pings and pongs per second after that.
const CONTROL_PER_SECOND: u32 = 10;

/// A token bucket per kind of frame.
#[derive(Debug)]
pub(super) struct Pace {
    messages: Bucket,
    control: Bucket,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            messages: Bucket::new(BURST, PER_SECOND, now),
            control: Bucket::new(CONTROL_BURST, CONTROL_PER_SECOND, now),
        }
    }

    /// Whether one more message is within the pace.
    pub(super) fn admit_message(&mut self, now: Instant) -> bool {
        self.messages.take(now)
    }

    /// Whether one more ping or pong is within the pace.
    pub(super) fn admit_control(&mut self, now: Instant) -> bool {
        self.control.take(now)
    }
}

#[derive(Debug)]
struct Bucket {
    burst: u32,
    per_second: u32,
    left: u32,
    filled_at: Instant,
}

impl Bucket {
    fn new(burst: u32, per_second: u32, now: Instant) -> Self {
        Self {
            burst,
            per_second,
            left: burst,
            filled_at: now,
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.filled_at);
        let earned = elapsed.as_millis() * u128::from(self.per_second) / 1_000;
        if earned > 0 {
            let left = u128::from(self.left) + earned;
            self.left = u32::try_from(left).unwrap_or(u32::MAX).min(self.burst);
            self.filled_at += Duration::from_millis(
                u64::try_from(earned * 1_000 / u128::from(self.per_second)).unwrap_or(u64::MAX),
            );
        }
        let admitted = self.left > 0;
        self.left = self.left.saturating_sub(1);
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_the_rest_at_its_rate() {
        let began = Instant::now();
        let mut pace = Pace::new(began);
        assert!((0..BURST).all(|_| pace.admit_message(began)));
        assert!(!pace.admit_message(began));
        let later = began + Duration::from_secs(1);
        assert_eq!(
            (0..1_000).filter(|_| pace.admit_message(later)).count(),
            PER_SECOND as usize
        );
        assert!(
            (0..CONTROL_BURST).all(|_| pace.admit_control(later)),
            "another bucket"
        );
        assert!(!pace.admit_control(later));
    }
}
