//! The API key of a box whose settings name none.

use crate::private_file::{PrivateFileError, create_private, read_private};
use crate::random::{RandomError, secret_text};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use vocab::Redacted;

/// The file's name inside the data folder.
pub const API_KEY_FILE: &str = "api-key.toml";

/// The key's name. One word for every box, so that settings can name it before it exists.
pub const API_KEY_NAME: &str = "box";

/// A key that the box made itself.
#[derive(Debug)]
pub struct ApiKey {
    /// Its secret.
    pub secret: Redacted<String>,
    /// Where it lies.
    pub path: PathBuf,
    /// Whether it was made just now.
    pub is_new: bool,
}

/// Why there is no API key.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// No secret could be made.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The file holds something else.
    #[error(
        "{path} does not hold the line {API_KEY_NAME} = \"SECRET\" under [keys]: move it away, and \
         the next start makes a new key; programs that use the old one then need the new",
        path = path.display()
    )]
    Broken {
        /// Which.
        path: PathBuf,
    },
}

#[derive(Deserialize)]
struct File {
    keys: BTreeMap<String, String>,
}

/// The key of the box whose data folder this is; made at the first call.
///
/// # Errors
/// [`ApiKeyError`].
pub fn api_key(data: &Path) -> Result<ApiKey, ApiKeyError> {
    let path = data.join(API_KEY_FILE);
    match read_private(&path) {
        Ok(bytes) => parse(path, &bytes),
        Err(error) if error.is_missing() => make(path),
        Err(error) => Err(error.into()),
    }
}

fn parse(path: PathBuf, bytes: &[u8]) -> Result<ApiKey, ApiKeyError> {
    let secret = toml::from_slice::<File>(bytes)
        .ok()
        .and_then(|mut file| file.keys.remove(API_KEY_NAME))
        .filter(|secret| !secret.is_empty());
    match secret {
        Some(secret) => Ok(ApiKey {
            secret: Redacted::new(secret),
            path,
            is_new: false,
        }),
        None => Err(ApiKeyError::Broken { path }),
    }
}

fn make(path: PathBuf) -> Result<ApiKey, ApiKeyError> {
    let secret = secret_text()?;
    let text = format!(
        "# The API key of this box, made at its first start. Whoever knows the secret can make\n\
         # tokens for every room. To use keys of your own, write [keys] into the settings file.\n\
         [keys]\n{API_KEY_NAME} = \"{}\"\n",
        secret.expose()
    );
    create_private(&path, text.as_bytes())?;
    Ok(ApiKey {
        secret,
        path,
        is_new: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_then_found() {
        let folder = tempfile::tempdir().unwrap();
        let made = api_key(folder.path()).unwrap();
        let found = api_key(folder.path()).unwrap();
        assert!(made.is_new && !found.is_new);
        assert_eq!(made.secret.expose(), found.secret.expose());
        assert!(!format!("{made:?}").contains(made.secret.expose()));
    }

    #[test]
    fn a_broken_file_is_not_replaced_behind_the_owners_back() {
        let folder = tempfile::tempdir().unwrap();
        create_private(
            &folder.path().join(API_KEY_FILE),
            b"[keys]\nother = \"x\"\n",
        )
        .unwrap();
        let shown = api_key(folder.path()).unwrap_err().to_string();
        assert!(
            shown.contains(API_KEY_FILE) && shown.contains("[keys]"),
            "{shown}"
        );
    }
}
