//! One room: who is in it, what they publish, who watches what, and what everyone is told.

mod admin;
mod answer;
mod data_tracks;
mod exchange;
mod facts;
mod join;
mod leave;
mod live;
mod metadata;
mod offer;
mod permission;
mod publish;
mod quality;
mod request;
mod restart;
mod resume;
mod roster;
mod rpc;
mod sids;
mod simulate;
mod slots;
mod speakers;
mod subscribe;
mod timers;

use crate::config::{MAX_PARTICIPANTS, RoomConfig, RoomOptions};
use crate::keys::{Keys, RpcKey};
use crate::now::Now;
use crate::output::Output;
use crate::participant::Participant;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{ParticipantInfo, SignalResponse};
use media::MediaEvent;
use media::plane::MediaCommand;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use timers::{Timer, Timers};
use vocab::{
    Identity, ParticipantKey, PeerKey, RoomKey, RoomName, RoomSid, SessionKey, TrackKey, TrackSid,
};

pub use admin::{
    MuteTrackError, ParticipantNotFound, SendDataError, UpdateParticipantError,
    UpdateRoomMetadataError, UpdateSubscriptionsError,
};
pub use exchange::{ExchangeRefusal, PatchExchangeError, TrickleFragment};
pub use join::JoinRefusal;
pub use live::{DEVICE_ATTRIBUTE, Present};
pub use metadata::TextTooLong;
pub(crate) use publish::MAX_TRACKS_PER_PARTICIPANT;
pub use restart::Patched;
pub use rpc::{
    DEFAULT_RPC_TIMEOUT, MAX_PENDING_RPCS, MAX_RPC_METHOD_BYTES, MAX_RPC_PAYLOAD_BYTES,
    MAX_RPC_TIMEOUT, RPC_ACK_TIMEOUT, RpcFailure,
};
pub use sids::{FoundPresence, FoundTrack};

/// A LiveKit room as its clients and the server API see it.
///
/// After any `handle_*` or change, drain [`Self::poll_output`] until [`Output::Wait`].
pub struct Room {
    key: RoomKey,
    sid: RoomSid,
    name: RoomName,
    config: Arc<RoomConfig>,
    keys: Keys,
    rng: fastrand::Rng,
    created: Now,
    metadata: String,
    sync_streams: bool,
    max_participants: u32,
    empty_timeout: Duration,
    departure_timeout: Duration,
    locked: bool,
    closed: bool,
    /// Keys rise with time, so this is the order of joining.
    roster: BTreeMap<ParticipantKey, Participant>,
    by_identity: BTreeMap<Identity, ParticipantKey>,
    sessions: BTreeMap<SessionKey, ParticipantKey>,
    peers: BTreeMap<PeerKey, ParticipantKey>,
    /// Who publishes a track; negotiated ones only.
    tracks: BTreeMap<TrackKey, ParticipantKey>,
    by_sid: BTreeMap<TrackSid, TrackKey>,
    /// Those who left lately, for resumed clients that missed it.
    departed: VecDeque<(Instant, ParticipantInfo)>,
    /// Tokens older than this (seconds since 1970) are refused.
    revoked: BTreeMap<Identity, u64>,
    /// Nonces of data sent lately through the server API.
    nonces: VecDeque<Vec<u8>>,
    /// Calls by the server that participants have not answered.
    rpcs: BTreeMap<RpcKey, rpc::PendingRpc>,
    /// The counts everyone knows.
    told_counts: (u32, u32),
    /// Whose subscriptions changed and have not been acted on.
    changed: BTreeSet<ParticipantKey>,
    timers: Timers,
    outputs: VecDeque<Output>,
}

impl Room {
    /// A new life of a room name. `seed` decides its sids and nothing else.
    pub fn new(
        key: RoomKey,
        name: RoomName,
        options: RoomOptions,
        config: Arc<RoomConfig>,
        keys: Keys,
        seed: u64,
        now: Now,
    ) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let sid = RoomSid::from(facts::sid(&mut rng, "RM_"));
        let max = options.max_participants.unwrap_or(config.max_participants);
        let mut room = Self {
            key,
            sid,
            name,
            keys,
            rng,
            created: now,
            metadata: options.metadata,
            sync_streams: options.sync_streams,
            max_participants: max.min(MAX_PARTICIPANTS),
            empty_timeout: options.empty_timeout.unwrap_or(config.empty_timeout),
            departure_timeout: options
                .departure_timeout
                .unwrap_or(config.departure_timeout),
            config,
            locked: false,
            closed: false,
            roster: BTreeMap::new(),
            by_identity: BTreeMap::new(),
            sessions: BTreeMap::new(),
            peers: BTreeMap::new(),
            tracks: BTreeMap::new(),
            by_sid: BTreeMap::new(),
            departed: VecDeque::new(),
            revoked: BTreeMap::new(),
            nonces: VecDeque::new(),
            rpcs: BTreeMap::new(),
            told_counts: (0, 0),
            changed: BTreeSet::new(),
            timers: Timers::default(),
            outputs: VecDeque::new(),
        };
        room.command(MediaCommand::OpenRoom { room: key });
        room.record_opened(now);
        room.timers
            .set(Timer::Empty, now.instant + room.empty_timeout);
        room
    }

    /// News from the media plane.
    pub fn handle_media(&mut self, event: MediaEvent, now: Now) {
        if self.closed {
            return;
        }
        match event {
            MediaEvent::Answered {
                peer,
                negotiation,
                sdp,
                ..
            } => {
                self.media_answered(peer, negotiation, &sdp, now);
            }
            MediaEvent::Offered {
                peer,
                negotiation,
                sdp,
                mids,
                ..
            } => {
                self.media_offered(peer, negotiation, &sdp, &mids, now);
            }
            MediaEvent::AnswerAccepted {
                peer, negotiation, ..
            } => {
                self.media_accepted(peer, negotiation, now);
            }
            MediaEvent::NegotiationFailed {
                peer,
                negotiation,
                cause,
                ..
            } => {
                self.negotiation_failed(peer, negotiation, cause, now);
            }
            MediaEvent::PeerConnected { peer, .. } => self.peer_connected(peer, now),
            MediaEvent::PeerFailed { peer, cause, .. } => self.peer_failed(peer, cause, now),
            // For whoever has to say why somebody does not connect; nothing for the room to do.
            MediaEvent::PathSeen { .. } => {}
            MediaEvent::TrackFlowing { track, .. } => self.tell_demand(track),
            MediaEvent::DemandChanged { track, wanted, .. } => self.demand_changed(track, wanted),
            MediaEvent::StreamStateChanged {
                subscriber,
                track,
                active,
                ..
            } => {
                self.stream_state_changed(subscriber, track, active);
            }
            MediaEvent::SpeakersChanged { changed, .. } => self.speakers_changed(&changed),
            MediaEvent::QualityChanged {
                participant,
                quality,
                score,
                ..
            } => {
                self.quality_changed(participant, quality, score);
            }
            MediaEvent::MessageSent { participant, .. } => {
                self.record(participant, domain::EventData::MessageSent, now);
            }
            MediaEvent::RpcAnswered {
                participant,
                packet,
                ..
            } => self.rpc_answered(participant, &packet),
            MediaEvent::DataProgress {
                participant,
                sequence,
                ..
            } => {
                self.finish_resume(participant, sequence, now);
            }
        }
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(timer) = self.timers.pop_due(now.instant) {
            match timer {
                Timer::Empty => self.close(domain::EndReason::RoomEmpty, now),
                Timer::RoomUpdate => self.tell_room(),
                Timer::Join(key) => self.join_timed_out(key, now),
                Timer::Resume(key) | Timer::Gone(key) => self.given_up(key, now),
                Timer::Offer(key) | Timer::Ask(key) => self.negotiation_timed_out(key, timer, now),
                Timer::Token(key) => self.refresh_token(key, now),
                Timer::Progress(key) => self.finish_resume(key, 0, now),
                Timer::Speaker(key) => self.simulated_silence(key),
                Timer::Exchange(key) => self.exchange_timed_out(key, now),
                Timer::RpcAck(rpc) => self.rpc_timed_out(rpc, RpcFailure::ConnectionTimeout),
                Timer::RpcResponse(rpc) => self.rpc_timed_out(rpc, RpcFailure::ResponseTimeout),
            }
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Output {
        self.outputs
            .pop_front()
            .unwrap_or_else(|| Output::Wait(self.timers.next()))
    }

    /// Its key on the media plane.
    pub fn key(&self) -> RoomKey {
        self.key
    }

    /// This life's id.
    pub fn sid(&self) -> &RoomSid {
        &self.sid
    }

    /// Its name.
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// Whether the room has ended.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    fn command(&mut self, command: MediaCommand) {
        self.outputs.push_back(Output::Media(command));
    }

    /// Says something to a participant. Without a WebSocket it is lost: a resume tells everything
    /// anew. While a resume waits for its first message, it is held.
    fn tell(&mut self, key: ParticipantKey, message: Message) {
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        let Some(session) = participant.session.filter(|_| participant.link.signals()) else {
            return;
        };
        let response = SignalResponse {
            message: Some(message),
        };
        match &mut participant.resuming {
            Some(resuming) if resuming.held.len() < resume::MAX_HELD => {
                resuming.held.push(response);
            }
            Some(_) => {}
            None => self.outputs.push_back(Output::Send { session, response }),
        }
    }

    fn keys_but(&self, but: ParticipantKey) -> Vec<ParticipantKey> {
        self.roster
            .keys()
            .copied()
            .filter(|key| *key != but)
            .collect()
    }
}

#[cfg(test)]
mod tests;
