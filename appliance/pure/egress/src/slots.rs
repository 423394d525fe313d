//! Where datagrams are written.

use std::time::Instant;

/// Room for datagrams to one destination.
pub trait Slots {
    /// Room for one datagram of exactly `len` bytes; all of it is written. Consecutive
    /// reservations of one length (the last may be shorter) leave as one `UDP_SEGMENT` train.
    /// `None`: no room now; what was to be sent waits.
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]>;

    /// The datagram just written carries the publisher's packet that arrived then: latency is
    /// measured here. Not called for retransmissions, reports and padding.
    fn carries(&mut self, _arrival: Instant) {}
}
