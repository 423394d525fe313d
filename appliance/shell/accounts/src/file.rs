//! The file that keeps the accounts.

use crate::account::Account;
use safe::{PrivateFileError, read_private, replace_private};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file's name inside the data folder.
pub const ACCOUNTS_FILE: &str = "accounts.json";

/// How the file is written; another one is refused, not guessed at.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    accounts: Vec<Account>,
}

/// Why the accounts cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    File(#[from] PrivateFileError),
    #[error("{path} is damaged: restore it from a backup, or move it away and make the accounts anew with `ringward account add`", path = .0.display())]
    Damaged(PathBuf),
}

/// What is kept; nothing yet where there is no file.
pub(crate) fn read(path: &Path) -> Result<Vec<Account>, ReadError> {
    let bytes = match read_private(path) {
        Err(error) if error.is_missing() => return Ok(Vec::new()),
        bytes => bytes?,
    };
    match serde_json::from_slice::<Kept>(&bytes) {
        Ok(kept) if kept.version == VERSION => Ok(kept.accounts),
        _ => Err(ReadError::Damaged(path.to_owned())),
    }
}

/// On `Ok` it is on disk.
pub(crate) fn write(path: &Path, accounts: &[Account]) -> Result<(), PrivateFileError> {
    let kept = Kept {
        version: VERSION,
        accounts: accounts.to_vec(),
    };
    // Texts and numbers: writing them cannot fail.
    let bytes = serde_json::to_vec_pretty(&kept).unwrap_or_default();
    replace_private(path, &bytes)
}
