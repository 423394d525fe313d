//! The reactor over epoll, `recvmmsg` and `sendmmsg`: for kernels and sandboxes without
//! `io_uring`. The same trains in and out.

mod poll;
mod send;

use crate::counters::{Counters, DropCause};
use crate::reactor::{
    Backend, OpenReactorError, Reactor, ReactorError, Received, SocketIndex, Turn, check,
};
use crate::socket::batch::Batch;
use crate::socket::reports::Reports;
use crate::socket::{SocketOptions, Sockets};
use crate::train::stall::SocketSet;
use crate::waker::Waker;
use poll::{Poll, Ready};
use send::Sending;
use std::net::SocketAddr;
use std::time::Duration;

/// The largest payload of one delivery: a coalesced train.
const TRAIN_BYTES: usize = 65_536;

/// The epoll reactor.
pub(crate) struct PortableReactor {
    sockets: Sockets,
    poll: Poll,
    batch: Batch,
    reports: Reports,
    sending: Sending,
    waker: Waker,
    /// Sockets whose writability is polled.
    polled: SocketSet,
    counters: Counters,
}

impl PortableReactor {
    pub(crate) fn open(
        sockets: Sockets,
        options: &SocketOptions,
    ) -> Result<Self, OpenReactorError> {
        let kernel = |call| move |source| OpenReactorError::Kernel { call, source };
        let waker = Waker::with_event().map_err(kernel("eventfd"))?;
        let poll = Poll::new().map_err(kernel("epoll_create1"))?;
        poll.watch_waker(waker.raw_fd())
            .map_err(kernel("epoll_ctl"))?;
        for socket in sockets.indices() {
            poll.watch(socket, sockets.raw_fd(socket))
                .map_err(kernel("epoll_ctl"))?;
        }
        Ok(Self {
            reports: Reports::beside(&sockets, options),
            sockets,
            poll,
            batch: Batch::new(options.buffer_count(), TRAIN_BYTES),
            sending: Sending::new(),
            waker,
            polled: SocketSet::default(),
            counters: Counters::default(),
        })
    }

    /// Watches for writability where sends wait for it, and only there.
    fn poll_stalled(&mut self) -> Result<(), ReactorError> {
        let stalled = self.sending.stall.sockets();
        if stalled == self.polled {
            return Ok(());
        }
        for socket in self.sockets.indices() {
            if stalled.contains(socket) != self.polled.contains(socket) {
                self.poll
                    .set_writable(
                        socket,
                        self.sockets.raw_fd(socket),
                        stalled.contains(socket),
                    )
                    .map_err(|source| ReactorError::Kernel {
                        call: "epoll_ctl",
                        source,
                    })?;
            }
        }
        self.polled = stalled;
        Ok(())
    }
}

impl Reactor for PortableReactor {
    fn turn(
        &mut self,
        timeout: Option<Duration>,
        receive: &mut dyn FnMut(Received<'_>),
    ) -> Result<Turn, ReactorError> {
        self.flush()?;
        self.poll_stalled()?;
        let timeout = self.sending.stall.cap(timeout);
        self.counters.kernel_entries += 1;
        let ready = self
            .poll
            .wait(timeout)
            .map_err(|source| ReactorError::Kernel {
                call: "epoll_wait",
                source,
            })?;
        let mut turn = Turn::default();
        for ready in ready {
            match ready {
                Ready::Waker => {
                    self.waker.drain();
                    turn.woken |= self.waker.take();
                }
                Ready::Socket {
                    socket,
                    readable,
                    writable,
                } => {
                    if writable {
                        self.sending.stall.end(socket);
                    }
                    if readable {
                        turn.received += self.batch.drain(
                            self.sockets.place(socket),
                            &mut self.counters,
                            receive,
                        )?;
                    }
                }
            }
        }
        Ok(turn)
    }

    fn hear_reports(
        &mut self,
        receive: &mut dyn FnMut(Received<'_>),
    ) -> Result<usize, ReactorError> {
        self.reports.hear(&mut self.counters, receive)
    }

    fn reserve(&mut self, socket: SocketIndex, to: SocketAddr, len: usize) -> Option<&mut [u8]> {
        if let Err(cause) = check(self.sockets.addresses(), socket, to, len) {
            self.counters.count_drop(cause, 1);
            return None;
        }
        let mut span = self.sending.trains.reserve(socket, to, len);
        if span.is_none() {
            self.sending.flush(&self.sockets, &mut self.counters);
            span = self.sending.trains.reserve(socket, to, len);
        }
        if span.is_none() {
            self.counters.count_drop(DropCause::ArenaFull, 1);
        }
        span.map(|span| self.sending.trains.slice_mut(span))
    }

    fn flush(&mut self) -> Result<(), ReactorError> {
        self.sending.flush(&self.sockets, &mut self.counters);
        Ok(())
    }

    fn waker(&self) -> Waker {
        self.waker.clone()
    }

    fn local_addrs(&self) -> &[SocketAddr] {
        self.sockets.addresses()
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    fn backend(&self) -> Backend {
        Backend::Portable
    }
}
