//! The UDP sockets: bound, sized, with receive coalescing on.

pub(crate) mod address;
pub(crate) mod batch;
pub(crate) mod control;
pub(crate) mod datagram;
pub(crate) mod message;
pub(crate) mod reports;

use crate::reactor::{MAX_SOCKETS, OpenReactorError, SocketIndex};
use socket2::{Domain, Protocol, Type};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};

/// Most receive buffers of a ring; what more would hold is dropped earlier by the socket.
pub(crate) const MAX_BUFFERS: u16 = 4_096;

/// What a reactor asks of its sockets and buffers.
#[derive(Debug, Clone, Copy)]
pub struct SocketOptions {
    /// Kernel send buffer in bytes (`SO_SNDBUF`; without `CAP_NET_ADMIN` the kernel caps it).
    pub send_buffer_bytes: usize,
    /// Kernel receive buffer in bytes (`SO_RCVBUF`; capped likewise). A second of one full core.
    pub receive_buffer_bytes: usize,
    /// Receive buffers of 64 KiB: the `io_uring` buffer ring, or the most messages per `recvmmsg`.
    /// Rounded to a power of two from 2 to 4,096.
    pub receive_buffers: u16,
    /// UDP checksums on IPv4. Without them the kernel refuses trains: off only to test that.
    pub checksums: bool,
    /// RTCP gathers in sockets of its own, which wake nobody, until
    /// [`Reactor::hear_reports`](crate::Reactor::hear_reports).
    pub are_reports_apart: bool,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            send_buffer_bytes: 8 << 20,
            receive_buffer_bytes: 8 << 20,
            receive_buffers: 256,
            checksums: true,
            are_reports_apart: false,
        }
    }
}

impl SocketOptions {
    /// [`Self::receive_buffers`] as a power of two within its limits.
    pub(crate) fn buffer_count(&self) -> u16 {
        self.receive_buffers
            .clamp(2, MAX_BUFFERS)
            .next_power_of_two()
    }
}

/// A reactor's sockets with the addresses they got.
pub(crate) struct Sockets {
    sockets: Vec<socket2::Socket>,
    addresses: Vec<SocketAddr>,
}

impl Sockets {
    pub(crate) fn bind(
        addrs: &[SocketAddr],
        options: &SocketOptions,
    ) -> Result<Self, OpenReactorError> {
        check_count(addrs)?;
        let mut bound = Self::none();
        for address in addrs {
            let (socket, actual) =
                bind_one(*address, options).map_err(|source| OpenReactorError::Bind {
                    address: *address,
                    source,
                })?;
            bound.sockets.push(socket);
            bound.addresses.push(actual);
        }
        Ok(bound)
    }

    /// No sockets.
    pub(crate) fn none() -> Self {
        Self {
            sockets: Vec::new(),
            addresses: Vec::new(),
        }
    }

    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The descriptor; sockets are never closed while the reactor lives.
    pub(crate) fn raw_fd(&self, socket: SocketIndex) -> RawFd {
        self.sockets
            .get(usize::from(socket.0))
            .map_or(-1, AsRawFd::as_raw_fd)
    }

    /// Which socket, on which address, with which descriptor.
    pub(crate) fn place(&self, socket: SocketIndex) -> (SocketIndex, SocketAddr, RawFd) {
        let address = self.addresses[usize::from(socket.0)];
        (socket, address, self.raw_fd(socket))
    }

    pub(crate) fn indices(&self) -> impl Iterator<Item = SocketIndex> + use<> {
        (0..self.sockets.len() as u8).map(SocketIndex)
    }
}

/// One to [`MAX_SOCKETS`].
pub(crate) fn check_count(addrs: &[SocketAddr]) -> Result<(), OpenReactorError> {
    match addrs.len() {
        0 => Err(OpenReactorError::NoAddress),
        count if count > MAX_SOCKETS => Err(OpenReactorError::TooManyAddresses(count)),
        _ => Ok(()),
    }
}

fn bind_one(
    address: SocketAddr,
    options: &SocketOptions,
) -> io::Result<(socket2::Socket, SocketAddr)> {
    let socket = new_socket(address, options)?;
    if let Err(error) = set_option(&socket, libc::SOL_UDP, libc::UDP_GRO, 1) {
        // Linux before 5.0: datagrams arrive one by one, nothing is lost.
        tracing::debug!(%error, "UDP_GRO is not available");
    }
    socket.bind(&address.into())?;
    let actual = socket
        .local_addr()?
        .as_socket()
        .ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok((socket, actual))
}

/// A second socket where `first` is bound. The first was bound without `SO_REUSEPORT`: it found
/// the port free, and so does nobody else from now on.
fn bind_beside(
    first: &socket2::Socket,
    address: SocketAddr,
    options: &SocketOptions,
) -> io::Result<socket2::Socket> {
    let socket = new_socket(address, options)?;
    first.set_reuse_port(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn new_socket(address: SocketAddr, options: &SocketOptions) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        // 0.0.0.0 and [::] are two sockets on one port.
        socket.set_only_v6(true)?;
    }
    size_buffers(&socket, options);
    if !options.checksums {
        set_option(&socket, libc::SOL_SOCKET, libc::SO_NO_CHECK, 1)?;
    }
    Ok(socket)
}

/// Beyond the system's maximum where that is allowed, else as far as it goes. Never an error: a
/// small buffer drops packets earlier and works.
fn size_buffers(socket: &socket2::Socket, options: &SocketOptions) {
    let send = libc::c_int::try_from(options.send_buffer_bytes).unwrap_or(libc::c_int::MAX);
    let receive = libc::c_int::try_from(options.receive_buffer_bytes).unwrap_or(libc::c_int::MAX);
    for (force, plain, bytes) in [
        (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF, send),
        (libc::SO_RCVBUFFORCE, libc::SO_RCVBUF, receive),
    ] {
        if set_option(socket, libc::SOL_SOCKET, force, bytes).is_err()
            && let Err(error) = set_option(socket, libc::SOL_SOCKET, plain, bytes)
        {
            tracing::debug!(%error, bytes, "socket buffer keeps its default size");
        }
    }
}

fn set_option<T>(
    socket: &socket2::Socket,
    level: libc::c_int,
    name: libc::c_int,
    value: T,
) -> io::Result<()> {
    let len = size_of::<T>() as libc::socklen_t;
    // SAFETY: the descriptor is open, and the kernel reads `len` bytes of `value`, which lives
    // until the call returns, as does what it points to. Needed because socket2 knows neither
    // UDP_GRO, nor the FORCE sizes, nor filters that choose a socket.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            len,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
