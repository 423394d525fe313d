//! Sockets whose send buffer is full.

use crate::reactor::{MAX_SOCKETS, SocketIndex};
use std::time::{Duration, Instant};

/// The longest queued datagrams wait for room in the send buffer. A picture that late is better
/// repaired by retransmission than by sending it.
pub(crate) const MAX_STALL: Duration = Duration::from_millis(20);

const _: () = assert!(MAX_SOCKETS == 1 + u8::MAX as usize);

const WORDS: usize = MAX_SOCKETS / u64::BITS as usize;

/// A set of sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SocketSet([u64; WORDS]);

impl SocketSet {
    pub(crate) fn add(&mut self, socket: SocketIndex) {
        self.0[usize::from(socket.0 / 64)] |= 1 << (socket.0 % 64);
    }

    pub(crate) fn remove(&mut self, socket: SocketIndex) {
        self.0[usize::from(socket.0 / 64)] &= !(1 << (socket.0 % 64));
    }

    pub(crate) fn contains(self, socket: SocketIndex) -> bool {
        self.0[usize::from(socket.0 / 64)] & 1 << (socket.0 % 64) != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == [0; WORDS]
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = SocketIndex> {
        (0..=u8::MAX)
            .map(SocketIndex)
            .filter(move |socket| self.contains(*socket))
    }
}

/// Which sockets wait for room, and since when. Reads the clock only while one does.
#[derive(Debug, Default)]
pub(crate) struct Stall {
    sockets: SocketSet,
    since: Option<Instant>,
}

impl Stall {
    pub(crate) fn sockets(&self) -> SocketSet {
        self.sockets
    }

    /// These sockets refused to take more.
    pub(crate) fn begin(&mut self, sockets: SocketSet) {
        if sockets.is_empty() {
            return;
        }
        for socket in sockets.iter() {
            self.sockets.add(socket);
        }
        self.since.get_or_insert_with(Instant::now);
    }

    /// The socket takes data again. The clock runs on until a send went through.
    pub(crate) fn end(&mut self, socket: SocketIndex) {
        self.sockets.remove(socket);
    }

    /// A round of sends ended with no socket full.
    pub(crate) fn clear_if_over(&mut self) {
        if self.sockets.is_empty() {
            self.since = None;
        }
    }

    /// The sockets that have waited for too long; they are tried again with what comes next.
    pub(crate) fn take_expired(&mut self) -> SocketSet {
        match self.since {
            Some(since) if since.elapsed() >= MAX_STALL => {
                self.since = None;
                std::mem::take(&mut self.sockets)
            }
            _ => SocketSet::default(),
        }
    }

    /// The wait that a turn may make at most.
    pub(crate) fn cap(&self, timeout: Option<Duration>) -> Option<Duration> {
        match self.since {
            Some(_) => Some(timeout.map_or(MAX_STALL, |timeout| timeout.min(MAX_STALL))),
            None => timeout,
        }
    }
}
