//! `msghdr` and what it points to, one per train, allocated once.

use super::address::{NAME_BYTES, Name};
use super::control::{CONTROL_BYTES, Control};
use crate::train::{Attempt, MAX_SPANS, Trains};
use std::ptr;

/// A message to send: header, destination, pieces and control message.
///
/// The header points into its own fields: it is valid until the message moves, so messages live
/// in a boxed slice.
pub(crate) struct Message {
    header: libc::msghdr,
    name: Name,
    pieces: [libc::iovec; MAX_SPANS],
    control: Control,
}

impl Message {
    /// A boxed slice of empty messages.
    pub(crate) fn slots(count: usize) -> Box<[Self]> {
        (0..count).map(|_| Self::empty()).collect()
    }

    fn empty() -> Self {
        Self {
            header: empty_header(),
            name: Name::EMPTY,
            pieces: [libc::iovec {
                iov_base: ptr::null_mut(),
                iov_len: 0,
            }; MAX_SPANS],
            control: Control::EMPTY,
        }
    }

    /// Describes one send. The header is valid while neither the message nor the arena moves, and
    /// reads the attempt's bytes whenever it is used.
    pub(crate) fn set(&mut self, attempt: &Attempt, trains: &Trains) -> &libc::msghdr {
        self.header.msg_namelen = self.name.set(attempt.to) as libc::socklen_t;
        self.header.msg_name = self.name.as_mut_ptr();
        for (piece, span) in self.pieces.iter_mut().zip(attempt.spans()) {
            let bytes = trains.slice(*span);
            piece.iov_base = bytes.as_ptr().cast_mut().cast();
            piece.iov_len = bytes.len();
        }
        self.header.msg_iov = self.pieces.as_mut_ptr();
        self.header.msg_iovlen = attempt.spans().len() as _;
        if let Some(segment) = attempt.segment {
            self.control.set_segment(segment);
            self.header.msg_control = self.control.as_mut_ptr();
            self.header.msg_controllen = CONTROL_BYTES as _;
        } else {
            self.header.msg_control = ptr::null_mut();
            self.header.msg_controllen = 0;
        }
        &self.header
    }
}

/// A header that points nowhere.
pub(crate) fn empty_header() -> libc::msghdr {
    // SAFETY: msghdr consists of integers and raw pointers, for which all zeroes is a value. Needed
    // because its padding fields differ between C libraries and cannot be named.
    unsafe { std::mem::zeroed() }
}

/// A header that only says how much room for name and control messages a receive wants.
pub(crate) fn receive_template() -> libc::msghdr {
    let mut header = empty_header();
    header.msg_namelen = NAME_BYTES as libc::socklen_t;
    header.msg_controllen = CONTROL_BYTES as _;
    header
}
