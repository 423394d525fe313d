//! The store as the control thread drives it.

mod ladder;
mod lock;
mod reset;
#[cfg(test)]
mod tests;
mod verification;

pub use ladder::IndexFate;
pub(crate) use ladder::Suspicion;
pub use reset::ClosedRoom;
pub use verification::JournalHealth;

use crate::error::{OpenStoreError, RecoverJournalError, StoreError};
use crate::index::{self, Index};
use crate::journal::record::Hash;
use crate::journal::{self, Journal, JournalOptions, recovery};
use crate::outbox::{self, Outbox, OutboxLimits, OutboxReader};
use crate::query::StoredEvent;
use crate::reader::{Reader, Shared};
use crate::vfs::{Disk, Vfs};
use domain::Event;
use lock::FolderLock;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use verification::Verification;
use vocab::UnixMillis;

/// Disk space held back so that the journal can go on when the disk is full: at 64 KiB per second
/// a quarter of an hour, in which somebody can be called (`reliability.md` F3).
pub const BALLAST_BYTES: u64 = 64 * 1024 * 1024;

/// Sizes of a store; `Default` is what a box runs with, tests take smaller ones.
#[derive(Debug, Clone, Copy)]
pub struct StoreOptions {
    /// Size at which the journal begins a new file.
    pub segment_bytes: u64,
    /// Disk space held back; 0 for none.
    pub ballast_bytes: u64,
    /// Memory for the index's pages.
    pub cache_bytes: u64,
    /// Bytes of webhooks that may wait.
    pub outbox_bytes: u64,
    /// Size at which the outbox begins a new file.
    pub outbox_segment_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            segment_bytes: journal::SEGMENT_BYTES,
            ballast_bytes: BALLAST_BYTES,
            cache_bytes: index::CACHE_BYTES,
            outbox_bytes: outbox::MAX_OUTBOX_BYTES,
            outbox_segment_bytes: outbox::SEGMENT_BYTES,
        }
    }
}

/// The journal, its index and the outbox, driven by one thread.
pub struct Store {
    journal: Journal,
    /// `None` once sled has panicked: the journal goes on, questions are refused.
    index: Option<Index>,
    outbox: Outbox,
    shared: Arc<Shared>,
    /// Appended, not yet applied to the index.
    group: Vec<(StoredEvent, Hash)>,
    _verification: Verification,
    // Last: the folder is free when everything else is closed.
    _lock: FolderLock,
}

/// What opening found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The last sequence in the journal, after closing what was open.
    pub last_sequence: u64,
    /// Bytes cut off a torn tail; never of an acknowledged record.
    pub truncated_bytes: u64,
    /// Acknowledged events whose records had rotted off the journal's end, written again from the
    /// index.
    pub restored: u64,
    /// Events the index had to catch up on.
    pub replayed: u64,
    /// What became of the index.
    pub index: IndexFate,
    /// Rooms the last run left open, now closed.
    pub closed: Vec<ClosedRoom>,
    /// Outbox entries waiting for delivery.
    pub outbox_waiting: usize,
    /// Outbox bytes that no longer decode; skipped.
    pub outbox_damaged_bytes: u64,
}

impl Store {
    /// Opens the data folder `dir`, recovers it and closes what a crash left open.
    ///
    /// The newest journal file and everything the index has not seen are proved before this
    /// returns; older files are proved in the background ([`Reader::journal_health`]).
    pub fn open(dir: &Path, now: UnixMillis) -> Result<(Self, Recovery), OpenStoreError> {
        Self::open_with(dir, now, &StoreOptions::default())
    }

    /// Opens with other sizes.
    pub fn open_with(
        dir: &Path,
        now: UnixMillis,
        options: &StoreOptions,
    ) -> Result<(Self, Recovery), OpenStoreError> {
        Self::open_on(Arc::new(Disk), dir, now, options)
    }

    /// Opens with journal and outbox on `disk`; lock and index are always on the machine's own.
    fn open_on(
        disk: Arc<dyn Vfs>,
        dir: &Path,
        now: UnixMillis,
        options: &StoreOptions,
    ) -> Result<(Self, Recovery), OpenStoreError> {
        let lock = FolderLock::take(dir)?;
        let journal_dir = dir.join("journal");
        let (mut journal, truncated_bytes) = Journal::open(
            disk.clone(),
            JournalOptions {
                dir: journal_dir.clone(),
                ballast: dir.join("ballast"),
                segment_bytes: options.segment_bytes,
                ballast_bytes: options.ballast_bytes,
            },
        )?;
        let climbed = ladder::climb(dir, options.cache_bytes, &mut journal, now)?;
        let outbox_dir = dir.join("outbox");
        let limits = OutboxLimits {
            bytes: options.outbox_bytes,
            segment_bytes: options.outbox_segment_bytes,
        };
        let (outbox, queue) =
            Outbox::open(disk.clone(), &outbox_dir, limits).map_err(|source| {
                OpenStoreError::Folder {
                    path: outbox_dir,
                    source,
                }
            })?;
        let last = journal.synced();
        let shared = Shared::new(climbed.index.db(), last, Suspicion::new(dir));
        let health: Arc<OnceLock<JournalHealth>> = shared.health();
        let verification = Verification::start(disk, journal_dir, last, health);
        let mut store = Self {
            journal,
            index: Some(climbed.index),
            outbox,
            shared,
            group: Vec::new(),
            _verification: verification,
            _lock: lock,
        };
        let closed = store.close_open(now).map_err(OpenStoreError::Reset)?;
        let recovery = Recovery {
            last_sequence: store.journal.synced(),
            truncated_bytes,
            restored: climbed.restored,
            replayed: climbed.replayed,
            index: climbed.fate,
            closed,
            outbox_waiting: queue.waiting,
            outbox_damaged_bytes: queue.damaged_bytes,
        };
        Ok((store, recovery))
    }

    /// Takes an event into the buffer and returns its sequence; acknowledged by [`Self::commit`].
    pub fn append(&mut self, event: &Event) -> Result<u64, StoreError> {
        let (sequence, hash) = self.journal.append(event)?;
        self.group.push((
            StoredEvent {
                sequence,
                event: event.clone(),
            },
            hash,
        ));
        Ok(sequence)
    }

    /// Writes what was appended and pushed, syncs it, then shows it to readers. On `Ok` all of it
    /// is acknowledged; without anything new it does nothing.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`]: everything stays buffered, call again later.
    /// [`StoreError::Failed`]: every later call fails too, until the box is started again.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        self.journal.commit()?;
        if !self.group.is_empty() {
            self.apply_group();
        }
        let mut pushed = self.outbox.commit();
        if matches!(pushed, Err(StoreError::DiskFull { .. })) && self.journal.release_ballast() {
            pushed = self.outbox.commit();
        }
        pushed
    }

    /// Answers questions, from any thread.
    pub fn reader(&self) -> Reader {
        Reader::new(self.shared.clone())
    }

    /// The webhook queue's writing end; durable at [`Self::commit`].
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// The webhook queue's reading end. Meant for one consumer.
    pub fn outbox_reader(&self) -> OutboxReader {
        self.outbox.reader()
    }

    /// An index that fails does not unsay what the journal has: it is caught up later, or rebuilt
    /// at the next start.
    fn apply_group(&mut self) {
        let group = std::mem::take(&mut self.group);
        if self.shared.is_closed() {
            self.forget_index();
        }
        let (Some(index), journal) = (&mut self.index, &self.journal) else {
            return;
        };
        let follows = group
            .first()
            .is_some_and(|(e, _)| e.sequence == index.applied().sequence + 1);
        let applied = catch_unwind(AssertUnwindSafe(|| {
            if follows {
                index.apply(&group)?;
            } else {
                ladder::catch_up(index, journal)?;
            }
            Ok::<_, ladder::CatchUpError>(())
        }));
        let behind = match applied {
            Ok(Ok(())) => {
                self.shared.publish(self.journal.synced());
                false
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "the index is behind the journal; the next commit tries again");
                if error.is_damage() {
                    self.shared.suspect();
                }
                true
            }
            Err(_) => {
                tracing::error!(
                    "the index panicked and is closed; it is rebuilt at the next start"
                );
                self.shared.suspect();
                self.forget_index();
                true
            }
        };
        metrics::gauge!("ringward_index_behind").set(f64::from(u8::from(behind)));
    }

    fn forget_index(&mut self) {
        self.shared.close();
        let index = self.index.take();
        // A sled that has panicked may panic again while it is dropped.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(index)));
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(index) = &mut self.index {
            // What is not flushed is replayed: an error costs time, not facts.
            let _ = catch_unwind(AssertUnwindSafe(|| index.flush()));
        }
        self.forget_index();
    }
}

/// Proves the journal of a stopped box, from the first record to the last. Changes nothing.
///
/// Returns the number of records.
pub fn verify_journal(dir: &Path) -> Result<u64, RecoverJournalError> {
    let dir = dir.join("journal");
    let tail = recovery::find_tail(&Disk, &dir)?;
    recovery::verify(&Disk, &dir, tail.sequence, &mut || true)
}
