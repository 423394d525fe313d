//! One account.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use vocab::UnixMillis;
use wire::admin::Role;

/// Longest name of an account.
const MAX_NAME_BYTES: usize = 32;

/// An account's name: letters, digits, `.`, `-` and `_`, in lower case. It stands in the audit
/// journal as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountName(String);

/// A text that is no name of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an account's name is 1 to {MAX_NAME_BYTES} letters, digits, dots, dashes and underscores, and \
     begins with a letter or digit"
)]
pub struct WrongAccountName;

impl AccountName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountName {
    type Err = WrongAccountName;

    fn from_str(text: &str) -> Result<Self, WrongAccountName> {
        let fits = (1..=MAX_NAME_BYTES).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        fits.then(|| Self(text.to_ascii_lowercase()))
            .ok_or(WrongAccountName)
    }
}

impl TryFrom<String> for AccountName {
    type Error = WrongAccountName;

    fn try_from(text: String) -> Result<Self, WrongAccountName> {
        text.parse()
    }
}

impl From<AccountName> for String {
    fn from(name: AccountName) -> Self {
        name.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An account as it is kept.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) name: AccountName,
    pub(crate) role: Role,
    pub(crate) created_at_ms: u64,
    pub(crate) password_at_ms: u64,
    /// Argon2id in PHC form.
    pub(crate) hash: String,
}

impl Account {
    pub(crate) fn new(name: AccountName, role: Role, hash: String, now: UnixMillis) -> Self {
        Self {
            name,
            role,
            created_at_ms: now.0,
            password_at_ms: now.0,
            hash,
        }
    }
}
