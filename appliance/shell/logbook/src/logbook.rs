//! The handle: note facts, ask what they mean.

mod ask;
mod erase;
mod keeper;
#[cfg(test)]
mod tests;

use crate::clock;
use crate::issuers::Issuers;
use crate::pages::{self, Pages};
use crate::shelf::{MAX_RECORDS, Shelf};
use attempt::{Closing, Door, Ended, Record, Token, TokenOutcome};
use keeper::Keeper;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use vocab::UnixMillis;

/// LiveKit's alphabet for ids (see `signal`'s sids).
const ALPHABET: &[u8; 57] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const ID_CHARS: usize = 12;
/// Earlier cuts of the same person count for this long.
const CUT_WINDOW_MS: u64 = 120_000;

/// One attempt; keys rise with time and are never reused while the box runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptKey(u64);

/// Where a connection came from, and where it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub remote: SocketAddr,
    /// The box's own.
    pub local: SocketAddr,
    /// Over TLS.
    pub secure: bool,
}

/// Why the logbook could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the folder of attempts {path} cannot be used ({source}): check its owner and the disk", path = path.display())]
pub struct OpenLogbookError {
    path: PathBuf,
    source: io::Error,
}

/// Attempts to connect. Cheap to clone; nobody who notes anything waits for the disk.
#[derive(Debug, Clone)]
pub struct Logbook(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    shelf: Mutex<Shelf>,
    issuers: Mutex<Issuers>,
    keeper: Mutex<Option<Keeper>>,
    /// `None`: nothing is kept beyond memory.
    folder: Option<PathBuf>,
    next: AtomicU64,
    /// Sessions that an earlier run was to erase, with how many attempts.
    made_good: Vec<(String, usize)>,
}

impl Logbook {
    /// Opens the folder, reads what is recent, and starts the thread that judges and writes; it
    /// ends with the last handle.
    ///
    /// # Errors
    /// The folder cannot be made or read, or there is no thread for it.
    pub fn open(folder: &Path) -> Result<Self, OpenLogbookError> {
        let failed = |source| OpenLogbookError {
            path: folder.to_owned(),
            source,
        };
        let pages = Pages::open(folder).map_err(failed)?;
        let made_good = Inner::make_good(folder).map_err(failed)?;
        let logbook = Self::new(Some((folder.to_owned(), pages)), made_good);
        logbook.remember(folder).map_err(failed)?;
        keeper::start(&logbook.0).map_err(failed)?;
        Ok(logbook)
    }

    /// One that keeps nothing beyond memory and judges only when asked.
    pub fn detached() -> Self {
        Self::new(None, Vec::new())
    }

    fn new(place: Option<(PathBuf, Pages)>, made_good: Vec<(String, usize)>) -> Self {
        let (folder, pages) = place.unzip();
        Self(Arc::new(Inner {
            shelf: Mutex::default(),
            issuers: Mutex::default(),
            keeper: Mutex::new(pages.map(Keeper::new)),
            folder,
            next: AtomicU64::new(1),
            made_good,
        }))
    }

    /// What the last two days hold, as far as it fits: causes of the last hour are grouped, and
    /// that hour may have begun before midnight. Whatever was open then is over now.
    fn remember(&self, folder: &Path) -> io::Result<()> {
        let days = pages::days(folder)?;
        let recent = days.iter().rev().take(2).rev();
        let mut records: Vec<Record> = Vec::new();
        for (_, path) in recent {
            records.extend(pages::read(path)?);
        }
        let surplus = records.len().saturating_sub(MAX_RECORDS / 2);
        let mut shelf = self.0.shelf();
        for mut record in records.into_iter().skip(surplus) {
            let at = record.touched;
            record.ended.get_or_insert(Ended { at });
            shelf.add(self.0.key(), record);
        }
        // It is on disk already.
        let _ = shelf.judge(clock::now());
        Ok(())
    }

    /// Writes what the thread has not written yet: the box stops.
    pub fn flush(&self) {
        self.0.keep();
    }

    /// An attempt begins.
    pub fn begin(&self, door: Door, origin: Option<Origin>) -> AttemptKey {
        let key = self.0.key();
        let mut record = Record::new(id(), door, clock::now());
        if let Some(origin) = origin {
            record.remote = Some(origin.remote);
            record.local = Some(origin.local);
            if origin.secure {
                record.tls = attempt::Tls::Done;
            }
        }
        metrics::counter!("ringward_attempts_total").increment(1);
        self.0.shelf().add(key, record);
        key
    }

    /// Notes something. Of an attempt that has been forgotten nothing is noted.
    pub fn note(&self, key: AttemptKey, note: impl FnOnce(&mut Record, UnixMillis)) {
        let now = clock::now();
        self.0.shelf().note(key, |record| {
            record.touched = now;
            note(record, now);
        });
    }

    /// What became of its token; a wrong clock shows in what other tokens of its issuer said.
    pub fn note_token(&self, key: AttemptKey, mut token: Token) {
        if token.outcome == TokenOutcome::Expired {
            let mut issuers = self
                .0
                .issuers
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            token.always_this_old = issuers.judge(&token, clock::now());
        }
        self.note(key, |record, _| record.token = Some(token));
    }

    /// It was refused: it is over, and one like it of the last minute is counted with it.
    pub fn refused(&self, key: AttemptKey) {
        let now = clock::now();
        let mut shelf = self.0.shelf();
        shelf.note(key, |record| {
            record.touched = now;
            record.ended.get_or_insert(Ended { at: now });
        });
        shelf.fold(key, now);
    }

    /// Its WebSocket is gone. Cuts of the same person before it count.
    pub fn closed(&self, key: AttemptKey, how: Closing) {
        let now = clock::now();
        let mut shelf = self.0.shelf();
        let Some(record) = shelf.get(key) else { return };
        let (identity, room) = (record.identity.clone(), record.room.clone());
        let earlier = shelf.newest().find_map(|(other, entry)| {
            let record = &entry.record;
            let is_same = (&record.identity, &record.room) == (&identity, &room);
            let closed = record.signal.closed.filter(|c| c.how == Closing::Cut)?;
            let is_recent = now.0.saturating_sub(closed.at.0) < CUT_WINDOW_MS;
            (other != key && is_same && is_recent).then_some(record.signal.cuts)
        });
        shelf.note(key, |record| {
            record.touched = now;
            let is_up = record.transports.iter().any(|t| t.connected_at.is_some());
            record.signal.closed = Some(attempt::Closed { at: now, how });
            if how == Closing::Cut && !is_up {
                record.signal.cuts = earlier.unwrap_or(0).saturating_add(1);
            }
        });
    }
}

impl Inner {
    pub(crate) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self) -> AttemptKey {
        AttemptKey(self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// `CA_` and 12 characters.
fn id() -> String {
    let chars = (0..ID_CHARS).filter_map(|_| ALPHABET.get(fastrand::usize(..ALPHABET.len())));
    "CA_"
        .chars()
        .chain(chars.map(|byte| char::from(*byte)))
        .collect()
}
