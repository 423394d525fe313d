//! The store as the control thread drives it.

mod audit_head;
mod checkpoint;
mod indexer;
mod known;
mod ladder;
mod lock;
mod open_rooms;
mod reset;
mod resume;
mod stopped;
#[cfg(test)]
mod tests;
mod verification;

pub use ladder::IndexFate;
pub(crate) use ladder::Suspicion;
pub use reset::{ClosedPresence, ClosedRoom, Farewell};
pub use resume::CheckpointFate;
pub use stopped::{ExportError, RebuildError, Stopped, Verified, VerifyError};
pub use verification::JournalHealth;

use crate::audit::{self, Audit};
use crate::error::{OpenStoreError, StoreError};
use crate::index;
use crate::journal::record::Hash;
use crate::journal::{self, Journal, JournalOptions};
use crate::outbox::{self, Outbox, OutboxLimits, OutboxReader};
use crate::query::StoredEvent;
use crate::reader::{Reader, Shared};
use crate::vfs::{Disk, Vfs};
use audit_head::AuditNotes;
use checkpoint::{CHECKPOINT_EVENTS, Checkpoint, Checkpoints, Slots};
use domain::{Event, Standing};
use indexer::{Indexer, IndexerConfig};
use known::Known;
use lock::FolderLock;
use std::path::Path;
use std::sync::{Arc, OnceLock};
pub(crate) use verification::Verification;
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
    /// Events between two checkpoints.
    pub checkpoint_events: u64,
    /// Size at which the audit journal begins a new file.
    pub audit_segment_bytes: u64,
    /// Disk space held back for the audit journal; 0 for none.
    pub audit_ballast_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            segment_bytes: journal::SEGMENT_BYTES,
            ballast_bytes: BALLAST_BYTES,
            cache_bytes: index::CACHE_BYTES,
            outbox_bytes: outbox::MAX_OUTBOX_BYTES,
            outbox_segment_bytes: outbox::SEGMENT_BYTES,
            checkpoint_events: CHECKPOINT_EVENTS,
            audit_segment_bytes: audit::SEGMENT_BYTES,
            audit_ballast_bytes: audit::BALLAST_BYTES,
        }
    }
}

/// The journal and the outbox, driven by one thread; the index follows on its own.
pub struct Store {
    journal: Journal,
    outbox: Outbox,
    shared: Arc<Shared>,
    /// What is known after the last acknowledged event.
    known: Known,
    audit: Audit,
    audit_notes: AuditNotes,
    checkpoints: Checkpoints,
    /// The last event a checkpoint was made of.
    checkpointed: u64,
    checkpoint_events: u64,
    /// Appended, not yet acknowledged.
    group: Vec<(StoredEvent, Hash)>,
    indexer: Option<Indexer>,
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
    /// checkpoint.
    pub restored: u64,
    /// Acknowledged events that the checkpoint covers and the journal no longer has.
    pub lost: u64,
    /// Events read again to know what was open.
    pub replayed: u64,
    /// What the checkpoint was good for.
    pub checkpoint: CheckpointFate,
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
    /// Proved before this returns: the newest journal file, and every record after the checkpoint.
    /// Older files are proved in the background ([`Reader::journal_health`]), and the index is
    /// opened there ([`Reader::index_status`]).
    pub fn open(dir: &Path, now: UnixMillis) -> Result<(Self, Recovery), OpenStoreError> {
        Self::open_with(dir, now, &StoreOptions::default())
    }

    /// Opens with other sizes.
    pub fn open_with(
        dir: &Path,
        now: UnixMillis,
        options: &StoreOptions,
    ) -> Result<(Self, Recovery), OpenStoreError> {
        Self::open_telling(dir, now, options, &mut |_| Vec::new())
    }

    /// Opens and queues `farewell`'s webhooks for each room that it closes, in one go with the
    /// closing.
    pub fn open_telling(
        dir: &Path,
        now: UnixMillis,
        options: &StoreOptions,
        farewell: Farewell<'_>,
    ) -> Result<(Self, Recovery), OpenStoreError> {
        Self::open_on(Arc::new(Disk), dir, now, options, farewell)
    }

    /// Opens with everything but lock and index on `disk`; those are always on the machine's own.
    fn open_on(
        disk: Arc<dyn Vfs>,
        dir: &Path,
        now: UnixMillis,
        options: &StoreOptions,
        farewell: Farewell<'_>,
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
        let found = checkpoint::find(disk.as_ref(), dir);
        let slots = Slots::new(disk.clone(), dir, &found);
        let resumed = resume::resume(&mut journal, found)?;
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
        let opened = journal.synced();
        let log = journal.log().clone();
        let shared = Shared::new(log.clone(), Suspicion::new(dir), resumed.lost);
        let health: Arc<OnceLock<JournalHealth>> = shared.health();
        let verification = Verification::start(
            disk.clone(),
            journal_dir,
            opened,
            health,
            "ringward_journal_damaged",
        );
        let audit = Audit::open(disk, dir, options, resumed.known.standing.audit_head());
        let config = IndexerConfig {
            dir: dir.to_path_buf(),
            cache_bytes: options.cache_bytes,
            now,
            opened,
        };
        let indexer = Indexer::start(config, log, shared.clone());
        let mut store = Self {
            journal,
            outbox,
            shared,
            known: resumed.known,
            audit,
            audit_notes: AuditNotes::default(),
            checkpoints: Checkpoints::start(slots),
            checkpointed: resumed.checkpointed,
            checkpoint_events: options.checkpoint_events,
            group: Vec::new(),
            indexer: Some(indexer),
            _verification: verification,
            _lock: lock,
        };
        let closed = store
            .close_open(now, farewell)
            .map_err(OpenStoreError::Reset)?;
        store.note_audit_now(false).map_err(OpenStoreError::Reset)?;
        let recovery = Recovery {
            last_sequence: store.journal.synced(),
            truncated_bytes,
            restored: resumed.restored,
            lost: resumed.lost,
            replayed: resumed.replayed,
            checkpoint: resumed.fate,
            closed,
            outbox_waiting: queue.waiting,
            outbox_damaged_bytes: queue.damaged_bytes,
        };
        Ok((store, recovery))
    }

    /// Opens on a disk of a test's making.
    #[cfg(test)]
    pub(crate) fn open_on_disk(
        disk: Arc<dyn Vfs>,
        dir: &Path,
        now: UnixMillis,
        options: &StoreOptions,
    ) -> Self {
        Self::open_on(disk, dir, now, options, &mut |_| Vec::new())
            .unwrap()
            .0
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
    /// is acknowledged; without anything new it does nothing. Does not wait for the index.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`]: everything stays buffered, call again later.
    /// [`StoreError::Failed`]: every later call fails too, until the box is started again.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        self.note_audit();
        self.journal.commit()?;
        if !self.group.is_empty() {
            self.release_group();
        }
        self.commit_outbox()
    }

    /// Answers questions, from any thread.
    pub fn reader(&self) -> Reader {
        Reader::new(self.shared.clone())
    }

    /// What stands after the last acknowledged event: Holds, blocks, the drain.
    pub fn standing(&self) -> &Standing {
        &self.known.standing
    }

    /// The audit journal, driven by the same thread.
    pub fn audit(&mut self) -> &mut Audit {
        &mut self.audit
    }

    /// The webhook queue's writing end; durable at [`Self::commit`].
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// The webhook queue's reading end. Meant for one consumer.
    pub fn outbox_reader(&self) -> OutboxReader {
        self.outbox.reader()
    }

    fn commit_outbox(&mut self) -> Result<(), StoreError> {
        let mut pushed = self.outbox.commit();
        if matches!(pushed, Err(StoreError::DiskFull { .. })) && self.journal.release_ballast() {
            pushed = self.outbox.commit();
        }
        pushed
    }

    /// What is on disk now goes to what is known, the readers and the index.
    fn release_group(&mut self) {
        let group = std::mem::take(&mut self.group);
        for (stored, _) in &group {
            self.known.apply(&stored.event);
        }
        if let Some(indexer) = &self.indexer {
            indexer.feed(group.into_iter());
        }
        let synced = self.journal.synced();
        self.shared.publish(synced);
        if synced - self.checkpointed >= self.checkpoint_events
            && self.checkpoints.offer(self.checkpoint())
        {
            self.checkpointed = synced;
        }
    }

    fn checkpoint(&self) -> Vec<u8> {
        let journal = &self.journal;
        let (sequence, hash) = (journal.synced(), journal.synced_hash());
        Checkpoint::encode(sequence, hash, &self.known, journal.last_group())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Without it the audit journal's last second has no witness: said by a verification.
        let _ = self.note_audit_now(true);
        if self.journal.synced() > self.checkpointed || !self.journal.last_group().is_empty() {
            let last = self.checkpoint();
            self.checkpoints.finish(&last);
        }
        drop(self.indexer.take());
        self.shared.leave();
    }
}
