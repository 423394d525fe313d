//! A sender's allowance.

use super::DATA_BYTES_PER_SECOND;
use std::time::Instant;

const MICROS: u64 = 1_000_000;

/// Two token buckets, one second deep: messages and bytes, counted in millionths.
#[derive(Debug)]
pub(crate) struct Bucket {
    per_second: u32,
    messages: u64,
    bytes: u64,
    filled: Instant,
}

impl Bucket {
    /// A full one for so many messages a second.
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        Self {
            per_second,
            messages: u64::from(per_second) * MICROS,
            bytes: u64::from(DATA_BYTES_PER_SECOND) * MICROS,
            filled: now,
        }
    }

    /// Takes one message of so many bytes; false when there is not enough left of either.
    pub(crate) fn take(&mut self, bytes: usize, now: Instant) -> bool {
        self.fill(now);
        let bytes = (bytes as u64).saturating_mul(MICROS);
        if self.messages < MICROS || self.bytes < bytes {
            return false;
        }
        self.messages -= MICROS;
        self.bytes -= bytes;
        true
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).as_micros();
        let passed = u64::try_from(passed).unwrap_or(MICROS).min(MICROS);
        self.filled = self.filled.max(now);
        let fill =
            |held: u64, rate: u32| (held + passed * u64::from(rate)).min(u64::from(rate) * MICROS);
        self.messages = fill(self.messages, self.per_second);
        self.bytes = fill(self.bytes, DATA_BYTES_PER_SECOND);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests begin somewhere")]

    use super::super::DATA_MESSAGES_PER_SECOND;
    use super::*;
    use std::time::Duration;

    #[test]
    fn one_second_of_messages_may_come_at_once_and_no_more() {
        let start = Instant::now();
        let mut bucket = Bucket::new(DATA_MESSAGES_PER_SECOND, start);
        let taken = (0..2 * DATA_MESSAGES_PER_SECOND)
            .filter(|_| bucket.take(1, start))
            .count();
        assert_eq!(taken, DATA_MESSAGES_PER_SECOND as usize);
        assert!(
            bucket.take(1, start + Duration::from_millis(1)),
            "refilled one by one"
        );
        assert!(!bucket.take(1, start + Duration::from_millis(1)));
    }

    #[test]
    fn bytes_are_limited_too() {
        let start = Instant::now();
        let mut bucket = Bucket::new(DATA_MESSAGES_PER_SECOND, start);
        assert!(bucket.take(DATA_BYTES_PER_SECOND as usize, start));
        assert!(!bucket.take(1, start));
        assert!(bucket.take(5_000, start + Duration::from_millis(1)));
    }
}
