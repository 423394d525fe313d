//! Copies of a data folder: made while the box runs, proved before they count, put back only where
//! nothing is lost by it.
//!
//! Journals only grow, so a file copied while it is written is a beginning of itself. What vouches
//! for another file is copied before it: the checkpoint knows no event that the copied journal lacks,
//! and the copied journal witnesses no audit entry that the copied audit journal lacks.

mod manifest;

use crate::error::OpenStoreError;
use crate::store::{Stopped, Verified, VerifyError};
use manifest::{Kept, MANIFEST, Manifest};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use vocab::UnixMillis;

/// Copied first, in this order; everything else after them.
const FIRST: [&str; 5] = [
    "checkpoint.0",
    "checkpoint.1",
    "audit.heads",
    "journal",
    "audit",
];

/// Not copied: locks and space held back, what is made anew from the journal, sockets by their kind.
const LEFT_OUT: [&str; 6] = [
    "lock",
    "ballast",
    "audit.ballast",
    "index",
    "index.suspect",
    NEWEST,
];

/// In the data folder: when its newest backup was made, in milliseconds since 1970.
const NEWEST: &str = "backup.newest";

/// Deepest folder below the data folder; nothing of a box lies deeper.
const MAX_DEPTH: usize = 8;

/// A proved copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// When it was begun: everything acknowledged before is in it.
    pub made_at: UnixMillis,
    /// Files in it.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
    /// What its journals hold.
    pub verified: Verified,
}

/// Why there is no backup, or why one was not put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The data folder has no journal.
    #[error("{} is not a box's data folder: it has no journal; name it with --data", .0.display())]
    NoBox(PathBuf),
    /// Something is in the place of the copy.
    #[error("{} exists and is not empty: nothing in it is overwritten; name another folder", .0.display())]
    NotEmpty(PathBuf),
    /// There is no manifest: not a backup, or one that was broken off.
    #[error("{} is no finished backup: it has no {MANIFEST}", .0.display())]
    NoManifest(PathBuf),
    /// The manifest was written by a later box.
    #[error("the backup has format {found}, this program reads {MANIFEST_VERSION}: use the program that made it, or a later one", MANIFEST_VERSION = manifest::VERSION)]
    Later {
        /// Its format.
        found: u32,
    },
    /// A file is not what was copied.
    #[error("{} is not as it was copied: this backup is damaged; use another", .0.display())]
    Damaged(PathBuf),
    /// A file that the manifest does not name, or a name that leads out of the folder.
    #[error("the backup's manifest names {0:?}, which is no place in a data folder")]
    Misplaced(String),
    /// The journals of the copy do not hold together.
    #[error("the copy does not verify: {0}")]
    Verify(#[from] VerifyError),
    /// The copy cannot be opened to be proved.
    #[error(transparent)]
    Open(#[from] OpenStoreError),
    /// The disk.
    #[error("{path}: {source}", path = .path.display())]
    Disk {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> BackupError + use<> {
    let path = path.to_owned();
    move |source| BackupError::Disk { path, source }
}

/// Copies the data folder of a box, which may run, into `to`, and proves the copy. `to` appears when
/// it is whole. The data folder learns when its newest backup was made.
///
/// # Errors
/// [`BackupError`]; what was copied until then stays in `TO.partial` until the next try.
pub fn backup(data: &Path, to: &Path, now: UnixMillis) -> Result<Backup, BackupError> {
    if !data.join("journal").is_dir() {
        return Err(BackupError::NoBox(data.to_owned()));
    }
    must_be_empty(to)?;
    let partial = beside(to, "partial");
    remove(&partial)?;
    private_folder(&partial)?;
    let mut files = Vec::new();
    for place in places(data)? {
        copy(data, Path::new(&place), &partial, 0, &mut files)?;
    }
    let verified = prove(&partial)?;
    let manifest = Manifest::new(now, files);
    let path = partial.join(MANIFEST);
    fs::write(&path, manifest.json()).map_err(disk(&path))?;
    sync(&path)?;
    appear(&partial, to)?;
    note(data, now)?;
    Ok(Backup {
        made_at: now,
        files: manifest.files.len(),
        bytes: manifest.files.iter().map(|file| file.bytes).sum(),
        verified,
    })
}

/// Puts a backup back into `data`, which must be empty or absent; it appears when it is whole and
/// proved. The files get the owner of the folder that they replace.
///
/// # Errors
/// [`BackupError`]; `data` is untouched then.
pub fn restore(from: &Path, data: &Path) -> Result<Backup, BackupError> {
    let path = from.join(MANIFEST);
    let text = fs::read(&path).map_err(|_| BackupError::NoManifest(from.to_owned()))?;
    let manifest = Manifest::read(&text, from)?;
    must_be_empty(data)?;
    let partial = beside(data, "partial");
    remove(&partial)?;
    private_folder(&partial)?;
    // Even an empty one is part of a data folder.
    for journal in ["journal", "audit"] {
        private_folder(&partial.join(journal))?;
    }
    for kept in &manifest.files {
        put_back(from, kept, &partial)?;
    }
    let verified = prove(&partial)?;
    give(&partial, data)?;
    appear(&partial, data)?;
    Ok(Backup {
        made_at: manifest.made_at(),
        files: manifest.files.len(),
        bytes: manifest.files.iter().map(|file| file.bytes).sum(),
        verified,
    })
}

/// When the newest backup of this data folder was made; `None` if none ever was.
#[must_use]
pub fn newest_backup(data: &Path) -> Option<UnixMillis> {
    let text = fs::read_to_string(data.join(NEWEST)).ok()?;
    text.trim().parse().ok().map(UnixMillis)
}

/// What lies in the data folder, in the order of copying.
fn places(data: &Path) -> Result<Vec<String>, BackupError> {
    let mut rest: Vec<String> = fs::read_dir(data)
        .map_err(disk(data))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !FIRST.contains(&name.as_str()) && !is_left_out(name))
        .collect();
    rest.sort_unstable();
    let first = FIRST.iter().map(|name| (*name).to_owned());
    let first = first.filter(|name| data.join(name).exists());
    Ok(first.chain(rest).collect())
}

fn is_left_out(name: &str) -> bool {
    LEFT_OUT.contains(&name) || name.starts_with("index.broken-")
}

/// Copies a file, or a folder with what is in it, files in order of their names: older ones of a
/// journal before newer ones.
fn copy(
    data: &Path,
    place: &Path,
    to: &Path,
    depth: usize,
    files: &mut Vec<Kept>,
) -> Result<(), BackupError> {
    let source = data.join(place);
    let found = match fs::symlink_metadata(&source) {
        Ok(found) => found,
        // Gone since it was listed: a webhook was delivered, a record has had its time.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(disk(&source)(error)),
    };
    if found.is_dir() && depth < MAX_DEPTH {
        private_folder(&to.join(place))?;
        let entries = fs::read_dir(&source).map_err(disk(&source))?;
        let mut names: Vec<_> = entries.filter_map(|e| Some(e.ok()?.file_name())).collect();
        names.sort_unstable();
        for name in names {
            copy(data, &place.join(name), to, depth + 1, files)?;
        }
    } else if found.is_file() {
        let mut reader = match File::open(&source) {
            Ok(reader) => reader,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(disk(&source)(error)),
        };
        let target = to.join(place);
        let (bytes, sha256) = manifest::copy(&mut reader, &target).map_err(disk(&target))?;
        files.push(Kept {
            path: place.to_string_lossy().into_owned(),
            bytes,
            sha256,
        });
    }
    Ok(())
}

fn put_back(from: &Path, kept: &Kept, to: &Path) -> Result<(), BackupError> {
    let place = kept.place()?;
    let source = from.join(place);
    let target = to.join(place);
    if let Some(folder) = target.parent() {
        private_folder(folder)?;
    }
    let mut reader = File::open(&source).map_err(disk(&source))?;
    let (bytes, sha256) = manifest::copy(&mut reader, &target).map_err(disk(&target))?;
    if (bytes, &sha256) == (kept.bytes, &kept.sha256) {
        Ok(())
    } else {
        Err(BackupError::Damaged(source))
    }
}

/// Both journals from their first record to their last, one against the other.
fn prove(dir: &Path) -> Result<Verified, BackupError> {
    let verified = Stopped::open(dir)?.verify(&mut |_| {})?;
    let lock = dir.join("lock");
    fs::remove_file(&lock).map_err(disk(&lock))?;
    Ok(verified)
}

fn must_be_empty(path: &Path) -> Result<(), BackupError> {
    match fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(BackupError::NotEmpty(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(disk(path)(error)),
    }
}

/// A neighbour of the same name with something after it: on the same disk.
fn beside(path: &Path, more: &str) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut name = absolute.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(more);
    absolute.with_file_name(name)
}

fn remove(path: &Path) -> Result<(), BackupError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk(path)(error)),
        _ => Ok(()),
    }
}

/// It holds keys and who was where: nobody else may enter.
fn private_folder(path: &Path) -> Result<(), BackupError> {
    let make = || {
        fs::create_dir_all(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))
    };
    make().map_err(disk(path))
}

/// Gives everything to whoever owned the folder that is replaced.
fn give(from: &Path, replaced: &Path) -> Result<(), BackupError> {
    let Ok(owner) = fs::metadata(replaced) else {
        return Ok(());
    };
    let own = fs::metadata(from).map_err(disk(from))?;
    if (own.uid(), own.gid()) == (owner.uid(), owner.gid()) {
        return Ok(());
    }
    let mut open = vec![from.to_owned()];
    while let Some(path) = open.pop() {
        chown(&path, Some(owner.uid()), Some(owner.gid())).map_err(disk(&path))?;
        if path.is_dir() {
            let entries = fs::read_dir(&path).map_err(disk(&path))?;
            open.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
        }
    }
    Ok(())
}

/// Takes the place of an empty folder, or of none, in one step; then both are on disk.
fn appear(partial: &Path, to: &Path) -> Result<(), BackupError> {
    sync(partial)?;
    fs::rename(partial, to).map_err(disk(to))?;
    let absolute = std::path::absolute(to).unwrap_or_else(|_| to.to_owned());
    absolute.parent().map_or(Ok(()), sync)
}

fn sync(path: &Path) -> Result<(), BackupError> {
    let opened = File::open(path).and_then(|file| file.sync_all());
    opened.map_err(disk(path))
}

/// For the alarm that asks how old the newest backup is.
fn note(data: &Path, now: UnixMillis) -> Result<(), BackupError> {
    let path = data.join(NEWEST);
    let half = data.join("backup.newest.new");
    let write = || {
        fs::write(&half, format!("{}\n", now.0))?;
        fs::set_permissions(&half, fs::Permissions::from_mode(0o644))?;
        fs::rename(&half, &path)
    };
    write().map_err(disk(&path))
}

#[cfg(test)]
mod tests;
