//! DTLS handshakes, some per turn: a storm of joins must not hold media back.

use net::SocketIndex;
use std::collections::VecDeque;
use std::net::SocketAddr;
use vocab::PeerKey;

/// Handshake datagrams looked at in one turn. A handshake costs about 1 ms in two or three
/// datagrams that do the work, so a turn spends 4 ms on them at most.
pub(crate) const HANDSHAKE_DATAGRAMS_PER_TURN: usize = 8;
/// Handshake datagrams that wait for a turn, 8 MiB at most: those of a thousand joins at once.
/// What comes on top is dropped and counted; its client sends it again after a second.
pub(crate) const MAX_WAITING_HANDSHAKES: usize = 4_096;

/// A datagram that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) index: usize,
    pub(crate) key: PeerKey,
    pub(crate) socket: SocketIndex,
    pub(crate) remote: SocketAddr,
    pub(crate) bytes: Box<[u8]>,
}

/// What of handshakes may be done in this turn, and what waits for the next.
#[derive(Debug, Default)]
pub(crate) struct Handshakes {
    queue: VecDeque<Waiting>,
    done: usize,
}

impl Handshakes {
    /// Whether a datagram that has just come may be looked at now: nothing waits before it.
    pub(crate) fn may_begin(&mut self) -> bool {
        let may = self.queue.is_empty() && self.done < HANDSHAKE_DATAGRAMS_PER_TURN;
        self.done += usize::from(may);
        may
    }

    /// Keeps a datagram for later. False: too many wait.
    pub(crate) fn defer(&mut self, waiting: Waiting) -> bool {
        let has_room = self.queue.len() < MAX_WAITING_HANDSHAKES;
        if has_room {
            self.queue.push_back(waiting);
        }
        has_room
    }

    /// The next that may be looked at in this turn.
    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        if self.done >= HANDSHAKE_DATAGRAMS_PER_TURN {
            return None;
        }
        let waiting = self.queue.pop_front()?;
        self.done += 1;
        Some(waiting)
    }

    /// The turn is over; true when some wait.
    pub(crate) fn end_turn(&mut self) -> bool {
        self.done = 0;
        !self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(index: usize) -> Waiting {
        Waiting {
            index,
            key: PeerKey(index as u64),
            socket: SocketIndex(0),
            remote: SocketAddr::from(([127, 0, 0, 1], 9)),
            bytes: [22; 3].into(),
        }
    }

    #[test]
    fn a_storm_is_worked_off_in_order_and_a_bounded_part_per_turn() {
        let mut handshakes = Handshakes::default();
        let mut began = 0;
        for index in 0..20 {
            if handshakes.may_begin() {
                began += 1;
            } else {
                assert!(handshakes.defer(waiting(index)));
            }
        }
        assert_eq!(began, HANDSHAKE_DATAGRAMS_PER_TURN);
        assert!(handshakes.pop().is_none(), "this turn has done its part");
        assert!(handshakes.end_turn());
        assert!(!handshakes.may_begin(), "others wait before it");
        let next: Vec<usize> = std::iter::from_fn(|| handshakes.pop())
            .map(|waiting| waiting.index)
            .collect();
        assert_eq!(next, (8..16).collect::<Vec<_>>());
        assert!(handshakes.end_turn());
        while handshakes.pop().is_some() {}
        assert!(!handshakes.end_turn());
        assert!(handshakes.may_begin());
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut handshakes = Handshakes::default();
        for index in 0..MAX_WAITING_HANDSHAKES {
            assert!(handshakes.defer(waiting(index)));
        }
        assert!(!handshakes.defer(waiting(0)));
    }
}
