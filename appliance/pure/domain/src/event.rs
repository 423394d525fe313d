//! What happened, as it stands in the journal. Facts and ids only: never a text, a name, a
//! metadata or an attribute of a person.

use serde::{Deserialize, Serialize};
use vocab::{Identity, ParticipantSid, RoomName, RoomSid, TrackSid, UnixMillis};

/// One fact about one room, or about the box: then room and name are empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, on the box's clock.
    pub at: UnixMillis,
    /// The room's life.
    pub room: RoomSid,
    /// The room's name.
    pub room_name: RoomName,
    /// Who did it, where a person did.
    pub actor: Option<Actor>,
    /// The other side, where there is one (peer-to-peer sessions).
    pub peer: Option<Identity>,
    /// What.
    pub data: EventData,
}

/// A participant in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Its identity, an id.
    pub identity: Identity,
    /// Its presence.
    pub sid: ParticipantSid,
}

/// What happened, with its data. Field order is the disk format (postcard): append, never reorder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventData {
    /// The room came to life.
    RoomCreated,
    /// The room ended.
    RoomDestroyed {
        /// Why.
        reason: EndReason,
    },
    /// Nobody new is admitted.
    RoomLocked,
    /// Newcomers are admitted again.
    RoomUnlocked,
    /// A participant became active.
    OccupantJoined {
        /// `js`, `python`, `whip` …, never a device name.
        client: String,
    },
    /// A participant is gone.
    OccupantLeft {
        /// Why.
        reason: EndReason,
        /// Presence in milliseconds.
        duration_ms: u64,
    },
    /// A chat message went through. Never its text.
    MessageSent,
    /// A screen share began.
    ScreencaptureStarted,
    /// A screen share ended.
    ScreencaptureEnded,
    /// Microphone muted.
    AudioPaused,
    /// Microphone unmuted.
    AudioResumed,
    /// Camera muted.
    VideoPaused,
    /// Camera unmuted.
    VideoResumed,
    /// Real-time text switched on (reported by the client).
    RttEnabled,
    /// Real-time text switched off (reported by the client).
    RttDisabled,
    /// A peer-to-peer session began (reported by the client).
    P2pSessionStarted {
        /// The session's id.
        sid: String,
        /// Whether the actor opened it.
        is_initiator: bool,
    },
    /// A peer-to-peer session ended (reported by the client).
    P2pSessionEnded {
        /// The session's id.
        sid: String,
    },
    /// Statistics of a peer-to-peer session (reported by the client): names and numbers.
    P2pSessionStats {
        /// The session's id.
        sid: String,
        /// `ice-connected` or `ice-failed`.
        name: String,
        /// Numeric measurements by name; at most 32.
        values: Vec<(String, i64)>,
    },
    /// A track was published.
    TrackPublished {
        /// Which.
        track: TrackSid,
        /// Audio or video.
        kind: TrackKind,
        /// Camera, microphone, screen.
        source: TrackSource,
    },
    /// A track ended.
    TrackUnpublished {
        /// Which.
        track: TrackSid,
    },
    /// The box restarted after a crash and closed what was open.
    SystemReset,
    /// Purge of the room's record is forbidden.
    RoomHeld,
    /// It is allowed again.
    RoomReleased,
    /// The room's messages, documents and recordings were erased.
    RoomPurged,
    /// Somebody may not come back into a room of this name for a while.
    RejoinBlocked {
        /// Who.
        identity: Identity,
        /// Until when.
        until: UnixMillis,
    },
    /// The box admits nobody new.
    DrainStarted,
    /// The box admits newcomers again.
    DrainEnded,
    /// Where the audit journal ended: a witness outside it.
    AuditNoted {
        /// Its last entry.
        sequence: u64,
        /// The end of its chain.
        hash: [u8; 32],
        /// The box stopped then: nothing follows it before the next start.
        closed: bool,
    },
}

/// Why a room, a presence or a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The client said so.
    ClientInitiated,
    /// Another connection took the identity.
    DuplicateIdentity,
    /// The box is stopping.
    ServerShutdown,
    /// The server API removed it.
    ParticipantRemoved,
    /// The server API deleted the room.
    RoomDeleted,
    /// Nobody was left.
    RoomEmpty,
    /// The client's view did not fit the box's.
    StateMismatch,
    /// It never connected.
    JoinFailure,
    /// The connection died.
    ConnectionLost,
    /// The box was restarted after a crash.
    SystemReset,
}

/// Audio or video, in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    /// Audio.
    Audio,
    /// Video.
    Video,
}

/// Where a track comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackSource {
    /// Not said.
    Unknown,
    /// Camera.
    Camera,
    /// Microphone.
    Microphone,
    /// Screen.
    ScreenShare,
    /// The screen's sound.
    ScreenShareAudio,
}

macro_rules! event_types {
    ($($variant:ident $pattern:tt => $name:literal $(, $alias:literal)*;)*) => {
        /// The name of an event, as queried and shown.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum EventType { $(#[doc = concat!("`", $name, "`")] $variant,)* }

        impl EventType {
            /// All, in the order of the disk format.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// By name or accepted alias (`predecessors.md` §6.4).
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($name $(| $alias)* => Some(Self::$variant),)* _ => None }
            }
        }

        impl EventData {
            /// Which type of event this is.
            pub fn event_type(&self) -> EventType {
                match self { $(Self::$variant $pattern => EventType::$variant,)* }
            }
        }
    };
}

event_types! {
    RoomCreated {} => "room_created";
    RoomDestroyed { .. } => "room_destroyed";
    RoomLocked {} => "room_locked";
    RoomUnlocked {} => "room_unlocked";
    OccupantJoined { .. } => "occupant_joined";
    OccupantLeft { .. } => "occupant_left";
    MessageSent {} => "message_sent";
    ScreencaptureStarted {} => "screencapture_started";
    ScreencaptureEnded {} => "screencapture_ended", "screencapture_stopped";
    AudioPaused {} => "audio_paused";
    AudioResumed {} => "audio_resumed";
    VideoPaused {} => "video_paused";
    VideoResumed {} => "video_resumed";
    RttEnabled {} => "rtt_enabled";
    RttDisabled {} => "rtt_disabled";
    P2pSessionStarted { .. } => "p2p_session_started", "peer_session_added";
    P2pSessionEnded { .. } => "p2p_session_ended", "peer_session_removed";
    P2pSessionStats { .. } => "p2p_session_stats", "peer_session_stats";
    TrackPublished { .. } => "track_published";
    TrackUnpublished { .. } => "track_unpublished";
    SystemReset {} => "system_reset";
    RoomHeld {} => "room_held";
    RoomReleased {} => "room_released";
    RoomPurged {} => "room_purged";
    RejoinBlocked { .. } => "rejoin_blocked";
    DrainStarted {} => "drain_started";
    DrainEnded {} => "drain_ended";
    AuditNoted { .. } => "audit_noted";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_by_its_own_name() {
        for t in EventType::ALL {
            assert_eq!(EventType::parse(t.as_str()), Some(*t));
        }
    }

    #[test]
    fn later_names_are_accepted_as_aliases() {
        for (alias, want) in [
            ("screencapture_stopped", EventType::ScreencaptureEnded),
            ("peer_session_added", EventType::P2pSessionStarted),
            ("peer_session_removed", EventType::P2pSessionEnded),
            ("peer_session_stats", EventType::P2pSessionStats),
        ] {
            assert_eq!(EventType::parse(alias), Some(want), "{alias}");
        }
        assert_eq!(EventType::parse("room_exploded"), None);
    }
}
