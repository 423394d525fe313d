//! A room on several cores: what this part says to the others, and what it hears from them.

use super::Room;
use super::track::{Home, LayerStart, TrackRelay};
use crate::data::Held;
use crate::demand::Demand;
use crate::layer_choice::{self, LayerSet};
use crate::packet::SenderReport;
use crate::plane::ParticipantSpec;
use crate::relay::{PartKey, Relay, Relayed, RelayedData};
use crate::{Egress, Layer, Packet};
use bytes::Bytes;
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Instant;
use vocab::{ParticipantKey, PeerKey, TrackKey};

/// The packet with a payload of this part's own: every viewer counts a reference, and two cores that
/// count in one place wait for each other each time.
fn own(mut packet: Packet) -> Packet {
    packet.payload = Arc::from(&*packet.payload);
    let descriptor = &mut packet.extensions.dependency_descriptor;
    *descriptor = descriptor.take().map(|bytes| Arc::from(&*bytes));
    packet
}

impl Room {
    /// Adds a participant whose transports another part has. Its tracks are published here like
    /// any other, and relayed by that part when somebody watches them here.
    pub fn add_participant_elsewhere(
        &mut self,
        spec: &ParticipantSpec,
        part: PartKey,
        now: Instant,
    ) {
        self.roster.add(spec, Some(part), now);
        self.schedule(now);
    }

    /// What another part says.
    pub fn handle_relayed(
        &mut self,
        from: PartKey,
        relayed: Relayed,
        egress: &mut impl Egress,
        now: Instant,
    ) {
        match relayed {
            Relayed::Packet { track, packet } => match self.track_from(from, track) {
                Some(track) => self.forward_in(track, &own(packet), egress, now),
                None => self.counters.unknown += 1,
            },
            Relayed::Report { track, report, at } => {
                if let Some(track) = self.track_from(from, track) {
                    self.report_to_viewers(track, report, at, now);
                }
            }
            Relayed::Begins { track, starts } => {
                if let Some(index) = self.track_from(from, track) {
                    self.begin_layers(index, &starts, now);
                }
            }
            Relayed::Wanted { track, layers } => self.relay_to(from, track, layers, now),
            Relayed::Keyframe { track, layer } => {
                if let Some(track) = self.track_keys.get(track) {
                    super::keyframes::ask(self, track, layer, now);
                }
            }
            Relayed::Data(data) => self.hear_data(data, now),
            Relayed::DataTrack { publisher, packet } => {
                self.hear_data_track(from, publisher, &packet);
            }
            Relayed::PartEnded => self.forget_part(from, now),
        }
    }

    fn begin_layers(&mut self, track_index: usize, starts: &[Option<LayerStart>; 3], now: Instant) {
        let begun = Layer::ALL.into_iter().zip(starts);
        let begun = begun.filter_map(|(layer, start)| Some((layer, (*start)?)));
        for (layer, start) in begun {
            if let Some(track) = self.tracks.get_mut(track_index) {
                track.begin(layer, start, now);
            }
            self.restart_viewers(track_index, layer, now);
        }
        self.reallocate_viewers(track_index, now);
    }

    /// The index of a track that arrives at `part`.
    fn track_from(&self, part: PartKey, track: TrackKey) -> Option<usize> {
        let index = self.track_keys.get(track)?;
        match self.tracks.get(index)?.home {
            Home::There { part: home, .. } if home == part => Some(index),
            _ => None,
        }
    }

    fn say(&mut self, to: PartKey, relayed: Relayed) {
        self.relays.push_back(Relay { to, relayed });
    }

    /// Another part wants these layers of a track of this one.
    fn relay_to(&mut self, part: PartKey, track: TrackKey, layers: LayerSet, now: Instant) {
        let Some(index) = self.track_keys.get(track) else {
            return;
        };
        let Some(track) = self.tracks.get_mut(index).filter(|track| track.is_here()) else {
            return;
        };
        match track.relays.iter_mut().find(|relay| relay.part == part) {
            Some(relay) => relay.wanted = layers,
            None => track.relays.push(TrackRelay {
                part,
                wanted: layers,
                demand: Demand::none(),
                layers: [false; 3],
            }),
        }
        self.update_demand(index, now);
        self.schedule(now);
    }

    /// Tells the part that has a track what is wanted of it here, when that changed.
    pub(super) fn want(&mut self, track_index: usize, layers: LayerSet) {
        let Some(track) = self.tracks.get_mut(track_index) else {
            return;
        };
        let key = track.key;
        if let Home::There { part, wanted, .. } = &mut track.home
            && *wanted != layers
        {
            *wanted = layers;
            let to = *part;
            self.say(to, Relayed::Wanted { track: key, layers });
        }
    }

    /// Decides anew which layers of a track go to which part.
    pub(super) fn refresh_relays(&mut self, track_index: usize) {
        let Some(track) = self.tracks.get_mut(track_index) else {
            return;
        };
        if track.relays.is_empty() {
            return;
        }
        let (key, relays) = (track.key, &mut self.relays);
        track.refresh_relays(|to, starts| {
            let (track, starts) = (key, Box::new(starts));
            let relayed = Relayed::Begins { track, starts };
            relays.push_back(Relay { to, relayed });
        });
    }

    /// A layer's stream began anew: what is relayed of it continues nothing.
    pub(super) fn restart_relays(&mut self, track_index: usize, layer: Layer) {
        if let Some(track) = self.tracks.get_mut(track_index) {
            for relay in &mut track.relays {
                layer_choice::set(&mut relay.layers, layer, false);
            }
            self.refresh_relays(track_index);
        }
    }

    /// Layers come and go without a packet that says so; and a wish may have come to its part
    /// before the track did. Looked at with every division of bandwidth.
    pub(super) fn renew_relays(&mut self, now: Instant) {
        for index in self.track_indices() {
            self.refresh_relays(index);
            let Some(track) = self.tracks.get(index) else {
                continue;
            };
            if let Home::There { part, wanted, .. } = track.home
                && wanted.contains(&true)
                && !track.muted
                && !track.is_live(now)
            {
                let (track, layers) = (track.key, wanted);
                self.say(part, Relayed::Wanted { track, layers });
            }
        }
    }

    /// One packet to every other part that shows its layer: once, however many watch there.
    pub(super) fn relay_packet(&mut self, track_index: usize, layer: Layer, packet: &Packet) {
        let Some(track) = self.tracks.get(track_index) else {
            return;
        };
        for relay in &track.relays {
            if layer_choice::contains(relay.layers, layer) {
                let (track, packet) = (track.key, packet.clone());
                self.relays.push_back(Relay {
                    to: relay.part,
                    relayed: Relayed::Packet { track, packet },
                });
            }
        }
    }

    /// A publisher's report to every other part that shows something of its track.
    pub(super) fn report_to_relays(
        &mut self,
        track_index: usize,
        report: SenderReport,
        at: Instant,
    ) {
        let Some(track) = self.tracks.get(track_index) else {
            return;
        };
        for relay in &track.relays {
            if relay.layers.contains(&true) {
                let track = track.key;
                self.relays.push_back(Relay {
                    to: relay.part,
                    relayed: Relayed::Report { track, report, at },
                });
            }
        }
    }

    /// A message to every other part that has somebody whom it is for.
    pub(super) fn relay_data(&mut self, data: &RelayedData) {
        let mut parts = SmallVec::<[PartKey; 8]>::new();
        for (_, participant) in &self.roster.participants {
            if let Some(part) = participant.part
                && data.recipients.include(participant.key)
                && !parts.contains(&part)
            {
                parts.push(part);
            }
        }
        parts.sort_unstable();
        for part in parts {
            self.say(part, Relayed::Data(data.clone()));
        }
    }

    /// A message of another part's participant, which that part checked.
    fn hear_data(&mut self, data: RelayedData, now: Instant) {
        let is_known = |nonce| self.nonces.is_known(nonce, now);
        if data.nonce.is_some_and(is_known) {
            return;
        }
        self.deliver(None, &data.recipients, data.channel, &data.payload);
        if data.is_held {
            self.hold(Held {
                at: now,
                sender: Some(data.sender),
                sequence: data.sequence,
                recipients: data.recipients,
                payload: data.payload,
            });
        }
    }

    /// A data track's packet to each of `parts`, where its viewers are found again.
    pub(super) fn relay_data_track(
        &mut self,
        publisher: ParticipantKey,
        parts: &[PartKey],
        packet: &[u8],
    ) {
        if parts.is_empty() {
            return;
        }
        let packet = Bytes::copy_from_slice(packet);
        for part in parts {
            let packet = packet.clone();
            self.say(*part, Relayed::DataTrack { publisher, packet });
        }
    }

    fn hear_data_track(&mut self, from: PartKey, publisher: ParticipantKey, packet: &[u8]) {
        let Some(sender) = self.roster.participant_index(publisher) else {
            return;
        };
        let theirs = self.roster.participants.get(sender);
        if theirs.is_some_and(|publisher| publisher.part == Some(from)) {
            let _ = self.forward_data_track(sender, packet);
        }
    }

    /// Unpublishes what another part received on a transport that is gone.
    pub(super) fn unpublish_elsewhere(&mut self, peer: PeerKey, now: Instant) {
        for index in self.track_indices() {
            if let Some(track) = self.tracks.get(index)
                && matches!(track.home, Home::There { peer: its, .. } if its == peer)
            {
                self.unpublish(track.key, now);
            }
        }
    }

    /// A part that failed wants nothing any more. Its participants leave by command.
    fn forget_part(&mut self, part: PartKey, now: Instant) {
        for index in self.track_indices() {
            if let Some(track) = self.tracks.get_mut(index) {
                track.relays.retain(|relay| relay.part != part);
            }
            self.update_demand(index, now);
        }
    }
}
