//! epoll: which sockets have something, and the waker.

use crate::reactor::{MAX_SOCKETS, SocketIndex};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

/// The waker's token; sockets use their index.
const WAKER: u64 = u64::MAX;

/// Everything watched can be ready at once.
const EVENTS: usize = MAX_SOCKETS + 1;

/// Something that is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ready {
    /// The waker was used.
    Waker,
    /// A socket.
    Socket {
        /// Which.
        socket: SocketIndex,
        /// It has a datagram or an error.
        readable: bool,
        /// It takes datagrams again.
        writable: bool,
    },
}

/// An epoll instance.
pub(super) struct Poll {
    epoll: OwnedFd,
    events: [libc::epoll_event; EVENTS],
    /// `epoll_pwait2` (Linux 5.11) takes nanoseconds; without it milliseconds are rounded up.
    precise: bool,
}

impl Poll {
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: takes one integer. Needed because the standard library has no epoll.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just gave us this descriptor; nobody else owns it.
        let epoll = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self {
            epoll,
            events: [libc::epoll_event { events: 0, u64: 0 }; EVENTS],
            precise: true,
        })
    }

    pub(super) fn watch_waker(&self, fd: RawFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, WAKER, libc::EPOLLIN)
    }

    pub(super) fn watch(&self, socket: SocketIndex, fd: RawFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, u64::from(socket.0), libc::EPOLLIN)
    }

    pub(super) fn set_writable(
        &self,
        socket: SocketIndex,
        fd: RawFd,
        writable: bool,
    ) -> io::Result<()> {
        let interest = libc::EPOLLIN | if writable { libc::EPOLLOUT } else { 0 };
        self.control(libc::EPOLL_CTL_MOD, fd, u64::from(socket.0), interest)
    }

    /// Waits; a signal ends the wait like the timeout does.
    pub(super) fn wait(
        &mut self,
        timeout: Option<Duration>,
    ) -> io::Result<impl Iterator<Item = Ready> + use<>> {
        let count = match self.wait_raw(timeout) {
            Ok(count) => count,
            Err(error) if error.raw_os_error() == Some(libc::ENOSYS) && self.precise => {
                self.precise = false;
                self.wait_raw(timeout)?
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        Ok(self
            .events
            .into_iter()
            .take(count)
            .map(|event| ready(&event)))
    }

    fn wait_raw(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        let events = self.events.as_mut_ptr();
        let fd = self.epoll.as_raw_fd();
        let result = if self.precise {
            let time = timeout.map(|timeout| libc::timespec {
                tv_sec: timeout.as_secs().min(i32::MAX as u64) as _,
                tv_nsec: timeout.subsec_nanos().into(),
            });
            let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
            // SAFETY: the kernel writes at most EVENTS events to the array of that length and reads
            // a timespec that lives until the call returns. Needed for the wait itself.
            unsafe { libc::epoll_pwait2(fd, events, EVENTS as i32, time, ptr::null()) }
        } else {
            let ms = timeout.map_or(-1, |timeout| {
                timeout.as_nanos().div_ceil(1_000_000).min(i32::MAX as u128) as i32
            });
            // SAFETY: as above, without the timespec.
            unsafe { libc::epoll_wait(fd, events, EVENTS as i32, ms) }
        };
        usize::try_from(result).map_err(|_| io::Error::last_os_error())
    }

    fn control(&self, operation: i32, fd: RawFd, token: u64, interest: i32) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: interest as u32,
            u64: token,
        };
        // SAFETY: both descriptors are open, and the kernel reads one event that lives until the
        // call returns. Needed because the standard library has no epoll.
        let result =
            unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), operation, fd, &raw mut event) };
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}

fn ready(event: &libc::epoll_event) -> Ready {
    let (flags, token) = (event.events as i32, event.u64);
    if token == WAKER {
        return Ready::Waker;
    }
    Ready::Socket {
        socket: SocketIndex(token as u8),
        readable: flags & (libc::EPOLLIN | libc::EPOLLERR | libc::EPOLLHUP) != 0,
        writable: flags & (libc::EPOLLOUT | libc::EPOLLERR) != 0,
    }
}
