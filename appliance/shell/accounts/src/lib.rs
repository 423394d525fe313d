//! Operators' accounts: passwords, sessions, lock-out.
//!
//! An account opens the admin API over HTTPS, as the Unix socket opens it on the box. Passwords are
//! kept as argon2id hashes in one private file; sessions live in memory only, as hashes, too.

mod account;
mod accounts;
mod file;
mod lockout;
mod password;
mod session;

pub use account::{AccountName, WrongAccountName};
pub use accounts::{
    Accounts, ChangeAccountError, ChangeOwnPasswordError, LoginRefused, MAX_ACCOUNTS,
    OpenAccountsError, Session,
};
pub use file::ACCOUNTS_FILE;
pub use password::{MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS, WeakPassword};
