//! What a backup holds, file by file.

use super::BackupError;
use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path};
use vocab::UnixMillis;

/// Its name in the backup; written last, so that a backup with one is whole.
pub(super) const MANIFEST: &str = "backup.json";

/// Format of the manifest.
pub(super) const VERSION: u32 = 1;

/// Bytes copied at a time.
const CHUNK: usize = 1 << 18;

/// All files of a backup.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    version: u32,
    made_at_ms: u64,
    pub(super) files: Vec<Kept>,
}

/// One file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Below the data folder.
    pub(super) path: String,
    pub(super) bytes: u64,
    /// Hexadecimal.
    pub(super) sha256: String,
}

impl Manifest {
    pub(super) fn new(now: UnixMillis, files: Vec<Kept>) -> Self {
        Self {
            version: VERSION,
            made_at_ms: now.0,
            files,
        }
    }

    pub(super) fn json(&self) -> String {
        // Numbers and texts: writing them cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    pub(super) fn read(text: &[u8], folder: &Path) -> Result<Self, BackupError> {
        let damaged = |_| BackupError::Damaged(folder.join(MANIFEST));
        let manifest: Self = serde_json::from_slice(text).map_err(damaged)?;
        if manifest.version != VERSION {
            let found = manifest.version;
            return Err(BackupError::Later { found });
        }
        Ok(manifest)
    }

    pub(super) fn made_at(&self) -> UnixMillis {
        UnixMillis(self.made_at_ms)
    }
}

impl Kept {
    /// The path, if it stays below the folder it is put into.
    pub(super) fn place(&self) -> Result<&Path, BackupError> {
        let path = Path::new(&self.path);
        let mut parts = path.components();
        let stays = !self.path.is_empty() && parts.all(|part| matches!(part, Component::Normal(_)));
        if stays {
            Ok(path)
        } else {
            Err(BackupError::Misplaced(self.path.clone()))
        }
    }
}

/// Copies to a new file that only its owner may read; returns size and SHA-256 of what was copied.
/// It is on disk then.
pub(super) fn copy(from: &mut File, to: &Path) -> io::Result<(u64, String)> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)?;
    let mut hash = Context::new(&SHA256);
    let mut chunk = vec![0; CHUNK];
    let mut bytes = 0;
    loop {
        let length = from.read(&mut chunk)?;
        let Some(read) = chunk.get(..length).filter(|read| !read.is_empty()) else {
            break;
        };
        hash.update(read);
        file.write_all(read)?;
        bytes += length as u64;
    }
    file.sync_all()?;
    Ok((bytes, crate::index::hex(hash.finish().as_ref())))
}
