//! What was sent and may be asked for again.

use crate::payload::Packet;
use std::time::{Duration, Instant};

/// Packets remembered per stream: 1.9 s of 2.7 Mbit/s, the age limit below at most rates.
pub(crate) const MAX_PACKETS: usize = 512;
/// A packet older than this is of no use to a viewer: its frame is past.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(2);
/// What a stream starts with.
const FIRST_PACKETS: usize = 16;

/// A packet that left.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) packet: Packet,
    left_at: Instant,
    /// When it was last queued to be sent again.
    pub(crate) resent_at: Option<Instant>,
    /// Feedback told that it came when it was sent again.
    pub(crate) is_repaired: bool,
}

/// One video subscription's memory stays below 64 KiB; payloads are shared.
const _: () = assert!(MAX_PACKETS * size_of::<Option<Sent>>() <= 56 * 1_024);

/// Packets by number; grows as far as their age asks for.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    slots: Vec<Option<Sent>>,
    newest: Option<Instant>,
}

impl Ring {
    pub(crate) fn insert(&mut self, packet: Packet, now: Instant) {
        self.newest = Some(now);
        if self.slots.is_empty() {
            self.resize(FIRST_PACKETS, now);
        }
        while self.slots.len() < MAX_PACKETS && self.is_young(packet.number, now) {
            self.resize(self.slots.len() * 2, now);
        }
        let sent = Sent {
            packet,
            left_at: now,
            resent_at: None,
            is_repaired: false,
        };
        self.place(sent);
    }

    /// The packet, if it is remembered and young.
    pub(crate) fn get(&mut self, number: u64, now: Instant) -> Option<&mut Sent> {
        let slot = slot(number, self.slots.len())?;
        self.slots
            .get_mut(slot)?
            .as_mut()
            .filter(|sent| sent.packet.number == number && sent.is_young(now))
    }

    /// The same, to look at.
    pub(crate) fn peek(&self, number: u64, now: Instant) -> Option<&Packet> {
        let slot = slot(number, self.slots.len())?;
        let sent = self.slots.get(slot)?.as_ref()?;
        (sent.packet.number == number && sent.is_young(now)).then_some(&sent.packet)
    }

    /// When the last packet was inserted.
    pub(crate) fn newest(&self) -> Option<Instant> {
        self.newest
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn is_young(&self, number: u64, now: Instant) -> bool {
        slot(number, self.slots.len())
            .and_then(|slot| self.slots.get(slot)?.as_ref())
            .is_some_and(|sent| sent.is_young(now))
    }

    fn resize(&mut self, len: usize, now: Instant) {
        let mut slots = Vec::new();
        slots.resize_with(len, || None);
        let old = std::mem::replace(&mut self.slots, slots);
        for sent in old.into_iter().flatten().filter(|sent| sent.is_young(now)) {
            self.place(sent);
        }
    }

    fn place(&mut self, sent: Sent) {
        if let Some(place) = slot(sent.packet.number, self.slots.len())
            && let Some(place) = self.slots.get_mut(place)
        {
            *place = Some(sent);
        }
    }
}

impl Sent {
    fn is_young(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.left_at) <= MAX_AGE
    }
}

fn slot(number: u64, len: usize) -> Option<usize> {
    number.checked_rem(len as u64).map(|slot| slot as usize)
}

#[cfg(test)]
mod tests;
