//! Who waits for which keyframe, and when the publisher is asked.

use super::track::Home;
use super::{Output, Room};
use crate::Layer;
use crate::keyframe::KeyframeGate;
use crate::packet::Mid;
use crate::relay::{Relay, Relayed};
use std::time::Instant;
use vocab::PeerKey;

/// Asks the publisher for a keyframe of `layer`, now or when the interval has passed.
pub(super) fn ask(room: &mut Room, track: usize, layer: Layer, now: Instant) {
    if room.arriving_keyframe == Some((track, layer)) {
        return;
    }
    let Some(track) = room.tracks.get_mut(track) else {
        return;
    };
    let (key, home, rid) = (track.key, track.home, track.rid(layer));
    let Some(gate) = track.gate_mut(layer) else {
        return;
    };
    if gate.request(now) {
        match home {
            Home::Here { peer_key, mid, .. } => {
                let peer = peer_key;
                room.outputs
                    .push_back(Output::RequestKeyframe { peer, mid, rid });
            }
            Home::There { part, .. } => {
                let track = key;
                room.relays.push_back(Relay {
                    to: part,
                    relayed: Relayed::Keyframe { track, layer },
                });
            }
        }
    }
    let due = gate.due();
    room.timers.keyframe = super::timers::earliest(room.timers.keyframe, due);
}

/// A subscriber's PLI or FIR.
pub(super) fn forward_request(room: &mut Room, peer: PeerKey, mid: Mid, now: Instant) {
    let Some(peer) = room
        .roster
        .peer_index(peer)
        .and_then(|i| room.roster.peers.get(i))
    else {
        return;
    };
    let mut carried = peer
        .outbound
        .iter()
        .filter_map(|i| room.subscriptions.get(*i));
    let Some(viewer) = carried.find(|viewer| viewer.mid == mid && viewer.active) else {
        return;
    };
    if let Some(layer) = viewer.current.or(viewer.target) {
        ask(room, viewer.track, layer, now);
    }
}

/// Asks again for every layer that somebody asked for within the interval. Who still waits asks
/// with every division of bandwidth.
pub(super) fn retry(room: &mut Room, now: Instant) {
    room.timers.keyframe = None;
    for index in room.track_indices() {
        for layer in Layer::ALL {
            let gate = room.tracks.get(index).and_then(|track| track.gate(layer));
            if gate.is_some_and(KeyframeGate::is_pending) {
                ask(room, index, layer, now);
            }
        }
    }
}
