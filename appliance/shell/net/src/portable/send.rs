//! Sending with `sendmmsg`: up to a batch of trains per call.

use crate::counters::Counters;
use crate::reactor::SocketIndex;
use crate::socket::Sockets;
use crate::socket::message::{Message, empty_header};
use crate::train::stall::Stall;
use crate::train::{MAX_SEGMENTS, Outcome, Trains};
use std::io;

/// Trains per call.
const BATCH: usize = 64;

/// Rounds per socket that one flush may take: full batches, first trains to a destination and
/// datagrams of refused trains. What is left goes with the next turn.
const MAX_ROUNDS: usize = 2 * MAX_SEGMENTS as usize;

/// The sending half of the reactor.
pub(super) struct Sending {
    pub(super) trains: Trains,
    pub(super) stall: Stall,
    messages: Box<[Message]>,
    headers: Box<[libc::mmsghdr]>,
    staged: Vec<u16>,
}

impl Sending {
    pub(super) fn new() -> Self {
        let header = libc::mmsghdr {
            msg_hdr: empty_header(),
            msg_len: 0,
        };
        Self {
            trains: Trains::new(),
            stall: Stall::default(),
            messages: Message::slots(BATCH),
            headers: vec![header; BATCH].into_boxed_slice(),
            staged: Vec::with_capacity(BATCH),
        }
    }

    /// Sends what may be sent without waiting.
    pub(super) fn flush(&mut self, sockets: &Sockets, counters: &mut Counters) {
        let expired = self.stall.take_expired();
        if !expired.is_empty() {
            self.trains.drop_queued(expired, counters);
        }
        for socket in sockets.indices() {
            for _ in 0..MAX_ROUNDS {
                if self.stall.sockets().contains(socket) {
                    break;
                }
                let more = self
                    .trains
                    .stage(|other| other == socket, &mut self.staged, BATCH);
                self.send_staged(socket, sockets, counters);
                let full = self.trains.settle(&mut self.staged, counters);
                if !full.is_empty() {
                    counters.send_stalls += 1;
                    self.stall.begin(full);
                }
                if !more {
                    break;
                }
            }
        }
        self.stall.clear_if_over();
    }

    /// Sends the staged trains in order and notes what became of each. A full buffer ends the
    /// batch, so that nothing is overtaken.
    fn send_staged(&mut self, socket: SocketIndex, sockets: &Sockets, counters: &mut Counters) {
        for (position, train) in self.staged.iter().enumerate() {
            let attempt = self.trains.attempt(*train);
            let header = self.messages[position].set(&attempt, &self.trains);
            self.headers[position].msg_hdr = *header;
        }
        let mut done = 0;
        while done < self.staged.len() {
            counters.kernel_entries += 1;
            match self.send(sockets, socket, done) {
                Ok(sent) => done += sent.max(1),
                Err(error) => {
                    let errno = error.raw_os_error().unwrap_or(libc::EIO);
                    if errno == libc::EINTR {
                        continue;
                    }
                    self.trains.note(self.staged[done], Outcome::Failed(errno));
                    done += 1;
                    if matches!(errno, libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) {
                        break;
                    }
                }
            }
        }
        for train in &self.staged[done..] {
            self.trains.note(*train, Outcome::NotTried);
        }
    }

    fn send(&mut self, sockets: &Sockets, socket: SocketIndex, from: usize) -> io::Result<usize> {
        let headers = &mut self.headers[from..self.staged.len()];
        // SAFETY: `send_staged` filled these headers from messages that are boxed and stay as they
        // are until the call returns; they point to arena bytes that nothing writes meanwhile.
        // Needed because the standard library sends one datagram per call, without control
        // messages.
        let count = unsafe {
            libc::sendmmsg(
                sockets.raw_fd(socket),
                headers.as_mut_ptr(),
                headers.len() as libc::c_uint,
                (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
            )
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }
}
