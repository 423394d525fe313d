//! The box's API keys and their secrets.

use aws_lc_rs::hmac;
use std::collections::BTreeMap;
use std::fmt;

/// API keys with their secrets. `Debug` shows the keys and hides the secrets.
#[derive(Clone, Default)]
pub struct Keys {
    secrets: BTreeMap<String, Secret>,
}

#[derive(Clone)]
struct Secret {
    text: String,
    hmac: hmac::Key,
}

/// Why a key was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddKeyError {
    /// A token with an empty `iss` would match it.
    #[error("the API key is empty; give it a name")]
    EmptyKey,
    /// Anybody could sign with it.
    #[error("the API secret is empty; give it at least one character, better 32")]
    EmptySecret,
}

impl Keys {
    /// No key: every token is refused.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key, or replaces its secret.
    pub fn add(
        &mut self,
        key: impl Into<String>,
        secret: impl Into<String>,
    ) -> Result<(), AddKeyError> {
        let (key, text) = (key.into(), secret.into());
        if key.is_empty() {
            return Err(AddKeyError::EmptyKey);
        }
        if text.is_empty() {
            return Err(AddKeyError::EmptySecret);
        }
        let hmac = hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes());
        self.secrets.insert(key, Secret { text, hmac });
        Ok(())
    }

    /// The secret of a key.
    #[must_use]
    pub fn secret(&self, key: &str) -> Option<&str> {
        self.secrets.get(key).map(|s| s.text.as_str())
    }

    /// The key names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.secrets.keys().map(String::as_str)
    }

    pub(crate) fn hmac(&self, key: &str) -> Option<&hmac::Key> {
        self.secrets.get(key).map(|s| &s.hmac)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
