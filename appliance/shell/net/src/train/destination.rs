//! Who trains are queued for: a bounded table from (socket, address) to queue.

use super::NO_TRAIN;
use crate::arena::NO_CHUNK;
use crate::reactor::SocketIndex;
use std::hash::BuildHasher;
use std::net::{IpAddr, SocketAddr};

/// Destinations remembered at once. Beyond it idle ones are forgotten, which costs them nothing
/// but their first train being sent alone again.
pub(crate) const MAX_DESTINATIONS: usize = 4_096;

/// Index slots: twice the destinations, so that probing stays short.
const SLOTS: usize = 2 * MAX_DESTINATIONS;

const EMPTY: u16 = u16::MAX;

const _: () = assert!(MAX_DESTINATIONS < EMPTY as usize && SLOTS.is_power_of_two());

/// Whether a destination takes trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gso {
    /// Its first train is sent alone, so that a refusal cannot change the order.
    Untried,
    /// A train went through.
    Accepted,
    /// A train was refused: single datagrams from now on.
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    address: u128,
    /// Scope id, port, socket, family.
    rest: u64,
}

impl Key {
    fn new(socket: SocketIndex, to: SocketAddr) -> Self {
        let (address, family) = match to.ip() {
            IpAddr::V4(ip) => (u128::from(u32::from(ip)), 4),
            IpAddr::V6(ip) => (u128::from(ip), 6),
        };
        let scope = if let SocketAddr::V6(to) = to {
            to.scope_id()
        } else {
            0
        };
        let rest =
            u64::from(scope) << 32 | u64::from(to.port()) << 16 | u64::from(socket.0) << 8 | family;
        Self { address, rest }
    }

    /// Seeded, so that nobody can choose source addresses that collide.
    fn slot(self, seed: u64) -> usize {
        let folded =
            (self.address ^ (self.address >> 64)) as u64 ^ self.rest.rotate_left(29) ^ seed;
        let product =
            u128::from(folded) * u128::from(0x9E37_79B9_7F4A_7C15_u64 ^ seed.rotate_left(32));
        (product as u64 ^ (product >> 64) as u64) as usize & (SLOTS - 1)
    }
}

/// One destination and its queue of trains.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Destination {
    key: Key,
    pub(crate) socket: SocketIndex,
    pub(crate) to: SocketAddr,
    pub(crate) gso: Gso,
    /// Oldest queued train.
    pub(crate) head: u16,
    /// Newest queued train.
    pub(crate) tail: u16,
    /// Chunk that the next datagram goes into, kept alive while something is queued.
    pub(crate) chunk: u16,
    /// Bytes used of it.
    pub(crate) fill: u16,
    /// Trains of its, queued or being sent.
    pub(crate) trains: u16,
    /// Listed as having something queued.
    pub(crate) active: bool,
    /// The settlement in which something was last sent; finds out whether a retry would overtake.
    pub(crate) sent_in: u32,
}

/// The table.
pub(crate) struct Destinations {
    entries: Vec<Destination>,
    slots: Box<[u16]>,
    moved: Box<[u16]>,
    seed: u64,
    /// Consecutive packets mostly go where the last one went.
    last: u16,
}

impl Destinations {
    pub(crate) fn new() -> Self {
        Self {
            entries: Vec::with_capacity(MAX_DESTINATIONS),
            slots: vec![EMPTY; SLOTS].into_boxed_slice(),
            moved: vec![0; MAX_DESTINATIONS].into_boxed_slice(),
            seed: std::hash::RandomState::new().hash_one(0_u8),
            last: EMPTY,
        }
    }

    pub(crate) fn get(&self, index: u16) -> &Destination {
        &self.entries[usize::from(index)]
    }

    pub(crate) fn get_mut(&mut self, index: u16) -> &mut Destination {
        &mut self.entries[usize::from(index)]
    }

    /// Finds or adds. `None`: the table is full.
    pub(crate) fn find_or_add(&mut self, socket: SocketIndex, to: SocketAddr) -> Option<u16> {
        let key = Key::new(socket, to);
        if self
            .entries
            .get(usize::from(self.last))
            .is_some_and(|last| last.key == key)
        {
            return Some(self.last);
        }
        self.last = match self.probe(key) {
            Ok(found) => found,
            Err(slot) if self.entries.len() < MAX_DESTINATIONS => self.add(slot, key, socket, to),
            Err(_) => return None,
        };
        Some(self.last)
    }

    /// Forgets all destinations without a train. The others move together; afterwards
    /// [`Self::moved`] tells where to.
    pub(crate) fn forget_idle(&mut self) {
        let mut kept = 0;
        for index in 0..self.entries.len() {
            if self.entries[index].trains > 0 {
                self.moved[index] = kept as u16;
                self.entries[kept] = self.entries[index];
                kept += 1;
            }
        }
        self.entries.truncate(kept);
        self.slots.fill(EMPTY);
        self.last = EMPTY;
        for index in 0..kept {
            if let Err(slot) = self.probe(self.entries[index].key) {
                self.slots[slot] = index as u16;
            }
        }
    }

    /// Where an entry stands after [`Self::forget_idle`].
    pub(crate) fn moved(&self, old: u16) -> u16 {
        self.moved[usize::from(old)]
    }

    fn add(&mut self, slot: usize, key: Key, socket: SocketIndex, to: SocketAddr) -> u16 {
        let index = self.entries.len() as u16;
        self.slots[slot] = index;
        self.entries.push(Destination {
            key,
            socket,
            to,
            gso: Gso::Untried,
            head: NO_TRAIN,
            tail: NO_TRAIN,
            chunk: NO_CHUNK,
            fill: 0,
            trains: 0,
            active: false,
            sent_in: 0,
        });
        index
    }

    /// The entry, or the slot where it would be noted. Ends: half of the slots are empty.
    fn probe(&self, key: Key) -> Result<u16, usize> {
        let mut slot = key.slot(self.seed);
        loop {
            match self.slots[slot] {
                EMPTY => return Err(slot),
                index if self.entries[usize::from(index)].key == key => return Ok(index),
                _ => slot = (slot + 1) & (SLOTS - 1),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn address(number: usize) -> SocketAddr {
        SocketAddr::from(([10, 0, (number >> 8) as u8, number as u8], 5_000))
    }

    #[test]
    fn a_destination_is_found_again_per_socket_and_port() {
        let mut table = Destinations::new();
        let first = table.find_or_add(SocketIndex(0), address(1)).unwrap();
        assert_ne!(table.find_or_add(SocketIndex(1), address(1)), Some(first));
        assert_ne!(table.find_or_add(SocketIndex(0), address(2)), Some(first));
        assert_eq!(table.find_or_add(SocketIndex(0), address(1)), Some(first));
    }

    #[test]
    fn a_full_table_forgets_only_idle_destinations() {
        let mut table = Destinations::new();
        for number in 0..MAX_DESTINATIONS {
            let index = table.find_or_add(SocketIndex(0), address(number)).unwrap();
            table.get_mut(index).trains = (number % 2) as u16;
        }
        assert_eq!(
            table.find_or_add(SocketIndex(0), address(MAX_DESTINATIONS)),
            None
        );
        table.forget_idle();
        for number in (1..MAX_DESTINATIONS).step_by(2) {
            let index = table.find_or_add(SocketIndex(0), address(number)).unwrap();
            assert_eq!(index, table.moved(number as u16));
            assert_eq!(table.get(index).to, address(number));
            assert_eq!(table.get(index).trains, 1);
        }
        let added = table.find_or_add(SocketIndex(0), address(0)).unwrap();
        assert_eq!(usize::from(added), MAX_DESTINATIONS / 2);
    }
}
