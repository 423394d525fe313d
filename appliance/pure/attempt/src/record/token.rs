//! What became of the token.

use serde::{Deserialize, Serialize};

/// What became of the token, and what its times say of the issuer's clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Token {
    /// The verdict.
    pub outcome: TokenOutcome,
    /// The key that it names, cut to 64 bytes.
    pub issuer: Option<String>,
    /// Seconds since it was issued by its own word (`iat`, else `nbf`); negative: the issuer's
    /// clock is ahead of ours.
    pub age_secs: Option<i64>,
    /// Seconds since it expired; negative: it is valid for that long.
    pub expired_secs: Option<i64>,
    /// Seconds until it becomes valid (`nbf`); negative: it is.
    pub starts_in_secs: Option<i64>,
    /// Another token of the same issuer, issued at another moment, was just as old when it came:
    /// they are not old, the issuer's clock is behind.
    pub always_this_old: bool,
}

/// The verdict on a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenOutcome {
    /// It opens the room.
    #[default]
    Valid,
    /// There was none.
    Missing,
    /// Not a token, or one that says what tokens must not say.
    Malformed,
    /// It names no key of this box.
    UnknownKey,
    /// It was not signed with that key's secret, or changed since.
    Signature,
    /// It has no end.
    NoExpiry,
    /// Its end is past.
    Expired,
    /// Its beginning is to come.
    NotYet,
    /// It does not say that its bearer may join, or not this room.
    NoGrant,
    /// It names nobody.
    NoIdentity,
}
