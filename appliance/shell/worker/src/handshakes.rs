//! DTLS handshakes, for a while per turn: a storm of joins must not hold media back.

use net::SocketIndex;
use std::collections::VecDeque;
use std::net::SocketAddr;
use vocab::PeerKey;

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

/// Datagrams of handshakes, in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Handshakes {
    queue: VecDeque<Waiting>,
}

impl Handshakes {
    /// Keeps a datagram for the turn's end, or a later one. False: too many wait.
    pub(crate) fn defer(&mut self, waiting: Waiting) -> bool {
        let has_room = self.queue.len() < MAX_WAITING_HANDSHAKES;
        if has_room {
            self.queue.push_back(waiting);
        }
        has_room
    }

    /// The next one.
    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        self.queue.pop_front()
    }

    /// None waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
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
    fn a_storm_is_worked_off_in_order_and_what_is_too_much_is_refused() {
        let mut handshakes = Handshakes::default();
        for index in 0..MAX_WAITING_HANDSHAKES {
            assert!(handshakes.defer(waiting(index)));
        }
        assert!(!handshakes.defer(waiting(MAX_WAITING_HANDSHAKES)));
        for index in 0..MAX_WAITING_HANDSHAKES {
            assert_eq!(handshakes.pop().map(|waiting| waiting.index), Some(index));
        }
        assert!(handshakes.is_empty());
    }
}
