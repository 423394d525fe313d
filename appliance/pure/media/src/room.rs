//! One room of the media plane: what comes in, who gets it, in which form.

mod commands;
mod data_tracks;
mod downlink;
mod forward;
mod keyframes;
mod messages;
mod parts;
mod reports;
mod roster;
mod subscription;
mod timers;
mod track;
mod trial;
mod voices;

pub use downlink::{
    ALLOCATION_INTERVAL, AUDIO_FLOOR, MEDIA_SHARE_PERCENT, OVERDRAFT, PROBE_PERCENT, RESUME_HOLD,
    UPGRADE_HOLD,
};
pub use forward::Counters;
pub use roster::MAX_PEERS_PER_PARTICIPANT;
pub use subscription::MAX_SUBSCRIPTIONS_PER_PEER;
pub use track::{LAYER_SILENCE, LayerStart, MAX_TRACKS_PER_PARTICIPANT, RATE_WINDOW};
pub use trial::{PAUSE_PATIENCE, TRIAL_INTERVAL};

use crate::allocation::Request;
use crate::data::{HeldMessages, Nonces};
use crate::key_map::KeyMap;
use crate::packet::{LossReport, SenderReport};
use crate::quality::{QUALITY_INTERVAL, SILENCE_INTERVAL};
use crate::refusal::DataRefusal;
use crate::relay::Relay;
use crate::speakers::SPEAKER_INTERVAL;
use crate::{Channel, Egress, Kind, Layer, MediaCommand, MediaEvent, Mid, Packet, Rid};
use bytes::Bytes;
use slab::Slab;
use std::collections::VecDeque;
use std::time::Instant;
use vocab::{Bitrate, PeerKey, RoomKey, TrackKey};

/// What a [`Room`] wants done; drained with [`Room::poll_output`] until [`Output::Wait`].
#[derive(Debug, Clone)]
pub enum Output {
    /// Ask the publisher's section for a keyframe (PLI).
    RequestKeyframe {
        /// The publisher's transport.
        peer: PeerKey,
        /// The section.
        mid: Mid,
        /// The simulcast stream; `None` when the track has only one.
        rid: Option<Rid>,
    },
    /// Send a data message.
    Data {
        /// To which transport.
        peer: PeerKey,
        /// On which channel.
        channel: Channel,
        /// The message as it goes on the wire.
        payload: Bytes,
    },
    /// What the box would like to send to this transport: bandwidth probing aims at it.
    SetBitrate {
        /// The subscribing transport.
        peer: PeerKey,
        /// Sum of what all its subscriptions would take at their best wanted layer.
        desired: Bitrate,
    },
    /// Ties the RTP clock that a transport sees in a section to its publisher's wall clock. Both
    /// are advanced to the moment of this output; audio and video of a publisher share the clock.
    SenderReport {
        /// The subscribing transport.
        peer: PeerKey,
        /// Its section, the publisher's wall clock, the section's timestamp; no rid.
        report: SenderReport,
    },
    /// For the control plane.
    Event(MediaEvent),
    /// Nothing to do before this instant; `None` means before the next input.
    Wait(Option<Instant>),
}

/// A room: tracks, subscriptions, data, speakers, quality. One worker owns it; a room that has
/// outgrown its worker is one of these per worker, joined by [`Relay`]s.
///
/// After any `handle_*`, drain [`Self::poll_output`] until [`Output::Wait`]. Things live in slabs
/// and are found by small integers; keys are looked up once per input. The order of everything
/// follows the order of commands, so equal inputs give equal outputs.
#[derive(Debug)]
pub struct Room {
    key: RoomKey,
    random: fastrand::Rng,
    roster: roster::Roster,
    tracks: Slab<track::Track>,
    track_keys: KeyMap<TrackKey>,
    subscriptions: Slab<subscription::Subscription>,
    held: HeldMessages,
    nonces: Nonces,
    timers: timers::Timers,
    counters: Counters,
    outputs: VecDeque<Output>,
    /// For the room's other parts. Beside `outputs`, whose entries stay small.
    relays: VecDeque<Relay>,
    /// Reused by every division of bandwidth.
    requests: Vec<Request>,
    /// The keyframe being forwarded right now: asking for it would be asking twice.
    arriving_keyframe: Option<(usize, Layer)>,
}

impl Room {
    /// An empty room. `seed` decides the first sequence numbers and timestamps.
    pub fn new(key: RoomKey, seed: u64, _now: Instant) -> Self {
        Self {
            key,
            random: fastrand::Rng::with_seed(seed),
            roster: roster::Roster::default(),
            tracks: Slab::new(),
            track_keys: KeyMap::default(),
            subscriptions: Slab::new(),
            held: HeldMessages::default(),
            nonces: Nonces::default(),
            timers: timers::Timers::default(),
            counters: Counters::default(),
            outputs: VecDeque::new(),
            relays: VecDeque::new(),
            requests: Vec::new(),
            arriving_keyframe: None,
        }
    }

    /// Which room this is.
    pub fn key(&self) -> RoomKey {
        self.key
    }

    /// What became of the packets so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Applies a room-level command; negotiation commands are the peer's and are ignored here.
    /// A command about something that is gone, or beyond a limit, is ignored.
    pub fn handle_command(&mut self, command: &MediaCommand, now: Instant) {
        self.apply(command, now);
    }

    /// A media packet from a publisher: forwarded to `egress` before this returns.
    pub fn handle_packet(
        &mut self,
        peer: PeerKey,
        packet: &Packet,
        egress: &mut impl Egress,
        now: Instant,
    ) {
        self.forward(peer, packet, egress, now);
    }

    /// A publisher's sender report.
    pub fn handle_sender_report(&mut self, peer: PeerKey, report: SenderReport, now: Instant) {
        self.hear(peer, now);
        let Some(entry) = self.roster.peer_mut(peer) else {
            return;
        };
        let Some(track) = entry.track_in(report.mid) else {
            return;
        };
        self.report_to_relays(track, report, now);
        self.report_to_viewers(track, report, now, now);
    }

    /// A subscriber's PLI or FIR for one of its sections.
    pub fn handle_keyframe_request(&mut self, peer: PeerKey, mid: Mid, now: Instant) {
        self.hear(peer, now);
        keyframes::forward_request(self, peer, mid, now);
    }

    /// The egress bandwidth estimate of a subscribing transport.
    pub fn handle_estimate(&mut self, peer: PeerKey, estimate: Bitrate, now: Instant) {
        let Some(index) = self.roster.peer_index(peer) else {
            return;
        };
        if let Some(entry) = self.roster.peers.get_mut(index) {
            entry.estimate = Some(estimate);
        }
        self.reallocate(index, now);
    }

    /// Anything came over a transport at `at`, checks of its path included. Told now and then.
    pub fn handle_heard(&mut self, peer: PeerKey, at: Instant) {
        self.hear(peer, at);
    }

    /// A subscriber's receiver report, or the box's own measure of a publisher's section, which is
    /// no sign of life: it is of what came before.
    pub fn handle_loss_report(&mut self, peer: PeerKey, report: LossReport, now: Instant) {
        let Some(entry) = self
            .roster
            .peer_index(peer)
            .and_then(|i| self.roster.peers.get(i))
        else {
            return;
        };
        let published = entry
            .track_in(report.mid)
            .and_then(|track| self.tracks.get(track));
        let mut carried = entry
            .outbound
            .iter()
            .filter_map(|i| self.subscriptions.get(*i));
        let kind = match published {
            Some(track) if track.muted => return,
            Some(track) => track.kind,
            None => match carried.find(|viewer| viewer.mid == report.mid) {
                Some(viewer) => viewer.kind,
                None => return,
            },
        };
        let is_measured_here = published.is_some();
        if let Some(participant) = self.roster.participants.get_mut(entry.participant) {
            if !is_measured_here {
                participant.quality.hear(now);
            }
            participant.quality.report(peer, kind, report);
        }
    }

    /// A data channel of this transport can be written to.
    pub fn handle_channel_open(&mut self, peer: PeerKey, channel: Channel, now: Instant) {
        self.open_channel(peer, channel, now);
    }

    /// A data message from a participant. Data goes to everyone addressed, also to those who may
    /// not subscribe to media (as `LiveKit` does).
    ///
    /// # Errors
    /// Why it is not forwarded; count it.
    pub fn handle_data(
        &mut self,
        peer: PeerKey,
        channel: Channel,
        payload: &[u8],
        now: Instant,
    ) -> Result<(), DataRefusal> {
        self.accept_data(peer, channel, payload, now)
    }

    /// Reliable data waits on this transport, because its client reads slowly: who sends it more is
    /// slowed until then.
    pub fn handle_data_backlog(&mut self, peer: PeerKey, until: Instant) {
        if let Some(entry) = self.roster.peer_mut(peer) {
            entry.data_rests = entry.data_rests.max(Some(until));
        }
    }

    /// Until when this transport's data must wait, so that a sender of reliable messages beyond
    /// [`crate::DATA_MESSAGES_PER_SECOND`] or [`crate::DATA_BYTES_PER_SECOND`] or
    /// beyond what its readers take is slowed: none is refused for its pace. `None`: no wait. Ask after [`Self::handle_data`].
    pub fn slow_data_until(&self, peer: PeerKey) -> Option<Instant> {
        self.slow_until(peer)
    }

    /// A transport's ICE and DTLS are up: its subscriptions are served and ask for keyframes.
    /// Nothing is forwarded to a transport before.
    pub fn handle_connected(&mut self, peer: PeerKey, now: Instant) {
        self.hear(peer, now);
        let Some(index) = self.roster.peer_index(peer) else {
            return;
        };
        if let Some(entry) = self.roster.peers.get_mut(index) {
            entry.connected = true;
        }
        self.refresh_peer(index, now);
    }

    /// The instant given by [`Output::Wait`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if timers::is_due(self.timers.keyframe, now) {
            keyframes::retry(self, now);
        }
        if timers::is_due(self.timers.allocation, now) {
            self.timers.allocation = None;
            self.reallocate_all(now);
        }
        if timers::is_due(self.timers.speakers, now) {
            self.timers.speakers = None;
            self.report_speakers(now);
        }
        if timers::is_due(self.timers.quality, now) {
            self.timers.quality = None;
            self.judge_quality(now);
        }
        if timers::is_due(self.timers.silence, now) {
            self.timers.silence = None;
            self.judge_silence(now);
        }
        if timers::is_due(self.timers.demand, now) {
            self.update_all_demand(now);
        }
        if timers::is_due(self.timers.held, now) {
            self.held.expire(now);
            self.timers.held = self.held.due();
        }
        self.schedule(now);
    }

    /// The next thing to do. Call until [`Output::Wait`].
    pub fn poll_output(&mut self) -> Output {
        self.outputs
            .pop_front()
            .unwrap_or_else(|| Output::Wait(self.timers.next()))
    }

    /// What the room's other parts are to hear, in order. Call until `None`, after
    /// [`Self::poll_output`] or before.
    pub fn poll_relay(&mut self) -> Option<Relay> {
        self.relays.pop_front()
    }

    /// Starts the regular work that there is now something to do for.
    fn schedule(&mut self, now: Instant) {
        let is_relayed = self
            .tracks
            .iter()
            .any(|(_, track)| !track.relays.is_empty());
        if !self.subscriptions.is_empty() || is_relayed {
            self.timers
                .allocation
                .get_or_insert(now + ALLOCATION_INTERVAL);
        }
        let is_heard = self
            .tracks
            .iter()
            .any(|(_, track)| track.kind == Kind::Audio && track.is_here());
        if is_heard || self.someone_speaks() {
            self.timers.speakers.get_or_insert(now + SPEAKER_INTERVAL);
        }
        if !self.roster.is_empty() {
            self.timers.quality.get_or_insert(now + QUALITY_INTERVAL);
            self.timers.silence.get_or_insert(now + SILENCE_INTERVAL);
        }
    }

    /// Somebody was reported as speaking and not yet as silent.
    fn someone_speaks(&self) -> bool {
        self.roster
            .participants
            .iter()
            .any(|(_, participant)| participant.voice > 0.0)
    }

    fn hear(&mut self, peer: PeerKey, now: Instant) {
        let Some(entry) = self
            .roster
            .peer_index(peer)
            .and_then(|i| self.roster.peers.get(i))
        else {
            return;
        };
        if let Some(participant) = self.roster.participants.get_mut(entry.participant) {
            participant.quality.hear(now);
        }
    }

    fn emit(&mut self, event: MediaEvent) {
        self.outputs.push_back(Output::Event(event));
    }

    fn track_key(&self, index: usize) -> TrackKey {
        self.tracks
            .get(index)
            .map_or(TrackKey(0), |track| track.key)
    }

    fn track_indices(&self) -> Vec<usize> {
        self.track_keys.indices().collect()
    }

    fn participant_indices(&self) -> Vec<usize> {
        self.roster.participant_indices().collect()
    }

    fn peer_indices(&self) -> Vec<usize> {
        self.roster.peer_indices().collect()
    }
}

#[cfg(test)]
mod tests;
