//! Getting a usable index, whatever is on the disk: keep it, catch it up, or move it aside and
//! build it again from the journal (`reliability.md` F2).

use crate::error::{OpenStoreError, ReadError, RecoverJournalError, StoreError};
use crate::index::{BATCH_EVENTS, Index};
use crate::journal::Journal;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use vocab::UnixMillis;

/// Broken indexes kept for those who want to know why. Older ones go: they would fill the disk.
const MAX_BROKEN: usize = 2;

/// What a broken index is called, before the time.
const BROKEN: &str = "index.broken-";

/// What became of the index at opening.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum IndexFate {
    /// It fits the journal.
    #[default]
    Kept,
    /// There was none.
    Created,
    /// It was unusable, moved aside and rebuilt.
    Rebuilt {
        /// Why.
        reason: String,
        /// Where the old one is now.
        moved_to: PathBuf,
    },
}

/// An index that stands at the end of the journal, and how it got there.
pub(crate) struct Climbed {
    pub(crate) index: Index,
    pub(crate) fate: IndexFate,
    pub(crate) replayed: u64,
    pub(crate) restored: u64,
}

/// A file beside the index that says: an earlier run could not read it. Damage that opening does
/// not meet is found by a question, perhaps weeks later; then the next start rebuilds.
pub(crate) struct Suspicion {
    path: PathBuf,
}

impl Suspicion {
    /// The one of the data folder `dir`.
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            path: dir.join("index.suspect"),
        }
    }

    /// Leaves the note.
    pub(crate) fn raise(&self) {
        if let Err(error) = fs::write(&self.path, []) {
            tracing::error!(file = %self.path.display(), %error, "the damaged index cannot be marked");
        }
    }

    fn is_raised(&self) -> bool {
        self.path.exists()
    }

    /// Takes the note away. That it cannot be is no harm: one more rebuild.
    fn settle(&self) {
        if self.is_raised() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Why an index is not usable.
enum Flaw {
    /// The journal cannot be read: no index can be built.
    Journal(RecoverJournalError),
    /// No space.
    Full(String),
    /// Anything else about the index.
    Index(String),
}

/// Opens the index in `dir/index`, or builds it.
pub(crate) fn climb(
    dir: &Path,
    cache_bytes: u64,
    journal: &mut Journal,
    now: UnixMillis,
) -> Result<Climbed, OpenStoreError> {
    let path = dir.join("index");
    let fate = if path.exists() {
        IndexFate::Kept
    } else {
        IndexFate::Created
    };
    let suspicion = Suspicion::new(dir);
    let mut attempt = if suspicion.is_raised() && path.exists() {
        Err(Flaw::Index("an earlier run could not read it".to_owned()))
    } else {
        try_open(&path, cache_bytes, journal)
    };
    if matches!(attempt, Err(Flaw::Full(_))) && journal.release_ballast() {
        attempt = try_open(&path, cache_bytes, journal);
    }
    let reason = match attempt {
        Ok((index, replayed, restored)) => {
            return Ok(Climbed {
                index,
                fate,
                replayed,
                restored,
            });
        }
        Err(Flaw::Journal(error)) => return Err(error.into()),
        Err(Flaw::Full(reason)) => return Err(OpenStoreError::Index { path, reason }),
        Err(Flaw::Index(reason)) => reason,
    };
    let moved_to = move_aside(dir, &path, now).map_err(|source| OpenStoreError::Folder {
        path: path.clone(),
        source,
    })?;
    tracing::error!(
        %reason, moved_to = %moved_to.display(),
        "the index is unusable: it is rebuilt from the journal"
    );
    match try_open(&path, cache_bytes, journal) {
        Ok((index, replayed, restored)) => {
            suspicion.settle();
            let fate = IndexFate::Rebuilt { reason, moved_to };
            Ok(Climbed {
                index,
                fate,
                replayed,
                restored,
            })
        }
        Err(Flaw::Journal(error)) => Err(error.into()),
        Err(Flaw::Full(reason) | Flaw::Index(reason)) => {
            Err(OpenStoreError::Index { path, reason })
        }
    }
}

/// Applies what the journal has and the index has not; returns how many events.
pub(crate) fn catch_up(index: &mut Index, journal: &Journal) -> Result<u64, CatchUpError> {
    let applied = index.applied();
    if applied.sequence == journal.synced() {
        return if applied.hash == journal.synced_hash() {
            Ok(0)
        } else {
            Err(CatchUpError::Foreign)
        };
    }
    let mut group = Vec::with_capacity(BATCH_EVENTS);
    let mut replayed = 0;
    journal.replay(applied.sequence.max(1), &mut |stored, hash| {
        if stored.sequence == applied.sequence {
            return if hash == applied.hash {
                Ok(())
            } else {
                Err(CatchUpError::Foreign)
            };
        }
        group.push((stored, hash));
        replayed += 1;
        if group.len() == BATCH_EVENTS {
            index.apply(&group)?;
            group.clear();
        }
        Ok(())
    })?;
    index.apply(&group)?;
    Ok(replayed)
}

/// Why the index could not be brought to the end of the journal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CatchUpError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] RecoverJournalError),
    /// The index cannot be read or written.
    #[error("{0}: {source}", source = std::error::Error::source(.0).map_or_else(String::new, ToString::to_string))]
    Index(#[from] ReadError),
    /// The index was built from another journal.
    #[error("it belongs to another journal")]
    Foreign,
}

impl CatchUpError {
    /// Whether the index itself is to blame.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Journal(_) => false,
            Self::Index(error) => error.is_damage(),
            Self::Foreign => true,
        }
    }
}

fn try_open(
    path: &Path,
    cache_bytes: u64,
    journal: &mut Journal,
) -> Result<(Index, u64, u64), Flaw> {
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let mut index = Index::open(path, cache_bytes).map_err(CatchUpError::Index)?;
        let restored = restore(&index, journal)?;
        let replayed = catch_up(&mut index, journal)?;
        Ok::<_, Flaw>((index, replayed, restored))
    }));
    opened.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or_default();
        Err(Flaw::Index(format!("sled panicked: {said}")))
    })
}

/// Writes to the journal again what the index remembers beyond its end.
///
/// Such records were acknowledged, and the last group rotted: it looks like a torn tail. The
/// hashes prove that what is written back is what was there. Returns how many.
fn restore(index: &Index, journal: &mut Journal) -> Result<u64, Flaw> {
    let applied = index.applied();
    let before = journal.synced();
    if applied.sequence <= before {
        return Ok(0);
    }
    let lost = applied.sequence - before;
    let mut hash = journal.synced_hash();
    for sequence in before + 1..=applied.sequence {
        let event = index.event(sequence).map_err(CatchUpError::Index)?;
        let appended = event.map(|event| journal.append(&event));
        let Some(Ok((_, chained))) = appended else {
            break;
        };
        hash = chained;
    }
    if hash != applied.hash {
        journal.discard();
        return Err(Flaw::Index(format!(
            "it knows {lost} events that the journal no longer has"
        )));
    }
    journal.commit().map_err(|error| {
        journal.discard();
        match error {
            StoreError::DiskFull { .. } => Flaw::Full(error.to_string()),
            error => Flaw::Index(error.to_string()),
        }
    })?;
    tracing::error!(
        events = lost,
        first = before + 1,
        "acknowledged events were damaged at the journal's end: written again from the index"
    );
    Ok(lost)
}

/// Renames the index to `index.broken-<milliseconds>` and drops the oldest of those.
fn move_aside(dir: &Path, path: &Path, now: UnixMillis) -> io::Result<PathBuf> {
    let mut stamps: Vec<u64> = fs::read_dir(dir)?
        .filter_map(|entry| {
            entry
                .ok()?
                .file_name()
                .to_str()?
                .strip_prefix(BROKEN)?
                .parse()
                .ok()
        })
        .collect();
    stamps.sort_unstable();
    // Later than any other, even when the clock has stepped back.
    let stamp = stamps.last().map_or(now.0, |last| now.0.max(last + 1));
    let target = dir.join(format!("{BROKEN}{stamp}"));
    fs::rename(path, &target)?;
    for old in stamps.iter().rev().skip(MAX_BROKEN - 1) {
        let old = dir.join(format!("{BROKEN}{old}"));
        if let Err(error) = fs::remove_dir_all(&old) {
            tracing::warn!(folder = %old.display(), %error, "an old broken index cannot be removed");
        }
    }
    Ok(target)
}

impl From<CatchUpError> for Flaw {
    fn from(error: CatchUpError) -> Self {
        match error {
            CatchUpError::Journal(error) => Self::Journal(error),
            CatchUpError::Index(ReadError::Index(sled::Error::Io(ref io)))
                if io.kind() == io::ErrorKind::StorageFull =>
            {
                Self::Full(error.to_string())
            }
            error => Self::Index(error.to_string()),
        }
    }
}
