//! The index: everything that is looked up, derived from the journal and remembered in sled.
//!
//! It holds no events: it says which sequences a question concerns, and rooms and presences as the
//! events tell them. One batch carries sessions and the sequence and hash they reach, so the index
//! always stands at one exact record. It is synced now and then only; what a crash takes from it is
//! replayed. Whatever else is wrong with it, it is moved aside and built again.

mod events;
mod key;
pub(crate) mod postings;
mod rooms;
mod scan;
pub(crate) mod sessions;
#[cfg(test)]
mod tests;

use crate::error::{ReadError, RecoverJournalError};
use crate::journal::log::Log;
use crate::journal::record::{GENESIS, Hash};
use crate::query::{
    EventQuery, Page, Presence, PresenceQuery, RoomSession, SessionQuery, StoredEvent,
};
use events::Zone;
use key::Table;
use postings::OpenBlock;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sessions::Sessions;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use vocab::RoomSid;

/// Version of every value: its first byte. An index of another version is rebuilt.
const SCHEMA: u8 = 2;

/// Memory for sled's pages. Its default of 1 GiB is for servers that do nothing else; 256 MiB was
/// measured to cost 300 MB (`performance.md`), and look-ups here are by recent time.
pub(crate) const CACHE_BYTES: u64 = 32 * 1024 * 1024;

/// Events after which the index is flushed. A crash replays at most these.
const FLUSH_EVENTS: u64 = 16_384;

/// Events in one batch. sled keeps what a large batch replaced until the batch ends: at 1,000
/// events rebuilding a million took 20 GB.
pub(crate) const BATCH_EVENTS: usize = 128;

/// Keys of a full block in one batch, for the same reason.
const BATCH_KEYS: usize = 512;

/// Keys that one room or presence is written under.
const KEYS_PER_ROW: usize = 4;

/// Pages and frames that writing one key leaves behind, generously.
const OBJECTS_PER_KEY: usize = 4;

/// How often and how long to wait for an earlier handle of this process to let go of the files:
/// sled's own threads outlive its handle by some milliseconds.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The index, standing at one record of the journal.
pub(crate) struct Index {
    db: sled::Db,
    log: Arc<Log>,
    sessions: Sessions,
    open: Arc<OpenBlock>,
    applied: Applied,
    flushed: u64,
    /// An apply failed half-way: what is in memory may be ahead of what is saved.
    stale: bool,
}

/// The index as it stands after one batch, for readers.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) db: sled::Db,
    pub(crate) log: Arc<Log>,
    pub(crate) open: Arc<OpenBlock>,
    /// The last event it knows.
    pub(crate) applied: u64,
}

/// How far the index has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Applied {
    pub(crate) sequence: u64,
    pub(crate) hash: Hash,
}

impl Index {
    /// Opens or creates the index in `dir`. May panic inside sled on damaged files.
    pub(crate) fn open(dir: &Path, cache_bytes: u64, log: Arc<Log>) -> Result<Self, ReadError> {
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
            log,
            sessions: Sessions::default(),
            open: Arc::default(),
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

    /// What readers ask.
    pub(crate) fn view(&self) -> View {
        View {
            db: self.db.clone(),
            log: self.log.clone(),
            open: self.open.clone(),
            applied: self.applied.sequence,
        }
    }

    /// What is open.
    #[cfg(test)]
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
        self.open = Arc::new(self.refill()?);
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
        for (stored, _) in events {
            let db = &self.db;
            self.sessions.apply(stored, |sid| rooms::row(db, sid))?;
            if Arc::make_mut(&mut self.open).push(stored.clone()) {
                self.seal()?;
            }
        }
        let mut batch = sled::Batch::default();
        let changes = self.sessions.take_changes();
        rooms::insert(&mut batch, &changes);
        let applied = Applied {
            sequence: last.sequence,
            hash: *hash,
        };
        batch.insert(Table::Meta.key(), encode(&applied));
        self.db.apply_batch(batch)?;
        collect_garbage((changes.rooms.len() + changes.presences.len()) * KEYS_PER_ROW + 1);
        self.applied = applied;
        self.stale = false;
        if applied.sequence - self.flushed >= FLUSH_EVENTS {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes the full block. After a crash before its events count as applied it is written
    /// again, the same.
    fn seal(&mut self) -> Result<(), ReadError> {
        let mut rows = self.open.rows();
        if let Some(zone) = Zone::of(&self.open) {
            rows.push((Table::Zones.at(self.open.number), encode(&zone)));
        }
        for some in rows.chunks(BATCH_KEYS) {
            let mut batch = sled::Batch::default();
            for (key, value) in some {
                batch.insert(key.as_slice(), value.as_slice());
            }
            self.db.apply_batch(batch)?;
            collect_garbage(some.len());
        }
        let number = self.open.number + 1;
        let events = Vec::new();
        self.open = Arc::new(OpenBlock { events, number });
        Ok(())
    }

    /// The block being filled, from the journal.
    fn refill(&self) -> Result<OpenBlock, ReadError> {
        let mut open = OpenBlock::after(self.applied.sequence);
        for sequence in open.first()..=self.applied.sequence {
            match self.log.event(sequence) {
                Ok(Some(stored)) => {
                    open.push(stored);
                }
                // A journal that ends earlier is another one; whoever opened this finds out.
                Ok(None) => break,
                // What has rotted is said by whoever asks for it.
                Err(ReadError::Journal(RecoverJournalError::Damaged { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(open)
    }

    /// Hands what is applied to the disk.
    pub(crate) fn flush(&mut self) -> Result<(), ReadError> {
        self.db.flush()?;
        self.flushed = self.applied.sequence;
        Ok(())
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
    view: &View,
    query: &EventQuery,
) -> Result<Page<StoredEvent>, ReadError> {
    events::query(view, query)
}

/// The same without an index, from the journal itself.
pub(crate) fn scan_events(log: &Log, query: &EventQuery) -> Result<Page<StoredEvent>, ReadError> {
    events::scan(log, query)
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
fn collect_garbage(keys: usize) {
    for _ in 0..=keys * OBJECTS_PER_KEY / 512 {
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
