//! The reactor over `io_uring`: one kernel entry per loop turn submits, sends, receives and waits.

mod buffers;
mod receive;
mod ring;
mod send;
mod tag;

use crate::counters::{Counters, DropCause};
use crate::reactor::{
    Backend, Reactor, ReactorError, Received, SocketIndex, Turn, UringRefusal, check,
};
use crate::socket::reports::Reports;
use crate::socket::{SocketOptions, Sockets};
use crate::train::MAX_SEGMENTS;
use crate::waker::Waker;
use buffers::Buffers;
use io_uring::types::{CancelBuilder, Fd};
use io_uring::{cqueue, opcode};
use receive::Receiving;
pub use ring::LOCKED_BYTES;
use ring::{DisabledRing, Ring, Wait};
use send::Sending;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use tag::Tag;

/// Entries that one flush may take. One is the rule; each first train to a destination and each
/// datagram of a refused train takes another one. What is left goes with the next turn.
const MAX_ROUNDS: usize = 2 * MAX_SEGMENTS as usize;

/// Entries that closing may take until every request has ended: sockets, their polls, the waker
/// and the cancellation, with room.
const MAX_CLOSING_ENTRIES: usize = 64;

/// What one of them waits for at most.
const CLOSING_WAIT: Duration = Duration::from_millis(10);

/// The `io_uring` reactor.
pub(crate) struct UringReactor {
    /// First, so that the kernel is told before the memory below goes.
    ring: Ring,
    receiving: Receiving,
    sending: Sending,
    sockets: Sockets,
    waker: Waker,
    /// The kernel writes the waker's counter here.
    wake_count: Box<[u8; 8]>,
    wake_armed: bool,
    /// Completions other than failed sends that a flush found.
    pending: VecDeque<cqueue::Entry>,
    reports: Reports,
    counters: Counters,
}

impl UringReactor {
    /// Opens the ring over bound sockets; returns the sockets when the kernel refuses.
    pub(crate) fn open(
        sockets: Sockets,
        options: &SocketOptions,
    ) -> Result<(Self, &'static str), (Sockets, UringRefusal)> {
        let (ring, receiving, mode) = match set_up(options) {
            Ok(parts) => parts,
            Err(refusal) => return Err((sockets, refusal)),
        };
        let waker = match Waker::with_event() {
            Ok(waker) => waker,
            Err(source) => {
                return Err((
                    sockets,
                    UringRefusal::Other {
                        call: "eventfd",
                        source,
                    },
                ));
            }
        };
        let reports = Reports::beside(&sockets, options);
        let mut reactor = Self {
            ring,
            receiving,
            sending: Sending::new(),
            sockets,
            waker,
            wake_count: Box::new([0; 8]),
            wake_armed: false,
            pending: VecDeque::with_capacity(ring::COMPLETIONS as usize),
            reports,
            counters: Counters::default(),
        };
        match reactor.try_receiving() {
            Ok(()) => Ok((reactor, mode)),
            Err(refusal) => {
                reactor.close();
                let none = Sockets::none();
                let sockets = std::mem::replace(&mut reactor.sockets, none);
                Err((sockets, refusal))
            }
        }
    }

    /// Arms everything once and looks for a refusal: a kernel that has the operation but not its
    /// multishot form says so only here.
    fn try_receiving(&mut self) -> Result<(), UringRefusal> {
        let other = |source| UringRefusal::Other {
            call: "io_uring_enter",
            source,
        };
        self.arm();
        self.ring.enter(Wait::No).map_err(|error| match error {
            ReactorError::Kernel { source, .. } | ReactorError::Receive { source, .. } => {
                other(source)
            }
        })?;
        self.reap();
        let refused = self.pending.iter().find(|completion| {
            matches!(
                -completion.result(),
                libc::EINVAL | libc::EOPNOTSUPP | libc::EACCES
            )
        });
        match refused {
            Some(_) => Err(UringRefusal::Lacks("multishot RECVMSG (Linux 6.0)")),
            None => Ok(()),
        }
    }

    /// Queues every request that should be in the kernel and is not.
    fn arm(&mut self) {
        self.receiving.arm(&mut self.ring, &self.sockets);
        self.sending.poll_stalled(&mut self.ring, &self.sockets);
        if !self.wake_armed {
            let len = self.wake_count.len() as u32;
            let entry =
                opcode::Read::new(Fd(self.waker.raw_fd()), self.wake_count.as_mut_ptr(), len)
                    .build()
                    .user_data(Tag::Wake.encode());
            // SAFETY: the box outlives the ring, and nothing else touches it while the read is
            // armed: its content is never looked at.
            self.wake_armed = unsafe { self.ring.push(&entry) };
        }
    }

    /// Sends all that may be sent without waiting; the last round is left queued for the caller's
    /// entry. True: something is still to be sent after that.
    fn push_rounds(&mut self) -> Result<bool, ReactorError> {
        self.sending.expire(&mut self.counters);
        self.arm();
        for _ in 0..MAX_ROUNDS {
            if !self.sending.push(&mut self.ring, &self.sockets) {
                return Ok(false);
            }
            self.enter(Wait::No)?;
        }
        Ok(true)
    }

    fn enter(&mut self, wait: Wait) -> Result<(), ReactorError> {
        self.ring.enter(wait)?;
        self.reap();
        self.sending.settle(&mut self.ring, &mut self.counters);
        Ok(())
    }

    /// Notes failed sends, and keeps all other completions for [`Self::deliver`].
    fn reap(&mut self) {
        while let Some(completion) = self.ring.completion() {
            match Tag::decode(completion.user_data()) {
                Some(Tag::Send { train, generation }) => {
                    self.sending.failed(train, generation, -completion.result());
                }
                _ => self.pending.push_back(completion),
            }
        }
    }

    fn deliver(&mut self, receive: &mut dyn FnMut(Received<'_>)) -> Result<Turn, ReactorError> {
        let mut turn = Turn::default();
        while let Some(completion) = self.pending.pop_front() {
            match Tag::decode(completion.user_data()) {
                Some(Tag::Receive(socket)) => {
                    turn.received += self.receiving.complete(
                        socket,
                        &completion,
                        &self.sockets,
                        &mut self.counters,
                        receive,
                    )?;
                }
                Some(Tag::Wake) => {
                    self.wake_armed = false;
                    turn.woken |= self.waker.take();
                }
                Some(Tag::Writable(socket)) => self.sending.writable(socket),
                Some(Tag::Send { .. } | Tag::Cancel) | None => {}
            }
        }
        self.receiving.publish();
        Ok(turn)
    }

    /// Ends every request, so that the sockets' ports are free when this returns.
    fn close(&mut self) {
        let entry = opcode::AsyncCancel2::new(CancelBuilder::any()).build();
        // SAFETY: a cancellation points to no memory.
        let _ = unsafe { self.ring.push(&entry.user_data(Tag::Cancel.encode())) };
        for _ in 0..MAX_CLOSING_ENTRIES {
            if self.ring.enter(Wait::For(CLOSING_WAIT)).is_err() {
                return;
            }
            self.reap();
            for completion in self.pending.drain(..) {
                match Tag::decode(completion.user_data()) {
                    Some(Tag::Receive(socket)) if !cqueue::more(completion.flags()) => {
                        self.receiving.ended(socket);
                    }
                    Some(Tag::Wake) => self.wake_armed = false,
                    _ => {}
                }
            }
            if !self.receiving.any_armed() && !self.wake_armed {
                return;
            }
        }
    }
}

impl Reactor for UringReactor {
    fn turn(
        &mut self,
        timeout: Option<Duration>,
        receive: &mut dyn FnMut(Received<'_>),
    ) -> Result<Turn, ReactorError> {
        let more = self.push_rounds()?;
        let wait = match self.sending.stall.cap(timeout) {
            _ if more || !self.pending.is_empty() => Wait::No,
            Some(Duration::ZERO) => Wait::No,
            Some(timeout) => Wait::For(timeout),
            None => Wait::Forever,
        };
        self.enter(wait)?;
        self.deliver(receive)
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
            // An error shows again at the next turn, which reports it.
            let _ = self.flush();
            span = self.sending.trains.reserve(socket, to, len);
        }
        if span.is_none() {
            self.counters.count_drop(DropCause::ArenaFull, 1);
        }
        span.map(|span| self.sending.trains.slice_mut(span))
    }

    fn flush(&mut self) -> Result<(), ReactorError> {
        // Most turns only hear what clients report: they need no second entry into the kernel.
        if self.sending.trains.is_empty() {
            return Ok(());
        }
        self.push_rounds()?;
        self.enter(Wait::No)
    }

    fn waker(&self) -> Waker {
        self.waker.clone()
    }

    fn local_addrs(&self) -> &[SocketAddr] {
        self.sockets.addresses()
    }

    fn counters(&self) -> Counters {
        Counters {
            kernel_entries: self.ring.entries,
            ..self.counters
        }
    }

    fn backend(&self) -> Backend {
        Backend::Uring
    }
}

impl Drop for UringReactor {
    fn drop(&mut self) {
        self.close();
    }
}

fn set_up(options: &SocketOptions) -> Result<(Ring, Receiving, &'static str), UringRefusal> {
    let disabled = DisabledRing::new()?;
    let mode = disabled.mode;
    let buffers = Buffers::register(&disabled, options.buffer_count())?;
    Ok((disabled.enable()?, Receiving::new(buffers), mode))
}
