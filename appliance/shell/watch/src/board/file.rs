//! Operators' answers on disk: one small file, replaced as a whole.
//!
//! That somebody acknowledged or shelved an alarm is on record in the audit journal; this file only
//! spares operators from answering twice. Losing it is harmless, so it is no fact of the event
//! journal, where it would cost a place in the index for ever.

use alarm::Kept;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const NAME: &str = "alarms.json";

/// A file of ours has at most [`alarm::MAX_ALARMS`] entries of some 300 bytes.
const MAX_BYTES: u64 = 1024 * 1024;

#[derive(Debug)]
pub(super) struct KeptFile {
    path: PathBuf,
}

impl KeptFile {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            path: folder.join(NAME),
        }
    }

    /// What is kept; nothing where there is no file or none that can be read.
    pub(super) fn read(&self) -> Vec<Kept> {
        match self.try_read() {
            Ok(kept) => kept,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                tracing::warn!(
                    file = %self.path.display(), %error,
                    "operators' answers to alarms cannot be read; they will be asked again"
                );
                Vec::new()
            }
        }
    }

    fn try_read(&self) -> io::Result<Vec<Kept>> {
        if fs::metadata(&self.path)?.len() > MAX_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(serde_json::from_slice(&fs::read(&self.path)?)?)
    }

    /// Replaces what is kept. A disk that refuses costs an answer given twice, no alarm.
    pub(super) fn write(&self, kept: &[Kept]) {
        if let Err(error) = self.try_write(kept) {
            tracing::warn!(
                file = %self.path.display(), %error,
                "operators' answers to alarms are not kept; a restart would ask again"
            );
        }
    }

    fn try_write(&self, kept: &[Kept]) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(kept)?)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        match self.path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}
