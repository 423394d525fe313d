//! Receiving: one multishot RECVMSG per socket, always armed.

use super::buffers::{Buffers, GROUP};
use super::ring::Ring;
use super::tag::Tag;
use crate::counters::Counters;
use crate::reactor::{MAX_SOCKETS, ReactorError, Received, SocketIndex};
use crate::socket::Sockets;
use crate::socket::datagram::Delivery;
use crate::socket::message::receive_template;
use io_uring::types::{Fd, RecvMsgOut};
use io_uring::{cqueue, opcode};
use std::io;

/// Errors in a row, without a datagram between them, after which a socket counts as broken. ICMP
/// messages come one at a time, between datagrams.
const MAX_ERRORS_IN_ROW: u32 = 1_000;

/// The receiving half of the reactor.
pub(super) struct Receiving {
    buffers: Buffers,
    /// Only the lengths in it are read; shared by all requests.
    template: Box<libc::msghdr>,
    armed: [bool; MAX_SOCKETS],
    /// Some socket may not be armed.
    incomplete: bool,
    errors_in_row: [u32; MAX_SOCKETS],
}

impl Receiving {
    pub(super) fn new(buffers: Buffers) -> Self {
        Self {
            buffers,
            template: Box::new(receive_template()),
            armed: [false; MAX_SOCKETS],
            incomplete: true,
            errors_in_row: [0; MAX_SOCKETS],
        }
    }

    /// Queues a receive for every socket that has none. What does not fit waits for the next turn.
    pub(super) fn arm(&mut self, ring: &mut Ring, sockets: &Sockets) {
        if !std::mem::take(&mut self.incomplete) {
            return;
        }
        for socket in sockets.indices() {
            if self.armed[usize::from(socket.0)] {
                continue;
            }
            let fd = Fd(sockets.raw_fd(socket));
            let entry = opcode::RecvMsgMulti::new(fd, &raw const *self.template, GROUP)
                .build()
                .user_data(Tag::Receive(socket).encode());
            // SAFETY: the template is boxed and lives as long as the ring, which is dropped first;
            // payloads go to the registered buffers.
            let pushed = unsafe { ring.push(&entry) };
            self.armed[usize::from(socket.0)] = pushed;
            self.incomplete |= !pushed;
        }
    }

    /// Sockets with a receive in the kernel.
    pub(super) fn any_armed(&self) -> bool {
        self.armed.contains(&true)
    }

    /// Takes note that a request ended, without looking at its data.
    pub(super) fn ended(&mut self, socket: SocketIndex) {
        self.incomplete = true;
        self.armed[usize::from(socket.0)] = false;
    }

    /// Handles one completion. Returns the datagrams handed over.
    pub(super) fn complete(
        &mut self,
        socket: SocketIndex,
        completion: &cqueue::Entry,
        sockets: &Sockets,
        counters: &mut Counters,
        receive: &mut dyn FnMut(Received<'_>),
    ) -> Result<usize, ReactorError> {
        if !cqueue::more(completion.flags()) {
            self.ended(socket);
        }
        let Ok(len) = usize::try_from(completion.result()) else {
            return self
                .fail(socket, -completion.result(), sockets, counters)
                .map(|()| 0);
        };
        let Some(id) = cqueue::buffer_select(completion.flags()) else {
            return Ok(0);
        };
        self.errors_in_row[usize::from(socket.0)] = 0;
        let received = match RecvMsgOut::parse(self.buffers.get(id, len), &self.template) {
            Ok(message) => Delivery {
                socket,
                name: message.name_data(),
                control: message.control_data(),
                payload: message.payload_data(),
                truncated: message.is_payload_truncated(),
            }
            .hand_over(counters, receive),
            Err(()) => 0,
        };
        self.buffers.give(id);
        Ok(received)
    }

    /// Lets the kernel use the buffers again that were read in this turn.
    pub(super) fn publish(&mut self) {
        self.buffers.publish();
    }

    fn fail(
        &mut self,
        socket: SocketIndex,
        errno: i32,
        sockets: &Sockets,
        counters: &mut Counters,
    ) -> Result<(), ReactorError> {
        match errno {
            // All buffers were in use: armed again at the next turn, with buffers given back.
            libc::ENOBUFS => counters.buffer_exhaustions += 1,
            libc::ECANCELED | libc::EINTR | libc::EAGAIN => {}
            errno => {
                counters.receive_errors += 1;
                let errors = &mut self.errors_in_row[usize::from(socket.0)];
                *errors += 1;
                if *errors >= MAX_ERRORS_IN_ROW {
                    return Err(ReactorError::Receive {
                        address: sockets.addresses()[usize::from(socket.0)],
                        source: io::Error::from_raw_os_error(errno),
                    });
                }
            }
        }
        Ok(())
    }
}
