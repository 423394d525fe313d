//! The webhook queue: durable, ordered, bounded, and forgetful.
//!
//! Bodies name people, so they do not stay: a delivered body is overwritten with zeros at once
//! and its file removed when nothing in it waits any more. (The zeros reach the disk with the
//! kernel's write-back, by default within 30 s. A crash before that delivers again: receivers see
//! each webhook at least once, and its `id` tells repetitions.)

pub(crate) mod entry;
#[cfg(test)]
mod tests;

use crate::error::{PushError, StoreError};
use crate::vfs::{Vfs, VfsFile};
use entry::{Found, HEADER_BYTES, MAX_OUTBOX_ENTRY_BYTES};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Bytes that may wait for delivery. A six-hour outage of the receiver at 12 KiB per second; beyond
/// it the newest are refused and counted, the oldest kept. Erased bodies of the oldest file, at
/// most 256 KiB and one entry, come on top.
pub const MAX_OUTBOX_BYTES: u64 = 256 * 1024 * 1024;

/// A file that has grown to this is followed by a new one: small, so that files go soon.
pub(crate) const SEGMENT_BYTES: u64 = 256 * 1024;

/// The writing end of the webhook queue.
pub struct Outbox {
    disk: Arc<dyn Vfs>,
    dir: PathBuf,
    limits: OutboxLimits,
    shared: Arc<Shared>,
    active: Option<Active>,
    /// Entries not yet on disk.
    buffer: Vec<u8>,
    buffered: Vec<Location>,
    next: u64,
    failed: Option<StoreError>,
}

/// Sizes of an outbox.
#[derive(Clone, Copy)]
pub(crate) struct OutboxLimits {
    pub(crate) bytes: u64,
    pub(crate) segment_bytes: u64,
}

/// The reading end of the webhook queue. Cheap to clone.
#[derive(Clone)]
pub struct OutboxReader {
    shared: Arc<Shared>,
}

/// One webhook body in the queue.
#[derive(Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Its place in the queue.
    pub sequence: u64,
    /// The exact bytes pushed.
    pub body: Vec<u8>,
}

/// Bodies name people: never printed.
impl std::fmt::Debug for OutboxEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutboxEntry")
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

/// What opening an outbox found.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutboxRecovery {
    pub(crate) waiting: usize,
    pub(crate) damaged_bytes: u64,
}

struct Shared {
    disk: Arc<dyn Vfs>,
    dir: PathBuf,
    queue: Mutex<Queue>,
    /// The last sequence in the queue.
    latest: watch::Sender<u64>,
}

#[derive(Default)]
struct Queue {
    entries: VecDeque<Location>,
    bytes: u64,
    /// Entries still waiting, by file.
    files: BTreeMap<u64, usize>,
}

/// Where an entry's body lies.
#[derive(Debug, Clone, Copy)]
struct Location {
    sequence: u64,
    file: u64,
    offset: u64,
    len: usize,
    crc: u32,
}

struct Active {
    first: u64,
    file: Box<dyn VfsFile>,
    len: u64,
}

impl Outbox {
    /// Opens the queue in `dir`; files of an earlier run are only read and erased, never appended.
    pub(crate) fn open(
        disk: Arc<dyn Vfs>,
        dir: &Path,
        limits: OutboxLimits,
    ) -> io::Result<(Self, OutboxRecovery)> {
        disk.create_dir(dir)?;
        let mut names = disk.list(dir)?;
        names.sort();
        let mut queue = Queue::default();
        let mut recovery = OutboxRecovery::default();
        let mut last = 0;
        for first in names.iter().filter_map(|name| parse_name(name)) {
            last = last.max(first.saturating_sub(1));
            queue.files.insert(first, 0);
            for found in entry::walk(&disk.read(&path(dir, first))?) {
                match found {
                    Found::Waiting {
                        offset,
                        sequence,
                        len,
                        crc,
                    } => {
                        last = last.max(sequence);
                        queue.add(Location {
                            sequence,
                            file: first,
                            offset,
                            len,
                            crc,
                        });
                    }
                    Found::Delivered { sequence } => last = last.max(sequence),
                    Found::Damaged { bytes } => recovery.damaged_bytes += bytes,
                }
            }
        }
        recovery.waiting = queue.entries.len();
        let idle = queue.take_idle_files();
        queue.report();
        let (latest, _) = watch::channel(last);
        let shared = Shared {
            disk: disk.clone(),
            dir: dir.to_path_buf(),
            queue: Mutex::new(queue),
            latest,
        };
        shared.remove_files(&idle)?;
        let outbox = Self {
            disk,
            dir: dir.to_path_buf(),
            limits,
            shared: Arc::new(shared),
            active: None,
            buffer: Vec::new(),
            buffered: Vec::new(),
            next: last + 1,
            failed: None,
        };
        Ok((outbox, recovery))
    }

    /// Queues one webhook body; durable, and visible to the reader, at [`crate::Store::commit`].
    pub fn push(&mut self, body: &[u8]) -> Result<u64, PushError> {
        if body.is_empty() || body.len() > MAX_OUTBOX_ENTRY_BYTES {
            metrics::counter!("ringward_outbox_refused_total", "cause" => "size").increment(1);
            return Err(PushError::TooLarge {
                bytes: body.len(),
                max: MAX_OUTBOX_ENTRY_BYTES,
            });
        }
        let waiting = self.shared.queue().bytes + self.buffer.len() as u64;
        if waiting + (HEADER_BYTES + body.len()) as u64 > self.limits.bytes {
            metrics::counter!("ringward_outbox_refused_total", "cause" => "full").increment(1);
            return Err(PushError::Full { bytes: waiting });
        }
        let sequence = self.next;
        let offset = (self.buffer.len() + HEADER_BYTES) as u64;
        let crc = entry::encode(&mut self.buffer, sequence, body);
        self.buffered.push(Location {
            sequence,
            file: 0,
            offset,
            len: body.len(),
            crc,
        });
        self.next += 1;
        Ok(sequence)
    }

    /// Writes and syncs what was pushed, then shows it to the reader.
    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let Some(first) = self.buffered.first().map(|entry| entry.sequence) else {
            return Ok(());
        };
        if self
            .active
            .as_ref()
            .is_none_or(|active| active.len >= self.limits.segment_bytes)
        {
            self.rotate(first)?;
        }
        let Some(active) = self.active.as_mut() else {
            return Ok(());
        };
        let file = path(&self.dir, active.first);
        if let Err(error) = active.file.write_at(active.len, &self.buffer) {
            // A group cut off again never happened; it waits in the buffer.
            if is_full(&error) && active.file.set_len(active.len).is_ok() {
                return Err(StoreError::DiskFull { file });
            }
            return Err(self.fail(file, "written", &error));
        }
        if let Err(error) = active.file.sync() {
            return Err(self.fail(file, "synced", &error));
        }
        let mut queue = self.shared.queue();
        for buffered in self.buffered.drain(..) {
            queue.add(Location {
                file: active.first,
                offset: active.len + buffered.offset,
                ..buffered
            });
        }
        queue.report();
        drop(queue);
        active.len += self.buffer.len() as u64;
        self.buffer.clear();
        self.shared.latest.send_replace(self.next - 1);
        Ok(())
    }

    /// The reading end.
    pub(crate) fn reader(&self) -> OutboxReader {
        OutboxReader {
            shared: self.shared.clone(),
        }
    }

    fn rotate(&mut self, first: u64) -> Result<(), StoreError> {
        let file = path(&self.dir, first);
        let made = self.disk.create(&file).and_then(|made| {
            self.disk.sync_dir(&self.dir)?;
            Ok(made)
        });
        match made {
            Ok(made) => {
                self.active = Some(Active {
                    first,
                    file: made,
                    len: 0,
                });
                let mut queue = self.shared.queue();
                queue.files.insert(first, 0);
                let idle = queue.take_idle_files();
                drop(queue);
                if let Err(error) = self.shared.remove_files(&idle) {
                    tracing::warn!(%error, "delivered webhooks could not be removed from the disk");
                }
                Ok(())
            }
            Err(error) if is_full(&error) => {
                let _ = self.disk.remove(&file);
                Err(StoreError::DiskFull { file })
            }
            Err(error) => Err(self.fail(file, "created", &error)),
        }
    }

    fn fail(&mut self, file: PathBuf, operation: &'static str, error: &io::Error) -> StoreError {
        let failed = StoreError::Failed {
            file,
            operation,
            reason: error.to_string(),
        };
        tracing::error!(error = %failed, "the outbox takes nothing any more");
        self.failed = Some(failed.clone());
        failed
    }
}

impl OutboxReader {
    /// The oldest entry not yet delivered.
    pub fn peek(&self) -> io::Result<Option<OutboxEntry>> {
        self.next_after(0)
    }

    /// The oldest undelivered entry after `sequence`.
    pub fn next_after(&self, sequence: u64) -> io::Result<Option<OutboxEntry>> {
        let mut after = sequence;
        loop {
            let Some(location) = self.shared.queue().next_after(after) else {
                return Ok(None);
            };
            let file = path(&self.shared.dir, location.file);
            let body = self
                .shared
                .disk
                .read_at(&file, location.offset, location.len)?;
            if crc32c::crc32c(&body) == location.crc {
                return Ok(Some(OutboxEntry {
                    sequence: location.sequence,
                    body,
                }));
            }
            if self
                .shared
                .queue()
                .next_after(after)
                .is_some_and(|l| l.sequence == location.sequence)
            {
                // Not delivered meanwhile by another clone, so it rotted.
                tracing::error!(file = %file.display(), sequence = location.sequence, "a webhook is damaged and skipped");
                metrics::counter!("ringward_outbox_damaged_total").increment(1);
            }
            after = location.sequence;
        }
    }

    /// Erases every entry up to and including `sequence`. On an error they are gone from the
    /// queue, but their bytes may still be on disk, and a restart may deliver them again.
    pub fn delivered(&self, sequence: u64) -> io::Result<()> {
        let mut queue = self.shared.queue();
        let gone = queue.take_through(sequence);
        let idle = queue.take_idle_files();
        queue.report();
        drop(queue);
        let erased = self
            .shared
            .erase(gone.iter().filter(|entry| !idle.contains(&entry.file)));
        self.shared.remove_files(&idle).and(erased)
    }

    /// Completes when an entry after `sequence` was pushed and committed.
    pub async fn after(&self, sequence: u64) {
        let mut latest = self.shared.latest.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = latest.wait_for(|latest| *latest > sequence).await;
    }

    /// The last sequence committed to the queue; 0 for none. Entries up to it may be delivered or
    /// damaged by now.
    pub fn latest(&self) -> u64 {
        *self.shared.latest.borrow()
    }

    /// Entries and bytes waiting.
    pub fn waiting(&self) -> (usize, u64) {
        let queue = self.shared.queue();
        (queue.entries.len(), queue.bytes)
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn erase<'a>(&self, entries: impl Iterator<Item = &'a Location>) -> io::Result<()> {
        let mut result = Ok(());
        for entry in entries {
            let erased = self
                .disk
                .open(&path(&self.dir, entry.file))
                .and_then(|mut file| file.write_at(entry.offset, &vec![0; entry.len]));
            result = result.and(erased);
        }
        result
    }

    fn remove_files(&self, files: &[u64]) -> io::Result<()> {
        files
            .iter()
            .map(|file| self.disk.remove(&path(&self.dir, *file)))
            .fold(Ok(()), Result::and)
    }
}

impl Queue {
    fn add(&mut self, location: Location) {
        self.bytes += (HEADER_BYTES + location.len) as u64;
        *self.files.entry(location.file).or_default() += 1;
        self.entries.push_back(location);
    }

    fn next_after(&self, sequence: u64) -> Option<Location> {
        let at = self
            .entries
            .partition_point(|entry| entry.sequence <= sequence);
        self.entries.get(at).copied()
    }

    fn take_through(&mut self, sequence: u64) -> Vec<Location> {
        let count = self
            .entries
            .partition_point(|entry| entry.sequence <= sequence);
        let gone: Vec<_> = self.entries.drain(..count).collect();
        for entry in &gone {
            self.bytes = self.bytes.saturating_sub((HEADER_BYTES + entry.len) as u64);
            if let Some(waiting) = self.files.get_mut(&entry.file) {
                *waiting = waiting.saturating_sub(1);
            }
        }
        gone
    }

    /// Files in which nothing waits. The newest stays: it is being written, and its name keeps
    /// sequences growing across restarts.
    fn take_idle_files(&mut self) -> Vec<u64> {
        let newest = self.files.last_key_value().map(|(file, _)| *file);
        let idle: Vec<u64> = self
            .files
            .iter()
            .filter(|(file, waiting)| **waiting == 0 && Some(**file) != newest)
            .map(|(file, _)| *file)
            .collect();
        for file in &idle {
            self.files.remove(file);
        }
        idle
    }

    fn report(&self) {
        metrics::gauge!("ringward_outbox_entries").set(self.entries.len() as f64);
        metrics::gauge!("ringward_outbox_bytes").set(self.bytes as f64);
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

fn path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.log"))
}

fn parse_name(name: &str) -> Option<u64> {
    name.strip_suffix(".log")
        .filter(|n| n.len() == 20)?
        .parse()
        .ok()
}
