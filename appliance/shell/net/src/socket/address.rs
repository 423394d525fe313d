//! Socket addresses as the kernel writes them. Plain bytes: no `unsafe` needed.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Bytes of the longer one, `sockaddr_in6`, rounded up so that what follows stays aligned.
pub(crate) const NAME_BYTES: usize = 32;

/// Bytes of `sockaddr_in`.
const V4_BYTES: usize = 16;

/// Bytes of `sockaddr_in6`.
const V6_BYTES: usize = 28;

const _: () = assert!(size_of::<libc::sockaddr_in>() == V4_BYTES);
const _: () = assert!(size_of::<libc::sockaddr_in6>() == V6_BYTES && V6_BYTES <= NAME_BYTES);

/// A `sockaddr_in` or `sockaddr_in6`.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct Name([u8; NAME_BYTES]);

impl Name {
    pub(crate) const EMPTY: Self = Self([0; NAME_BYTES]);

    /// Writes an address; returns its length.
    ///
    /// Layout: `family u16, port be16, address [4]` and
    /// `family u16, port be16, flowinfo u32, address [16], scope u32` (ip(7), ipv6(7)).
    pub(crate) fn set(&mut self, address: SocketAddr) -> usize {
        let bytes = &mut self.0;
        bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
        match address {
            SocketAddr::V4(address) => {
                bytes[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
                bytes[4..8].copy_from_slice(&address.ip().octets());
                bytes[8..16].fill(0);
                V4_BYTES
            }
            SocketAddr::V6(address) => {
                bytes[..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
                bytes[4..8].copy_from_slice(&address.flowinfo().to_be_bytes());
                bytes[8..24].copy_from_slice(&address.ip().octets());
                bytes[24..28].copy_from_slice(&address.scope_id().to_ne_bytes());
                V6_BYTES
            }
        }
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut libc::c_void {
        self.0.as_mut_ptr().cast()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Reads an address; `None` when it is neither IPv4 nor IPv6 or cut short.
pub(crate) fn read(name: &[u8]) -> Option<SocketAddr> {
    let family = i32::from(u16::from_ne_bytes(array(name, 0)?));
    let port = u16::from_be_bytes(array(name, 2)?);
    match family {
        libc::AF_INET => {
            let ip = Ipv4Addr::from(array::<4>(name, 4)?);
            Some(SocketAddr::V4(SocketAddrV4::new(ip, port)))
        }
        libc::AF_INET6 => {
            let flow = u32::from_be_bytes(array(name, 4)?);
            let ip = Ipv6Addr::from(array::<16>(name, 8)?);
            let scope = u32::from_ne_bytes(array(name, 24)?);
            Some(SocketAddr::V6(SocketAddrV6::new(ip, port, flow, scope)))
        }
        _ => None,
    }
}

/// `N` bytes at an offset.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_address_survives_the_kernels_form() {
        for text in ["192.0.2.7:65535", "[2001:db8::1]:443", "[fe80::1%3]:9"] {
            let address: SocketAddr = text.parse().unwrap();
            let mut name = Name::EMPTY;
            let len = name.set(address);
            assert_eq!(read(&name.bytes()[..len]), Some(address), "{text}");
        }
    }

    #[test]
    fn a_name_cut_short_is_no_address() {
        let mut name = Name::EMPTY;
        let len = name.set("[::1]:1".parse().unwrap());
        assert_eq!(read(&name.bytes()[..len - 1]), None);
        assert_eq!(read(&[]), None);
    }
}
