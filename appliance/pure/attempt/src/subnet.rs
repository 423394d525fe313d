//! The network somebody comes from, as far as an address tells.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Bits of an IPv4 subnet: what a hospital gives one ward's VLAN.
const V4_BITS: u32 = 24;
/// Bits of an IPv6 subnet: one link (RFC 4291 §2.5.4).
const V6_BITS: u32 = 64;

/// `/24` of an IPv4 address, `/64` of an IPv6 one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subnet(IpAddr);

/// The subnet that an address lies in. An IPv4 address in IPv6's clothes is an IPv4 address.
pub fn subnet_of(address: IpAddr) -> Subnet {
    Subnet(match address.to_canonical() {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & (u32::MAX << (32 - V4_BITS))).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << (128 - V6_BITS))).into(),
    })
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = if self.0.is_ipv4() { V4_BITS } else { V6_BITS };
        f.pad(&format!("{}/{bits}", self.0))
    }
}

impl FromStr for Subnet {
    type Err = std::net::AddrParseError;

    /// Reads `10.30.0.0/24`, `10.30.0.7`, `2001:db8::/64`: any address of it names it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address = text.split_once('/').map_or(text, |(address, _)| address);
        address.parse().map(subnet_of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_subnet() {
        for (address, want) in [
            ("10.30.0.7", "10.30.0.0/24"),
            ("10.30.1.0", "10.30.1.0/24"),
            ("::ffff:10.30.0.9", "10.30.0.0/24"),
            ("2001:db8:1:2:3::9", "2001:db8:1:2::/64"),
        ] {
            let subnet = subnet_of(address.parse().unwrap());
            assert_eq!(subnet.to_string(), want);
            assert_eq!(want.parse(), Ok(subnet), "what is shown can be asked for");
        }
    }
}
