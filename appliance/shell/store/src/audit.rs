//! The audit journal: who did what, as records in files of its own, chained like the events'.
//!
//! It is another [`Journal`] with other payloads: append-only, one sync per group, a torn tail cut
//! off at the next start. Nothing in the box ever removes an entry. What its chain cannot show, that
//! its end was cut off, the event journal does (`store/audit_head.rs`).
//!
//! A damaged audit journal does not keep the box from starting: calls are worth more than the right
//! to end them. Then nothing can be written here, and so nothing is done that needs it.

mod query;
pub(crate) mod verify;

use crate::error::StoreError;
use crate::journal::{Journal, JournalOptions};
use crate::store::{JournalHealth, StoreOptions, Verification};
use crate::vfs::Vfs;
use domain::{AuditHead, AuditRecord};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use vocab::UnixMillis;

pub use query::{AuditQuery, AuditReader, Chain, StoredAudit};

/// The folder below the data folder.
pub(crate) const DIR: &str = "audit";

/// A file that has grown to this is followed by a new one: some 20,000 entries.
pub(crate) const SEGMENT_BYTES: u64 = 4 * 1024 * 1024;

/// Disk space held back so that what is done on a full disk is written down: some 10,000 actions,
/// in which somebody frees space (`reliability.md` F3).
pub(crate) const BALLAST_BYTES: u64 = 4 * 1024 * 1024;

/// Version of the payload: the byte before the entry. Not one of the event journal's, so that a
/// file of one in the folder of the other is noticed.
pub(crate) const SCHEMA: u8 = 0xA1;

/// The audit journal, open at its end.
pub struct Audit {
    journal: Result<Journal, StoreError>,
    reader: AuditReader,
    /// Of the last entry, buffered ones included.
    at: UnixMillis,
    _verification: Option<Verification>,
}

impl Audit {
    /// Opens it below `dir`. `noted` is where it ended when that was last noted.
    pub(crate) fn open(
        disk: Arc<dyn Vfs>,
        dir: &Path,
        options: &StoreOptions,
        noted: Option<AuditHead>,
    ) -> Self {
        let folder = dir.join(DIR);
        let opening = JournalOptions {
            dir: folder.clone(),
            ballast: dir.join("audit.ballast"),
            segment_bytes: options.audit_segment_bytes,
            ballast_bytes: options.audit_ballast_bytes,
        };
        let (journal, _) = match Journal::open(disk.clone(), opening) {
            Ok(opened) => opened,
            Err(error) => return Self::broken(folder, error.to_string()),
        };
        let last = journal.synced();
        let health: Arc<OnceLock<JournalHealth>> = Arc::default();
        let gauge = "ringward_audit_damaged";
        let verification = Verification::start(disk, folder, last, health.clone(), gauge);
        let reader = AuditReader::new(journal.log().clone(), health, last);
        let problem = noted.and_then(|noted| reader.contradicts(noted));
        if let Some(problem) = &problem {
            tracing::error!(problem, "the audit journal was tampered with");
        }
        let at = reader.time(last).unwrap_or_default();
        Self {
            journal: Ok(journal),
            reader: reader.with_problem(problem),
            at,
            _verification: Some(verification),
        }
    }

    fn broken(folder: PathBuf, reason: String) -> Self {
        tracing::error!(
            reason,
            "the audit journal cannot be used: no action is done"
        );
        Self {
            reader: AuditReader::broken(reason.clone()),
            journal: Err(StoreError::Failed {
                file: folder,
                operation: "opened",
                reason,
            }),
            at: UnixMillis::default(),
            _verification: None,
        }
    }

    /// Buffers an entry. Its place is final once it is committed.
    ///
    /// # Errors
    /// [`StoreError`]: it was not taken.
    pub fn append(&mut self, at: UnixMillis, record: &AuditRecord) -> Result<u64, StoreError> {
        let journal = self.journal.as_mut().map_err(|error| error.clone())?;
        let (sequence, _) = journal.append_payload(at, &encode(record))?;
        self.at = at;
        Ok(sequence)
    }

    /// Writes and syncs what is buffered; on `Ok` all of it is on disk.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`]: it stays buffered; commit again, or [`Self::discard`] it.
    /// [`StoreError::Failed`]: nothing is taken any more until the box is started again.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        self.journal
            .as_mut()
            .map_err(|error| error.clone())?
            .commit()
    }

    /// Why it takes nothing; `None`: it does, as far as is known.
    pub fn problem(&self) -> Option<String> {
        self.journal.as_ref().err().map(ToString::to_string)
    }

    /// Forgets what is buffered.
    pub fn discard(&mut self) {
        if let Ok(journal) = &mut self.journal {
            journal.discard();
        }
    }

    /// Answers questions, from any thread.
    pub fn reader(&self) -> AuditReader {
        self.reader.clone()
    }

    /// The last entry on disk, and when it was made; `None` without one.
    pub(crate) fn head(&self) -> Option<(AuditHead, UnixMillis)> {
        let journal = self.journal.as_ref().ok()?;
        let head = AuditHead {
            sequence: journal.synced(),
            hash: journal.synced_hash(),
            closed: false,
        };
        (head.sequence > 0).then_some((head, self.at))
    }
}

fn encode(record: &AuditRecord) -> Vec<u8> {
    #[expect(
        clippy::expect_used,
        reason = "plain data into a growing vector: no failure exists"
    )]
    postcard::to_extend(record, vec![SCHEMA]).expect("an entry is plain data")
}

#[cfg(test)]
mod tests;
