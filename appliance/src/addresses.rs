//! The machine's own addresses.

use anyhow::{Context, Result};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Every address of an interface but link-local ones, sorted.
///
/// The C library asks by netlink, which the service's sandbox forbids; then the kernel's own lists
/// say the same.
pub(crate) fn own() -> Result<Vec<IpAddr>> {
    let mut addresses = match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces.iter().map(if_addrs::Interface::ip).collect(),
        Err(_) => listed().context("the network interfaces cannot be listed")?,
    };
    addresses.retain(|address| !is_link_local(*address));
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// From `proc(5)`: `net/fib_trie` has the local IPv4 addresses, `net/if_inet6` the IPv6
/// ones (absent where the kernel has none).
fn listed() -> std::io::Result<Vec<IpAddr>> {
    let mut addresses = ipv4(&fs::read_to_string("/proc/self/net/fib_trie")?);
    addresses.extend(ipv6(
        &fs::read_to_string("/proc/self/net/if_inet6").unwrap_or_default(),
    ));
    Ok(addresses)
}

/// A leaf `|-- 10.0.0.5` that is followed by `/32 host LOCAL` is an address of this machine.
fn ipv4(trie: &str) -> Vec<IpAddr> {
    let mut leaf = None;
    let mut addresses = Vec::new();
    for line in trie.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("|-- ") {
            leaf = text.parse::<Ipv4Addr>().ok();
        } else if line == "/32 host LOCAL" {
            addresses.extend(leaf.map(IpAddr::V4));
        }
    }
    addresses
}

/// One address per line, as 32 hexadecimal digits in the first column.
fn ipv6(list: &str) -> Vec<IpAddr> {
    let first = list
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    first
        .filter_map(|digits| u128::from_str_radix(digits, 16).ok())
        .map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lists_say_what_the_c_library_says() {
        let mut listed = listed().unwrap();
        listed.retain(|address| !is_link_local(*address));
        listed.sort_unstable();
        listed.dedup();
        assert_eq!(listed, own().unwrap());
    }

    #[test]
    fn networks_and_broadcasts_are_no_addresses() {
        let trie = "Local:\n  +-- 10.0.0.0/24 2 0 2\n     |-- 10.0.0.0\n        /24 link UNICAST\n     \
                    |-- 10.0.0.5\n        /32 host LOCAL\n     |-- 10.0.0.255\n        /32 link BROADCAST\n";
        assert_eq!(ipv4(trie), [IpAddr::from([10, 0, 0, 5])]);
    }

    #[test]
    fn an_ipv6_address_is_read_from_its_digits() {
        let list = "fd000000000000000000000000000005 02 40 00 80     eth0\nnonsense\n";
        assert_eq!(ipv6(list), ["fd00::5".parse::<IpAddr>().unwrap()]);
    }
}
