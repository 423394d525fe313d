//! A room with one publisher and many viewers, for measuring the forwarding alone.

use media::packet::Extensions;
use media::plane::{
    MediaPermissions, ParticipantSpec, PeerRole, PeerSpec, SubscriptionSpec, TrackSpec,
};
use media::{Codec, Egress, Kind, MediaCommand, Mid, Outgoing, Output, Packet, Room};
use std::sync::Arc;
use std::time::{Duration, Instant};
use vocab::{ParticipantKey, PeerKey, RoomKey, TrackKey};

const ROOM: RoomKey = RoomKey(1);
const TRACK: TrackKey = TrackKey(1);
const PUBLISHER: u64 = 0;

/// Everything is decided by this seed.
const SEED: u64 = 4_711;

/// Packets per frame: 720p video at 30 frames per second.
const FRAME_PACKETS: u64 = 10;

/// Time from frame to frame.
const FRAME: Duration = Duration::from_micros(33_333);

/// Ticks of the 90 kHz clock from frame to frame.
const FRAME_TICKS: u32 = 3_000;

/// Counts what it is given.
#[derive(Debug, Default)]
pub struct CountingEgress {
    /// Packets.
    pub packets: u64,
    /// Payload bytes.
    pub bytes: u64,
}

impl Egress for CountingEgress {
    fn write(&mut self, _peer: PeerKey, packet: &Outgoing<'_>, _now: Instant) {
        self.packets += 1;
        self.bytes += packet.payload.len() as u64;
    }
}

/// A room in which one VP8 track is watched by everybody else.
pub struct Stage {
    room: Room,
    now: Instant,
    payload: Arc<[u8]>,
    sequence: u64,
    /// What was forwarded.
    pub egress: CountingEgress,
}

impl Stage {
    /// A room with this many viewers, connected, and its first key frame forwarded.
    pub fn new(viewers: u64) -> Self {
        let now = Instant::now();
        let mut payload = vec![0x55; 1_164];
        // A VP8 descriptor with a 15-bit picture id, at the start of a partition.
        payload[..4].copy_from_slice(&[0x90, 0x80, 0x80, 0x01]);
        let mut stage = Self {
            room: Room::new(ROOM, SEED, now),
            now,
            payload: payload.into(),
            sequence: 1_000,
            egress: CountingEgress::default(),
        };
        (0..=viewers).for_each(|participant| stage.join(participant));
        stage.publish();
        (1..=viewers).for_each(|viewer| stage.subscribe(viewer));
        stage.frame();
        stage
    }

    /// One packet of the publisher, as [`media::Room::handle_packet`] gets it.
    pub fn packet(&mut self) -> Packet {
        let sequence = self.sequence;
        self.sequence += 1;
        let frame = sequence / FRAME_PACKETS;
        Packet {
            mid: section(0),
            rid: None,
            codec: Codec::Vp8,
            sequence,
            timestamp: (frame as u32).wrapping_mul(FRAME_TICKS),
            marker: sequence % FRAME_PACKETS == FRAME_PACKETS - 1,
            starts_keyframe: sequence == 1_000,
            payload: self.payload.clone(),
            extensions: Extensions::default(),
            arrival: self.now,
        }
    }

    /// Forwards one packet to every viewer.
    pub fn forward(&mut self, packet: &Packet) {
        self.room
            .handle_packet(PeerKey(PUBLISHER), packet, &mut self.egress, self.now);
    }

    /// Forwards one frame, lets its time pass and runs what fell due.
    pub fn frame(&mut self) {
        for _ in 0..FRAME_PACKETS {
            let packet = self.packet();
            self.forward(&packet);
        }
        self.now += FRAME;
        self.room.handle_timeout(self.now);
        self.drain();
    }

    fn join(&mut self, participant: u64) {
        let permissions = MediaPermissions {
            publish: true,
            subscribe: true,
            publish_data: true,
        };
        self.command(MediaCommand::AddParticipant {
            room: ROOM,
            participant: ParticipantSpec {
                key: ParticipantKey(participant),
                sid: format!("PA_{participant}").into(),
                identity: format!("load-{participant}").into(),
                permissions,
            },
        });
        self.command(MediaCommand::OpenPeer {
            room: ROOM,
            peer: PeerSpec {
                key: PeerKey(participant),
                participant: ParticipantKey(participant),
                role: PeerRole::Single,
                ice_lite: true,
                negotiated_channels: false,
            },
        });
        self.room.handle_connected(PeerKey(participant), self.now);
        self.drain();
    }

    fn publish(&mut self) {
        self.command(MediaCommand::PublishTrack {
            room: ROOM,
            track: TrackSpec {
                key: TRACK,
                publisher: ParticipantKey(PUBLISHER),
                peer: PeerKey(PUBLISHER),
                mid: section(0),
                kind: Kind::Video,
                muted: false,
                layers: Vec::new(),
            },
        });
    }

    fn subscribe(&mut self, viewer: u64) {
        self.command(MediaCommand::Subscribe {
            room: ROOM,
            subscription: SubscriptionSpec {
                subscriber: ParticipantKey(viewer),
                peer: PeerKey(viewer),
                mid: section(1),
                track: TRACK,
            },
        });
    }

    fn command(&mut self, command: MediaCommand) {
        self.room.handle_command(&command, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while !matches!(self.room.poll_output(), Output::Wait(_)) {}
    }
}

fn section(number: u8) -> Mid {
    let text = [b'0' + number];
    std::str::from_utf8(&text)
        .ok()
        .and_then(Mid::new)
        .unwrap_or_else(|| unreachable!("one digit is a section id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_viewer_gets_every_packet() {
        let mut stage = Stage::new(7);
        for _ in 0..30 {
            stage.frame();
        }
        assert_eq!(stage.egress.packets, 31 * FRAME_PACKETS * 7);
    }
}
