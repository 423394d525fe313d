//! Clients' reports (RTCP) apart from their media: a second socket on the same port.
//!
//! Every client reports twenty times a second. In the socket where media comes, each report wakes
//! the thread for itself, which costs several times what reading it does. In a socket of their own
//! that nobody waits for, they gather until the reactor's owner hears them.

use super::batch::Batch;
use super::{SocketOptions, Sockets, bind_beside, set_option};
use crate::counters::Counters;
use crate::reactor::{MAX_DATAGRAM_BYTES, ReactorError, Received, SocketIndex};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

/// Reports read with one system call.
const BATCH: u16 = 32;

/// Bytes between two reports, an odd number of cache lines.
const STRIDE: usize = MAX_DATAGRAM_BYTES + 64;

/// Chooses the socket of a group by the datagram's first two bytes: 1 for RTCP (version 2, payload
/// types 192 to 223, RFC 5761 §4), 0 for all else. What is shorter than two bytes goes to 0 too.
const IS_RTCP: [libc::sock_filter; 8] = [
    instruction(0x30, 0, 0, 0),    // A = first byte
    instruction(0x54, 0, 0, 0xc0), // A &= 0xc0: the version
    instruction(0x15, 0, 4, 0x80), // unless it is 2: return 0
    instruction(0x30, 0, 0, 1),    // A = second byte
    instruction(0x54, 0, 0, 0xe0), // A &= 0xe0: its block of 32 types
    instruction(0x15, 0, 1, 0xc0), // unless it is 192 to 223: return 0
    instruction(0x06, 0, 0, 1),    // return 1
    instruction(0x06, 0, 0, 0),    // return 0
];

const fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

/// The sockets of reports, and memory to read them into.
pub(crate) struct Reports {
    sockets: Vec<(SocketIndex, SocketAddr, socket2::Socket)>,
    batch: Batch,
}

impl Reports {
    /// One socket beside each of `sockets`, if the options ask for it. Where the kernel refuses,
    /// reports stay where media comes: nothing is lost but time.
    pub(crate) fn beside(sockets: &Sockets, options: &SocketOptions) -> Self {
        let mut reports = Self {
            sockets: Vec::new(),
            batch: Batch::new(BATCH, STRIDE),
        };
        for socket in sockets.indices().filter(|_| options.are_reports_apart) {
            match beside(sockets, socket, options) {
                Ok((address, beside)) => reports.sockets.push((socket, address, beside)),
                Err(error) => tracing::warn!(%error, "reports are not kept apart from media"),
            }
        }
        reports
    }

    /// Hands over what has gathered, up to a limit per socket.
    pub(crate) fn hear(
        &mut self,
        counters: &mut Counters,
        receive: &mut dyn FnMut(Received<'_>),
    ) -> Result<usize, ReactorError> {
        let mut received = 0;
        for (socket, address, beside) in &self.sockets {
            let place = (*socket, *address, beside.as_raw_fd());
            received += self.batch.drain(place, counters, receive)?;
        }
        Ok(received)
    }
}

fn beside(
    sockets: &Sockets,
    socket: SocketIndex,
    options: &SocketOptions,
) -> io::Result<(SocketAddr, socket2::Socket)> {
    let address = sockets.addresses()[usize::from(socket.0)];
    let beside = bind_beside(&sockets.sockets[usize::from(socket.0)], address, options)?;
    let program = libc::sock_fprog {
        len: IS_RTCP.len() as libc::c_ushort,
        filter: IS_RTCP.as_ptr().cast_mut(),
    };
    let (level, name) = (libc::SOL_SOCKET, libc::SO_ATTACH_REUSEPORT_CBPF);
    set_option(&beside, level, name, program)?;
    Ok((address, beside))
}
