//! One participant: who it is, what it may do, what it publishes and watches.

mod admission;
mod client;
mod permission;

pub(crate) use admission::Admission;
pub(crate) use client::is_dependent;
pub(crate) use client::participant_kind;
use client::{kind_details, sdk_label};
pub(crate) use permission::{apply_permission, data_role, media_permissions, permission, waits};

use crate::data_track::{DataBlobs, DataTracks};
use crate::downstream::Downstream;
use crate::pace::Pace;
use crate::subscription::Subscription;
use crate::track::Track;
use crate::upstream::Upstream;
use auth::Claims;
use livekit_protocol::participant_info::State;
use livekit_protocol::{AddTrackRequest, ClientInfo, ParticipantInfo, SignalResponse, SyncState};
use media::plane::Quality;
use std::collections::BTreeMap;
use vocab::{Identity, ParticipantKey, ParticipantSid, PeerKey, SessionKey, TrackKey, UnixMillis};

/// How a participant is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// `/rtc`: two transports.
    Dual,
    /// `/rtc/v1`: one transport.
    Single,
    /// WHIP.
    Whip,
    /// WHEP.
    Whep,
}

impl Link {
    /// Whether it has a signalling connection.
    pub(crate) fn signals(self) -> bool {
        matches!(self, Self::Dual | Self::Single)
    }
}

/// A resume whose first message waits for the media plane.
#[derive(Debug, Default)]
pub(crate) struct Resuming {
    /// What is to be said after it.
    pub(crate) held: Vec<SignalResponse>,
    /// What the client said it had, when it said so within its request.
    pub(crate) sync: Option<SyncState>,
}

/// Cuts the next resume short, for the client's own tests (`SimulateScenario`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CutResume {
    /// Before anything is said.
    BeforeMessages,
    /// After what a resume begins with.
    AfterMessages,
}

/// A participant. Its name, metadata and attributes live in its claims, so that a refreshed
/// token says what everyone sees.
pub(crate) struct Participant {
    pub(crate) key: ParticipantKey,
    pub(crate) sid: ParticipantSid,
    pub(crate) identity: Identity,
    pub(crate) claims: Claims,
    pub(crate) client: ClientInfo,
    pub(crate) link: Link,
    pub(crate) state: State,
    pub(crate) version: u32,
    pub(crate) joined_at: UnixMillis,
    /// Was connected at least once.
    pub(crate) was_active: bool,
    /// The WebSocket, or the WHIP/WHEP resource.
    pub(crate) session: Option<SessionKey>,
    /// Set until the first message of a resume is sent.
    pub(crate) resuming: Option<Resuming>,
    pub(crate) cut_resume: Option<CutResume>,
    pub(crate) ice_lite: bool,
    /// As told in the join: never in a single connection, nor for somebody who watches nothing.
    pub(crate) subscriber_primary: bool,
    pub(crate) auto_subscribe: bool,
    /// The transport the client offers; opened with its first offer.
    pub(crate) up: Option<Upstream>,
    /// The transport the box offers (v0).
    pub(crate) down: Option<Downstream>,
    /// Candidates that came before the first offer.
    pub(crate) early_candidates: Vec<String>,
    /// A transport it had is gone and its `leave` is awaited.
    pub(crate) is_going: bool,
    /// Published and announced tracks, oldest first.
    pub(crate) tracks: BTreeMap<TrackKey, Track>,
    /// Requests for a `cid` that is still in use.
    pub(crate) queued: Vec<AddTrackRequest>,
    /// What it wants to watch.
    pub(crate) subscriptions: BTreeMap<TrackKey, Subscription>,
    /// What it publishes and watches of data tracks.
    pub(crate) data: DataTracks,
    /// What it keeps for others to ask for.
    pub(crate) blobs: DataBlobs,
    /// Who may watch its tracks.
    pub(crate) admission: Admission,
    /// How often it may change what everyone is told.
    pub(crate) pace: Pace,
    /// Its connection, as last measured.
    pub(crate) quality: Option<(Quality, f32)>,
    /// WHEP: whose tracks it watches, when it said so.
    pub(crate) source: Option<Identity>,
}

impl Participant {
    /// Not to be seen by others.
    pub(crate) fn is_hidden(&self) -> bool {
        self.claims.video.hidden
    }

    /// Does not keep a room open and does not count: agents and recorders.
    pub(crate) fn is_dependent(&self) -> bool {
        is_dependent(&self.claims)
    }

    /// Tracks whose section is negotiated: those that others know.
    pub(crate) fn published(&self) -> impl Iterator<Item = &Track> {
        self.tracks.values().filter(|track| track.mid.is_some())
    }

    /// The track of that sid, negotiated or not.
    pub(crate) fn track_by_sid(&self, sid: &str) -> Option<&Track> {
        self.tracks.values().find(|track| track.info.sid == sid)
    }

    /// Whose client answers `leave.action` (protocol 13); older ones know `can_reconnect` only.
    pub(crate) fn knows_leave_action(&self) -> bool {
        self.client.protocol >= 13
    }

    /// Whether this transport decides that it is active.
    pub(crate) fn is_primary(&self, peer: PeerKey) -> bool {
        let is_up = self.up.as_ref().is_some_and(|up| up.peer == peer);
        match (&self.down, self.subscriber_primary) {
            (Some(down), true) => down.peer == peer,
            _ => is_up,
        }
    }

    /// Whether any transport carries media or could.
    pub(crate) fn has_media(&self) -> bool {
        self.up.as_ref().is_some_and(|up| up.connected)
            || self.down.as_ref().is_some_and(|down| down.connected)
    }

    /// Its client in the journal: an SDK or an exchange, never a device.
    pub(crate) fn client_label(&self) -> String {
        match self.link {
            Link::Whip => "whip".into(),
            Link::Whep => "whep".into(),
            Link::Dual | Link::Single => sdk_label(&self.client),
        }
    }

    /// As everyone sees it.
    pub(crate) fn info(&self) -> ParticipantInfo {
        ParticipantInfo {
            sid: self.sid.to_string(),
            identity: self.identity.to_string(),
            state: self.state.into(),
            tracks: self.published().map(|track| track.info.clone()).collect(),
            metadata: self.claims.metadata.clone(),
            joined_at: i64::try_from(self.joined_at.as_secs()).unwrap_or(i64::MAX),
            joined_at_ms: i64::try_from(self.joined_at.0).unwrap_or(i64::MAX),
            name: self.claims.name.clone(),
            version: self.version,
            permission: Some(permission(&self.claims)),
            is_publisher: self.published().next().is_some() || !self.data.published.is_empty(),
            data_tracks: self.data.published.values().cloned().collect(),
            kind: participant_kind(&self.claims).into(),
            kind_details: kind_details(&self.claims),
            attributes: self
                .claims
                .attributes
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            client_protocol: self.client.client_protocol,
            capabilities: self.client.capabilities.clone(),
            ..ParticipantInfo::default()
        }
    }
}
