//! Disk space held back, so that the journal can go on for a while when the disk is full.

use crate::vfs::Vfs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file that only occupies space (`reliability.md` F3).
pub(crate) struct Ballast {
    disk: Arc<dyn Vfs>,
    path: PathBuf,
    bytes: u64,
    held: bool,
}

impl Ballast {
    /// Reserves `bytes` at `path`. A disk that refuses is no reason not to start: it is said
    /// once, and tried again whenever the journal begins a new file.
    pub(crate) fn hold(disk: Arc<dyn Vfs>, path: &Path, bytes: u64) -> Self {
        let mut ballast = Self {
            disk,
            path: path.to_path_buf(),
            bytes,
            held: false,
        };
        ballast.restore();
        ballast
    }

    /// Takes the space back after it was given up.
    pub(crate) fn restore(&mut self) {
        if self.held || self.bytes == 0 {
            return;
        }
        match self.disk.reserve(&self.path, self.bytes) {
            Ok(()) => self.held = true,
            Err(error) => {
                // A partial reservation would take the space without holding it ready.
                let _ = self.disk.remove(&self.path);
                tracing::warn!(
                    file = %self.path.display(), %error,
                    "no disk space could be held back for the journal: free some"
                );
            }
        }
    }

    /// Frees the space; `false` if there was none to free.
    pub(crate) fn release(&mut self) -> bool {
        if !self.held {
            return false;
        }
        self.held = false;
        tracing::warn!(
            file = %self.path.display(), bytes = self.bytes,
            "the disk is full: the space held back for the journal is now in use, free some"
        );
        self.disk.remove(&self.path).is_ok()
    }
}
