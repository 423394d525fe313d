//! Why a join cannot be read.

use super::query::ParseQueryError;
use vocab::ErrorKind;

/// Why a client may not even try to join. `Display` is the plain text of the HTTP answer.
///
/// Texts and grades as `LiveKit`'s `rtcservice.go` and `rtc/errors.go` have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseJoinError {
    /// The token lacks `roomJoin`, or the join asks for more than it grants: own metadata or
    /// attributes, or publishing.
    #[error("permissions denied")]
    NotAllowed,
    /// The token names nobody.
    #[error("participant identity cannot be empty")]
    NoIdentity,
    /// The token names no room.
    #[error("room name cannot be empty")]
    NoRoom,
    /// A text beyond its limit.
    #[error("{0} exceeds limits")]
    TooLong(ClientText),
    /// Beyond [`crate::limits::MAX_JOIN_TRACKS`].
    #[error("too many tracks in one join")]
    TooManyTracks,
    /// `/rtc/v1` without `join_request`.
    #[error("join_request is missing")]
    NoJoinRequest,
    /// Not base64url.
    #[error("join_request is not base64url")]
    NotBase64,
    /// No `WrappedJoinRequest`, or no `JoinRequest` in it.
    #[error("join_request cannot be decoded")]
    NotDecodable,
    /// A compression other than none and gzip.
    #[error("join_request is compressed in an unknown way")]
    UnknownCompression,
    /// Not gzip although it says so.
    #[error("join_request cannot be decompressed")]
    NotInflatable,
    /// Beyond [`crate::limits::MAX_JOIN_REQUEST_BYTES`] once inflated.
    #[error("join_request is too large")]
    JoinRequestTooLarge,
    /// `attributes` is not base64url of a JSON object of strings.
    #[error("attributes cannot be decoded")]
    BadAttributes,
    /// The query itself.
    #[error(transparent)]
    Query(#[from] ParseQueryError),
}

/// A text a client or its token brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientText {
    /// At most [`vocab::MAX_NAME_BYTES`].
    Identity,
    /// At most [`vocab::MAX_NAME_BYTES`].
    Room,
    /// At most [`crate::MAX_METADATA_BYTES`].
    Metadata,
    /// At most [`crate::MAX_ATTRIBUTES_BYTES`], keys and values together.
    Attributes,
    /// At most [`crate::limits::MAX_SDP_BYTES`].
    Offer,
}

impl ParseJoinError {
    /// What the caller can do about it: 401 for `Unauthenticated`, 400 for `Invalid`.
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::NotAllowed => ErrorKind::Unauthenticated,
            _ => ErrorKind::Invalid,
        }
    }
}

impl std::fmt::Display for ClientText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Identity => "participant identity length",
            Self::Room => "room name length",
            Self::Metadata => "metadata size",
            Self::Attributes => "attributes size",
            Self::Offer => "publisher offer size",
        })
    }
}
