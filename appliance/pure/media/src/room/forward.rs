//! The hot path: one packet in, one packet per viewer out. No allocation once warm.

use super::{Room, keyframes, reports};
use crate::packet::{Egress, Outgoing, Packet};
use crate::rewrite::Input;
use crate::sequence_window::Arrival;
use crate::{Codec, Kind, MediaEvent, vp8};
use std::time::Instant;
use vocab::PeerKey;

/// What became of the packets that came in. Absolute since the room began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets written to subscribers.
    pub forwarded: u64,
    /// From a transport, section or rid that carries no track.
    pub unknown: u64,
    /// From a participant that may not publish.
    pub forbidden: u64,
    /// Seen before.
    pub duplicate: u64,
    /// Too late to be placed, or of a stream whose numbers make no sense yet.
    pub misplaced: u64,
}

impl Room {
    pub(super) fn forward(
        &mut self,
        peer: PeerKey,
        packet: &Packet,
        egress: &mut impl Egress,
        now: Instant,
    ) {
        let Some(track_index) = self.track_of(peer, packet, now) else {
            self.counters.unknown += 1;
            return;
        };
        self.forward_in(track_index, packet, egress, now);
    }

    /// A packet of a track, from its publisher or from the part that has its publisher.
    pub(super) fn forward_in(
        &mut self,
        track_index: usize,
        packet: &Packet,
        egress: &mut impl Egress,
        now: Instant,
    ) {
        let Some(track) = self.tracks.get_mut(track_index) else {
            return;
        };
        if !track.permitted {
            self.counters.forbidden += 1;
            return;
        }
        let Some(layer) = track.layer_of(packet.rid) else {
            self.counters.unknown += 1;
            return;
        };
        let Some(received) = track.receive(layer, packet, now) else {
            return;
        };
        match received.arrival {
            Arrival::Duplicate => {
                self.counters.duplicate += 1;
                return;
            }
            Arrival::TooOld | Arrival::Stray => {
                self.counters.misplaced += 1;
                return;
            }
            Arrival::Newest | Arrival::Late | Arrival::Restart => {}
        }
        let is_here = track.is_here();
        if let (true, Kind::Audio, false, Some(level)) = (
            is_here,
            track.kind,
            track.muted,
            packet.extensions.audio_level,
        ) {
            track.level.observe(level, packet.timestamp, packet.arrival);
        }
        if received.is_first && is_here {
            self.emit(MediaEvent::TrackFlowing {
                room: self.key,
                track: self.track_key(track_index),
            });
        }
        let is_newest = received.arrival != Arrival::Late;
        self.arriving_keyframe =
            (packet.starts_keyframe && is_newest).then_some((track_index, layer));
        if received.arrival == Arrival::Restart {
            self.restart_viewers(track_index, layer, now);
            self.restart_relays(track_index, layer);
        }
        if received.starts_flowing {
            self.reallocate_viewers(track_index, now);
            self.refresh_relays(track_index);
        }
        self.arriving_keyframe = None;
        let input = Input {
            source: received.source,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            arrival: packet.arrival,
            vp8: (packet.codec == Codec::Vp8)
                .then(|| vp8::parse(&packet.payload))
                .flatten(),
        };
        self.write_to_viewers(track_index, packet, &input, is_newest, egress, now);
        self.relay_packet(track_index, layer, packet);
    }

    fn write_to_viewers(
        &mut self,
        track_index: usize,
        packet: &Packet,
        input: &Input,
        is_newest: bool,
        egress: &mut impl Egress,
        now: Instant,
    ) {
        let Some(track) = self.tracks.get(track_index) else {
            return;
        };
        for index in &track.subscriptions {
            let Some(viewer) = self.subscriptions.get_mut(*index) else {
                continue;
            };
            if !viewer.active {
                continue;
            }
            if is_newest && packet.payload.is_empty() {
                viewer.rewriter.skip(input.source, input.sequence);
                continue;
            }
            let layer = input.source.layer;
            let was_shown = viewer.rewriter.timestamp_offset(input.source).is_some();
            let rewritten = viewer.forward(
                input,
                is_newest,
                packet.starts_keyframe,
                |on, clock_rate| track.align(layer, input.timestamp, on, clock_rate),
            );
            let Some(rewritten) = rewritten else { continue };
            self.counters.forwarded += 1;
            let outgoing = Outgoing {
                mid: viewer.mid,
                sequence: rewritten.sequence,
                timestamp: rewritten.timestamp,
                marker: packet.marker,
                starts_keyframe: packet.starts_keyframe,
                codec: packet.codec,
                payload: &packet.payload,
                vp8: rewritten.vp8,
                extensions: &packet.extensions,
                arrival: packet.arrival,
            };
            egress.write(viewer.peer_key, &outgoing, now);
            if !was_shown {
                let told = reports::on_clock_of(viewer, track, input.source, now);
                self.outputs.extend(told);
            }
        }
    }

    /// The track a packet belongs to; its publisher was heard.
    fn track_of(&mut self, peer: PeerKey, packet: &Packet, now: Instant) -> Option<usize> {
        let peer = self.roster.peers.get(self.roster.peer_index(peer)?)?;
        let track = peer.track_in(packet.mid)?;
        if let Some(participant) = self.roster.participants.get_mut(peer.participant) {
            participant.quality.hear(now);
        }
        Some(track)
    }

    /// The layer's stream began anew: its viewers need a keyframe to follow.
    pub(super) fn restart_viewers(&mut self, track: usize, layer: crate::Layer, now: Instant) {
        let Some(track_entry) = self.tracks.get(track) else {
            return;
        };
        let mut is_awaited = false;
        for index in &track_entry.subscriptions {
            if let Some(viewer) = self.subscriptions.get_mut(*index)
                && viewer.current == Some(layer)
            {
                viewer.stop();
                is_awaited |= viewer.awaited() == Some(layer);
            }
        }
        if is_awaited {
            keyframes::ask(self, track, layer, now);
        }
    }
}
