//! How fast datagrams leave.
//!
//! Whatever leaves makes a debt that shrinks with the pacing rate; without debt a whole burst may
//! leave, so that a frame is one train on every path that takes it.

use std::time::{Duration, Instant};
use vocab::Bitrate;

/// A burst is what the pacing rate carries in this time: as long as libwebrtc's pacer may burst,
/// about the interval of a 25 fps frame.
const BURST: Duration = Duration::from_millis(40);
/// A burst is at least this long, or slow paths would get no trains at all: 5 packets of 1,200 B.
const MIN_BURST_BYTES: usize = 6_000;
/// Retransmissions may use the budget of this time at once: a report tells of up to a quarter
/// second, and two may be answered together.
const REPAIR_WINDOW: Duration = Duration::from_millis(500);
/// Repair is never blocked below this: ten packets.
const MIN_REPAIR_BYTES: u64 = 12_000;

/// Debt of one burst never blocks longer than this, whatever the estimate.
const MAX_DEBT: Duration = Duration::from_secs(1);

/// The debt of what left.
#[derive(Debug)]
pub(crate) struct Pacer {
    free_at: Instant,
}

impl Pacer {
    pub(crate) fn new(now: Instant) -> Self {
        Self { free_at: now }
    }

    /// When the next burst may leave.
    pub(crate) fn free_at(&self) -> Instant {
        self.free_at
    }

    /// Bytes that may leave now.
    pub(crate) fn allowance(&self, rate: Bitrate, now: Instant) -> usize {
        if now < self.free_at {
            return 0;
        }
        (bytes_in(BURST, rate) as usize).max(MIN_BURST_BYTES)
    }

    /// These bytes leave.
    pub(crate) fn charge(&mut self, bytes: usize, rate: Bitrate, now: Instant) {
        let nanos = (bytes as u64).saturating_mul(8_000_000_000) / rate.0.max(1);
        self.free_at = self.free_at.max(now) + Duration::from_nanos(nanos).min(MAX_DEBT);
    }
}

/// A token bucket for retransmissions.
#[derive(Debug)]
pub(crate) struct Repair {
    bytes: u64,
    at: Instant,
}

impl Repair {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            bytes: MIN_REPAIR_BYTES,
            at: now,
        }
    }

    /// Fills the bucket.
    pub(crate) fn refill(&mut self, rate: Bitrate, now: Instant) {
        let most = bytes_in(REPAIR_WINDOW, rate).max(MIN_REPAIR_BYTES);
        let new = bytes_in(now.saturating_duration_since(self.at), rate);
        // A bucket asked many times a second would gain nothing by whole bytes.
        if new > 0 {
            self.at = now;
        }
        self.bytes = self.bytes.saturating_add(new).min(most);
    }

    /// Takes these bytes, if they are there.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        let left = self.bytes.checked_sub(bytes as u64);
        self.bytes = left.unwrap_or(self.bytes);
        left.is_some()
    }
}

fn bytes_in(time: Duration, rate: Bitrate) -> u64 {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    micros.min(10_000_000).saturating_mul(rate.0) / 8_000_000
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests begin at some instant")]

    use super::*;

    #[test]
    fn a_frame_leaves_at_once_and_the_next_when_it_is_paid() {
        let start = Instant::now();
        let rate = Bitrate::kbps(8_000);
        let mut pacer = Pacer::new(start);
        assert_eq!(pacer.allowance(rate, start), 40_000);
        pacer.charge(10_000, rate, start);
        assert_eq!(pacer.free_at(), start + Duration::from_millis(10));
        assert_eq!(pacer.allowance(rate, start + Duration::from_millis(9)), 0);
        assert!(pacer.allowance(rate, start + Duration::from_millis(10)) > 0);
    }

    #[test]
    fn repair_ends_with_its_budget_and_returns_with_time() {
        let start = Instant::now();
        let rate = Bitrate::kbps(80);
        let mut repair = Repair::new(start);
        repair.refill(rate, start);
        assert_eq!((0..20).filter(|_| repair.take(1_200)).count(), 10);
        repair.refill(rate, start + Duration::from_millis(119));
        assert!(!repair.take(1_200));
        repair.refill(rate, start + Duration::from_millis(121));
        assert!(repair.take(1_200), "10 bytes a millisecond");
    }
}
