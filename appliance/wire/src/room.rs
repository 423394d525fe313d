//! Rooms that live now.

use serde::{Deserialize, Serialize};

/// A room that lives now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoomView {
    /// Its name.
    pub name: String,
    /// Its life.
    pub sid: String,
    /// When it came to life.
    pub created_at_ms: u64,
    /// Nobody new is admitted.
    pub locked: bool,
    /// 0: no limit of its own.
    pub max_participants: u32,
    /// Who is in it, hidden ones included; empty in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<ParticipantView>,
    /// How many are in it.
    pub participant_count: u32,
    /// How many tracks are published in it.
    pub track_count: u32,
}

/// A participant that is present now. Ids only: a display name is nobody's business here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParticipantView {
    /// Its identity.
    pub identity: String,
    /// Its presence.
    pub sid: String,
    /// `joining`, `joined`, `active` or `disconnected`.
    pub state: String,
    /// Since when.
    pub joined_at_ms: u64,
    /// Whether it may publish.
    pub can_publish: bool,
    /// Whether it may subscribe.
    pub can_subscribe: bool,
    /// Whether others do not see it.
    pub hidden: bool,
    /// What it publishes.
    pub tracks: Vec<TrackView>,
}

/// A published track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackView {
    /// Its id.
    pub sid: String,
    /// `audio`, `video` or `data`.
    pub kind: String,
    /// `camera`, `microphone`, `screen_share`, `screen_share_audio` or `unknown`.
    pub source: String,
    /// Muted by its publisher or by an administrator.
    pub muted: bool,
    /// Pixels; 0 for audio.
    pub width: u32,
    /// Pixels; 0 for audio.
    pub height: u32,
    /// `video/VP8`, …; empty until negotiated.
    pub mime_type: String,
}
