//! Rooms and people as they are now.

use serde::{Deserialize, Serialize};

/// One line of the list of rooms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LiveRoom {
    /// The room's life; actions name this, never a name or a row.
    pub sid: String,
    /// The room's name.
    pub name: String,
    /// When it came to life.
    pub created_at_ms: u64,
    /// Participants present, without those who wait.
    pub people: u32,
    /// Devices present (participants of the kind ingress, or with the attribute `ringward.device`).
    pub devices: u32,
    /// Waiting to be admitted: present, with a token that lets them neither publish nor watch.
    pub waiting: u32,
    /// The worst path of anybody in it; absent while nobody has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Path>,
    /// Worst loss of anybody in it, in thousandths, either direction, last 5 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_permille: Option<u16>,
    /// Worst round trip of anybody in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<u32>,
    /// A recording is being written.
    pub recording: bool,
    /// A Hold forbids Purge.
    pub hold: bool,
    /// Nobody new is admitted.
    pub locked: bool,
    /// The worst alarm about it, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<String>,
    /// What an operator should know: `empty`, `poor`, `one-way`, …; closed set, may grow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// `ward` attribute of the room's metadata, or the part of the name before the first `-`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ward: Option<String>,
    /// Ends of it, or of somebody in it, that wait for a second person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub end_requests: Vec<EndRequest>,
    /// Operators who have a card of it open, or of somebody in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub card_holders: Vec<String>,
}

/// Somebody wants to end a held session; somebody else has to ask for the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EndRequest {
    /// What: the room's sid, or that of somebody in it.
    pub sid: String,
    /// Who asks: an operator's account, or `uid:0`.
    pub by: String,
    /// Until when it waits, on the box's clock.
    pub until_ms: u64,
}

/// How media reaches somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Path {
    /// ICE over UDP.
    Udp,
    /// ICE over TCP.
    Tcp,
    /// TURN over TLS.
    TurnTls,
    /// None (yet).
    None,
}

/// One room with everybody in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoomDetail {
    /// Its line.
    pub room: LiveRoom,
    /// Who is in it, in order of joining.
    pub participants: Vec<LiveParticipant>,
}

/// Somebody in a room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LiveParticipant {
    /// This presence; actions name this.
    pub sid: String,
    /// Who.
    pub identity: String,
    /// `standard`, `device`, `agent`, `sip`, `recorder`.
    pub role: String,
    /// `joining`, `joined`, `active`, `waiting` (to be admitted), `disconnected`.
    pub state: String,
    /// Since when.
    pub joined_at_ms: u64,
    /// How media reaches it.
    pub path: Path,
    /// What it sends, kbit/s over the last second.
    pub up_kbps: u32,
    /// What it is sent, kbit/s over the last second.
    pub down_kbps: u32,
    /// Loss in thousandths, the worse direction, last 5 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_permille: Option<u16>,
    /// Interarrival jitter it reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<u32>,
    /// Round trip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<u32>,
    /// How long ago anything of it arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_ms: Option<u64>,
    /// `livekit` quality word: `lost`, `poor`, `good`, `excellent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<String>,
    /// What it publishes.
    pub tracks: Vec<LiveTrack>,
}

/// Something published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LiveTrack {
    /// This track; actions name this.
    pub sid: String,
    /// `camera`, `microphone`, `screen_share`, …
    pub source: String,
    /// `audio`, `video` or `data`.
    pub kind: String,
    /// `video/VP8`, …; empty until negotiated.
    pub mime_type: String,
    /// Muted by its publisher or by an operator.
    pub muted: bool,
    /// Pixels; 0 for audio.
    pub width: u32,
    /// Pixels; 0 for audio.
    pub height: u32,
}
