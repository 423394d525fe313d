//! Files that nobody but the box and root can read.

use rustix::process::geteuid;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Only the owner.
const FILE_MODE: u32 = 0o600;

/// Only the owner.
const FOLDER_MODE: u32 = 0o700;

/// What nobody else may have: reading and writing by everyone, writing by the group. A group may
/// read: Debian keeps keys of services readable for the group `ssl-cert`.
const FORBIDDEN_BITS: u32 = 0o027;

/// Largest private file that is read; a larger one is a mistake of path.
const MAX_BYTES: u64 = 1 << 20;

/// The user id of root.
const ROOT: u32 = 0;

/// Why a private file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// The kernel refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// Others can read or change it, so it is no secret any more.
    #[error(
        "{path} can be read or changed by others (mode {mode:04o}): run `chmod 600 {path}`, and if \
         it was so for long, replace the key in it",
        path = path.display()
    )]
    TooOpen {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Somebody else owns it and could change it.
    #[error(
        "{path} belongs to user {owner}, who could change it: run `chown {user} {path}`",
        path = path.display()
    )]
    Foreign {
        /// Which.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// The user who runs this.
        user: u32,
    },
    /// Larger than any private file is.
    #[error("{path} has {bytes} bytes, more than a key or certificate ever has", path = path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
}

impl PrivateFileError {
    /// Whether the file is not there.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Makes a folder that only its owner may enter, unless it is there.
///
/// # Errors
/// [`PrivateFileError::Io`].
pub fn folder_private(path: &Path) -> Result<(), PrivateFileError> {
    let made = std::fs::DirBuilder::new().mode(FOLDER_MODE).create(path);
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made
            .and_then(|()| File::open(path))
            .and_then(|folder| inherit_owner(&folder, path))
            .map_err(|source| failed(path, source)),
    }
}

/// Makes a new file of mode 0600; on `Ok` it is on disk, name and all.
///
/// # Errors
/// [`PrivateFileError::Io`], also when something has that name already: nothing is overwritten.
pub fn create_private(path: &Path, bytes: &[u8]) -> Result<(), PrivateFileError> {
    write_new(path, bytes).map_err(|source| failed(path, source))?;
    sync_folder(path)
}

/// Replaces a file, or makes it, as one step: a reader finds the old one or the new one, and after
/// a power cut one of both is there.
///
/// # Errors
/// [`PrivateFileError::Io`]; the old file is as it was.
pub fn replace_private(path: &Path, bytes: &[u8]) -> Result<(), PrivateFileError> {
    let draft = draft_of(path);
    // A draft that a crash left behind belongs to nobody.
    let _ = std::fs::remove_file(&draft);
    write_new(&draft, bytes)
        .and_then(|()| std::fs::rename(&draft, path))
        .map_err(|source| failed(path, source))?;
    sync_folder(path)
}

/// Reads a file that must be secret.
///
/// # Errors
/// [`PrivateFileError`]; what is asked is the opened file, so that nobody can swap it in between.
pub fn read_private(path: &Path) -> Result<Vec<u8>, PrivateFileError> {
    let io = |source| failed(path, source);
    let file = File::open(path).map_err(io)?;
    let facts = file.metadata().map_err(io)?;
    let mode = facts.mode() & 0o7777;
    if mode & FORBIDDEN_BITS != 0 {
        let path = path.to_owned();
        return Err(PrivateFileError::TooOpen { path, mode });
    }
    let user = geteuid().as_raw();
    // Root reads what the box's user made: it runs commands beside the box.
    if user != ROOT && facts.uid() != user && facts.uid() != ROOT {
        let (path, owner) = (path.to_owned(), facts.uid());
        return Err(PrivateFileError::Foreign { path, owner, user });
    }
    if facts.len() > MAX_BYTES {
        let (path, bytes) = (path.to_owned(), facts.len());
        return Err(PrivateFileError::TooLarge { path, bytes });
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)?;
    // A strange umask cannot make it wider, but narrower than the owner needs.
    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    inherit_owner(&file, path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// What root makes in the box's folder belongs to the box, which could not read it otherwise.
fn inherit_owner(made: &File, path: &Path) -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let folder = std::fs::metadata(folder_of(path))?;
    std::os::unix::fs::fchown(made, Some(folder.uid()), Some(folder.gid()))
}

/// A name is on disk when its folder is.
fn sync_folder(path: &Path) -> Result<(), PrivateFileError> {
    let folder = folder_of(path);
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| failed(folder, source))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn failed(path: &Path, source: io::Error) -> PrivateFileError {
    PrivateFileError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn a_private_file_is_its_owners_from_the_beginning_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create_private(&path, b"one").unwrap();
        assert_eq!(mode(&path), 0o600);
        assert!(create_private(&path, b"two").is_err());
        assert_eq!(read_private(&path).unwrap(), b"one");
    }

    #[test]
    fn a_replaced_file_is_private_and_leaves_no_draft() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts");
        std::fs::write(folder.path().join("accounts.new"), "left by a crash").unwrap();
        replace_private(&path, b"one").unwrap();
        replace_private(&path, b"two").unwrap();
        assert_eq!(
            (read_private(&path).unwrap(), mode(&path)),
            (b"two".to_vec(), 0o600)
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_root_makes_in_the_boxs_folder_belongs_to_the_box() {
        const SOMEBODY: u32 = 65_534;
        if !geteuid().is_root() {
            return; // nobody else can give a file away
        }
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("tls");
        std::os::unix::fs::chown(folder.path(), Some(SOMEBODY), Some(SOMEBODY)).unwrap();
        folder_private(&inside).unwrap();
        create_private(&inside.join("key"), b"x").unwrap();
        replace_private(&inside.join("key"), b"y").unwrap();
        for path in [inside.clone(), inside.join("key")] {
            let facts = std::fs::metadata(&path).unwrap();
            assert_eq!((facts.uid(), facts.gid()), (SOMEBODY, SOMEBODY), "{path:?}");
        }
        assert_eq!(read_private(&inside.join("key")).unwrap(), b"y");
    }

    #[test]
    fn what_others_can_read_is_refused_with_the_command_that_helps() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create_private(&path, b"x").unwrap();
        for (mode, private) in [
            (0o600, true),
            (0o400, true),
            (0o640, true),
            (0o644, false),
            (0o660, false),
            (0o604, false),
            (0o601, false),
            (0o602, false),
        ] {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let read = read_private(&path);
            assert_eq!(read.is_ok(), private, "{mode:o}");
            if let Err(error) = read {
                let shown = error.to_string();
                assert!(
                    shown.contains("chmod 600") && shown.contains(&format!("{mode:04o}")),
                    "{shown}"
                );
            }
        }
    }
}
