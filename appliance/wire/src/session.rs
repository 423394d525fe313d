//! Sessions on disk: a room's life and the presences in it.

use serde::{Deserialize, Serialize};

/// One life of a room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionView {
    /// The room's life.
    pub sid: String,
    /// The room's name.
    pub room: String,
    /// When it came to life.
    pub started_at_ms: u64,
    /// When it ended; absent while it lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at_ms: Option<u64>,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who was in it, in order of joining.
    pub participants: Vec<PresenceView>,
}

/// One participant's presence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PresenceView {
    /// Its identity.
    pub identity: String,
    /// Its presence.
    pub sid: String,
    /// Since when.
    pub joined_at_ms: u64,
    /// Until when; absent while present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_at_ms: Option<u64>,
    /// How long; absent while present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Why it left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it published.
    pub tracks: Vec<PresenceTrackView>,
}

/// A track of a presence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PresenceTrackView {
    /// Its id.
    pub sid: String,
    /// `audio` or `video`.
    pub kind: String,
    /// `camera`, `microphone`, …
    pub source: String,
}
