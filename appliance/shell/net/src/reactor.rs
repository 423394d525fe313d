//! What a worker sees of the network: one trait, whatever moves the bytes.

use crate::counters::{Counters, DropCause};
use crate::waker::Waker;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// The longest datagram in either direction, in bytes. WebRTC stays below an Ethernet MTU (1,500);
/// the rest is room for tunnels and jumbo-frame experiments. Longer ones are dropped and counted
/// as [`crate::DropCause::Oversized`].
pub const MAX_DATAGRAM_BYTES: usize = 2_048;

/// The most addresses one reactor binds: all that a [`SocketIndex`] can name. A worker binds every
/// LAN address of a box, the load generator one per simulated client.
pub const MAX_SOCKETS: usize = 256;

/// One bound socket of a reactor: the position of its address in [`open`](crate::open)'s list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketIndex(pub u8);

/// One datagram. Coalesced trains (`UDP_GRO`) are already cut.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The socket that it reached.
    pub socket: SocketIndex,
    /// Who sent it, as the header says (nothing here is authenticated).
    pub remote: SocketAddr,
    /// Its payload, at most [`MAX_DATAGRAM_BYTES`].
    pub bytes: &'a [u8],
}

/// What one [`Reactor::turn`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Turn {
    /// A [`Waker`] was used since the last turn.
    pub woken: bool,
    /// Datagrams handed to the callback.
    pub received: usize,
}

/// Moves datagrams between sockets and one thread.
///
/// A reactor is opened and used on one thread. Nothing that a network can do makes a call fail:
/// lost, refused, truncated or unsendable datagrams are dropped and counted ([`Self::counters`]).
pub trait Reactor {
    /// One loop turn: sends what was reserved, waits until a datagram arrives, the waker is used or
    /// `timeout` is over (`None`: no limit), then calls `receive` once per datagram, in order of
    /// arrival per socket. May return early with nothing received.
    ///
    /// # Errors
    /// Only when the kernel interface itself is broken; the reactor is then of no further use.
    fn turn(
        &mut self,
        timeout: Option<Duration>,
        receive: &mut dyn FnMut(Received<'_>),
    ) -> Result<Turn, ReactorError>;

    /// Calls `receive` once per report (RTCP) that has gathered beside the sockets, up to a limit
    /// per socket, and returns how many. Without
    /// [`SocketOptions::are_reports_apart`](crate::SocketOptions::are_reports_apart) reports come
    /// with [`Self::turn`] as everything does.
    ///
    /// # Errors
    /// As [`Self::turn`].
    fn hear_reports(
        &mut self,
        _receive: &mut dyn FnMut(Received<'_>),
    ) -> Result<usize, ReactorError> {
        Ok(0)
    }

    /// Reserves `len` bytes for one datagram. The caller fills all of them before the next call:
    /// they are sent as they are.
    ///
    /// Reservations for one destination leave in order. Those of equal length leave together as a
    /// `UDP_SEGMENT` train, however reservations for other destinations are interleaved; a shorter
    /// one ends its train.
    ///
    /// `None`: `len` is 0 or above [`MAX_DATAGRAM_BYTES`], the socket does not exist or has another
    /// address family, or the arena is full even after a flush. Counted here by cause.
    fn reserve(&mut self, socket: SocketIndex, to: SocketAddr, len: usize) -> Option<&mut [u8]>;

    /// Sends what was reserved, without waiting.
    ///
    /// # Errors
    /// As [`Self::turn`].
    fn flush(&mut self) -> Result<(), ReactorError>;

    /// A handle that ends this reactor's wait from any thread.
    fn waker(&self) -> Waker;

    /// The bound address per [`SocketIndex`], ports resolved.
    fn local_addrs(&self) -> &[SocketAddr];

    /// Everything counted since the reactor was opened.
    fn counters(&self) -> Counters;

    /// Which implementation this is.
    fn backend(&self) -> Backend;
}

/// An implementation of [`Reactor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Backend {
    /// `io_uring`.
    Uring,
    /// epoll, recvmmsg, sendmmsg.
    Portable,
    /// In memory.
    Sim,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uring => "io_uring",
            Self::Portable => "epoll",
            Self::Sim => "sim",
        })
    }
}

/// Which implementation is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BackendChoice {
    /// `io_uring` where the kernel offers all of it, else [`Self::Portable`].
    #[default]
    Auto,
    /// `io_uring` or an error.
    Uring,
    /// epoll.
    Portable,
}

/// Why this implementation runs: one line for the log and the status page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendReason(pub(crate) String);

impl fmt::Display for BackendReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a reactor stopped working.
#[derive(Debug, thiserror::Error)]
pub enum ReactorError {
    /// `io_uring_enter` or `epoll_wait` refused; not caused by any datagram.
    #[error("the kernel's event interface failed in {call}; the worker has to be restarted")]
    Kernel {
        /// The system call.
        call: &'static str,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// A socket delivers nothing but errors.
    #[error("the UDP socket on {address} cannot receive any more; the worker has to be restarted")]
    Receive {
        /// The bound address.
        address: SocketAddr,
        /// The last error.
        #[source]
        source: io::Error,
    },
}

/// Why a reactor could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenReactorError {
    /// Nothing to listen on.
    #[error("no address to listen on: name at least one")]
    NoAddress,
    /// More than [`MAX_SOCKETS`].
    #[error("{0} addresses to listen on: a worker binds at most {MAX_SOCKETS}")]
    TooManyAddresses(usize),
    /// The address cannot be bound.
    #[error("UDP {address} cannot be bound ({source}): free the port or choose another one")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// [`BackendChoice::Uring`] was demanded and is not to be had.
    #[error("io_uring is not available ({0}): choose the backend `auto` or `portable`")]
    Uring(UringRefusal),
    /// epoll or eventfd refused.
    #[error("{call} failed: {source}")]
    Kernel {
        /// The system call.
        call: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// What this kernel, its settings or a sandbox lack for the `io_uring` reactor.
#[derive(Debug, thiserror::Error)]
pub enum UringRefusal {
    /// `ENOSYS`: built without it.
    #[error("the kernel has no io_uring (ENOSYS)")]
    Missing,
    /// `EPERM`/`EACCES`: `kernel.io_uring_disabled`, seccomp or an LSM.
    #[error(
        "io_uring is forbidden here (EPERM): sysctl kernel.io_uring_disabled or a seccomp filter"
    )]
    Forbidden,
    /// `ENOMEM`: `RLIMIT_MEMLOCK` on old kernels, or no memory.
    #[error("not enough memory may be locked (ENOMEM): raise LimitMEMLOCK")]
    Memory,
    /// A kernel before 6.1.
    #[error("the kernel is too old: it lacks {0}")]
    Lacks(&'static str),
    /// Something else.
    #[error("{call}: {source}")]
    Other {
        /// The step.
        call: &'static str,
        /// What it said.
        source: io::Error,
    },
}

/// Whether a datagram can be sent at all.
pub(crate) fn check(
    locals: &[SocketAddr],
    socket: SocketIndex,
    to: SocketAddr,
    len: usize,
) -> Result<(), DropCause> {
    if len == 0 || len > MAX_DATAGRAM_BYTES {
        return Err(DropCause::Oversized);
    }
    match locals.get(usize::from(socket.0)) {
        Some(local) if local.is_ipv4() == to.is_ipv4() => Ok(()),
        _ => Err(DropCause::WrongSocket),
    }
}
