//! A room with named participants, a clock and a record of what came out.

use crate::packet::{Extensions, SenderReport, Vp8Rewrite};
use crate::plane::{
    LayerWish, MediaPermissions, ParticipantSpec, PeerRole, PeerSpec, SubscriptionSpec, TrackSpec,
};
use crate::{
    Channel, Codec, DataRefusal, Egress, Kind, Layer, MediaCommand, MediaEvent, Mid, Outgoing,
    Output, Packet, Rid, Room,
};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vocab::{Bitrate, ParticipantKey, PeerKey, RoomKey, TrackKey};

pub(super) const ROOM: RoomKey = RoomKey(1);
pub(super) const ANA: u64 = 1;
pub(super) const BEN: u64 = 2;
pub(super) const CARA: u64 = 3;
pub(super) const FRAME: Duration = Duration::from_micros(33_333);

pub(super) const ALL: MediaPermissions = MediaPermissions {
    publish: true,
    subscribe: true,
    publish_data: true,
};

/// A packet that went out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) peer: PeerKey,
    pub(super) mid: Mid,
    pub(super) sequence: u64,
    pub(super) timestamp: u32,
    pub(super) vp8: Option<Vp8Rewrite>,
    /// The first payload byte: which layer it was.
    pub(super) mark: u8,
}

/// The packets, and where the last one's payload lies.
#[derive(Default)]
pub(super) struct Recorder(pub(super) Vec<Sent>, pub(super) Option<usize>);

impl Egress for Recorder {
    fn write(&mut self, peer: PeerKey, packet: &Outgoing<'_>, _now: Instant) {
        self.1 = Some(packet.payload.as_ptr().addr());
        self.0.push(Sent {
            peer,
            mid: packet.mid,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            vp8: packet.vp8,
            mark: packet.payload.first().copied().unwrap_or_default(),
        });
    }
}

pub(super) struct Stage {
    pub(super) room: Room,
    pub(super) now: Instant,
    pub(super) sent: Recorder,
    pub(super) outputs: Vec<Output>,
    /// Every keyframe request with its moment.
    pub(super) asked: Vec<(Instant, Option<Rid>)>,
    /// Of which a keyframe was asked for and not sent yet.
    due: BTreeSet<(Mid, Option<Rid>)>,
    wake: Option<Instant>,
    next: [u64; 4],
}

pub(super) fn mid(number: u64) -> Mid {
    Mid::new(&number.to_string()).unwrap()
}

pub(super) fn peer(participant: u64) -> PeerKey {
    PeerKey(100 + participant)
}

impl Stage {
    /// Ana, Ben and Cara with everything permitted, connected, data channels open.
    pub(super) fn new() -> Self {
        let mut stage = Self::empty();
        for participant in [ANA, BEN, CARA] {
            stage.join(participant, ALL);
        }
        stage
    }

    pub(super) fn empty() -> Self {
        let now = Instant::now();
        Self {
            room: Room::new(ROOM, 42, now),
            now,
            sent: Recorder::default(),
            outputs: Vec::new(),
            asked: Vec::new(),
            due: BTreeSet::new(),
            wake: None,
            next: [1_000, 20_000, 40_000, 60_000],
        }
    }

    pub(super) fn join(&mut self, participant: u64, permissions: MediaPermissions) {
        self.add(participant, permissions);
        self.room.handle_connected(peer(participant), self.now);
        for channel in [Channel::Reliable, Channel::Lossy, Channel::DataTrack] {
            self.room
                .handle_channel_open(peer(participant), channel, self.now);
        }
        self.drain();
    }

    /// A participant whose transport is still connecting.
    pub(super) fn add(&mut self, participant: u64, permissions: MediaPermissions) {
        self.command(MediaCommand::AddParticipant {
            room: ROOM,
            participant: ParticipantSpec {
                key: ParticipantKey(participant),
                sid: format!("PA_{participant}").into(),
                identity: format!("identity-{participant}").into(),
                permissions,
            },
        });
        self.command(MediaCommand::OpenPeer {
            room: ROOM,
            peer: PeerSpec {
                key: peer(participant),
                participant: ParticipantKey(participant),
                role: PeerRole::Single,
                ice_lite: true,
                negotiated_channels: false,
            },
        });
    }

    pub(super) fn command(&mut self, command: MediaCommand) {
        self.room.handle_command(&command, self.now);
        self.drain();
    }

    /// `track` of `publisher` in its section of the same number.
    pub(super) fn publish(&mut self, publisher: u64, track: u64, kind: Kind) {
        self.command(MediaCommand::PublishTrack {
            room: ROOM,
            track: TrackSpec {
                key: TrackKey(track),
                publisher: ParticipantKey(publisher),
                peer: peer(publisher),
                mid: mid(track),
                kind,
                muted: false,
                layers: Vec::new(),
            },
        });
    }

    /// `subscriber` watches `track` in its section of the track's number + 50.
    pub(super) fn subscribe(&mut self, subscriber: u64, track: u64) {
        self.subscribe_in(subscriber, track, 50 + track);
    }

    pub(super) fn subscribe_in(&mut self, subscriber: u64, track: u64, section: u64) {
        self.command(MediaCommand::Subscribe {
            room: ROOM,
            subscription: SubscriptionSpec {
                subscriber: ParticipantKey(subscriber),
                peer: peer(subscriber),
                mid: mid(section),
                track: TrackKey(track),
            },
        });
    }

    pub(super) fn unsubscribe(&mut self, subscriber: u64, track: u64) {
        self.command(MediaCommand::Unsubscribe {
            room: ROOM,
            subscriber: ParticipantKey(subscriber),
            track: TrackKey(track),
        });
    }

    pub(super) fn wish(&mut self, subscriber: u64, track: u64, wish: LayerWish) {
        self.command(MediaCommand::SetSubscription {
            room: ROOM,
            subscriber: ParticipantKey(subscriber),
            track: TrackKey(track),
            wish,
        });
    }

    pub(super) fn mute(&mut self, track: u64, muted: bool) {
        self.command(MediaCommand::SetTrackMuted {
            room: ROOM,
            track: TrackKey(track),
            muted,
        });
    }

    pub(super) fn permit(&mut self, participant: u64, permissions: MediaPermissions) {
        self.command(MediaCommand::SetPermissions {
            room: ROOM,
            participant: ParticipantKey(participant),
            permissions,
        });
    }

    pub(super) fn estimate(&mut self, participant: u64, kbps: u64) {
        self.room
            .handle_estimate(peer(participant), Bitrate::kbps(kbps), self.now);
        self.drain();
    }

    pub(super) fn report(
        &mut self,
        publisher: u64,
        track: u64,
        layer: Layer,
        ntp: Duration,
        rtp: u32,
    ) {
        let report = SenderReport {
            mid: mid(track),
            rid: Some(layer.rid()),
            ntp,
            timestamp: rtp,
        };
        self.room
            .handle_sender_report(peer(publisher), report, self.now);
    }

    /// The next packet of a layer (or of a track without layers), as it would arrive now.
    pub(super) fn packet(&mut self, track: u64, layer: Option<Layer>, keyframe: bool) -> Packet {
        let slot = layer.map_or(3, |layer| layer as usize);
        let sequence = self.next[slot];
        self.next[slot] += 1;
        let mark = 10 + slot as u8;
        Packet {
            mid: mid(track),
            rid: layer.map(Layer::rid),
            codec: Codec::H264 {
                profile: 0x42_E01F,
                packetization_mode: 1,
            },
            sequence,
            timestamp: sequence as u32 * 3_000,
            marker: true,
            starts_keyframe: keyframe,
            payload: Arc::from([mark; 100]),
            extensions: Extensions::default(),
            arrival: self.now,
        }
    }

    pub(super) fn deliver(&mut self, publisher: u64, packet: &Packet) {
        self.room
            .handle_packet(peer(publisher), packet, &mut self.sent, self.now);
        self.drain();
    }

    /// Whether a keyframe of the layer was asked for since the last time.
    pub(super) fn takes_request(&mut self, track: u64, layer: Layer) -> bool {
        self.due.remove(&(mid(track), Some(layer.rid())))
    }

    pub(super) fn send(
        &mut self,
        publisher: u64,
        track: u64,
        layer: Option<Layer>,
        keyframe: bool,
    ) {
        let packet = self.packet(track, layer, keyframe);
        self.deliver(publisher, &packet);
    }

    /// So many frames of one packet each on all three layers; the first is a keyframe.
    pub(super) fn flow(&mut self, publisher: u64, track: u64, frames: u32) {
        for frame in 0..frames {
            for layer in Layer::ALL {
                self.send(publisher, track, Some(layer), frame == 0);
            }
            self.advance(FRAME);
        }
    }

    /// Lets time pass, waking the room whenever it asked to be woken.
    pub(super) fn advance(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(wake) = self.wake.filter(|wake| *wake <= until) {
            self.now = self.now.max(wake);
            self.room.handle_timeout(self.now);
            self.drain();
            assert!(
                self.wake.is_none_or(|next| next > self.now),
                "a timer that does not move on"
            );
        }
        self.now = until;
    }

    pub(super) fn data(
        &mut self,
        participant: u64,
        channel: Channel,
        payload: &[u8],
    ) -> Result<(), DataRefusal> {
        let result = self
            .room
            .handle_data(peer(participant), channel, payload, self.now);
        self.drain();
        result
    }

    pub(super) fn drain(&mut self) {
        loop {
            match self.room.poll_output() {
                Output::Wait(wake) => {
                    self.wake = wake;
                    return;
                }
                output => {
                    if let Output::RequestKeyframe { mid, rid, .. } = &output {
                        self.asked.push((self.now, *rid));
                        self.due.insert((*mid, *rid));
                    }
                    self.outputs.push(output);
                }
            }
        }
    }

    /// Forgets what came out so far.
    pub(super) fn forget(&mut self) {
        self.sent.0.clear();
        self.outputs.clear();
    }

    /// Marks of the packets sent to a participant: 10 to 12 are layers, 13 is none.
    pub(super) fn marks(&self, participant: u64) -> Vec<u8> {
        self.sent_to(participant).map(|sent| sent.mark).collect()
    }

    pub(super) fn sent_to(&self, participant: u64) -> impl Iterator<Item = &Sent> {
        self.sent
            .0
            .iter()
            .filter(move |sent| sent.peer == peer(participant))
    }

    pub(super) fn events(&self) -> impl Iterator<Item = &MediaEvent> {
        self.outputs.iter().filter_map(|output| match output {
            Output::Event(event) => Some(event),
            _ => None,
        })
    }

    /// The rids of the keyframes asked for.
    pub(super) fn keyframes(&self) -> Vec<Option<Rid>> {
        let asked = self.outputs.iter().filter_map(|output| match output {
            Output::RequestKeyframe { rid, .. } => Some(*rid),
            _ => None,
        });
        asked.collect()
    }

    /// Messages sent to a participant.
    pub(super) fn messages(&self, participant: u64) -> Vec<Bytes> {
        let sent = self.outputs.iter().filter_map(|output| match output {
            Output::Data {
                peer: to, payload, ..
            } if *to == peer(participant) => Some(payload.clone()),
            _ => None,
        });
        sent.collect()
    }
}
