//! One unbroken sequence per section, whatever tracks it shows in turn.
//!
//! A section keeps its SSRC for the life of the transport, and SRTP derives the nonce of a packet
//! from SSRC and sequence number (RFC 3711 §4.1, RFC 7714 §8.1): no number may be used twice.
//! Each subscription starts a sequence of its own, so a section that shows a second track moves it
//! behind the first; and whatever the cause, a number that was used is refused.

/// How far behind the newest a late packet may be, in packets: more than str0m's own reordering
/// and retransmission reach.
const WINDOW: u64 = 1_024;
const WORDS: usize = (WINDOW / 64) as usize;
/// A jump beyond this leaves receivers guessing the rollover counter wrongly (RFC 3711 §3.3.1
/// allows 2^15).
const MAX_STEP: i64 = 8_192;
/// Further behind than this is no late packet, but a subscription that began without
/// [`Continuity::restart`].
const MAX_LATE: i64 = 4_096;
/// First numbers stay below this: after the loss of the first packets a receiver still guesses
/// rollover 0 (`egress.md`, trap 3).
const MAX_FIRST: u64 = 0x7fff;

/// Maps a subscription's numbers to a section's.
#[derive(Debug, Default)]
pub(crate) struct Continuity {
    offset: u64,
    highest: Option<u64>,
    /// Which of the last [`WINDOW`] numbers were used, one bit each, at `number % WINDOW`.
    used: [u64; WORDS],
    restarted: bool,
}

impl Continuity {
    /// The next packet belongs to another subscription.
    pub(crate) fn restart(&mut self) {
        self.restarted = true;
    }

    /// The number to send, or `None` if it was used or is too old.
    pub(crate) fn next(&mut self, sequence: u64) -> Option<u64> {
        let number = sequence.wrapping_add(self.offset);
        let Some(highest) = self.highest else {
            return Some(self.begin(sequence & MAX_FIRST, sequence));
        };
        // Behind the newest this is negative, also where the mapping leaves the number line.
        let ahead = number.wrapping_sub(highest) as i64;
        // Beyond these nothing is late or early: it is another count.
        if self.restarted || !(-MAX_LATE..=MAX_STEP).contains(&ahead) {
            return Some(self.begin(highest + 1, sequence));
        }
        if ahead > 0 {
            for passed in highest + 1..number {
                self.mark(passed, false);
            }
            self.highest = Some(number);
        } else if ahead.unsigned_abs() >= WINDOW.min(highest + 1) || self.is_used(number) {
            return None;
        }
        self.mark(number, true);
        Some(number)
    }

    /// Maps `sequence` to `number`, which was never used.
    fn begin(&mut self, number: u64, sequence: u64) -> u64 {
        self.offset = number.wrapping_sub(sequence);
        self.highest = Some(number);
        self.restarted = false;
        self.mark(number, true);
        number
    }

    fn is_used(&self, number: u64) -> bool {
        let (word, bit) = place(number);
        self.used.get(word).is_none_or(|word| word & bit != 0)
    }

    fn mark(&mut self, number: u64, used: bool) {
        let (word, bit) = place(number);
        if let Some(word) = self.used.get_mut(word) {
            *word = if used { *word | bit } else { *word & !bit };
        }
    }
}

fn place(number: u64) -> (usize, u64) {
    let slot = number % WINDOW;
    ((slot / 64) as usize, 1 << (slot % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn a_second_subscription_follows_the_first() {
        let mut section = Continuity::default();
        assert_eq!(section.next(100), Some(100));
        assert_eq!(section.next(102), Some(102));
        assert_eq!(section.next(101), Some(101), "late, but new");
        section.restart();
        assert_eq!(section.next(7), Some(103));
        assert_eq!(section.next(8), Some(104));
        assert_eq!(section.next(7), None, "used");
        assert_eq!(section.next(6), None, "belongs to the first subscription");
    }

    #[test]
    fn an_unannounced_subscription_goes_on_too() {
        for first in [1_u64, 30_000] {
            let mut section = Continuity::default();
            assert_eq!(section.next(15_000), Some(15_000));
            assert_eq!(section.next(first), Some(15_001), "{first}");
            assert_eq!(section.next(first + 1), Some(15_002), "{first}");
        }
    }

    #[test]
    fn a_first_number_is_small_whatever_comes_in() {
        let mut section = Continuity::default();
        let first = section.next(70_000);
        assert!(first.is_some_and(|n| n <= MAX_FIRST));
        assert_eq!(section.next(70_001), first.map(|n| n + 1));
    }

    proptest! {
        #[test]
        fn no_number_is_ever_used_twice(
            steps in proptest::collection::vec((0_u64..40_000, proptest::bool::weighted(0.05)), 1..400)
        ) {
            let mut section = Continuity::default();
            let mut used = HashSet::new();
            for (sequence, restart) in steps {
                if restart {
                    section.restart();
                }
                if let Some(number) = section.next(sequence) {
                    prop_assert!(used.insert(number), "{number} twice");
                }
            }
        }
    }
}
