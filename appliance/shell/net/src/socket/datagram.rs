//! From one kernel delivery to datagrams.

use super::{address, control};
use crate::counters::{Counters, DropCause};
use crate::reactor::{MAX_DATAGRAM_BYTES, Received, SocketIndex};

/// What the kernel handed over at once: a datagram or a train of them.
pub(crate) struct Delivery<'a> {
    pub(crate) socket: SocketIndex,
    pub(crate) name: &'a [u8],
    pub(crate) control: &'a [u8],
    pub(crate) payload: &'a [u8],
    /// The kernel had more than fitted.
    pub(crate) truncated: bool,
}

impl Delivery<'_> {
    /// Cuts the delivery into datagrams, hands them over and counts. Returns how many.
    pub(crate) fn hand_over(
        &self,
        counters: &mut Counters,
        receive: &mut dyn FnMut(Received<'_>),
    ) -> usize {
        counters.trains_in += 1;
        if self.truncated {
            counters.count_drop(DropCause::Oversized, 1);
            return 0;
        }
        let Some(remote) = address::read(self.name) else {
            counters.count_drop(DropCause::Unaddressed, 1);
            return 0;
        };
        let segment = control::segment(self.control).unwrap_or(self.payload.len().max(1));
        let mut received = 0;
        for bytes in self.payload.chunks(segment) {
            if bytes.len() > MAX_DATAGRAM_BYTES {
                counters.count_drop(DropCause::Oversized, 1);
                continue;
            }
            received += 1;
            counters.datagrams_in += 1;
            counters.bytes_in += bytes.len() as u64;
            receive(Received {
                socket: self.socket,
                remote,
                bytes,
            });
        }
        received
    }
}
