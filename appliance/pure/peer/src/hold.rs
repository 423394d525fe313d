//! Data of a client that sends faster than it may: it waits here, and SCTP slows the client.
//!
//! Refusing a message would leave a gap in what SCTP acknowledged. Instead its packets arrive late
//! and, beyond what waits, not at all: the client's congestion control reacts as to any full
//! queue on the path (RFC 9260 §7.2), and retransmits.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

/// Bytes that wait per transport. Enough that a client is slowed by its acknowledgements before it
/// has to be by loss.
const MAX_HELD_BYTES: usize = 64 * 1024;
/// Datagrams that wait per transport: a record that waits behind more has left DTLS's replay
/// window (RFC 6347 §4.1.2.6: 64).
const MAX_HELD_DATAGRAMS: usize = 64;

/// A datagram that waits.
#[derive(Debug)]
pub(crate) struct Datagram {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) bytes: Box<[u8]>,
}

/// The data of one transport that waits, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    until: Option<Instant>,
    waiting: VecDeque<Datagram>,
    bytes: usize,
    /// What waits may go on, as of then.
    released: Option<Instant>,
}

impl Hold {
    /// Data waits until then.
    pub(crate) fn extend(&mut self, until: Instant) {
        self.until = self.until.max(Some(until));
    }

    /// Whether data that arrives now has to wait: its time has not come, or its turn.
    pub(crate) fn holds(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until > now) || !self.waiting.is_empty()
    }

    /// Keeps a datagram; false when there is no room.
    pub(crate) fn keep(&mut self, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) -> bool {
        let fits = self.bytes + bytes.len() <= MAX_HELD_BYTES;
        if !fits || self.waiting.len() >= MAX_HELD_DATAGRAMS {
            return false;
        }
        self.bytes += bytes.len();
        self.waiting.push_back(Datagram {
            local,
            remote,
            bytes: bytes.into(),
        });
        true
    }

    /// It is now this late.
    pub(crate) fn release(&mut self, now: Instant) {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.released = Some(now);
        }
    }

    /// The next datagram that may go on, and the time. What it carries may extend the hold.
    pub(crate) fn next(&mut self) -> Option<(Datagram, Instant)> {
        let now = self.released?;
        let next = if self.until.is_some_and(|until| until > now) {
            None
        } else {
            self.waiting.pop_front()
        };
        let Some(datagram) = next else {
            self.released = None;
            return None;
        };
        self.bytes -= datagram.bytes.len();
        Some((datagram, now))
    }

    /// When what waits may go on.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.until.filter(|_| !self.waiting.is_empty())
    }
}
