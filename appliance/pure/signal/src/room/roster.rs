//! Who is here, and telling everyone else.

use super::timers::{ROOM_UPDATE_INTERVAL, Timer};
use super::{Participant, Room};
use crate::now::Now;
use livekit_protocol::participant_info::State;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{Codec, ParticipantInfo, ParticipantUpdate, RoomUpdate};
use std::time::Duration;
use vocab::{ParticipantKey, PeerKey};

/// Those who left lately are remembered for resumed clients: for longer than a resume may take.
const DEPARTED_KEPT: Duration = Duration::from_mins(1);
/// At most this many; a client that missed more hears of the rest by its next full reconnect.
const MAX_DEPARTED: usize = 128;

impl Room {
    /// The room as LiveKit's APIs show it. Hidden and dependent participants do not count.
    pub fn info(&self) -> livekit_protocol::Room {
        let (num_participants, num_publishers) = self.counts();
        let created = self.created.unix;
        livekit_protocol::Room {
            sid: self.sid.to_string(),
            name: self.name.to_string(),
            empty_timeout: u32::try_from(self.empty_timeout.as_secs()).unwrap_or(u32::MAX),
            departure_timeout: u32::try_from(self.departure_timeout.as_secs()).unwrap_or(u32::MAX),
            max_participants: self.max_participants,
            creation_time: i64::try_from(created.as_secs()).unwrap_or(i64::MAX),
            creation_time_ms: i64::try_from(created.0).unwrap_or(i64::MAX),
            enabled_codecs: self.codecs(),
            metadata: self.metadata.clone(),
            num_participants,
            num_publishers,
            ..livekit_protocol::Room::default()
        }
    }

    pub(super) fn codecs(&self) -> Vec<Codec> {
        let codec = |mime: &String| Codec {
            mime: mime.clone(),
            ..Codec::default()
        };
        self.config.codecs.iter().map(codec).collect()
    }

    fn counts(&self) -> (u32, u32) {
        let visible = || self.roster.values().filter(|p| !p.is_hidden());
        let participants = visible().filter(|p| !p.is_dependent()).count();
        let publishers = visible().filter(|p| p.published().next().is_some()).count();
        (participants as u32, publishers as u32)
    }

    /// Tells everyone who may know that something about a participant changed. Itself only where
    /// LiveKit does (`with_self`).
    pub(super) fn announce(&mut self, key: ParticipantKey, with_self: bool) {
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        participant.version = participant.version.saturating_add(1);
        let info = participant.info();
        let is_hidden = participant.is_hidden();
        if with_self {
            self.tell(key, update(vec![info.clone()]));
        }
        if !is_hidden {
            self.tell_others(key, &info);
        }
    }

    /// Tells everyone but `key`.
    pub(super) fn tell_others(&mut self, key: ParticipantKey, info: &ParticipantInfo) {
        for other in self.keys_but(key) {
            self.tell(other, update(vec![info.clone()]));
        }
    }

    /// Everyone that a participant may see but itself.
    pub(super) fn others(&self, key: ParticipantKey) -> Vec<ParticipantInfo> {
        let others = self
            .roster
            .values()
            .filter(|p| p.key != key && !p.is_hidden());
        others.map(Participant::info).collect()
    }

    /// Remembers one who left.
    pub(super) fn remember_departed(&mut self, info: ParticipantInfo, now: Now) {
        self.departed.push_back((now.instant, info));
        let is_old = |at: std::time::Instant| now.instant.duration_since(at) > DEPARTED_KEPT;
        while self.departed.len() > MAX_DEPARTED
            || self.departed.front().is_some_and(|(at, _)| is_old(*at))
        {
            self.departed.pop_front();
        }
    }

    /// Those who left lately and did not come back: clients go by identity.
    pub(super) fn departed(&self) -> Vec<ParticipantInfo> {
        let gone = self.departed.iter().map(|(_, info)| info);
        gone.filter(|info| !self.by_identity.contains_key(info.identity.as_str()))
            .cloned()
            .collect()
    }

    /// Counts may have changed: everyone hears of it soon.
    pub(super) fn counts_changed(&mut self, now: Now) {
        if self.counts() != self.told_counts {
            self.timers
                .set_once(Timer::RoomUpdate, now.instant + ROOM_UPDATE_INTERVAL);
        }
    }

    /// Tells everyone about the room.
    pub(super) fn tell_room(&mut self) {
        self.told_counts = self.counts();
        self.timers.clear(Timer::RoomUpdate);
        for key in self.roster.keys().copied().collect::<Vec<_>>() {
            self.tell(key, room_update(self.info()));
        }
    }

    /// A transport is up. With the primary one the participant becomes active.
    pub(super) fn peer_connected(&mut self, peer: PeerKey, now: Now) {
        let Some(key) = self.peers.get(&peer).copied() else {
            return;
        };
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        if let Some(up) = participant.up.as_mut().filter(|up| up.peer == peer) {
            up.connected = true;
        }
        if let Some(down) = participant.down.as_mut().filter(|down| down.peer == peer) {
            down.connected = true;
        }
        if participant.is_primary(peer) && participant.state == State::Joined {
            participant.state = State::Active;
            participant.was_active = true;
            self.timers.clear(Timer::Join(key));
            self.record_active(key, now);
            self.announce(key, false);
        }
    }

    fn record_active(&mut self, key: ParticipantKey, now: Now) {
        let Some(participant) = self.roster.get(&key) else {
            return;
        };
        let client = participant.client_label();
        let info = participant.info();
        self.record(key, domain::EventData::OccupantJoined { client }, now);
        self.webhook("participant_joined", Some(info), None, now);
    }
}

/// A `ParticipantUpdate`.
pub(super) fn update(participants: Vec<ParticipantInfo>) -> Message {
    Message::Update(ParticipantUpdate { participants })
}

/// A `RoomUpdate`.
pub(super) fn room_update(room: livekit_protocol::Room) -> Message {
    Message::RoomUpdate(RoomUpdate { room: Some(room) })
}
