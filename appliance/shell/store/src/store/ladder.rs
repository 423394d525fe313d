//! Getting a usable index, whatever is on the disk: keep it, help sled over a damaged snapshot, or
//! move it aside and build it again from the journal (`reliability.md` F2).

use crate::error::{ReadError, RecoverJournalError};
use crate::index::Index;
use crate::journal::log::Log;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vocab::UnixMillis;

/// Broken indexes kept for those who want to know why. Older ones go: they would fill the disk.
const MAX_BROKEN: usize = 2;

/// What a broken index is called, before the time.
const BROKEN: &str = "index.broken-";

/// Where a healed index keeps the files it was healed of.
const ASIDE: &str = "aside";

/// What became of the index at opening.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum IndexFate {
    /// It fits the journal.
    #[default]
    Kept,
    /// There was none.
    Created,
    /// sled refused it until its snapshot and its configuration were moved aside; it makes both
    /// anew from its log.
    Healed {
        /// Why.
        reason: String,
    },
    /// It was unusable, moved aside and rebuilt.
    Rebuilt {
        /// Why.
        reason: String,
        /// Where the old one is now.
        moved_to: PathBuf,
    },
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

/// An index, standing at some record of the journal.
pub(crate) struct Climbed {
    pub(crate) index: Index,
    pub(crate) fate: IndexFate,
    /// Acknowledged events it knew and the journal no longer had when it was opened.
    pub(crate) lost: u64,
}

/// Why an index is not usable now.
pub(crate) enum Flaw {
    /// The disk: no space, no right, no reading. May pass.
    Disk(String),
    /// The journal is damaged where the index needs it; building another would need it too.
    Journal(String),
    /// The index itself.
    Index {
        /// Why.
        reason: String,
        /// Events it knew and the journal does not have.
        lost: u64,
    },
}

/// Opens the index in `dir/index`, or makes an empty one. `opened` is where the journal ended when
/// this process opened it.
pub(crate) fn climb(
    dir: &Path,
    cache_bytes: u64,
    log: &Arc<Log>,
    opened: u64,
    now: UnixMillis,
) -> Result<Climbed, Flaw> {
    let path = dir.join("index");
    let suspicion = Suspicion::new(dir);
    let existed = path.exists();
    if !existed {
        let index = try_open(&path, cache_bytes, log, opened)?;
        suspicion.settle();
        let fate = IndexFate::Created;
        let lost = 0;
        return Ok(Climbed { index, fate, lost });
    }
    let (reason, lost) = if suspicion.is_raised() {
        ("an earlier run could not read it".to_owned(), 0)
    } else {
        match try_open(&path, cache_bytes, log, opened) {
            Ok(index) => {
                let fate = IndexFate::Kept;
                let lost = 0;
                return Ok(Climbed { index, fate, lost });
            }
            Err(Flaw::Index { reason, lost: 0 }) => {
                if let Some(index) = heal(&path, cache_bytes, log, opened) {
                    tracing::warn!(%reason, "the index opened after its snapshot was moved aside");
                    let fate = IndexFate::Healed { reason };
                    let lost = 0;
                    return Ok(Climbed { index, fate, lost });
                }
                (reason, 0)
            }
            Err(Flaw::Index { reason, lost }) => (reason, lost),
            Err(flaw) => return Err(flaw),
        }
    };
    let moved_to = move_aside(dir, &path, now).map_err(|error| Flaw::Disk(error.to_string()))?;
    tracing::error!(
        %reason, moved_to = %moved_to.display(),
        "the index is unusable: it is rebuilt from the journal"
    );
    let index = try_open(&path, cache_bytes, log, opened)?;
    suspicion.settle();
    let fate = IndexFate::Rebuilt { reason, moved_to };
    Ok(Climbed { index, fate, lost })
}

/// The rung before a rebuild: sled's log is whole more often than what it derives from it.
fn heal(path: &Path, cache_bytes: u64, log: &Arc<Log>, opened: u64) -> Option<Index> {
    let aside = path.join(ASIDE);
    let names: Vec<_> = fs::read_dir(path)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("snap") || name == "conf")
        .collect();
    if names.is_empty() || fs::create_dir_all(&aside).is_err() {
        return None;
    }
    for name in names {
        fs::rename(path.join(&name), aside.join(&name)).ok()?;
    }
    let index = try_open(path, cache_bytes, log, opened).ok()?;
    // An index that came back empty was not healed but begun anew under another's files.
    (index.applied().sequence > 0).then_some(index)
}

fn try_open(path: &Path, cache_bytes: u64, log: &Arc<Log>, opened: u64) -> Result<Index, Flaw> {
    let opening = || {
        let index = Index::open(path, cache_bytes, log.clone())?;
        let applied = index.applied();
        let fits = applied.sequence == 0
            || log
                .read(applied.sequence)?
                .is_some_and(|(_, hash)| hash == applied.hash);
        Ok::<_, ReadError>((index, fits))
    };
    match catch_unwind(AssertUnwindSafe(opening)) {
        Ok(Ok((index, true))) => Ok(index),
        Ok(Ok((index, false))) => {
            let lost = index.applied().sequence.saturating_sub(opened);
            let reason = if lost > 0 {
                format!("it knows {lost} events that the journal no longer has")
            } else {
                "it belongs to another journal".to_owned()
            };
            Err(Flaw::Index { reason, lost })
        }
        Ok(Err(error)) => Err(Flaw::from(error)),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or_default();
            let reason = format!("sled panicked: {said}");
            Err(Flaw::Index { reason, lost: 0 })
        }
    }
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
}

impl CatchUpError {
    /// Whether the journal is to blame, for good.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Journal(error) | Self::Index(ReadError::Journal(error)) => {
                !matches!(error, RecoverJournalError::Io { .. })
            }
            Self::Index(_) => false,
        }
    }

    /// Whether the index itself is to blame.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Journal(_) => false,
            Self::Index(error) => error.is_damage(),
        }
    }
}

/// Renames the index to `index.broken-<milliseconds>` and drops the oldest of those.
pub(crate) fn move_aside(dir: &Path, path: &Path, now: UnixMillis) -> io::Result<PathBuf> {
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

impl From<ReadError> for Flaw {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Index(sled::Error::Io(ref io)) if passes(io) => Self::Disk(io.to_string()),
            ReadError::Journal(ref io @ RecoverJournalError::Io { .. }) => {
                Self::Disk(io.to_string())
            }
            ReadError::Journal(error) => Self::Journal(error.to_string()),
            error => Self::Index {
                reason: CatchUpError::Index(error).to_string(),
                lost: 0,
            },
        }
    }
}

/// Whether an error is about the disk as it is now, not about what stands on it.
fn passes(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::PermissionDenied
    )
}
