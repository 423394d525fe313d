//! One process per data folder.

use crate::error::OpenStoreError;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Only the box's own user may enter: what is below names rooms and identities.
const FOLDER_MODE: u32 = 0o700;

/// The lock on a data folder; the kernel releases it when the process ends, however it ends.
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Makes the folder if there is none, and takes it.
    pub(crate) fn take(dir: &Path) -> Result<Self, OpenStoreError> {
        let folder = |source| OpenStoreError::Folder {
            path: dir.to_path_buf(),
            source,
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(dir)
            .map_err(folder)?;
        fs::set_permissions(dir, Permissions::from_mode(FOLDER_MODE)).map_err(folder)?;
        let path = dir.join("lock");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(folder)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let owner = owner(&path);
                return Err(OpenStoreError::InUse {
                    path: dir.to_path_buf(),
                    owner,
                });
            }
            Err(TryLockError::Error(source)) => return Err(folder(source)),
        }
        // Only for the message above: a full disk is no reason not to start.
        if let Err(error) = sign(&mut file) {
            tracing::debug!(file = %path.display(), %error, "the lock does not say who holds it");
        }
        Ok(Self { _file: file })
    }
}

fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all(std::process::id().to_string().as_bytes())
}

fn owner(path: &Path) -> String {
    let pid = fs::read_to_string(path)
        .ok()
        .and_then(|text| text.trim().parse::<u32>().ok());
    pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    )
}
