//! Addresses of this machine that stand for clients over TCP (ADR 18): 127.64.0.0/10, of which each
//! client's address has one. So the guards of the media threads, which count by address, count each
//! client for itself, and everybody sees what carries a path.

use std::net::{IpAddr, Ipv4Addr};

/// The network's first byte.
const LOOPBACK: u8 = 127;
/// The first two bits of its second byte.
const NETWORK: u8 = 0b0100_0000;
const NETWORK_MASK: u8 = 0b1100_0000;

/// One of the 4 million addresses, by a hash of the client's.
#[must_use]
pub fn stand_in(hash: u64) -> Ipv4Addr {
    let [a, b, c, ..] = hash.to_be_bytes();
    // No host is .0 or .255 anywhere, and loopback need not be an exception.
    Ipv4Addr::new(LOOPBACK, NETWORK | (a & !NETWORK_MASK), b, c.clamp(1, 254))
}

/// Whether a remote address of a media thread stands for a client over TCP.
#[must_use]
pub fn is_stand_in(address: IpAddr) -> bool {
    let IpAddr::V4(address) = address.to_canonical() else {
        return false;
    };
    let [first, second, ..] = address.octets();
    first == LOOPBACK && second & NETWORK_MASK == NETWORK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stand_in_is_one_and_no_other_address_is() {
        for hash in [0, u64::MAX, 0xFFFF_FF00_0000_0000, 0x0123_4567_89AB_CDEF] {
            let address = stand_in(hash);
            assert!(is_stand_in(address.into()), "{address}");
            assert!(is_stand_in(address.to_ipv6_mapped().into()), "{address}");
        }
        for other in [
            "127.0.0.1",
            "127.63.255.255",
            "127.128.0.1",
            "10.64.0.1",
            "::1",
        ] {
            assert!(!is_stand_in(other.parse().unwrap()), "{other}");
        }
    }
}
