//! Operators' accounts and their sessions over HTTPS.

use super::Role;
use serde::{Deserialize, Serialize};

/// `POST /admin/login`, over HTTPS only. Whatever is wrong, the answer is the same 401; too many
/// failures are 429 with `Retry-After`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Login {
    /// The account's name.
    pub name: String,
    /// Its password.
    pub password: String,
}

/// A session. Every request carries `Authorization: Bearer {token}`; each one prolongs it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoggedIn {
    /// The session's secret: to be kept in memory only.
    pub token: String,
    /// What the account may do.
    pub role: Role,
    /// Ends after so much time without a request.
    pub idle_ms: u64,
    /// Ends then in any case.
    pub ends_at_ms: u64,
}

/// An account, as `GET /admin/accounts` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccountView {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at_ms: u64,
    /// When its password was set.
    pub password_at_ms: u64,
    /// Sessions that are open.
    pub sessions: u32,
    /// Addresses from which it is locked out now.
    pub locked_out: u32,
}

/// `POST /admin/accounts`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewAccount {
    /// 1 to 32 letters, digits, dots, dashes and underscores.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Its password.
    pub password: String,
}

/// `PUT /admin/accounts/{name}/password`. Ends every session of the account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewPassword {
    /// The new one.
    pub password: String,
}

/// `PUT /admin/password`: one's own. Ends every session of the account, this one too.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OwnPassword {
    /// The present one.
    pub present: String,
    /// The new one.
    pub password: String,
}

macro_rules! hides_secrets {
    ($($type:ident),*) => {
        $(impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        })*
    };
}

hides_secrets!(Login, LoggedIn, NewAccount, NewPassword, OwnPassword);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_printed() {
        let login = Login {
            name: "amara".to_owned(),
            password: "s3cret".to_owned(),
        };
        assert!(!format!("{login:?}").contains("s3cret"));
    }
}
