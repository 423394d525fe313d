//! The UDP reactor: `io_uring`, portable and simulated behind one trait, [`Reactor`].
//!
//! The kernel's walk through its UDP stack per datagram is what costs, not the system call. So
//! datagrams leave as trains (`UDP_SEGMENT`), arrive as trains (`UDP_GRO`), and one kernel entry
//! per loop turn does the rest. This is the only crate with `unsafe`.

#[cfg(not(target_os = "linux"))]
compile_error!("the reactor talks to Linux: io_uring, epoll, UDP_SEGMENT and UDP_GRO");

mod arena;
mod counters;
mod inherited;
mod portable;
mod reactor;
pub mod sim;
mod socket;
mod train;
mod uring;
mod waker;

pub use counters::{Counters, DropCause, TRAIN_BUCKETS};
pub use inherited::inherited_listeners;
pub use reactor::{
    Backend, BackendChoice, BackendReason, MAX_DATAGRAM_BYTES, MAX_SOCKETS, OpenReactorError,
    Reactor, ReactorError, Received, SocketIndex, Turn, UringRefusal,
};
pub use socket::SocketOptions;
pub use uring::LOCKED_BYTES;
pub use waker::Waker;

use portable::PortableReactor;
use socket::Sockets;
use std::net::SocketAddr;
use uring::UringReactor;

/// Binds one socket per address (port 0: the kernel chooses) and opens the reactor over them.
///
/// To be called on the thread that will use the reactor.
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
    let sockets = Sockets::bind(addrs, &options)?;
    if choice == BackendChoice::Portable {
        let reactor = PortableReactor::open(sockets, &options)?;
        return Ok((
            Box::new(reactor),
            BackendReason("epoll: chosen by configuration".into()),
        ));
    }
    match UringReactor::open(sockets, &options) {
        Ok((reactor, mode)) => Ok((
            Box::new(reactor),
            BackendReason(format!("io_uring: {mode}")),
        )),
        Err((_, refusal)) if choice == BackendChoice::Uring => {
            Err(OpenReactorError::Uring(refusal))
        }
        Err((sockets, refusal)) => {
            tracing::warn!(reason = %refusal, "io_uring is not available: using epoll");
            let reactor = PortableReactor::open(sockets, &options)?;
            Ok((
                Box::new(reactor),
                BackendReason(format!("epoll: {refusal}")),
            ))
        }
    }
}
