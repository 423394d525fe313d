//! The truth: every event, appended to files, each record chained to the one before it. The audit
//! journal (`crate::audit`) is another one of the same kind, with other payloads.
//!
//! `append` buffers, `commit` writes the buffer once and syncs once. After a write or sync error
//! nothing is acknowledged any more (the kernel may have dropped the pages and call the next sync
//! a success). A full disk is the exception: the half-written group is cut off again, the ballast
//! is freed, and the group waits.

mod ballast;
pub(crate) mod log;
pub(crate) mod record;
pub(crate) mod recovery;
pub(crate) mod segment;
#[cfg(test)]
mod tests;

use crate::error::{RecoverJournalError, StoreError};
use crate::query::StoredEvent;
use crate::vfs::{Vfs, VfsFile};
use ballast::Ballast;
use domain::Event;
use log::{Log, Places};
use record::{Draft, Hash, MAX_PAYLOAD_BYTES};
use recovery::{Proved, Tail};
use segment::Segment;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use vocab::UnixMillis;

/// Version of the payload: the byte before the event.
pub(crate) const SCHEMA: u8 = 1;

/// Bytes that may wait for the disk. At the 64 KiB per second of a busy box this is two minutes of
/// a full disk; beyond it events are refused.
pub(crate) const MAX_BACKLOG_BYTES: usize = 8 * 1024 * 1024;

/// A file that has grown to this is followed by a new one. Recovery reads the newest whole: at
/// 16 MiB that is some 20 ms, and a million events are about a dozen files.
pub(crate) const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;

/// Where and how large.
pub(crate) struct JournalOptions {
    /// Its folder.
    pub(crate) dir: PathBuf,
    /// Its ballast file, outside the folder.
    pub(crate) ballast: PathBuf,
    /// Size at which a new file begins.
    pub(crate) segment_bytes: u64,
    /// Space held back; 0 for none.
    pub(crate) ballast_bytes: u64,
}

/// The journal, open at its end.
pub(crate) struct Journal {
    disk: Arc<dyn Vfs>,
    options: JournalOptions,
    ballast: Ballast,
    active: Option<Active>,
    log: Arc<Log>,
    /// Where the next record is chained, buffered ones included.
    sequence: u64,
    hash: Hash,
    /// What is on disk.
    synced: u64,
    synced_hash: Hash,
    buffer: Vec<u8>,
    /// The records of the last group: the only ones no later record vouches for.
    last_group: Vec<u8>,
    failed: Option<StoreError>,
}

/// The file being written.
struct Active {
    path: PathBuf,
    file: Box<dyn VfsFile>,
    len: u64,
}

impl Journal {
    /// Opens the journal, cutting off a torn tail. Returns how many bytes were cut.
    pub(crate) fn open(
        disk: Arc<dyn Vfs>,
        options: JournalOptions,
    ) -> Result<(Self, u64), RecoverJournalError> {
        let dir = &options.dir;
        disk.create_dir(dir).map_err(|e| unreadable(dir, e))?;
        let tail = recovery::find_tail(disk.as_ref(), dir)?;
        let torn = tail.torn;
        let active = clean(disk.as_ref(), dir, &tail)?;
        let ballast = Ballast::hold(disk.clone(), &options.ballast, options.ballast_bytes);
        let places = tail.segment.map(|segment| Places {
            segment,
            offsets: tail.offsets,
            end: tail.len as u32,
        });
        let log = Log::new(disk.clone(), options.dir.clone(), places, tail.sequence)?;
        let journal = Self {
            disk,
            options,
            ballast,
            active,
            log: Arc::new(log),
            sequence: tail.sequence,
            hash: tail.hash,
            synced: tail.sequence,
            synced_hash: tail.hash,
            buffer: Vec::new(),
            last_group: Vec::new(),
            failed: None,
        };
        Ok((journal, torn))
    }

    /// The last acknowledged record; 0 for none.
    pub(crate) fn synced(&self) -> u64 {
        self.synced
    }

    /// The hash of the last acknowledged record.
    pub(crate) fn synced_hash(&self) -> Hash {
        self.synced_hash
    }

    /// What is acknowledged, for reading.
    pub(crate) fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// The records of the last group written by this process.
    pub(crate) fn last_group(&self) -> &[u8] {
        &self.last_group
    }

    /// Buffers an event. Its sequence is final; it is acknowledged by [`Self::commit`].
    pub(crate) fn append(&mut self, event: &Event) -> Result<(u64, Hash), StoreError> {
        self.append_payload(event.at, &encode_event(event))
    }

    /// Buffers a record.
    pub(crate) fn append_payload(
        &mut self,
        at: UnixMillis,
        payload: &[u8],
    ) -> Result<(u64, Hash), StoreError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        if self.buffer.len() >= MAX_BACKLOG_BYTES {
            return Err(StoreError::Backlog {
                bytes: self.buffer.len(),
            });
        }
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(StoreError::TooLarge {
                bytes: payload.len(),
                max: MAX_PAYLOAD_BYTES,
            });
        }
        let sequence = self.sequence + 1;
        let draft = Draft {
            sequence,
            synced: self.synced,
            time: at.0,
            previous: &self.hash,
            payload,
        };
        self.hash = draft.encode(&mut self.buffer);
        self.sequence = sequence;
        Ok((sequence, self.hash))
    }

    /// Writes and syncs what is buffered; on `Ok` all of it is acknowledged.
    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        if self.buffer.is_empty() {
            return Ok(());
        }
        if let Err(mut flaw) = self.write_group() {
            if flaw.is_full() && self.ballast.release() {
                match self.write_group() {
                    Ok(()) => return Ok(()),
                    Err(again) => flaw = again,
                }
            }
            return Err(self.refuse(flaw));
        }
        Ok(())
    }

    /// Forgets what is buffered and not yet acknowledged.
    pub(crate) fn discard(&mut self) {
        self.buffer.clear();
        (self.sequence, self.hash) = (self.synced, self.synced_hash);
    }

    /// Frees the space held back; `false` if there was none.
    pub(crate) fn release_ballast(&mut self) -> bool {
        self.ballast.release()
    }

    fn write_group(&mut self) -> Result<(), Flaw> {
        if self
            .active
            .as_ref()
            .is_none_or(|active| active.len >= self.options.segment_bytes)
        {
            self.rotate()?;
        }
        let Some(active) = self.active.as_mut() else {
            return Ok(());
        };
        if let Err(source) = active.file.write_at(active.len, &self.buffer) {
            let mut flaw = Flaw {
                file: active.path.clone(),
                operation: "written",
                source,
                undone: false,
            };
            // A group cut off again never happened. What was synced before it is untouched.
            flaw.undone = flaw.is_storage_full() && active.file.set_len(active.len).is_ok();
            return Err(flaw);
        }
        let began = Instant::now();
        let synced = active.file.sync();
        metrics::histogram!("ringward_journal_fsync_seconds").record(began.elapsed().as_secs_f64());
        synced.map_err(|source| Flaw {
            file: active.path.clone(),
            operation: "synced",
            source,
            undone: false,
        })?;
        active.len += self.buffer.len() as u64;
        self.synced = self.sequence;
        self.synced_hash = self.hash;
        self.log.committed(&self.buffer, self.synced);
        std::mem::swap(&mut self.last_group, &mut self.buffer);
        self.buffer.clear();
        Ok(())
    }

    /// Begins a new file. Its header and its name are durable before a record is written to it.
    fn rotate(&mut self) -> Result<(), Flaw> {
        let segment = Segment::new(&self.options.dir, self.synced + 1);
        let path = segment.path.clone();
        let header = segment::encode_header(segment.first, &self.synced_hash);
        let made = self.disk.create(&path).and_then(|mut file| {
            file.write_at(0, &header)?;
            file.sync()?;
            self.disk.sync_dir(&self.options.dir)?;
            Ok(file)
        });
        match made {
            Ok(file) => {
                self.active = Some(Active {
                    path,
                    file,
                    len: segment::HEADER_BYTES as u64,
                });
                self.log.rotated(segment);
                self.ballast.restore();
                Ok(())
            }
            Err(source) => {
                // Nothing was acknowledged in it, and the next attempt begins it anew.
                let _ = self.disk.remove(&path);
                Err(Flaw {
                    file: path,
                    operation: "created",
                    source,
                    undone: true,
                })
            }
        }
    }

    fn refuse(&mut self, flaw: Flaw) -> StoreError {
        if flaw.is_full() {
            return StoreError::DiskFull { file: flaw.file };
        }
        let failed = StoreError::Failed {
            file: flaw.file,
            operation: flaw.operation,
            reason: flaw.source.to_string(),
        };
        tracing::error!(error = %failed, "the journal acknowledges nothing any more");
        self.failed = Some(failed.clone());
        failed
    }
}

/// What went wrong while writing.
struct Flaw {
    file: PathBuf,
    operation: &'static str,
    source: io::Error,
    /// The disk is as it was before.
    undone: bool,
}

impl Flaw {
    fn is_full(&self) -> bool {
        self.undone && self.is_storage_full()
    }

    fn is_storage_full(&self) -> bool {
        matches!(
            self.source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        )
    }
}

/// Cuts the tail and opens the newest file for writing.
///
/// The file is synced even when nothing is cut: after a kill, records may be visible that were
/// written but not yet synced, and from here on they count as acknowledged.
fn clean(disk: &dyn Vfs, dir: &Path, tail: &Tail) -> Result<Option<Active>, RecoverJournalError> {
    for segment in &tail.stillborn {
        disk.remove(&segment.path)
            .map_err(|e| unreadable(&segment.path, e))?;
    }
    let Some(segment) = &tail.segment else {
        return Ok(None);
    };
    let path = segment.path.clone();
    let opened = disk.open(&path).and_then(|mut file| {
        if tail.torn > 0 {
            file.set_len(tail.len)?;
        }
        file.sync()?;
        disk.sync_dir(dir)?;
        Ok(file)
    });
    let file = opened.map_err(|e| unreadable(&path, e))?;
    Ok(Some(Active {
        path,
        file,
        len: tail.len,
    }))
}

fn encode_event(event: &Event) -> Vec<u8> {
    #[expect(
        clippy::expect_used,
        reason = "plain data into a growing vector: no failure exists"
    )]
    postcard::to_extend(event, vec![SCHEMA]).expect("an event is plain data")
}

/// The event in a record's payload; `None` for one of another schema.
pub(crate) fn decode_payload(payload: &[u8]) -> Option<Event> {
    let bytes = payload.strip_prefix(&[SCHEMA])?;
    postcard::from_bytes(bytes).ok()
}

fn decode_event(proved: &Proved<'_>) -> Result<StoredEvent, RecoverJournalError> {
    let record = &proved.record;
    let schema = record.payload.first().copied().unwrap_or_default();
    let event = decode_payload(record.payload).ok_or_else(|| RecoverJournalError::Schema {
        file: proved.segment.path.clone(),
        offset: proved.offset,
        sequence: record.sequence,
        schema,
    })?;
    Ok(StoredEvent {
        sequence: record.sequence,
        event,
    })
}

fn unreadable(file: &Path, source: io::Error) -> RecoverJournalError {
    RecoverJournalError::Io {
        file: file.to_path_buf(),
        source,
    }
}
