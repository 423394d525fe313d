//! What was sent and may be asked for again.

use crate::moment::Moment;
use crate::payload::Packet;
use std::time::Duration;

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
    /// The low 32 bits of its number: what differs above is too old to be here.
    number: u32,
    left_at: Moment,
    /// When it was last queued to be sent again.
    pub(crate) resent_at: Option<Moment>,
    /// Feedback told that it came when it was sent again.
    pub(crate) is_repaired: bool,
}

/// A cache line each, as every packet to every viewer writes one: 32 KiB per video subscription.
const _: () = assert!(size_of::<Option<Sent>>() == 64);

/// Packets by number; grows as far as their age asks for.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    slots: Vec<Option<Sent>>,
    newest: Option<Moment>,
}

impl Ring {
    pub(crate) fn insert(&mut self, number: u64, packet: Packet, now: Moment) {
        self.newest = Some(now);
        if self.slots.is_empty() {
            self.resize(FIRST_PACKETS, now);
        }
        let number = number as u32;
        while self.slots.len() < MAX_PACKETS && self.is_young(number, now) {
            self.resize(self.slots.len() * 2, now);
        }
        self.place(Sent {
            packet,
            number,
            left_at: now,
            resent_at: None,
            is_repaired: false,
        });
    }

    /// The packet, if it is remembered and young.
    pub(crate) fn get(&mut self, number: u64, now: Moment) -> Option<&mut Sent> {
        let number = number as u32;
        let slot = slot(number, self.slots.len())?;
        self.slots
            .get_mut(slot)?
            .as_mut()
            .filter(|sent| sent.number == number && sent.is_young(now))
    }

    /// The same, to look at.
    pub(crate) fn peek(&self, number: u64, now: Moment) -> Option<&Packet> {
        let number = number as u32;
        let slot = slot(number, self.slots.len())?;
        let sent = self.slots.get(slot)?.as_ref()?;
        (sent.number == number && sent.is_young(now)).then_some(&sent.packet)
    }

    /// When the last packet was inserted.
    pub(crate) fn newest(&self) -> Option<Moment> {
        self.newest
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn is_young(&self, number: u32, now: Moment) -> bool {
        slot(number, self.slots.len())
            .and_then(|slot| self.slots.get(slot)?.as_ref())
            .is_some_and(|sent| sent.is_young(now))
    }

    fn resize(&mut self, len: usize, now: Moment) {
        let mut slots = Vec::new();
        slots.resize_with(len, || None);
        let old = std::mem::replace(&mut self.slots, slots);
        for sent in old.into_iter().flatten().filter(|sent| sent.is_young(now)) {
            self.place(sent);
        }
    }

    fn place(&mut self, sent: Sent) {
        if let Some(place) = slot(sent.number, self.slots.len())
            && let Some(place) = self.slots.get_mut(place)
        {
            *place = Some(sent);
        }
    }
}

impl Sent {
    fn is_young(&self, now: Moment) -> bool {
        now.since(self.left_at) <= MAX_AGE
    }
}

/// `len` is a power of two, or nothing.
fn slot(number: u32, len: usize) -> Option<usize> {
    let mask = len.checked_sub(1)?;
    Some(number as usize & mask)
}

#[cfg(test)]
mod tests;
