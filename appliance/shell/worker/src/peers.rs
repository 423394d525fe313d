//! The worker's peers, by place and by key.

use crate::demux::Paths;
use crate::timers::Alarm;
use crate::watch::Watch;
use foldhash::HashMap;
use media::{Egress, Figures, Outgoing};
use peer::Peer;
use slab::Slab;
use std::time::Instant;
use vocab::{ParticipantKey, PeerKey, RoomKey};

/// Peers on one worker: beyond it a new one fails at once. At some 100 KiB each this is what the
/// smallest supported machine can hold.
pub(crate) const MAX_PEERS: usize = 8_192;

/// One peer with what the worker knows of it.
pub(crate) struct Entry {
    pub(crate) key: PeerKey,
    pub(crate) room: RoomKey,
    pub(crate) participant: ParticipantKey,
    pub(crate) peer: Peer,
    pub(crate) paths: Paths,
    pub(crate) watch: Watch,
    pub(crate) alarm: Alarm,
    /// As last handed out.
    pub(crate) told: Option<Figures>,
    /// Waits to be drained in this turn.
    touched: bool,
    /// Waits, in this turn, to seal what was written to it.
    unsealed: bool,
    /// Gone as soon as its farewells are out.
    pub(crate) leaving: bool,
}

/// All peers of a worker.
#[derive(Default)]
pub(crate) struct Peers {
    entries: Slab<Entry>,
    by_key: HashMap<PeerKey, usize>,
    touched: Vec<usize>,
    unsealed: Vec<usize>,
}

impl Entry {
    /// Whether it is still to seal in this turn: when it wants to be called next is known then.
    pub(crate) fn is_unsealed(&self) -> bool {
        self.unsealed
    }
}

impl Peers {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn insert(
        &mut self,
        room: RoomKey,
        participant: ParticipantKey,
        key: PeerKey,
        peer: Peer,
    ) -> usize {
        let index = self.entries.insert(Entry {
            key,
            room,
            participant,
            peer,
            paths: Paths::default(),
            watch: Watch::default(),
            alarm: Alarm::default(),
            told: None,
            touched: false,
            unsealed: false,
            leaving: false,
        });
        self.by_key.insert(key, index);
        index
    }

    pub(crate) fn remove(&mut self, index: usize) -> Option<Entry> {
        let entry = self.entries.try_remove(index)?;
        self.by_key.remove(&entry.key);
        Some(entry)
    }

    pub(crate) fn index(&self, key: PeerKey) -> Option<usize> {
        self.by_key.get(&key).copied()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Entry> {
        self.entries.get_mut(index)
    }

    /// The entry, marked for draining.
    pub(crate) fn touch(&mut self, index: usize) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(index)?;
        if !entry.touched {
            entry.touched = true;
            self.touched.push(index);
        }
        Some(entry)
    }

    /// The entry has something to send: it seals in this turn.
    pub(crate) fn unseal(&mut self, index: usize) {
        if let Some(entry) = self.entries.get_mut(index)
            && !entry.unsealed
        {
            entry.unsealed = true;
            self.unsealed.push(index);
        }
    }

    /// The entry by key, marked for draining.
    pub(crate) fn touch_key(&mut self, key: PeerKey) -> Option<&mut Entry> {
        self.touch(self.index(key)?)
    }

    /// The next entry to drain.
    pub(crate) fn next_touched(&mut self) -> Option<usize> {
        let index = self.touched.pop()?;
        if let Some(entry) = self.entries.get_mut(index) {
            entry.touched = false;
        }
        Some(index)
    }

    /// The next entry to seal, once everybody has written.
    pub(crate) fn next_unsealed(&mut self) -> Option<usize> {
        let index = self.unsealed.pop()?;
        if let Some(entry) = self.entries.get_mut(index) {
            entry.unsealed = false;
        }
        Some(index)
    }

    /// Places of all peers for which `is_meant` holds.
    pub(crate) fn find(&self, is_meant: impl Fn(&Entry) -> bool) -> Vec<usize> {
        self.entries
            .iter()
            .filter(|(_, entry)| is_meant(entry))
            .map(|(index, _)| index)
            .collect()
    }
}

/// Forwarded packets go straight into the subscribers' peers.
impl Egress for Peers {
    fn write(&mut self, peer: PeerKey, packet: &Outgoing<'_>, now: Instant) {
        if let Some(entry) = self.touch_key(peer) {
            entry.peer.write(packet, now);
        }
    }
}
