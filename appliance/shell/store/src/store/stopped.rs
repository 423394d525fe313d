//! A data folder whose box does not run: proving, exporting, rebuilding.

use super::checkpoint;
use super::indexer::{self, Indexer, IndexerConfig};
use super::lock::FolderLock;
use super::{IndexFate, Suspicion};
use crate::audit;
use crate::audit::verify::{VerifiedAudit, VerifyAuditError};
use crate::error::{OpenStoreError, RecoverJournalError};
use crate::index::{self, hex};
use crate::journal::log::Log;
use crate::journal::recovery;
use crate::query::StoredEvent;
use crate::reader::{IndexState, IndexStatus, Reader, Shared};
use crate::vfs::Disk;
use domain::{AuditHead, EventData};
use serde::Serialize;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use vocab::UnixMillis;

/// Between two reports of progress.
const STEP: Duration = Duration::from_millis(500);

/// The data folder of a box that does not run. While this lives, none can start on it.
pub struct Stopped {
    dir: PathBuf,
    _lock: FolderLock,
}

/// A journal that was proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Whole, chained records.
    pub records: u64,
    /// Bytes after the last: a group that was being written when the box was killed, never
    /// acknowledged. The next start cuts them off.
    pub torn_bytes: u64,
    /// The audit journal beside it.
    pub audit: VerifiedAudit,
}

/// What is wrong with a data folder.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The event journal is damaged.
    #[error(transparent)]
    Journal(#[from] RecoverJournalError),
    /// The checkpoint knows events that the journal does not have.
    #[error(
        "the event journal ends at record {found}, but had {noted}: its end is gone; the next start writes back what the checkpoint vouches for, the rest comes from a backup"
    )]
    Cut {
        /// The last record.
        found: u64,
        /// The last one that the checkpoint knows.
        noted: u64,
    },
    /// The audit journal is not what it was.
    #[error(transparent)]
    Audit(#[from] VerifyAuditError),
}

/// One line of an export.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    stored: &'a StoredEvent,
    /// SHA-256 over the line before's, sequence, time and the journal's own form of the event.
    hash: String,
}

impl Stopped {
    /// Takes the folder, which must be a box's.
    ///
    /// # Errors
    /// [`OpenStoreError::InUse`] while a box runs on it; [`OpenStoreError::Folder`] where there is
    /// no journal.
    pub fn open(dir: &Path) -> Result<Self, OpenStoreError> {
        let journal = dir.join("journal");
        if !journal.is_dir() {
            return Err(OpenStoreError::Folder {
                path: journal,
                source: io::ErrorKind::NotFound.into(),
            });
        }
        let lock = FolderLock::take(dir)?;
        let dir = dir.to_path_buf();
        Ok(Self { dir, _lock: lock })
    }

    /// Proves both journals from their first record to their last, and one against the other. Reads
    /// the files alone, never the index. Changes nothing. `progress` hears how many events are
    /// proved, now and then.
    ///
    /// # Errors
    /// The first wrong record, by file and byte; or what one file shows to be missing in another.
    pub fn verify(&self, progress: &mut dyn FnMut(u64)) -> Result<Verified, VerifyError> {
        self.verify_against(&[], progress)
    }

    /// As [`Self::verify`], and that the audit journal holds every entry of which somebody else has a
    /// head. Whether those are genuine, their signatures have said before.
    ///
    /// # Errors
    /// As [`Self::verify`], and the first entry that is another one.
    pub fn verify_against(
        &self,
        signed: &[AuditHead],
        progress: &mut dyn FnMut(u64),
    ) -> Result<Verified, VerifyError> {
        let dir = self.dir.join("journal");
        let older = recovery::segments(&Disk, &dir)?;
        let older = older.last().map_or(0, |newest| newest.first - 1);
        let mut proved = 0;
        let mut step = || {
            proved += recovery::VERIFY_STEP;
            progress(proved);
            true
        };
        // Oldest first: the newest file is only judged when everything before it is proved.
        recovery::verify(&Disk, &dir, older, &mut step)?;
        let tail = recovery::find_tail(&Disk, &dir)?;
        let (records, heads) = self.heads(tail.sequence)?;
        let noted = checkpoint::find(&Disk, &self.dir).whole;
        let noted = noted.iter().map(|found| found.sequence).max().unwrap_or(0);
        let audit = audit::verify::verify(&Disk, &self.dir, &heads, signed)?;
        if noted > tail.sequence {
            let found = tail.sequence;
            return Err(VerifyError::Cut { found, noted });
        }
        Ok(Verified {
            records,
            torn_bytes: tail.torn,
            audit,
        })
    }

    /// Proves every event up to `to`: how many, and what they witness of the audit journal.
    fn heads(&self, to: u64) -> Result<(u64, Vec<AuditHead>), RecoverJournalError> {
        let (mut records, mut heads) = (0, Vec::new());
        self.log()?.replay(1, to, &mut |stored, _| {
            records += 1;
            let known = &stored.event.data;
            if let &EventData::AuditNoted {
                sequence,
                hash,
                closed,
            } = known
            {
                heads.push(AuditHead {
                    sequence,
                    hash,
                    closed,
                });
            }
            Ok::<_, RecoverJournalError>(true)
        })?;
        Ok((records, heads))
    }

    /// Writes every event as a line of JSON, oldest first, proving the chain on the way. Returns
    /// how many.
    ///
    /// # Errors
    /// The first wrong record, after everything before it is written; or what `out` said.
    pub fn export(&self, out: &mut dyn io::Write) -> Result<u64, ExportError> {
        let log = self.log()?;
        let mut count = 0;
        log.replay(1, log.synced(), &mut |stored, hash| {
            let hash = hex(&hash);
            let line = Line {
                stored: &stored,
                hash,
            };
            serde_json::to_writer(&mut *out, &line).map_err(io::Error::from)?;
            out.write_all(b"\n")?;
            count += 1;
            Ok::<_, ExportError>(true)
        })?;
        out.flush()?;
        Ok(count)
    }

    /// Moves the index aside and builds it again from the journal. `progress` hears how many events
    /// of how many it has, now and then. Returns how many.
    ///
    /// # Errors
    /// [`RebuildError`] when it could not.
    pub fn rebuild(
        &self,
        now: UnixMillis,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<u64, RebuildError> {
        let log = Arc::new(self.log()?);
        indexer::discard(&self.dir, now).map_err(RebuildError::MoveAside)?;
        let shared = Shared::new(log.clone(), Suspicion::new(&self.dir), 0);
        let config = IndexerConfig {
            dir: self.dir.clone(),
            cache_bytes: index::CACHE_BYTES,
            now,
            opened: log.synced(),
        };
        let indexer = Indexer::start(config, log, shared.clone());
        let reader = Reader::new(shared);
        let status = loop {
            let status = reader.wait_for_index(STEP);
            progress(status.applied, status.of);
            if status.state != IndexState::CatchingUp {
                break status;
            }
        };
        drop(indexer);
        match status {
            IndexStatus {
                state: IndexState::Failed(reason),
                ..
            } => Err(RebuildError::Index(reason)),
            IndexStatus {
                fate: Some(IndexFate::Created),
                applied,
                ..
            } => Ok(applied),
            IndexStatus { fate, .. } => Err(RebuildError::Index(format!("{fate:?}"))),
        }
    }

    fn log(&self) -> Result<Log, RecoverJournalError> {
        let dir = self.dir.join("journal");
        let tail = recovery::find_tail(&Disk, &dir)?;
        Log::new(Arc::new(Disk), dir, None, tail.sequence)
    }
}

/// Why the journal could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It is damaged.
    #[error(transparent)]
    Journal(#[from] RecoverJournalError),
    /// The lines could not be written.
    #[error("the lines could not be written: {0}")]
    Write(#[from] io::Error),
}

/// Why the index could not be rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The journal is damaged.
    #[error(transparent)]
    Journal(#[from] RecoverJournalError),
    /// The old index is in the way.
    #[error("the old index could not be moved aside: {0}")]
    MoveAside(#[source] io::Error),
    /// sled.
    #[error("the index could not be built: {0}")]
    Index(String),
}
