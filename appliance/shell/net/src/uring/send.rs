//! Sending: one SENDMSG per train, silent unless it fails.
//!
//! `MSG_DONTWAIT` makes the kernel finish each send while it is submitted: it copies the bytes or
//! refuses, and never keeps the request. So a train's memory is free once the kernel has taken its
//! entry, and successes need no completion (`SKIP_SUCCESS`).

use super::ring::Ring;
use super::tag::Tag;
use crate::counters::Counters;
use crate::socket::Sockets;
use crate::socket::message::Message;
use crate::train::stall::{SocketSet, Stall};
use crate::train::{MAX_TRAINS, Outcome, Trains};
use io_uring::types::Fd;
use io_uring::{opcode, squeue};
use std::collections::VecDeque;

/// Entries left free in a round of sends for the reactor's own requests.
const RESERVED_ENTRIES: usize = 64;

/// The sending half of the reactor.
pub(super) struct Sending {
    pub(super) trains: Trains,
    pub(super) stall: Stall,
    /// One per train, at the same index.
    messages: Box<[Message]>,
    staged: Vec<u16>,
    /// What the ring holds that the kernel has not taken, in order: a train, or `None` for others.
    unsubmitted: VecDeque<Option<u16>>,
    polled: SocketSet,
}

impl Sending {
    pub(super) fn new() -> Self {
        Self {
            trains: Trains::new(),
            stall: Stall::default(),
            messages: Message::slots(MAX_TRAINS),
            staged: Vec::with_capacity(MAX_TRAINS),
            unsubmitted: VecDeque::with_capacity(super::ring::SUBMISSIONS as usize),
            polled: SocketSet::default(),
        }
    }

    /// Queues a send for every train that may leave now. True: more may leave once these did.
    pub(super) fn push(&mut self, ring: &mut Ring, sockets: &Sockets) -> bool {
        self.note_others(ring);
        let taken = ring.unsubmitted() + RESERVED_ENTRIES;
        let room = (super::ring::SUBMISSIONS as usize).saturating_sub(taken);
        let stalled = self.stall.sockets();
        let more = self
            .trains
            .stage(|socket| !stalled.contains(socket), &mut self.staged, room);
        for train in self.staged.drain(..) {
            let attempt = self.trains.attempt(train);
            let header = self.messages[usize::from(train)].set(&attempt, &self.trains);
            let generation = self.trains.generation(train);
            let entry = opcode::SendMsg::new(Fd(sockets.raw_fd(attempt.socket)), header)
                .flags((libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as u32)
                .build()
                .flags(squeue::Flags::SKIP_SUCCESS)
                .user_data(Tag::Send { train, generation }.encode());
            // SAFETY: the message is boxed and is not set again before its train is freed; train
            // and arena bytes are freed after the kernel took the entry (`settle`), when a
            // MSG_DONTWAIT send is over.
            let pushed = unsafe { ring.push(&entry) };
            if pushed {
                self.unsubmitted.push_back(Some(train));
            } else {
                // `room` keeps this from happening; the train is not lost if it does.
                self.trains.note(train, Outcome::Failed(libc::EAGAIN));
                self.unsubmitted.push_front(Some(train));
            }
        }
        more
    }

    /// Asks to be told when a stalled socket takes data again.
    pub(super) fn poll_stalled(&mut self, ring: &mut Ring, sockets: &Sockets) {
        if self.stall.sockets().is_empty() {
            return;
        }
        for socket in self.stall.sockets().iter() {
            if self.polled.contains(socket) {
                continue;
            }
            let entry = opcode::PollAdd::new(Fd(sockets.raw_fd(socket)), libc::POLLOUT as u32)
                .build()
                .user_data(Tag::Writable(socket).encode());
            // SAFETY: a poll request points to no memory.
            if unsafe { ring.push(&entry) } {
                self.polled.add(socket);
            }
        }
    }

    /// A socket takes data again.
    pub(super) fn writable(&mut self, socket: crate::SocketIndex) {
        self.polled.remove(socket);
        self.stall.end(socket);
    }

    /// A send failed.
    pub(super) fn failed(&mut self, train: u16, generation: u16, errno: i32) {
        // A completion that came too late for its train says nothing about the next one there.
        if self.trains.generation(train) == generation {
            self.trains.note(train, Outcome::Failed(errno));
        }
    }

    /// After an entry, with all failures noted: frees what the kernel took.
    pub(super) fn settle(&mut self, ring: &mut Ring, counters: &mut Counters) {
        let left = ring.unsubmitted();
        while self.unsubmitted.len() > left {
            if let Some(Some(train)) = self.unsubmitted.pop_front() {
                self.staged.push(train);
            }
        }
        let full = self.trains.settle(&mut self.staged, counters);
        if full.is_empty() {
            self.stall.clear_if_over();
        } else {
            counters.send_stalls += 1;
            self.stall.begin(full);
        }
    }

    /// Gives up on what has waited too long for room.
    pub(super) fn expire(&mut self, counters: &mut Counters) {
        let expired = self.stall.take_expired();
        if !expired.is_empty() {
            self.trains.drop_queued(expired, counters);
        }
    }

    /// Counts requests of other kinds that were queued since the last round.
    fn note_others(&mut self, ring: &mut Ring) {
        let queued = ring.unsubmitted();
        while self.unsubmitted.len() < queued {
            self.unsubmitted.push_back(None);
        }
    }
}
