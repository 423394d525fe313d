//! Who may come in, and what they are told first.

use super::Room;
use crate::join::Join;
use crate::now::Now;
use vocab::{ErrorKind, SessionKey};

/// Why a connection is refused before it is upgraded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinRefusal {
    /// The room holds as many as it may.
    #[error("the room is full ({max} participants)")]
    Full {
        /// The limit.
        max: u32,
    },
    /// The room admits nobody new.
    #[error("the room is locked")]
    Locked,
    /// The server API removed this identity after the token was issued.
    #[error("the token has been revoked")]
    TokenRevoked,
    /// The token does not let its holder change what the query changes.
    #[error("the token does not allow own metadata to be changed")]
    MetadataNotAllowed,
    /// A text is over its limit.
    #[error(transparent)]
    TooLong(#[from] super::TextTooLong),
    /// The room has ended.
    #[error("the room has ended")]
    Closed,
}

impl JoinRefusal {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Full { .. } => ErrorKind::Exhausted,
            Self::Locked => ErrorKind::Forbidden,
            Self::TokenRevoked | Self::MetadataNotAllowed => ErrorKind::Unauthenticated,
            Self::TooLong(_) => ErrorKind::Invalid,
            Self::Closed => ErrorKind::Unavailable,
        }
    }
}

impl Room {
    /// A new signalling connection, checked but not yet upgraded: its first message
    /// (`join`, `reconnect` or `leave`) is queued when this returns `Ok`.
    pub fn handle_join(
        &mut self,
        _session: SessionKey,
        _join: Join,
        _now: Now,
    ) -> Result<(), JoinRefusal> {
        Ok(())
    }
}
