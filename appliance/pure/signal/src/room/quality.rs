//! How good connections are, which layers are wanted, what is paused.

use super::Room;
use super::speakers::watches;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    ConnectionQuality, ConnectionQualityInfo, ConnectionQualityUpdate, StreamState,
    StreamStateInfo, StreamStateUpdate,
};
use media::plane::Quality;
use vocab::{ParticipantKey, TrackKey};

impl Room {
    /// Tells a participant and those who watch it.
    pub(super) fn quality_changed(&mut self, key: ParticipantKey, quality: Quality, score: f32) {
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        participant.quality = Some((quality, score));
        let is_hidden = participant.is_hidden();
        for watcher in self.roster.keys().copied().collect::<Vec<_>>() {
            let is_watcher = self
                .roster
                .get(&watcher)
                .is_some_and(|p| watches(p, key, None));
            if watcher == key || (is_watcher && !is_hidden) {
                self.tell_quality(watcher, key);
            }
        }
    }

    /// Tells somebody a participant's quality, once it is known.
    pub(super) fn tell_quality(&mut self, watcher: ParticipantKey, key: ParticipantKey) {
        let Some(participant) = self.roster.get(&key) else {
            return;
        };
        let Some((quality, score)) = participant.quality else {
            return;
        };
        let info = ConnectionQualityInfo {
            participant_sid: participant.sid.to_string(),
            quality: wire_quality(quality).into(),
            score,
        };
        let update = ConnectionQualityUpdate {
            updates: vec![info],
        };
        self.tell(watcher, Message::ConnectionQuality(update));
    }

    /// Dynacast: the layers that anybody wants changed.
    pub(super) fn demand_changed(&mut self, track: TrackKey, wanted: [bool; 3]) {
        let publisher = self
            .tracks
            .get(&track)
            .and_then(|key| self.roster.get_mut(key));
        if let Some(track) = publisher.and_then(|p| p.tracks.get_mut(&track)) {
            track.demand = Some(wanted);
        }
        self.tell_demand(track);
    }

    /// Tells the publisher what is wanted. It is repeated when the first packet arrives: what was
    /// said before the client had finished publishing, it has dropped.
    pub(super) fn tell_demand(&mut self, track: TrackKey) {
        let Some(key) = self.tracks.get(&track).copied() else {
            return;
        };
        let track = self.roster.get(&key).and_then(|p| p.tracks.get(&track));
        if let Some(update) = track.and_then(crate::track::Track::quality_update) {
            self.tell(key, Message::SubscribedQualityUpdate(update));
        }
    }

    /// A subscription was paused or resumed for want of bandwidth.
    pub(super) fn stream_state_changed(
        &mut self,
        subscriber: ParticipantKey,
        track: TrackKey,
        active: bool,
    ) {
        let publisher = self.tracks.get(&track).and_then(|key| self.roster.get(key));
        let Some((publisher, track)) = publisher.and_then(|p| Some((p, p.tracks.get(&track)?)))
        else {
            return;
        };
        let state = if active {
            StreamState::Active
        } else {
            StreamState::Paused
        };
        let info = StreamStateInfo {
            participant_sid: publisher.sid.to_string(),
            track_sid: track.sid.to_string(),
            state: state.into(),
        };
        let update = StreamStateUpdate {
            stream_states: vec![info],
        };
        self.tell(subscriber, Message::StreamStateUpdate(update));
    }
}

fn wire_quality(quality: Quality) -> ConnectionQuality {
    match quality {
        Quality::Lost => ConnectionQuality::Lost,
        Quality::Poor => ConnectionQuality::Poor,
        Quality::Good => ConnectionQuality::Good,
        Quality::Excellent => ConnectionQuality::Excellent,
    }
}
