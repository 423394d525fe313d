//! Finding the end of the journal, and proving what stands before it.
//!
//! The rules:
//! - A flaw is a **torn tail** when no later record knew its sequence to be synced: it was never
//!   acknowledged (each commit syncs before the next begins, so at most one group is unsynced).
//!   It is cut off.
//! - Any other flaw is **damage**. The journal refuses to open, names file and byte, and changes
//!   nothing: cutting there would silently drop acknowledged facts.
//! - The last group of all has no later record to vouch for it. If it rots, it looks torn; the
//!   index, which remembers the last sequence and hash it saw, then tells that records are missing.
//! - Opening proves the newest file, and every file the index has not seen. [`verify`] proves the
//!   rest; the store runs it in the background after opening, so that start-up does not grow
//!   with history.

use super::record::{GENESIS, Hash, Record};
use super::segment::{self, Segment};
use crate::error::RecoverJournalError;
use crate::vfs::Vfs;
use std::io;
use std::path::Path;

/// How far ahead of its neighbours a sequence found after a flaw may be. Only narrows the search
/// for evidence before the CRC is computed; one group is far smaller.
const MAX_EVIDENCE_DISTANCE: u64 = 1 << 32;

/// Records between two questions whether to go on: some milliseconds of work.
pub(crate) const VERIFY_STEP: u64 = 4_096;

/// Where a journal ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tail {
    /// The newest file; `None` for a journal without records or files.
    pub(crate) segment: Option<Segment>,
    /// Its intact length in bytes.
    pub(crate) len: u64,
    /// The last record; 0 for none.
    pub(crate) sequence: u64,
    /// The last record's hash.
    pub(crate) hash: Hash,
    /// Where its records begin.
    pub(crate) offsets: Vec<u32>,
    /// Bytes after the last intact record.
    pub(crate) torn: u64,
    /// Files that hold nothing intact and nothing acknowledged: a creation cut short.
    pub(crate) stillborn: Vec<Segment>,
}

/// The segments of the journal in `dir`, oldest first.
pub(crate) fn segments(disk: &dyn Vfs, dir: &Path) -> Result<Vec<Segment>, RecoverJournalError> {
    let names = disk.list(dir).map_err(|source| io_error(dir, source))?;
    let mut found: Vec<_> = names
        .iter()
        .filter_map(|name| Segment::parse(dir, name))
        .collect();
    found.sort();
    Ok(found)
}

/// Finds the end of the journal without changing anything.
pub(crate) fn find_tail(disk: &dyn Vfs, dir: &Path) -> Result<Tail, RecoverJournalError> {
    let mut stillborn = Vec::new();
    let mut rest = segments(disk, dir)?;
    while let Some(segment) = rest.pop() {
        let bytes = disk
            .read(&segment.path)
            .map_err(|e| io_error(&segment.path, e))?;
        let Some((first, previous)) = segment::decode_header(&bytes) else {
            // The header is synced before the first record is written, so a record after a
            // flawed header means that the header rotted.
            if finds_record(&bytes, segment.first, 0) {
                return Err(damaged(&segment, 0, segment.first));
            }
            stillborn.push(segment);
            continue;
        };
        if first != segment.first {
            return Err(RecoverJournalError::Gap {
                file: segment.path,
                expected: segment.first,
                found: first,
            });
        }
        let mut walk = Walk {
            segment: &segment,
            bytes: &bytes,
            previous,
            next: first,
            offset: segment::HEADER_BYTES,
        };
        let mut offsets = Vec::new();
        loop {
            let begin = walk.offset as u32;
            if walk.step()?.is_none() {
                break;
            }
            offsets.push(begin);
        }
        let torn = (bytes.len() - walk.offset) as u64;
        let (len, sequence, hash) = (walk.offset as u64, walk.next - 1, walk.previous);
        return Ok(Tail {
            segment: Some(segment),
            len,
            sequence,
            hash,
            offsets,
            torn,
            stillborn,
        });
    }
    Ok(Tail {
        segment: None,
        len: 0,
        sequence: 0,
        hash: GENESIS,
        offsets: Vec::new(),
        torn: 0,
        stillborn,
    })
}

/// A record read back, proved to stand in the chain.
pub(crate) struct Proved<'a> {
    pub(crate) segment: &'a Segment,
    pub(crate) offset: u64,
    pub(crate) record: Record<'a>,
}

/// Hands every record from `from` to `to` (inclusive) to `visit`, proving the files they stand
/// in from their beginning. `visit` returns `false` to stop early.
pub(crate) fn replay<E: From<RecoverJournalError>>(
    disk: &dyn Vfs,
    dir: &Path,
    from: u64,
    to: u64,
    visit: &mut dyn FnMut(Proved<'_>) -> Result<bool, E>,
) -> Result<(), E> {
    let all = segments(disk, dir)?;
    // The last segment that begins at or before `from` holds it.
    let start = all.iter().rposition(|s| s.first <= from).unwrap_or(0);
    let mut link: Option<(u64, Hash)> = None;
    for segment in all.get(start..).unwrap_or_default() {
        if segment.first > to {
            break;
        }
        let bytes = disk
            .read(&segment.path)
            .map_err(|e| io_error(&segment.path, e))?;
        let (first, previous) =
            segment::decode_header(&bytes).ok_or_else(|| damaged(segment, 0, segment.first))?;
        let (expected, chained) = link.unwrap_or((
            if start == 0 { 1 } else { segment.first },
            if segment.first == 1 {
                GENESIS
            } else {
                previous
            },
        ));
        if first != expected {
            let file = segment.path.clone();
            return Err(RecoverJournalError::Gap {
                file,
                expected,
                found: first,
            }
            .into());
        }
        if previous != chained {
            return Err(broken(segment, 0, first).into());
        }
        let mut walk = Walk {
            segment,
            bytes: &bytes,
            previous,
            next: first,
            offset: segment::HEADER_BYTES,
        };
        while walk.next <= to {
            let offset = walk.offset as u64;
            let Some(record) = walk.step()? else {
                // Only the newest file may have a torn tail, and that was cut when it was opened.
                if walk.offset < bytes.len() {
                    return Err(damaged(segment, offset, walk.next).into());
                }
                break;
            };
            if record.sequence >= from
                && !visit(Proved {
                    segment,
                    offset,
                    record,
                })?
            {
                return Ok(());
            }
        }
        link = Some((walk.next, walk.previous));
    }
    let reached = link.map_or(from, |(next, _)| next);
    if reached <= to {
        let file = dir.to_path_buf();
        return Err(RecoverJournalError::Damaged {
            file,
            offset: 0,
            sequence: reached,
        }
        .into());
    }
    Ok(())
}

/// Proves every record up to `to`; returns how many. `keep_going` is asked every
/// [`VERIFY_STEP`] records.
pub(crate) fn verify(
    disk: &dyn Vfs,
    dir: &Path,
    to: u64,
    keep_going: &mut dyn FnMut() -> bool,
) -> Result<u64, RecoverJournalError> {
    let mut proved = 0;
    if to > 0 {
        replay(disk, dir, 1, to, &mut |_| {
            proved += 1;
            Ok::<_, RecoverJournalError>(proved % VERIFY_STEP != 0 || keep_going())
        })?;
    }
    Ok(proved)
}

/// Walks one segment's records.
struct Walk<'a> {
    segment: &'a Segment,
    bytes: &'a [u8],
    previous: Hash,
    next: u64,
    offset: usize,
}

impl<'a> Walk<'a> {
    /// The next record, `None` at the end or at a torn tail.
    fn step(&mut self) -> Result<Option<Record<'a>>, RecoverJournalError> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let Some(record) = Record::decode(rest) else {
            if finds_record(rest, self.next, self.next) {
                return Err(damaged(self.segment, self.offset as u64, self.next));
            }
            return Ok(None);
        };
        if record.sequence != self.next || !record.follows(&self.previous) {
            return Err(broken(self.segment, self.offset as u64, self.next));
        }
        self.offset += record.len();
        self.previous = record.hash;
        self.next += 1;
        Ok(Some(record))
    }
}

/// Whether `bytes` hold, at any offset, an intact record from `sequence` on that knew `synced` to
/// be synced.
fn finds_record(bytes: &[u8], sequence: u64, synced: u64) -> bool {
    (0..bytes.len()).any(|at| {
        let candidate = bytes.get(at..).unwrap_or_default();
        let Some(number) = candidate.get(8..16).and_then(|b| b.try_into().ok()) else {
            return false;
        };
        let number = u64::from_le_bytes(number);
        number >= sequence
            && number - sequence < MAX_EVIDENCE_DISTANCE
            && Record::decode(candidate).is_some_and(|record| record.synced >= synced)
    })
}

fn damaged(segment: &Segment, offset: u64, sequence: u64) -> RecoverJournalError {
    RecoverJournalError::Damaged {
        file: segment.path.clone(),
        offset,
        sequence,
    }
}

fn broken(segment: &Segment, offset: u64, sequence: u64) -> RecoverJournalError {
    RecoverJournalError::BrokenChain {
        file: segment.path.clone(),
        offset,
        sequence,
    }
}

fn io_error(file: &Path, source: io::Error) -> RecoverJournalError {
    RecoverJournalError::Io {
        file: file.to_path_buf(),
        source,
    }
}
