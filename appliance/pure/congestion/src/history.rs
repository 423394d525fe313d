//! What was sent and has not been forgotten: a ring indexed by transport-wide number.

use crate::clock::{Micros, SECOND};

/// Slots before anything was sent: 80 ms of a 2 Mbit/s stream, grown by what is in flight.
const MIN_SLOTS: usize = 128;

/// Slots at most; 8,192 packets of 1,200 bytes in a round trip of 0.5 s are 150 Mbit/s. Older
/// packets are forgotten, their feedback counts as unknown.
pub(crate) const MAX_SLOTS: usize = 8_192;

/// A packet younger than this and not yet reported makes the ring grow instead of being
/// overwritten: two round trips of a satellite path.
const KEEP: Micros = 2 * SECOND;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing has been heard of it.
    InFlight,
    /// A report left it out. It may be on another path and still arrive.
    Lost,
    /// The report that told of it went missing; its bytes are taken as arrived.
    Assumed,
    Received,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Packet {
    pub(crate) sequence: u64,
    pub(crate) at: Micros,
    pub(crate) bytes: u32,
    /// 0: belongs to no probe.
    pub(crate) cluster: u32,
    pub(crate) state: State,
}

#[derive(Default)]
pub(crate) struct History {
    slots: Vec<Option<Packet>>,
    newest: Option<u64>,
}

impl History {
    /// Does not allocate once the ring holds what is in flight.
    pub(crate) fn insert(&mut self, packet: Packet) {
        if self.slots.is_empty() {
            self.slots.resize(MIN_SLOTS, None);
        }
        while self.slots.len() < MAX_SLOTS && self.would_forget(&packet) {
            self.grow();
        }
        self.newest = self.newest.max(Some(packet.sequence));
        self.place(packet);
    }

    pub(crate) fn packet(&mut self, sequence: u64) -> Option<&mut Packet> {
        let index = self.index(sequence)?;
        self.slots
            .get_mut(index)?
            .as_mut()
            .filter(|packet| packet.sequence == sequence)
    }

    /// The extended number nearest below the newest sent one that ends in `low`: feedback can
    /// only tell of what was sent.
    pub(crate) fn extend(&self, low: u16) -> Option<u64> {
        let newest = self.newest?;
        newest.checked_sub(u64::from((newest as u16).wrapping_sub(low)))
    }

    fn index(&self, sequence: u64) -> Option<usize> {
        let mask = (self.slots.len() as u64).checked_sub(1)?;
        Some((sequence & mask) as usize)
    }

    fn would_forget(&self, packet: &Packet) -> bool {
        self.index(packet.sequence)
            .and_then(|index| self.slots.get(index).copied().flatten())
            .is_some_and(|old| {
                old.sequence != packet.sequence
                    && old.state == State::InFlight
                    && packet.at - old.at < KEEP
            })
    }

    fn grow(&mut self) {
        let doubled = self.slots.len() * 2;
        let old = std::mem::replace(&mut self.slots, vec![None; doubled]);
        for packet in old.into_iter().flatten() {
            self.place(packet);
        }
    }

    fn place(&mut self, packet: Packet) {
        if let Some(slot) = self
            .index(packet.sequence)
            .and_then(|index| self.slots.get_mut(index))
        {
            *slot = Some(packet);
        }
    }
}
