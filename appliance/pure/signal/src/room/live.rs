//! The room as operators see it: everybody in it, hidden ones too, as they are now.

use super::{Participant, Room};
use crate::participant::{Link, participant_kind, waits};
use livekit_protocol::TrackInfo;
use livekit_protocol::participant_info::{Kind, State};
use media::plane::Quality;
use vocab::{Identity, ParticipantSid, PeerKey, UnixMillis};

/// An attribute by which a token says that its bearer is a device.
pub const DEVICE_ATTRIBUTE: &str = "ringward.device";

/// Somebody in a room, as they are now.
#[derive(Debug, Clone)]
pub struct Present {
    /// This presence.
    pub sid: ParticipantSid,
    /// Who.
    pub identity: Identity,
    /// What it is: `standard`, `device`, `agent`, `sip`, `recorder`.
    pub role: &'static str,
    /// `joining`, `joined`, `active` or `disconnected`; `waiting` for who is there and not let in.
    pub state: &'static str,
    /// Waits to be let in.
    pub waits: bool,
    /// Since when.
    pub joined_at: UnixMillis,
    /// Its transports.
    pub peers: [Option<PeerKey>; 2],
    /// A transport of it is up.
    pub connected: bool,
    /// Tracks it publishes that are not muted.
    pub sending: u32,
    /// Tracks of others that it is shown.
    pub watching: u32,
    /// Its connection, as last judged.
    pub quality: Option<Quality>,
    /// What it publishes; empty unless asked for.
    pub tracks: Vec<TrackInfo>,
}

impl Room {
    /// Everybody in the room, in order of joining; with what each publishes where that is asked.
    pub fn present(&self, with_tracks: bool) -> Vec<Present> {
        let present = self.roster.values();
        present.map(|p| p.present(with_tracks)).collect()
    }

    /// The room's metadata, as its makers wrote it.
    pub fn metadata(&self) -> &str {
        &self.metadata
    }
}

impl Participant {
    fn present(&self, with_tracks: bool) -> Present {
        let is_sent = |track: &&crate::track::Track| !track.info.muted;
        let watched = self.subscriptions.values();
        Present {
            sid: self.sid.clone(),
            identity: self.identity.clone(),
            role: self.role(),
            state: match self.state {
                State::Joining => "joining",
                State::Joined | State::Active if self.waits() => "waiting",
                State::Joined => "joined",
                State::Active => "active",
                State::Disconnected => "disconnected",
            },
            waits: self.waits(),
            joined_at: self.joined_at,
            peers: [
                self.up.as_ref().map(|up| up.peer),
                self.down.as_ref().map(|down| down.peer),
            ],
            connected: self.has_media(),
            sending: count(self.published().filter(is_sent).count()),
            watching: count(
                watched
                    .filter(|s| s.mid().is_some() && s.wish.enabled)
                    .count(),
            ),
            quality: self.quality.map(|(quality, _)| quality),
            tracks: if with_tracks {
                self.published().map(|track| track.info.clone()).collect()
            } else {
                Vec::new()
            },
        }
    }

    /// Waits to be let in.
    pub(super) fn waits(&self) -> bool {
        waits(&self.claims)
    }

    fn role(&self) -> &'static str {
        let is_device = self.claims.attributes.contains_key(DEVICE_ATTRIBUTE);
        match participant_kind(&self.claims) {
            Kind::Ingress => "device",
            _ if is_device || self.link == Link::Whip => "device",
            Kind::Agent => "agent",
            Kind::Sip => "sip",
            Kind::Egress => "recorder",
            _ if self.claims.video.recorder => "recorder",
            _ => "standard",
        }
    }
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
