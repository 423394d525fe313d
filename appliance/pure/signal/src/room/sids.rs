//! What is found by its own id, so that an operator's action never meets a newer presence or track
//! of the same name.

use super::Room;
use super::leave::Farewell;
use crate::now::Now;
use domain::EndReason;
use livekit_protocol::MuteTrackRequest;
use livekit_protocol::leave_request::Action;
use livekit_protocol::signal_response::Message;
use vocab::{Identity, ParticipantKey, TrackKey};

/// Somebody in the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPresence {
    /// On the media plane.
    pub key: ParticipantKey,
    /// Who.
    pub identity: Identity,
    /// Tracks it has, negotiated or not.
    pub tracks: usize,
    /// It waits to be let in.
    pub waits: bool,
}

/// Something published in the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTrack {
    /// On the media plane.
    pub key: TrackKey,
    /// Whose.
    pub publisher: ParticipantKey,
    /// By its publisher or by somebody else.
    pub muted: bool,
}

impl Room {
    /// Participants in it, hidden ones too, and their tracks.
    pub fn sizes(&self) -> (usize, usize) {
        let tracks = self.roster.values().map(|p| p.tracks.len()).sum();
        (self.roster.len(), tracks)
    }

    /// Whether somebody of that identity is in it.
    pub fn holds(&self, identity: &str) -> bool {
        self.by_identity.contains_key(identity)
    }

    /// The presence with this sid.
    pub fn find_presence(&self, sid: &str) -> Option<FoundPresence> {
        let found = self.roster.values().find(|p| p.sid.as_str() == sid)?;
        Some(FoundPresence {
            key: found.key,
            identity: found.identity.clone(),
            tracks: found.tracks.len(),
            waits: found.waits(),
        })
    }

    /// The track with this sid, published or about to be.
    pub fn find_track(&self, sid: &str) -> Option<FoundTrack> {
        self.roster.values().find_map(|publisher| {
            let track = publisher.track_by_sid(sid)?;
            Some(FoundTrack {
                key: track.key,
                publisher: publisher.key,
                muted: track.info.muted,
            })
        })
    }

    /// Ends this presence, and no other of the same identity. Its token stays good: who was ended
    /// may come back.
    pub fn end_presence(&mut self, key: ParticipantKey, now: Now) {
        let farewell = Farewell::Leave(Action::Disconnect);
        self.remove(key, EndReason::ParticipantRemoved, farewell, now);
    }

    /// Takes a track from its publisher, whose client is told.
    pub fn end_published(&mut self, track: &FoundTrack, now: Now) {
        self.take_track(track.publisher, track.key, now);
    }

    /// Mutes a track; its publisher's client is told to follow. Only the publisher unmutes it.
    pub fn mute_published(&mut self, sid: &str, track: &FoundTrack, now: Now) {
        let request = MuteTrackRequest {
            sid: sid.into(),
            muted: true,
        };
        self.tell(track.publisher, Message::Mute(request));
        self.set_muted(track.publisher, track.key, true, now);
    }
}
