//! The worker's rooms, each behind a panic boundary: a fault in one room ends that room.

use crate::peers::Peers;
use crate::timers::Alarm;
use foldhash::HashMap;
use media::room::Output;
use media::{MediaCommand, Relay, Room};
use slab::Slab;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;
use vocab::RoomKey;

struct Entry {
    key: RoomKey,
    room: Room,
    alarm: Alarm,
    touched: bool,
}

/// A room that panicked and is gone.
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) RoomKey);

/// All rooms of a worker.
#[derive(Default)]
pub(crate) struct Rooms {
    entries: Slab<Entry>,
    by_key: HashMap<RoomKey, usize>,
    touched: Vec<usize>,
}

impl Rooms {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn open(&mut self, key: RoomKey, seed: u64, now: Instant) {
        if self.by_key.contains_key(&key) {
            return;
        }
        let room = Room::new(key, seed, now);
        let index = self.entries.insert(Entry {
            key,
            room,
            alarm: Alarm::default(),
            touched: false,
        });
        self.by_key.insert(key, index);
    }

    pub(crate) fn close(&mut self, key: RoomKey) {
        if let Some(index) = self.by_key.remove(&key) {
            self.entries.try_remove(index);
        }
    }

    /// Runs `f` on the room and marks it for draining; an unknown room is ignored.
    pub(crate) fn with<R>(
        &mut self,
        key: RoomKey,
        f: impl FnOnce(&mut Room) -> R,
    ) -> Result<Option<R>, Broken> {
        match self.by_key.get(&key) {
            Some(index) => self.with_index(*index, f),
            None => Ok(None),
        }
    }

    pub(crate) fn with_index<R>(
        &mut self,
        index: usize,
        f: impl FnOnce(&mut Room) -> R,
    ) -> Result<Option<R>, Broken> {
        let Some(entry) = self.entries.get_mut(index) else {
            return Ok(None);
        };
        if !entry.touched {
            entry.touched = true;
            self.touched.push(index);
        }
        let key = entry.key;
        let room = &mut entry.room;
        catch_unwind(AssertUnwindSafe(|| f(room)))
            .map(Some)
            .map_err(|_| {
                tracing::error!(room = key.0, "a room failed inside and was ended");
                self.close(key);
                Broken(key)
            })
    }

    /// The next room to drain.
    pub(crate) fn next_touched(&mut self) -> Option<usize> {
        let index = self.touched.pop()?;
        if let Some(entry) = self.entries.get_mut(index) {
            entry.touched = false;
        }
        Some(index)
    }

    /// The room's next output, with its key.
    pub(crate) fn poll(&mut self, index: usize) -> Option<(RoomKey, Output)> {
        let entry = self.entries.get_mut(index)?;
        Some((entry.key, entry.room.poll_output()))
    }

    /// Reliable data waits on this transport of the room's until then.
    pub(crate) fn handle_data_backlog(
        &mut self,
        index: usize,
        peer: vocab::PeerKey,
        until: Instant,
    ) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.room.handle_data_backlog(peer, until);
        }
    }

    /// The next thing the room's other parts are to hear.
    pub(crate) fn poll_relay(&mut self, index: usize) -> Option<(RoomKey, Relay)> {
        let entry = self.entries.get_mut(index)?;
        Some((entry.key, entry.room.poll_relay()?))
    }

    pub(crate) fn alarm_mut(&mut self, index: usize) -> Option<&mut Alarm> {
        self.entries.get_mut(index).map(|entry| &mut entry.alarm)
    }

    /// A media packet: the room writes it into its subscribers' peers.
    pub(crate) fn forward(
        &mut self,
        key: RoomKey,
        from: vocab::PeerKey,
        packet: &media::Packet,
        peers: &mut Peers,
        now: Instant,
    ) -> Result<(), Broken> {
        self.with(key, |room| room.handle_packet(from, packet, peers, now))
            .map(drop)
    }

    /// A room-level command.
    pub(crate) fn command(&mut self, command: &MediaCommand, now: Instant) -> Result<(), Broken> {
        self.with(command.room(), |room| room.handle_command(command, now))
            .map(drop)
    }
}
