//! The index: everything that is looked up, derived from the journal and remembered in sled.
//!
//! One batch carries events, sessions and the sequence and hash they reach, so the index always
//! stands at one exact record. It is synced now and then only; what a crash takes from it is
//! replayed. Whatever else is wrong with it, it is moved aside and built again.

mod events;
mod key;
mod rooms;
mod scan;
mod sessions;
#[cfg(test)]
mod tests;

use crate::error::ReadError;
use crate::journal::record::{GENESIS, Hash};
use crate::query::{
    EventQuery, Page, Presence, PresenceQuery, RoomSession, SessionQuery, StoredEvent,
};
use domain::Event;
use events::OpenZone;
use key::Table;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sessions::Sessions;
use std::path::Path;
use std::time::Duration;
use vocab::RoomSid;

/// Version of every value: its first byte. An index of another version is rebuilt.
const SCHEMA: u8 = 1;

/// Memory for sled's pages. Its default of 1 GiB is for servers that do nothing else; 256 MiB was
/// measured to cost 300 MB (`performance.md`), and look-ups here are by recent time.
pub(crate) const CACHE_BYTES: u64 = 32 * 1024 * 1024;

/// Events after which the index is flushed. A crash replays at most these, at some 20 µs each.
const FLUSH_EVENTS: u64 = 4_096;

/// Events in one batch. sled keeps what a large batch replaced: at 1,000 events
/// rebuilding a million took 20 GB, at 64 it takes 330 MB.
pub(crate) const BATCH_EVENTS: usize = 64;

/// Keys an event writes, at most on average: itself, four look-ups, its room and its presence.
const KEYS_PER_EVENT: usize = 16;

/// How often and how long to wait for an earlier handle of this process to let go of the files:
/// sled's own threads outlive its handle by some milliseconds.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The index, standing at one record of the journal.
pub(crate) struct Index {
    db: sled::Db,
    sessions: Sessions,
    zone: OpenZone,
    applied: Applied,
    flushed: u64,
    /// An apply failed half-way: what is in memory may be ahead of what is saved.
    stale: bool,
}

/// How far the index has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Applied {
    pub(crate) sequence: u64,
    pub(crate) hash: Hash,
}

impl Index {
    /// Opens or creates the index in `dir`. May panic inside sled on damaged files.
    pub(crate) fn open(dir: &Path, cache_bytes: u64) -> Result<Self, ReadError> {
        let config = sled::Config::new()
            .path(dir)
            .cache_capacity(cache_bytes)
            .flush_every_ms(None)
            .mode(sled::Mode::LowSpace);
        let mut tries = LOCK_TRIES;
        let db = loop {
            match config.open() {
                Err(sled::Error::Io(e)) if tries > 0 && e.to_string().contains("acquire lock") => {
                    tries -= 1;
                    std::thread::sleep(LOCK_PAUSE);
                }
                opened => break opened?,
            }
        };
        let mut index = Self {
            db,
            sessions: Sessions::default(),
            zone: OpenZone::default(),
            applied: Applied {
                sequence: 0,
                hash: GENESIS,
            },
            flushed: 0,
            stale: false,
        };
        index.reload()?;
        index.flushed = index.applied.sequence;
        Ok(index)
    }

    /// The record it stands at.
    pub(crate) fn applied(&self) -> Applied {
        self.applied
    }

    /// A handle for readers.
    pub(crate) fn db(&self) -> sled::Db {
        self.db.clone()
    }

    /// What is open.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Goes back to what is saved, after a failed [`Self::apply`].
    pub(crate) fn reload(&mut self) -> Result<(), ReadError> {
        let start = Applied {
            sequence: 0,
            hash: GENESIS,
        };
        self.applied = read(&self.db, Table::Meta, &Table::Meta.key())?.unwrap_or(start);
        self.sessions = rooms::restore(&self.db)?;
        self.zone = OpenZone::restore(&self.db, self.applied.sequence)?;
        self.stale = false;
        Ok(())
    }

    /// Applies events that follow the record it stands at. After an error it stands at one of
    /// them, or where it stood.
    pub(crate) fn apply(&mut self, events: &[(StoredEvent, Hash)]) -> Result<(), ReadError> {
        events
            .chunks(BATCH_EVENTS)
            .try_for_each(|batch| self.apply_batch(batch))
    }

    fn apply_batch(&mut self, events: &[(StoredEvent, Hash)]) -> Result<(), ReadError> {
        let Some((last, hash)) = events.last() else {
            return Ok(());
        };
        if self.stale {
            self.reload()?;
        }
        self.stale = true;
        let mut batch = sled::Batch::default();
        for (stored, _) in events {
            events::insert(&mut batch, &mut self.zone, stored);
            let db = &self.db;
            self.sessions.apply(stored, |sid| rooms::row(db, sid))?;
        }
        rooms::insert(&mut batch, &self.sessions.take_changes());
        let applied = Applied {
            sequence: last.sequence,
            hash: *hash,
        };
        batch.insert(Table::Meta.key(), encode(&applied));
        self.db.apply_batch(batch)?;
        collect_garbage(events.len());
        self.applied = applied;
        self.stale = false;
        if applied.sequence - self.flushed >= FLUSH_EVENTS {
            self.flush()?;
        }
        Ok(())
    }

    /// Hands what is applied to the disk.
    pub(crate) fn flush(&mut self) -> Result<(), ReadError> {
        self.db.flush()?;
        self.flushed = self.applied.sequence;
        Ok(())
    }

    /// The event at `sequence`.
    pub(crate) fn event(&self, sequence: u64) -> Result<Option<Event>, ReadError> {
        events::event(&self.db, sequence)
    }

    /// Every key and value, for comparing two indexes.
    #[cfg(test)]
    pub(crate) fn dump(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.db
            .iter()
            .map(|entry| entry.map(|(k, v)| (k.to_vec(), v.to_vec())).unwrap())
            .collect()
    }
}

/// Events by room, actor, type and time.
pub(crate) fn query_events(
    db: &sled::Db,
    query: &EventQuery,
) -> Result<Page<StoredEvent>, ReadError> {
    events::query(db, query)
}

/// Rooms by name, state and time.
pub(crate) fn query_rooms(
    db: &sled::Db,
    query: &SessionQuery,
) -> Result<Page<RoomSession>, ReadError> {
    rooms::query(db, query)
}

/// One room with its presences.
pub(crate) fn query_room(db: &sled::Db, sid: &RoomSid) -> Result<Option<RoomSession>, ReadError> {
    rooms::room(db, sid)
}

/// Presences by room, identity, state and time.
pub(crate) fn query_presences(
    db: &sled::Db,
    query: &PresenceQuery,
) -> Result<Page<Presence>, ReadError> {
    rooms::presences(db, query)
}

/// Frees the old pages a batch left behind.
///
/// sled hands them to crossbeam's epochs, which free 512 objects per 128 operations; a batch is
/// one operation with hundreds of objects. Each flush here frees up to 512 of them.
fn collect_garbage(events: usize) {
    for _ in 0..=events * KEYS_PER_EVENT / 512 {
        crossbeam_epoch::pin().flush();
    }
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    #[expect(
        clippy::expect_used,
        reason = "plain data into a growing vector: no failure exists"
    )]
    postcard::to_extend(value, vec![SCHEMA]).expect("a row is plain data")
}

fn decode<T: DeserializeOwned>(table: Table, key: &[u8], bytes: &[u8]) -> Result<T, ReadError> {
    match bytes.split_first() {
        Some((&SCHEMA, value)) => postcard::from_bytes(value).map_err(|_| corrupt(table, key)),
        _ => Err(corrupt(table, key)),
    }
}

fn read<T: DeserializeOwned>(
    tree: &sled::Tree,
    table: Table,
    key: &[u8],
) -> Result<Option<T>, ReadError> {
    tree.get(key)?
        .map(|bytes| decode(table, key, &bytes))
        .transpose()
}

fn corrupt(table: Table, key: &[u8]) -> ReadError {
    ReadError::Corrupt {
        table: table.name(),
        key: hex(key),
    }
}

/// `bytes` in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or_default();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}
