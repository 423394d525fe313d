//! What a layer's sequence numbers say about each arriving packet.

/// How far back a packet may be and still be placed, in packets: 3 s at 300 packets/s, longer
/// than any publisher answers a NACK.
pub const REORDER_WINDOW: u64 = 1_024;
/// A jump beyond this is a restarted stream, not loss (RFC 3550 A.1, `MAX_DROPOUT`).
pub const MAX_SEQUENCE_JUMP: u64 = 3_000;

const WORDS: usize = (REORDER_WINDOW / 64) as usize;

/// The verdict on one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Ahead of everything before it.
    Newest,
    /// Fills a gap.
    Late,
    /// Was here before.
    Duplicate,
    /// Older than [`REORDER_WINDOW`]; it can no longer be told from a duplicate.
    TooOld,
    /// Far away; believed when its successor follows (RFC 3550 A.1).
    Stray,
    /// The stream began anew here.
    Restart,
}

/// Remembers which of the last [`REORDER_WINDOW`] numbers were seen: 128 bytes per layer.
#[derive(Debug, Default)]
pub(crate) struct SequenceWindow {
    highest: Option<u64>,
    seen: [u64; WORDS],
    expected_stray: Option<u64>,
}

impl SequenceWindow {
    /// Judges and remembers `sequence`.
    pub(crate) fn receive(&mut self, sequence: u64) -> Arrival {
        let Some(highest) = self.highest else {
            self.restart(sequence);
            return Arrival::Newest;
        };
        if sequence.abs_diff(highest) > MAX_SEQUENCE_JUMP {
            if self.expected_stray == Some(sequence) {
                self.restart(sequence);
                return Arrival::Restart;
            }
            self.expected_stray = Some(sequence.wrapping_add(1));
            return Arrival::Stray;
        }
        if sequence > highest {
            self.advance(highest, sequence);
            return Arrival::Newest;
        }
        if highest - sequence >= REORDER_WINDOW {
            return Arrival::TooOld;
        }
        if self.mark(sequence) {
            Arrival::Duplicate
        } else {
            Arrival::Late
        }
    }

    fn restart(&mut self, sequence: u64) {
        *self = Self {
            highest: Some(sequence),
            ..Self::default()
        };
        self.mark(sequence);
    }

    fn advance(&mut self, from: u64, to: u64) {
        if to - from >= REORDER_WINDOW {
            self.seen = [0; WORDS];
        } else {
            for skipped in from + 1..to {
                self.clear(skipped);
            }
        }
        self.clear(to);
        self.mark(to);
        self.highest = Some(to);
        self.expected_stray = None;
    }

    /// Sets the bit of `sequence`; true if it was set before.
    fn mark(&mut self, sequence: u64) -> bool {
        let (word, bit) = place(sequence);
        let Some(word) = self.seen.get_mut(word) else {
            return true;
        };
        let was = *word & bit != 0;
        *word |= bit;
        was
    }

    fn clear(&mut self, sequence: u64) {
        let (word, bit) = place(sequence);
        if let Some(word) = self.seen.get_mut(word) {
            *word &= !bit;
        }
    }
}

fn place(sequence: u64) -> (usize, u64) {
    let slot = sequence % REORDER_WINDOW;
    ((slot / 64) as usize, 1 << (slot % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_kind_of_arrival_is_told_apart() {
        use Arrival::{Duplicate, Late, Newest, Restart, Stray, TooOld};
        let mut window = SequenceWindow::default();
        for (name, sequence, want) in [
            ("the first", 10_000, Newest),
            ("its successor", 10_001, Newest),
            ("a gap", 10_005, Newest),
            ("filling the gap", 10_003, Late),
            ("the same again", 10_003, Duplicate),
            ("the newest again", 10_005, Duplicate),
            ("the oldest placeable", 10_005 - REORDER_WINDOW + 1, Late),
            ("one older", 10_005 - REORDER_WINDOW, TooOld),
            ("the largest jump", 10_005 + MAX_SEQUENCE_JUMP, Newest),
            ("one beyond", 10_005 + 2 * MAX_SEQUENCE_JUMP + 1, Stray),
            ("another stray", 500, Stray),
            ("its successor confirms it", 501, Restart),
            ("and the stream goes on", 502, Newest),
        ] {
            assert_eq!(window.receive(sequence), want, "{name}");
        }
    }

    #[test]
    fn a_gap_is_a_gap_in_every_round_of_the_window() {
        let mut window = SequenceWindow::default();
        for sequence in 0..=REORDER_WINDOW {
            window.receive(sequence);
        }
        assert_eq!(window.receive(REORDER_WINDOW + 10), Arrival::Newest);
        assert_eq!(window.receive(REORDER_WINDOW + 5), Arrival::Late);
    }

    proptest! {
        #[test]
        fn no_number_is_accepted_twice(steps in proptest::collection::vec(-40i64..60, 1..2_000)) {
            let mut window = SequenceWindow::default();
            let mut accepted = BTreeSet::new();
            let mut at = 100_000i64;
            for step in steps {
                at += step;
                if matches!(window.receive(at as u64), Arrival::Newest | Arrival::Late) {
                    prop_assert!(accepted.insert(at), "{at} accepted twice");
                }
            }
        }
    }
}
