//! Ends a reactor's wait from another thread.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Wakes one reactor. Cheap while a wake-up is already pending: no system call.
#[derive(Debug, Clone)]
pub struct Waker(Arc<Signal>);

#[derive(Debug)]
struct Signal {
    /// A wake-up was asked for and the reactor has not reported it yet.
    pending: AtomicBool,
    /// The kernel object waited on; `None` in the simulation, which never waits.
    event: Option<File>,
}

impl Waker {
    /// A waker backed by an eventfd.
    pub(crate) fn with_event() -> io::Result<Self> {
        // SAFETY: eventfd takes two integers and touches no memory of ours. Needed because the
        // standard library has no eventfd.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just gave us this descriptor and nobody else knows it, so that the
        // `File` is its only owner.
        let event = unsafe { File::from_raw_fd(fd) };
        Ok(Self(Arc::new(Signal {
            pending: AtomicBool::new(false),
            event: Some(event),
        })))
    }

    /// A waker without a kernel object.
    pub(crate) fn without_event() -> Self {
        Self(Arc::new(Signal {
            pending: AtomicBool::new(false),
            event: None,
        }))
    }

    /// Makes the reactor's current or next [`turn`](crate::Reactor::turn) return with `woken`. What
    /// this thread wrote before is visible to the reactor's thread after that turn.
    pub fn wake(&self) {
        if self.0.pending.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(mut event) = self.0.event.as_ref() {
            // An eventfd refuses only at 2^64 - 2 unread wake-ups, and then it is awake anyway.
            let _ = event.write(&1_u64.to_ne_bytes());
        }
    }

    /// True once per wake-up or burst of them; later ones write to the event again.
    pub(crate) fn take(&self) -> bool {
        self.0.pending.swap(false, Ordering::AcqRel)
    }

    /// Empties the event, so that it is waited on again.
    pub(crate) fn drain(&self) {
        if let Some(mut event) = self.0.event.as_ref() {
            // Nothing to read (`EAGAIN`) is what draining is for.
            let _ = event.read(&mut [0; 8]);
        }
    }

    /// The descriptor to wait on; -1 without one.
    pub(crate) fn raw_fd(&self) -> RawFd {
        self.0.event.as_ref().map_or(-1, AsRawFd::as_raw_fd)
    }
}
