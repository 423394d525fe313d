//! Proving the audit journal of a stopped box, without an index: its own chain, and every witness
//! that the event journal holds of it.

use super::DIR;
use super::query::decode;
use crate::error::RecoverJournalError;
use crate::journal::recovery;
use crate::vfs::Vfs;
use domain::AuditHead;
use std::collections::BTreeMap;
use std::path::Path;

/// Why the audit journal is not what it was.
#[derive(Debug, thiserror::Error)]
pub enum VerifyAuditError {
    /// A file is damaged or altered, or one is missing.
    #[error(transparent)]
    Journal(#[from] RecoverJournalError),
    /// Entries that were there are not.
    #[error(
        "the audit journal ends at entry {found}, but had {noted}: its end was cut off, restore it from a backup"
    )]
    Cut {
        /// The last entry.
        found: u64,
        /// The last that was noted.
        noted: u64,
    },
    /// An entry is whole and chained, and another one than was there.
    #[error(
        "entry {sequence} of the audit journal is not the one that was noted in the event journal: the audit journal was written anew, restore it from a backup"
    )]
    Altered {
        /// Which.
        sequence: u64,
    },
    /// An entry whose head the box signed is another one.
    #[error(
        "entry {sequence} of the audit journal is not the one whose head was signed: the journals were written anew, or are a backup's, older than that head"
    )]
    NotSigned {
        /// Which.
        sequence: u64,
    },
    /// Entries stand after the one with which the box stopped.
    #[error(
        "entry {sequence} of the audit journal was put there after the box had stopped: the audit journal was altered, restore it from a backup"
    )]
    Added {
        /// The first of them.
        sequence: u64,
    },
    /// A file that is none of the journal's lies in its folder.
    #[error(
        "{file} does not belong to the audit journal: remove it, and find out who put it there"
    )]
    Stray {
        /// Which.
        file: std::path::PathBuf,
    },
}

/// An audit journal that was proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedAudit {
    /// Whole, chained entries.
    pub entries: u64,
    /// Of these, up to here as a witness outside says.
    pub witnessed: u64,
    /// Of these, up to here as a head says that the box signed; 0 without one.
    pub signed: u64,
    /// Bytes after the last: never acknowledged.
    pub torn_bytes: u64,
}

/// Proves the audit journal below `dir` against the heads noted in the event journal, in the order
/// in which they were, and against those that the box signed, in any order.
pub(crate) fn verify(
    disk: &dyn Vfs,
    dir: &Path,
    heads: &[AuditHead],
    signed: &[AuditHead],
) -> Result<VerifiedAudit, VerifyAuditError> {
    let folder = dir.join(DIR);
    let (witnessed, signed_to) = (newest(heads), newest(signed));
    let noted = witnessed.max(signed_to);
    if !folder.is_dir() {
        return match noted {
            0 => Ok(VerifiedAudit {
                entries: 0,
                witnessed: 0,
                signed: 0,
                torn_bytes: 0,
            }),
            noted => Err(VerifyAuditError::Cut { found: 0, noted }),
        };
    }
    no_strays(disk, &folder)?;
    let tail = recovery::find_tail(disk, &folder)?;
    if tail.sequence < noted {
        let found = tail.sequence;
        return Err(VerifyAuditError::Cut { found, noted });
    }
    if let Some(last) = heads.last()
        && last.closed
        && tail.sequence > last.sequence
    {
        let sequence = last.sequence + 1;
        return Err(VerifyAuditError::Added { sequence });
    }
    let (expected, signed) = (by_entry(heads), by_entry(signed));
    let mut entries = 0;
    if tail.sequence > 0 {
        recovery::replay(disk, &folder, 1, tail.sequence, &mut |proved| {
            entries += 1;
            decode(&proved)?;
            let (sequence, hash) = (proved.record.sequence, proved.record.hash);
            if contradicts(&expected, sequence, hash) {
                return Err(VerifyAuditError::Altered { sequence });
            }
            if contradicts(&signed, sequence, hash) {
                return Err(VerifyAuditError::NotSigned { sequence });
            }
            Ok(true)
        })?;
    }
    Ok(VerifiedAudit {
        entries,
        witnessed,
        signed: signed_to,
        torn_bytes: tail.torn,
    })
}

/// The last entry that any of them is of.
fn newest(heads: &[AuditHead]) -> u64 {
    heads.iter().map(|head| head.sequence).max().unwrap_or(0)
}

/// What was said of each entry. Two that differ cannot both be right: all are asked.
type ByEntry = BTreeMap<u64, Vec<[u8; 32]>>;

fn by_entry(heads: &[AuditHead]) -> ByEntry {
    let mut expected = ByEntry::new();
    for head in heads {
        expected.entry(head.sequence).or_default().push(head.hash);
    }
    expected
}

fn contradicts(expected: &ByEntry, sequence: u64, hash: [u8; 32]) -> bool {
    let said = expected.get(&sequence).map_or(&[][..], Vec::as_slice);
    said.iter().any(|said| *said != hash)
}

/// Every file in the folder is one of the journal's own.
fn no_strays(disk: &dyn Vfs, folder: &Path) -> Result<(), VerifyAuditError> {
    let names = disk
        .list(folder)
        .map_err(|source| RecoverJournalError::Io {
            file: folder.to_path_buf(),
            source,
        })?;
    for name in names {
        if crate::journal::segment::Segment::parse(folder, &name).is_none() {
            let file = folder.join(name);
            return Err(VerifyAuditError::Stray { file });
        }
    }
    Ok(())
}
