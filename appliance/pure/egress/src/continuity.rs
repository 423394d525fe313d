//! One unbroken sequence per section, whatever tracks it shows in turn.
//!
//! Each subscription starts a sequence of its own; a section that shows a second track moves it
//! behind the first. Whatever the cause, a number that was used is refused: it is the index that
//! the nonce is made of.

/// How far behind the newest a late packet may be, in packets.
const WINDOW: u64 = 1_024;
const WORDS: usize = (WINDOW / 64) as usize;
/// A jump beyond this leaves receivers guessing the rollover counter wrongly (RFC 3711 §3.3.1
/// allows 2^15).
const MAX_STEP: i64 = 8_192;
/// Further behind than this is no late packet, but a subscription that began without
/// [`Continuity::restart`].
const MAX_LATE: i64 = 4_096;
/// First numbers are 1 to this: after the loss of the first packets a receiver still guesses
/// rollover 0 (`egress.md`, trap 3).
pub(crate) const MAX_FIRST: u64 = 0x7fff;
/// Rollover counter and sequence number have 48 bits (RFC 3711 §3.3.1).
pub(crate) const MAX_INDEX: u64 = (1 << 48) - 1;

/// Maps a subscription's numbers to a section's.
#[derive(Debug, Default)]
pub struct Continuity {
    offset: u64,
    highest: Option<u64>,
    /// Which of the last [`WINDOW`] numbers were used, one bit each, at `number % WINDOW`.
    used: [u64; WORDS],
    restarted: bool,
}

/// A packet's place in its section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The extended number: SRTP's index.
    pub number: u64,
    /// A later one went before.
    pub is_late: bool,
}

impl Continuity {
    /// Goes on behind a number that was used.
    pub fn after(highest: u64) -> Self {
        Self {
            highest: Some(highest),
            restarted: true,
            ..Self::default()
        }
    }

    /// The next packet belongs to another subscription.
    pub fn restart(&mut self) {
        self.restarted = true;
    }

    /// The highest number used, if any.
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// The place of a packet, or `None` if its number was used or is too old, or all are used.
    pub fn place(&mut self, sequence: u64) -> Option<Place> {
        let number = sequence.wrapping_add(self.offset);
        let Some(highest) = self.highest else {
            return self.begin((sequence & MAX_FIRST).max(1), sequence);
        };
        // Behind the newest this is negative, also where the mapping leaves the number line.
        let ahead = number.wrapping_sub(highest) as i64;
        // Beyond these nothing is late or early: it is another count.
        if self.restarted || !(-MAX_LATE..=MAX_STEP).contains(&ahead) {
            return self.begin(highest + 1, sequence);
        }
        let is_late = ahead <= 0;
        if is_late {
            if ahead.unsigned_abs() >= WINDOW.min(highest + 1) || self.is_used(number) {
                return None;
            }
        } else if number > MAX_INDEX {
            return None;
        } else {
            for passed in highest + 1..number {
                self.mark(passed, false);
            }
            self.highest = Some(number);
        }
        self.mark(number, true);
        Some(Place { number, is_late })
    }

    /// Maps `sequence` to `number`, which was never used; nothing before it is open any more.
    fn begin(&mut self, number: u64, sequence: u64) -> Option<Place> {
        if number > MAX_INDEX {
            return None;
        }
        self.offset = number.wrapping_sub(sequence);
        self.highest = Some(number);
        self.restarted = false;
        self.used = [u64::MAX; WORDS];
        Some(Place {
            number,
            is_late: false,
        })
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
mod tests;
