//! Reading acknowledged records by sequence, from any thread, while the journal grows.
//!
//! Where a record stands is known from its file: sequences have no gaps, files are named by their
//! first, and each record says its length. Nothing about it is kept on disk twice.

use super::record::{self, Hash, Record};
use super::segment::{self, Segment};
use super::{decode_event, recovery};
use crate::error::{ReadError, RecoverJournalError};
use crate::query::StoredEvent;
use crate::vfs::Vfs;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Older files whose records' places are remembered: at some 80,000 records each, 5 MB.
const MAX_KNOWN_FILES: usize = 16;

/// The acknowledged part of the journal.
pub(crate) struct Log {
    disk: Arc<dyn Vfs>,
    dir: PathBuf,
    state: Mutex<State>,
}

struct State {
    synced: u64,
    /// The file being written.
    active: Option<Places>,
    /// Older files, oldest first.
    sealed: Vec<Segment>,
    /// Places in older files, latest asked last.
    known: VecDeque<Arc<Places>>,
}

/// Where the records of one file stand.
pub(crate) struct Places {
    pub(crate) segment: Segment,
    /// Each record's first byte.
    pub(crate) offsets: Vec<u32>,
    /// The byte after the last.
    pub(crate) end: u32,
}

impl Places {
    /// The places in a file without records.
    pub(crate) fn empty(segment: Segment) -> Self {
        Self {
            segment,
            offsets: Vec::new(),
            end: segment::HEADER_BYTES as u32,
        }
    }

    /// First byte and length of a record.
    fn of(&self, sequence: u64) -> Option<(u64, usize)> {
        let at = usize::try_from(sequence.checked_sub(self.segment.first)?).ok()?;
        let begin = *self.offsets.get(at)?;
        let end = self.offsets.get(at + 1).copied().unwrap_or(self.end);
        Some((u64::from(begin), end.saturating_sub(begin) as usize))
    }

    fn add(&mut self, records: &[u8]) {
        let mut at = 0;
        while let Some(len) = record::length(records.get(at..).unwrap_or_default()) {
            self.offsets.push(self.end);
            self.end += len as u32;
            at += len;
        }
    }
}

impl Log {
    /// The journal in `dir`, of which `synced` records are acknowledged.
    pub(crate) fn new(
        disk: Arc<dyn Vfs>,
        dir: PathBuf,
        active: Option<Places>,
        synced: u64,
    ) -> Result<Self, RecoverJournalError> {
        let mut sealed = recovery::segments(disk.as_ref(), &dir)?;
        sealed.retain(|s| active.as_ref().is_none_or(|a| a.segment != *s));
        let state = Mutex::new(State {
            synced,
            active,
            sealed,
            known: VecDeque::new(),
        });
        Ok(Self { disk, dir, state })
    }

    /// The last acknowledged record; 0 for none.
    pub(crate) fn synced(&self) -> u64 {
        self.state().synced
    }

    /// The event at `sequence`, `None` if there is none. Its checksum is proved, its place in the
    /// chain is not (the verification does that).
    pub(crate) fn event(&self, sequence: u64) -> Result<Option<StoredEvent>, ReadError> {
        Ok(self.read(sequence)?.map(|(stored, _)| stored))
    }

    /// The event at `sequence` with its hash.
    pub(crate) fn read(&self, sequence: u64) -> Result<Option<(StoredEvent, Hash)>, ReadError> {
        self.read_record(sequence, |proved| {
            Ok((decode_event(proved)?, proved.record.hash))
        })
    }

    /// What `decode` makes of the record at `sequence`, `None` if there is none.
    pub(crate) fn read_record<T>(
        &self,
        sequence: u64,
        decode: impl FnOnce(&recovery::Proved<'_>) -> Result<T, RecoverJournalError>,
    ) -> Result<Option<T>, ReadError> {
        let Some((segment, offset, len)) = self.place(sequence)? else {
            return Ok(None);
        };
        let io = |source| RecoverJournalError::Io {
            file: segment.path.clone(),
            source,
        };
        let bytes = self
            .disk
            .read_at(&segment.path, offset, len)
            .map_err(io)
            .map_err(ReadError::Journal)?;
        let record = Record::decode(&bytes).filter(|record| record.sequence == sequence);
        let Some(record) = record else {
            return Err(ReadError::Journal(RecoverJournalError::Damaged {
                file: segment.path,
                offset,
                sequence,
            }));
        };
        let proved = recovery::Proved {
            segment: &segment,
            offset,
            record,
        };
        decode(&proved).map(Some).map_err(ReadError::Journal)
    }

    /// Hands every acknowledged record from `from` to `to` to `visit`, proving their chain.
    pub(crate) fn replay<E: From<RecoverJournalError>>(
        &self,
        from: u64,
        to: u64,
        visit: &mut dyn FnMut(StoredEvent, Hash) -> Result<bool, E>,
    ) -> Result<(), E> {
        let (from, to) = (from.max(1), to.min(self.synced()));
        if from > to {
            return Ok(());
        }
        recovery::replay(self.disk.as_ref(), &self.dir, from, to, &mut |proved| {
            let hash = proved.record.hash;
            visit(decode_event(&proved)?, hash)
        })
    }

    /// Takes note that `records` are on disk, in the newest file.
    pub(super) fn committed(&self, records: &[u8], synced: u64) {
        let mut state = self.state();
        if let Some(active) = &mut state.active {
            active.add(records);
        }
        state.synced = synced;
    }

    /// Takes note of a new file.
    pub(super) fn rotated(&self, segment: Segment) {
        let mut state = self.state();
        let old = state.active.replace(Places::empty(segment));
        if let Some(old) = old {
            state.sealed.push(old.segment.clone());
            state.remember(Arc::new(old));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, sequence: u64) -> Result<Option<(Segment, u64, usize)>, ReadError> {
        let mut state = self.state();
        if sequence == 0 || sequence > state.synced {
            return Ok(None);
        }
        if let Some(active) = &state.active
            && sequence >= active.segment.first
        {
            return Ok(active
                .of(sequence)
                .map(|(offset, len)| (active.segment.clone(), offset, len)));
        }
        let at = state.sealed.partition_point(|s| s.first <= sequence);
        let Some(segment) = at.checked_sub(1).and_then(|at| state.sealed.get(at)) else {
            return Ok(None);
        };
        let segment = segment.clone();
        let places = if let Some(places) = state.take(&segment) {
            places
        } else {
            drop(state);
            let places = Arc::new(self.survey(&segment)?);
            state = self.state();
            places
        };
        let place = places.of(sequence);
        state.remember(places);
        match place {
            Some((offset, len)) => Ok(Some((segment, offset, len))),
            None => Err(ReadError::Journal(RecoverJournalError::Damaged {
                file: segment.path,
                offset: 0,
                sequence,
            })),
        }
    }

    /// Hops over a file's records by their lengths.
    fn survey(&self, segment: &Segment) -> Result<Places, ReadError> {
        let bytes = self.disk.read(&segment.path).map_err(|source| {
            ReadError::Journal(RecoverJournalError::Io {
                file: segment.path.clone(),
                source,
            })
        })?;
        let mut places = Places::empty(segment.clone());
        places.add(bytes.get(segment::HEADER_BYTES..).unwrap_or_default());
        Ok(places)
    }
}

impl State {
    fn take(&mut self, segment: &Segment) -> Option<Arc<Places>> {
        let at = self.known.iter().position(|k| k.segment == *segment)?;
        self.known.remove(at)
    }

    fn remember(&mut self, places: Arc<Places>) {
        self.take(&places.segment);
        self.known.push_back(places);
        if self.known.len() > MAX_KNOWN_FILES {
            self.known.pop_front();
        }
    }
}
