//! What IP and UDP put in front of each datagram, which the estimate counts.

use super::Sender;
use std::net::IpAddr;

/// IPv4 header without options, 20 bytes (RFC 791 §3.1), and UDP header, 8 (RFC 768).
const OVER_IPV4: usize = 28;
/// IPv6 header without extensions, 40 bytes (RFC 8200 §3), and UDP header, 8.
const OVER_IPV6: usize = 48;

/// Bytes of headers per datagram; until the client's address is known, those of IPv4.
#[derive(Debug, Clone, Copy)]
pub(super) struct Overhead(usize);

impl Default for Overhead {
    fn default() -> Self {
        Self(OVER_IPV4)
    }
}

impl Overhead {
    fn towards(address: IpAddr) -> Self {
        // A mapped address (RFC 4291 §2.5.5.2) is IPv4 on the wire.
        Self(match address.to_canonical() {
            IpAddr::V4(_) => OVER_IPV4,
            IpAddr::V6(_) => OVER_IPV6,
        })
    }

    /// A UDP payload's bytes on the wire.
    pub(super) fn on_wire(self, payload: usize) -> usize {
        payload + self.0
    }
}

impl Sender {
    /// Takes the client's address, which tells how large the headers of a datagram are. What
    /// left before keeps the size it had.
    pub fn set_remote(&mut self, address: IpAddr) {
        self.overhead = Overhead::towards(address);
    }

    /// Bytes of IP and UDP headers that are counted per datagram.
    pub fn overhead(&self) -> usize {
        self.overhead.on_wire(0)
    }
}
