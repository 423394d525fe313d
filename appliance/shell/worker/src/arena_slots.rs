//! The send arena as one peer's egress sees it.

use crate::counters::Publisher;
use net::{Reactor, SocketIndex};
use peer::Slots;
use std::net::SocketAddr;
use std::time::Instant;

/// Room for datagrams to one client.
pub(crate) struct ArenaSlots<'a> {
    pub(crate) reactor: &'a mut dyn Reactor,
    pub(crate) publisher: &'a mut Publisher,
    pub(crate) socket: SocketIndex,
    pub(crate) remote: SocketAddr,
}

impl Slots for ArenaSlots<'_> {
    /// A full arena is counted by the reactor; the packet waits for the next turn.
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        self.reactor.reserve(self.socket, self.remote, len)
    }

    fn carries(&mut self, arrival: Instant) {
        self.publisher.forwarded(arrival);
    }
}
