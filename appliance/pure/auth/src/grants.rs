//! What a token allows, with `LiveKit`'s defaults for what it leaves unsaid.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `LiveKit`'s `video` claim. Absent booleans are false, except the four that say otherwise.
///
/// Source: `LiveKit` protocol `auth/grants.go`, `VideoGrant`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Grants {
    /// The one room that `room_join` and `room_admin` are about; empty: none.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub room: String,
    /// May join [`Self::room`].
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_false")]
    pub room_join: bool,
    /// May create and delete rooms.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_false")]
    pub room_create: bool,
    /// May list rooms.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_false")]
    pub room_list: bool,
    /// May govern [`Self::room`]: mute, remove, send data.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_false")]
    pub room_admin: bool,
    /// May record.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_false")]
    pub room_record: bool,
    /// May manage ingress.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_false")]
    pub ingress_admin: bool,
    /// May publish tracks; unset means yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish: Option<bool>,
    /// May subscribe to tracks; unset means yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe: Option<bool>,
    /// May publish data; unset means as [`Self::can_publish`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish_data: Option<bool>,
    /// When not empty, only these sources may be published.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub can_publish_sources: Vec<Source>,
    /// May change its own name, metadata and attributes; unset means no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_update_own_metadata: Option<bool>,
    /// May receive others' metrics; unset means no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe_metrics: Option<bool>,
    /// May steer an agent's session; unset means no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_manage_agent_session: Option<bool>,
    /// Others do not see it.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_false")]
    pub hidden: bool,
    /// It records.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_false")]
    pub recorder: bool,
    /// It is an agent.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_false")]
    pub agent: bool,
    /// Where participants may be moved or forwarded to.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub destination_room: String,
}

impl Grants {
    /// May publish tracks.
    #[must_use]
    pub fn can_publish(&self) -> bool {
        self.can_publish.unwrap_or(true)
    }

    /// May publish a track of this source. An unknown source passes only an empty list.
    #[must_use]
    pub fn can_publish_source(&self, source: Source) -> bool {
        let listed = source != Source::Unknown && self.can_publish_sources.contains(&source);
        self.can_publish() && (self.can_publish_sources.is_empty() || listed)
    }

    /// May subscribe to tracks.
    #[must_use]
    pub fn can_subscribe(&self) -> bool {
        self.can_subscribe.unwrap_or(true)
    }

    /// May publish data.
    #[must_use]
    pub fn can_publish_data(&self) -> bool {
        self.can_publish_data.unwrap_or_else(|| self.can_publish())
    }

    /// May change its own name, metadata and attributes.
    #[must_use]
    pub fn can_update_own_metadata(&self) -> bool {
        self.can_update_own_metadata.unwrap_or(false)
    }

    /// May receive others' metrics.
    #[must_use]
    pub fn can_subscribe_metrics(&self) -> bool {
        self.can_subscribe_metrics.unwrap_or(false)
    }

    /// May steer an agent's session.
    #[must_use]
    pub fn can_manage_agent_session(&self) -> bool {
        self.can_manage_agent_session.unwrap_or(false)
    }

    /// May join this room. A token without a room joins none.
    #[must_use]
    pub fn room_join_for(&self, room: &str) -> bool {
        self.room_join && self.is_for(room)
    }

    /// May govern this room. A token without a room governs none.
    #[must_use]
    pub fn room_admin_for(&self, room: &str) -> bool {
        self.room_admin && self.is_for(room)
    }

    /// May move participants from `room` to `destination`.
    #[must_use]
    pub fn can_move(&self, room: &str, destination: &str) -> bool {
        self.room_admin_for(room) && !destination.is_empty() && self.destination_room == destination
    }

    fn is_for(&self, room: &str) -> bool {
        !room.is_empty() && self.room == room
    }
}

/// `LiveKit`'s `sip` claim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SipGrants {
    /// May manage trunks and dispatch rules.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_false")]
    pub admin: bool,
    /// May place and transfer calls.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_false")]
    pub call: bool,
}

/// What a track shows or carries (`LiveKit`'s `TrackSource`, same numbers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Not said, or a word or number not known here.
    Unknown = 0,
    /// `camera`.
    Camera = 1,
    /// `microphone`.
    Microphone = 2,
    /// `screen_share`.
    ScreenShare = 3,
    /// `screen_share_audio`.
    ScreenShareAudio = 4,
}

impl Source {
    /// All sources a token can name.
    pub const NAMED: [Self; 4] = [
        Self::Camera,
        Self::Microphone,
        Self::ScreenShare,
        Self::ScreenShareAudio,
    ];

    /// From the number of `LiveKit`'s `TrackSource`.
    #[must_use]
    pub fn from_number(number: i32) -> Self {
        match number {
            1 => Self::Camera,
            2 => Self::Microphone,
            3 => Self::ScreenShare,
            4 => Self::ScreenShareAudio,
            _ => Self::Unknown,
        }
    }

    /// The number of `LiveKit`'s `TrackSource`.
    #[must_use]
    pub fn number(self) -> i32 {
        self as i32
    }

    /// From the word in `canPublishSources`; words are matched exactly.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        Self::NAMED
            .into_iter()
            .find(|s| s.word() == word)
            .unwrap_or(Self::Unknown)
    }

    /// The word in `canPublishSources`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Camera => "camera",
            Self::Microphone => "microphone",
            Self::ScreenShare => "screen_share",
            Self::ScreenShareAudio => "screen_share_audio",
        }
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|word| Self::from_word(&word))
    }
}

/// Go writes a nil slice or map as `null`; `LiveKit` reads it as absent.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if wants a reference"
)]
pub(crate) fn is_false(value: &bool) -> bool {
    !*value
}
