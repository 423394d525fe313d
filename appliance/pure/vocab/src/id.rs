//! Names of things: text ids for the wire, number keys for the hot path.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Longest room name or identity in bytes (LiveKit's `limit.max_room_name_length` and
/// `max_participant_identity_length` are 256).
pub const MAX_NAME_BYTES: usize = 256;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps a text that is already known to be one.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text as it stands on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::new(text)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id!(
    /// A room's name as its users chose it, unique on the box while the room lives.
    RoomName
);
text_id!(
    /// A participant's identity as its token says (`sub`), unique within a room.
    Identity
);
text_id!(
    /// A room's life: `RM_` and 12 characters, new for each life of a room name.
    RoomSid
);
text_id!(
    /// One connection's presence in a room: `PA_` and 12 characters; new on each join, never reused.
    ParticipantSid
);
text_id!(
    /// One published track: `TR_`, kind and source letters, and 12 characters.
    TrackSid
);

macro_rules! number_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_key!(
    /// A room on the media plane. Allocated by the control plane, never reused while it runs.
    RoomKey
);
number_key!(
    /// A participant on the media plane; owns one or two peers.
    ParticipantKey
);
number_key!(
    /// One WebRTC transport (one `RTCPeerConnection` of a client).
    PeerKey
);
number_key!(
    /// A published track on the media plane.
    TrackKey
);
number_key!(
    /// One signalling connection (one WebSocket); a resumed participant gets a new one.
    SessionKey
);
