//! Trains: datagrams of equal length for one destination that leave in one send.
//!
//! Reservations are appended to the destination's newest train; a flush stages the queues, a
//! backend sends what is staged, and [`Trains::settle`] frees, requeues or drops by outcome.

pub(crate) mod destination;
pub(crate) mod stall;

use crate::arena::{Arena, CHUNK_BYTES, NO_CHUNK, Span};
use crate::counters::{Counters, DropCause};
use crate::reactor::{MAX_DATAGRAM_BYTES, SocketIndex};
use destination::{Destinations, Gso};
use stall::SocketSet;
use std::net::SocketAddr;

/// Datagrams per train (`UDP_MAX_SEGMENTS` was 64 until Linux 6.9, 128 since).
pub(crate) const MAX_SEGMENTS: u8 = 64;

/// Payload bytes per train: an IP packet of 65,535 bytes less its headers, rounded down.
pub(crate) const MAX_TRAIN_BYTES: usize = 65_000;

/// Trains queued or in flight at once.
pub(crate) const MAX_TRAINS: usize = 1_024;

/// Sends of one train that may end in a full buffer before it is dropped.
const MAX_ATTEMPTS: u8 = 4;

/// Pieces of a train: it may begin in a chunk that is nearly full, and leaves less than one
/// datagram unused in each of the others.
pub(crate) const MAX_SPANS: usize = 2 + MAX_TRAIN_BYTES / (CHUNK_BYTES - MAX_DATAGRAM_BYTES);

/// No train.
pub(crate) const NO_TRAIN: u16 = u16::MAX;

const _: () = assert!(MAX_TRAINS < NO_TRAIN as usize);

#[derive(Debug, Clone, Copy)]
struct Train {
    destination: u16,
    /// The next one for the same destination.
    next: u16,
    /// Tells a late completion for an earlier use of this place from one for this use.
    generation: u16,
    /// Length of all datagrams but the last.
    segment: u16,
    segments: u8,
    /// Of them, sent one by one after the destination refused the train.
    sent: u8,
    attempts: u8,
    /// Takes more datagrams.
    open: bool,
    bytes: u32,
    spans: [Span; MAX_SPANS],
    span_count: u8,
    outcome: Outcome,
}

/// What became of a staged train.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The kernel took it.
    Sent,
    /// The backend did not get to it.
    NotTried,
    /// This errno.
    Failed(i32),
}

/// One send: a whole train or, after a refusal, one of its datagrams.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt {
    pub(crate) socket: SocketIndex,
    pub(crate) to: SocketAddr,
    /// Length to cut at; `None` for a single datagram.
    pub(crate) segment: Option<u16>,
    pub(crate) datagrams: u32,
    pub(crate) bytes: u32,
    spans: [Span; MAX_SPANS],
    span_count: u8,
}

impl Attempt {
    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans[..usize::from(self.span_count)]
    }
}

/// All queued trains of a reactor with the arena they live in.
pub(crate) struct Trains {
    arena: Arena,
    places: Box<[Train]>,
    free: Vec<u16>,
    destinations: Destinations,
    /// Destinations with something queued, in the order in which that began.
    active: Vec<u16>,
    settlements: u32,
}

impl Trains {
    pub(crate) fn new() -> Self {
        let train = Train {
            destination: 0,
            next: NO_TRAIN,
            generation: 0,
            segment: 0,
            segments: 0,
            sent: 0,
            attempts: 0,
            open: false,
            bytes: 0,
            spans: [Span::default(); MAX_SPANS],
            span_count: 0,
            outcome: Outcome::Sent,
        };
        Self {
            arena: Arena::new(),
            places: vec![train; MAX_TRAINS].into_boxed_slice(),
            free: (0..MAX_TRAINS as u16).rev().collect(),
            destinations: Destinations::new(),
            active: Vec::with_capacity(destination::MAX_DESTINATIONS),
            settlements: 0,
        }
    }

    /// Room for one datagram at the end of its destination's queue; `None` when arena, trains or
    /// destinations are used up, which a flush may change. `len` is 1 to [`MAX_DATAGRAM_BYTES`].
    pub(crate) fn reserve(
        &mut self,
        socket: SocketIndex,
        to: SocketAddr,
        len: usize,
    ) -> Option<Span> {
        let destination = match self.destinations.find_or_add(socket, to) {
            Some(found) => found,
            None => self.add_after_forgetting(socket, to)?,
        };
        self.extend(destination, len)
            .or_else(|| self.begin(destination, len))
    }

    /// Nothing is queued.
    pub(crate) fn is_empty(&self) -> bool {
        self.active.is_empty()
    }

    pub(crate) fn slice_mut(&mut self, span: Span) -> &mut [u8] {
        self.arena.slice_mut(span)
    }

    pub(crate) fn slice(&self, span: Span) -> &[u8] {
        self.arena.slice(span)
    }

    /// Moves queued trains of `sockets` to `staged`, up to `limit`. True: more may be staged once
    /// these are settled.
    pub(crate) fn stage(
        &mut self,
        sockets: impl Fn(SocketIndex) -> bool,
        staged: &mut Vec<u16>,
        limit: usize,
    ) -> bool {
        let mut more = false;
        let mut kept = 0;
        for position in 0..self.active.len() {
            let index = self.active[position];
            if sockets(self.destinations.get(index).socket) {
                more |= self.stage_destination(index, staged, limit);
            }
            if self.destinations.get(index).head == NO_TRAIN {
                self.retire(index);
            } else {
                self.active[kept] = index;
                kept += 1;
            }
        }
        self.active.truncate(kept);
        more
    }

    /// What to send for a staged train.
    pub(crate) fn attempt(&self, train: u16) -> Attempt {
        let train = &self.places[usize::from(train)];
        let destination = self.destinations.get(train.destination);
        let mut attempt = Attempt {
            socket: destination.socket,
            to: destination.to,
            segment: (train.segments > 1).then_some(train.segment),
            datagrams: u32::from(train.segments),
            bytes: train.bytes,
            spans: train.spans,
            span_count: train.span_count,
        };
        if train.segments > 1 && destination.gso == Gso::Refused {
            let span = train.datagram(train.sent);
            attempt.segment = None;
            attempt.datagrams = 1;
            attempt.bytes = u32::from(span.len);
            attempt.spans[0] = span;
            attempt.span_count = 1;
        }
        attempt
    }

    /// Tells this use of a train's place from others.
    pub(crate) fn generation(&self, train: u16) -> u16 {
        self.places[usize::from(train)].generation
    }

    /// Notes what became of a staged train; without a note it counts as sent.
    pub(crate) fn note(&mut self, train: u16, outcome: Outcome) {
        if let Some(train) = self.places.get_mut(usize::from(train)) {
            train.outcome = outcome;
        }
    }

    /// Frees, requeues or drops what was staged, and empties the list, which is in the order of
    /// sending. Returns the sockets that took no more.
    pub(crate) fn settle(&mut self, staged: &mut Vec<u16>, counters: &mut Counters) -> SocketSet {
        self.settlements = self.settlements.wrapping_add(1);
        let mut full = SocketSet::default();
        // Backwards: requeued ones go to the front of their queue, and whether a later one was
        // sent is known before an earlier one is requeued.
        while let Some(index) = staged.pop() {
            match self.places[usize::from(index)].outcome {
                Outcome::Sent => self.settle_sent(index, counters),
                Outcome::NotTried => self.requeue(index),
                Outcome::Failed(errno) => self.settle_failed(index, errno, &mut full, counters),
            }
        }
        full
    }

    /// Drops everything queued for these sockets.
    pub(crate) fn drop_queued(&mut self, sockets: SocketSet, counters: &mut Counters) {
        let mut dropped = Vec::new();
        self.stage_all(sockets, &mut dropped);
        for index in dropped {
            self.drop_train(index, DropCause::SendBufferFull, counters);
        }
    }

    fn stage_all(&mut self, sockets: SocketSet, staged: &mut Vec<u16>) {
        let mut kept = 0;
        for position in 0..self.active.len() {
            let index = self.active[position];
            if sockets.contains(self.destinations.get(index).socket) {
                while let Some(train) = self.pop(index) {
                    staged.push(train);
                }
                self.retire(index);
            } else {
                self.active[kept] = index;
                kept += 1;
            }
        }
        self.active.truncate(kept);
    }

    fn stage_destination(&mut self, index: u16, staged: &mut Vec<u16>, limit: usize) -> bool {
        loop {
            if self.destinations.get(index).head == NO_TRAIN {
                return false;
            }
            if staged.len() >= limit {
                return true;
            }
            let Some(train) = self.pop(index) else {
                return false;
            };
            staged.push(train);
            let train = &mut self.places[usize::from(train)];
            train.open = false;
            train.outcome = Outcome::Sent;
            // A train that may be refused, or leaves datagram by datagram, must not be overtaken.
            let destination = self.destinations.get(index);
            let remaining = train.segments - train.sent;
            if train.segments > 1 && destination.gso != Gso::Accepted {
                let by_datagram = destination.gso == Gso::Refused && remaining > 1;
                return by_datagram || destination.head != NO_TRAIN;
            }
        }
    }

    fn settle_sent(&mut self, index: u16, counters: &mut Counters) {
        let attempt = self.attempt(index);
        counters.count_sent(attempt.datagrams, attempt.bytes);
        let train = &mut self.places[usize::from(index)];
        let destination = self.destinations.get_mut(train.destination);
        destination.sent_in = self.settlements;
        if attempt.segment.is_some() {
            destination.gso = Gso::Accepted;
        }
        train.sent = train.sent.saturating_add(attempt.datagrams as u8);
        if train.sent < train.segments {
            self.requeue(index);
        } else {
            self.release(index);
        }
    }

    fn settle_failed(
        &mut self,
        index: u16,
        errno: i32,
        full: &mut SocketSet,
        counters: &mut Counters,
    ) {
        let attempt = self.attempt(index);
        let train = &mut self.places[usize::from(index)];
        let destination = self.destinations.get_mut(train.destination);
        let overtaken = destination.sent_in == self.settlements;
        match errno {
            libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM => {
                full.add(attempt.socket);
                train.attempts += 1;
                if overtaken || train.attempts >= MAX_ATTEMPTS {
                    self.drop_train(index, DropCause::SendBufferFull, counters);
                } else {
                    self.requeue(index);
                }
            }
            libc::EIO | libc::EINVAL | libc::EMSGSIZE | libc::EOPNOTSUPP
                if attempt.segment.is_some() =>
            {
                destination.gso = Gso::Refused;
                counters.train_refusals += 1;
                if overtaken {
                    self.drop_train(index, DropCause::Refused, counters);
                } else {
                    self.requeue(index);
                }
            }
            errno if attempt.datagrams == 1 => {
                // Only this datagram: the others of a refused train may still go through.
                counters.count_drop(drop_cause(errno), 1);
                train.sent += 1;
                if train.sent < train.segments {
                    self.requeue(index);
                } else {
                    self.release(index);
                }
            }
            errno => self.drop_train(index, drop_cause(errno), counters),
        }
    }

    /// Appends to the destination's newest train.
    fn extend(&mut self, index: u16, len: usize) -> Option<Span> {
        let destination = self.destinations.get_mut(index);
        let train = self.places.get_mut(usize::from(destination.tail))?;
        let fits = train.open
            && len <= usize::from(train.segment)
            && train.bytes as usize + len <= MAX_TRAIN_BYTES;
        if !fits || destination.gso == Gso::Refused {
            return None;
        }
        let span_count = usize::from(train.span_count);
        let span = if usize::from(destination.fill) + len <= CHUNK_BYTES {
            let last = &mut train.spans[span_count - 1];
            let span = Span {
                chunk: destination.chunk,
                start: destination.fill,
                len: len as u16,
            };
            last.len += len as u16;
            span
        } else {
            if span_count == MAX_SPANS {
                return None;
            }
            let chunk = self.arena.claim()?;
            self.arena.share(chunk);
            self.arena.release(destination.chunk);
            destination.chunk = chunk;
            destination.fill = 0;
            let span = Span {
                chunk,
                start: 0,
                len: len as u16,
            };
            train.spans[span_count] = span;
            train.span_count += 1;
            span
        };
        destination.fill += len as u16;
        train.bytes += len as u32;
        train.segments += 1;
        train.open = len == usize::from(train.segment) && train.segments < MAX_SEGMENTS;
        Some(span)
    }

    /// Begins a new train behind the destination's others.
    fn begin(&mut self, index: u16, len: usize) -> Option<Span> {
        let place = *self.free.last()?;
        let destination = self.destinations.get_mut(index);
        if destination.chunk == NO_CHUNK || usize::from(destination.fill) + len > CHUNK_BYTES {
            let chunk = self.arena.claim()?;
            if destination.chunk != NO_CHUNK {
                self.arena.release(destination.chunk);
            }
            destination.chunk = chunk;
            destination.fill = 0;
        }
        self.arena.share(destination.chunk);
        self.free.pop();
        let span = Span {
            chunk: destination.chunk,
            start: destination.fill,
            len: len as u16,
        };
        destination.fill += len as u16;
        let train = &mut self.places[usize::from(place)];
        train.destination = index;
        train.next = NO_TRAIN;
        train.segment = len as u16;
        train.segments = 1;
        train.sent = 0;
        train.attempts = 0;
        train.open = true;
        train.bytes = len as u32;
        train.spans[0] = span;
        train.span_count = 1;
        if destination.head == NO_TRAIN {
            destination.head = place;
        } else {
            self.places[usize::from(destination.tail)].next = place;
        }
        destination.tail = place;
        destination.trains += 1;
        self.activate(index);
        Some(span)
    }

    fn pop(&mut self, index: u16) -> Option<u16> {
        let destination = self.destinations.get_mut(index);
        let head = destination.head;
        let train = self.places.get_mut(usize::from(head))?;
        destination.head = train.next;
        if destination.head == NO_TRAIN {
            destination.tail = NO_TRAIN;
        }
        train.next = NO_TRAIN;
        Some(head)
    }

    fn requeue(&mut self, place: u16) {
        let train = &mut self.places[usize::from(place)];
        let index = train.destination;
        let destination = self.destinations.get_mut(index);
        train.next = destination.head;
        destination.head = place;
        if destination.tail == NO_TRAIN {
            destination.tail = place;
        }
        self.activate(index);
    }

    fn activate(&mut self, index: u16) {
        let destination = self.destinations.get_mut(index);
        if !destination.active {
            destination.active = true;
            self.active.push(index);
        }
    }

    /// The destination has nothing queued: the next datagram begins in a fresh chunk.
    fn retire(&mut self, index: u16) {
        let destination = self.destinations.get_mut(index);
        destination.active = false;
        if destination.chunk != NO_CHUNK {
            self.arena.release(destination.chunk);
            destination.chunk = NO_CHUNK;
        }
    }

    fn drop_train(&mut self, place: u16, cause: DropCause, counters: &mut Counters) {
        let train = &self.places[usize::from(place)];
        counters.count_drop(cause, u64::from(train.segments - train.sent));
        self.release(place);
    }

    fn release(&mut self, place: u16) {
        let train = &mut self.places[usize::from(place)];
        train.generation = train.generation.wrapping_add(1);
        self.destinations.get_mut(train.destination).trains -= 1;
        for span in &train.spans[..usize::from(train.span_count)] {
            self.arena.release(span.chunk);
        }
        self.free.push(place);
    }

    fn add_after_forgetting(&mut self, socket: SocketIndex, to: SocketAddr) -> Option<u16> {
        self.destinations.forget_idle();
        for train in &mut self.places {
            train.destination = self.destinations.moved(train.destination);
        }
        for active in &mut self.active {
            *active = self.destinations.moved(*active);
        }
        self.destinations.find_or_add(socket, to)
    }
}

impl Train {
    /// The place of one datagram. Datagrams do not cross spans.
    fn datagram(&self, number: u8) -> Span {
        let mut skip = u32::from(number) * u32::from(self.segment);
        for span in &self.spans[..usize::from(self.span_count)] {
            if skip < u32::from(span.len) {
                let len = (u32::from(span.len) - skip).min(u32::from(self.segment));
                return Span {
                    start: span.start + skip as u16,
                    len: len as u16,
                    ..*span
                };
            }
            skip -= u32::from(span.len);
        }
        Span::default()
    }
}

fn drop_cause(errno: i32) -> DropCause {
    match errno {
        libc::EPERM | libc::EACCES => DropCause::Forbidden,
        libc::ECONNREFUSED
        | libc::ENETUNREACH
        | libc::EHOSTUNREACH
        | libc::ENETDOWN
        | libc::EHOSTDOWN
        | libc::ENODEV
        | libc::EADDRNOTAVAIL => DropCause::Unreachable,
        _ => DropCause::Refused,
    }
}

#[cfg(test)]
mod tests;
