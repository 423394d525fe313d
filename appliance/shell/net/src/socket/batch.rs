//! Receiving with `recvmmsg`: up to a batch of deliveries per call.

use super::address::{NAME_BYTES, Name};
use super::control::{CONTROL_BYTES, Control};
use super::datagram::Delivery;
use super::message::empty_header;
use crate::counters::Counters;
use crate::reactor::{ReactorError, Received, SocketIndex};
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::ptr;

/// The most deliveries per call, 4 MiB of buffers for trains.
const MAX_BATCH: u16 = 64;

/// Calls per socket and turn: a flooded socket may not keep the others waiting. What is left makes
/// the next turn return at once.
const MAX_CALLS: usize = 8;

/// Messages and their memory, allocated once.
pub(crate) struct Batch {
    messages: Box<[libc::mmsghdr]>,
    names: Box<[Name]>,
    controls: Box<[Control]>,
    pieces: Box<[libc::iovec]>,
    payloads: Box<[u8]>,
    payload_bytes: usize,
}

impl Batch {
    /// Room for so many deliveries per call of at most so many bytes each.
    pub(crate) fn new(buffers: u16, payload_bytes: usize) -> Self {
        let count = usize::from(buffers.min(MAX_BATCH));
        let message = libc::mmsghdr {
            msg_hdr: empty_header(),
            msg_len: 0,
        };
        let piece = libc::iovec {
            iov_base: ptr::null_mut(),
            iov_len: 0,
        };
        Self {
            messages: vec![message; count].into_boxed_slice(),
            names: vec![Name::EMPTY; count].into_boxed_slice(),
            controls: vec![Control::EMPTY; count].into_boxed_slice(),
            pieces: vec![piece; count].into_boxed_slice(),
            payloads: vec![0; count * payload_bytes].into_boxed_slice(),
            payload_bytes,
        }
    }

    /// Hands over what the socket of this address and descriptor holds, up to the turn's limit.
    pub(crate) fn drain(
        &mut self,
        (socket, address, fd): (SocketIndex, SocketAddr, RawFd),
        counters: &mut Counters,
        receive: &mut dyn FnMut(Received<'_>),
    ) -> Result<usize, ReactorError> {
        let mut received = 0;
        for _ in 0..MAX_CALLS {
            self.prepare();
            counters.kernel_entries += 1;
            let count = match self.receive(fd) {
                Ok(count) => count,
                Err(error) => match error.raw_os_error() {
                    Some(libc::EAGAIN | libc::EINTR) => break,
                    Some(libc::EBADF | libc::ENOTSOCK | libc::EFAULT | libc::EINVAL) => {
                        return Err(ReactorError::Receive {
                            address,
                            source: error,
                        });
                    }
                    // An ICMP message about an earlier send, mostly: reading it clears it.
                    _ => {
                        counters.receive_errors += 1;
                        continue;
                    }
                },
            };
            for index in 0..count {
                received += self.delivery(socket, index).hand_over(counters, receive);
            }
            if count < self.messages.len() {
                break;
            }
        }
        Ok(received)
    }

    /// Points every message to its memory: the kernel shortens the lengths it finds.
    fn prepare(&mut self) {
        let payloads = self.payloads.chunks_exact_mut(self.payload_bytes);
        let parts = self
            .names
            .iter_mut()
            .zip(&mut self.controls)
            .zip(&mut self.pieces);
        for ((message, payload), ((name, control), piece)) in
            self.messages.iter_mut().zip(payloads).zip(parts)
        {
            piece.iov_base = payload.as_mut_ptr().cast();
            piece.iov_len = payload.len();
            let header = &mut message.msg_hdr;
            header.msg_name = name.as_mut_ptr();
            header.msg_namelen = NAME_BYTES as libc::socklen_t;
            header.msg_control = control.as_mut_ptr();
            header.msg_controllen = CONTROL_BYTES as _;
            header.msg_iov = ptr::from_mut(piece);
            header.msg_iovlen = 1;
            header.msg_flags = 0;
        }
    }

    fn receive(&mut self, fd: RawFd) -> io::Result<usize> {
        let messages = self.messages.as_mut_ptr();
        // SAFETY: `prepare` pointed each of the messages to memory of its own, of the length noted
        // there, and all of it lives in boxes of `self`. Needed because the standard library
        // receives one datagram per call, without control messages.
        let count = unsafe {
            libc::recvmmsg(
                fd,
                messages,
                self.messages.len() as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }

    fn delivery(&self, socket: SocketIndex, index: usize) -> Delivery<'_> {
        let message = &self.messages[index];
        let header = &message.msg_hdr;
        let name = self.names[index].bytes();
        let control = self.controls[index].bytes();
        let payload = &self.payloads[index * self.payload_bytes..][..self.payload_bytes];
        #[allow(
            clippy::unnecessary_cast,
            reason = "the length's type differs between C libraries"
        )]
        let control_len = header.msg_controllen as usize;
        Delivery {
            socket,
            name: &name[..(header.msg_namelen as usize).min(name.len())],
            control: &control[..control_len.min(control.len())],
            payload: &payload[..(message.msg_len as usize).min(payload.len())],
            truncated: header.msg_flags & libc::MSG_TRUNC != 0,
        }
    }
}
