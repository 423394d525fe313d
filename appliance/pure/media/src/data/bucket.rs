//! A sender's allowance.

use super::DATA_BYTES_PER_SECOND;
use std::time::{Duration, Instant};

const MICROS: i64 = 1_000_000;
/// Reliable messages are slowed while less than this part of a second's worth is left, so that
/// lossy ones of the same sender find an allowance beside a large file.
const RESERVE: i64 = MICROS / 10;
/// Most that a sender owes, in parts of a second's worth; the rest is forgiven, so that a hold
/// stays far below what ends an SCTP association (RFC 9260 §8.1). What may come at once is bounded
/// by SCTP's window.
const MAX_DEBT: i64 = MICROS;

/// Two token buckets, one second deep: messages and bytes, counted in millionths. Below zero the
/// sender owes.
#[derive(Debug)]
pub(crate) struct Bucket {
    per_second: u32,
    messages: i64,
    bytes: i64,
    filled: Instant,
}

impl Bucket {
    /// A full one for so many messages a second.
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        Self {
            per_second,
            messages: i64::from(per_second) * MICROS,
            bytes: i64::from(DATA_BYTES_PER_SECOND) * MICROS,
            filled: now,
        }
    }

    /// Takes one message of so many bytes; false when there is not enough left of either.
    pub(crate) fn take(&mut self, bytes: usize, now: Instant) -> bool {
        self.fill(now);
        let bytes = millionths(bytes);
        if self.messages < MICROS || self.bytes < bytes {
            return false;
        }
        self.messages -= MICROS;
        self.bytes -= bytes;
        true
    }

    /// Takes one message of so many bytes, on credit if need be.
    pub(crate) fn charge(&mut self, bytes: usize, now: Instant) {
        self.fill(now);
        let owed = |held: i64, taken: i64, rate: u32| {
            held.saturating_sub(taken).max(-i64::from(rate) * MAX_DEBT)
        };
        self.messages = owed(self.messages, MICROS, self.per_second);
        self.bytes = owed(self.bytes, millionths(bytes), DATA_BYTES_PER_SECOND);
    }

    /// Until when the sender must be slowed; `None`: it need not be.
    pub(crate) fn slow_until(&self) -> Option<Instant> {
        let missing = |held: i64, rate: u32| {
            let missing = (i64::from(rate) * RESERVE - held).max(0);
            u64::try_from(missing)
                .unwrap_or(0)
                .div_ceil(u64::from(rate.max(1)))
        };
        let messages = missing(self.messages, self.per_second);
        let micros = messages.max(missing(self.bytes, DATA_BYTES_PER_SECOND));
        (micros > 0).then(|| self.filled + Duration::from_micros(micros))
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).as_micros();
        let passed = i64::try_from(passed)
            .unwrap_or(i64::MAX)
            .min(MICROS + MAX_DEBT);
        self.filled = self.filled.max(now);
        let fill =
            |held: i64, rate: u32| (held + passed * i64::from(rate)).min(i64::from(rate) * MICROS);
        self.messages = fill(self.messages, self.per_second);
        self.bytes = fill(self.bytes, DATA_BYTES_PER_SECOND);
    }
}

fn millionths(bytes: usize) -> i64 {
    i64::try_from(bytes)
        .unwrap_or(i64::MAX)
        .saturating_mul(MICROS)
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

    #[test]
    fn what_is_charged_beyond_the_pace_is_owed_and_slows_its_sender_until_it_is_paid() {
        let start = Instant::now();
        let mut bucket = Bucket::new(DATA_MESSAGES_PER_SECOND, start);
        bucket.charge(DATA_BYTES_PER_SECOND as usize / 2, start);
        assert_eq!(bucket.slow_until(), None);
        bucket.charge(DATA_BYTES_PER_SECOND as usize, start);
        assert!(!bucket.take(1, start), "lossy ones are not on credit");
        // Half a second is owed, a tenth stays in reserve.
        let paid = start + Duration::from_millis(600);
        assert_eq!(bucket.slow_until(), Some(paid));
        bucket.fill(paid);
        assert_eq!(bucket.slow_until(), None);
        assert!(bucket.take(DATA_BYTES_PER_SECOND as usize / 10, paid));
    }

    #[test]
    fn a_debt_is_never_more_than_a_second_whatever_was_charged() {
        let start = Instant::now();
        let mut bucket = Bucket::new(DATA_MESSAGES_PER_SECOND, start);
        for _ in 0..5 * DATA_MESSAGES_PER_SECOND {
            bucket.charge(usize::MAX, start);
        }
        let paid = start + Duration::from_millis(1_100);
        assert_eq!(bucket.slow_until(), Some(paid));
    }
}
