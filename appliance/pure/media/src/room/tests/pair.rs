//! The same people in one room or in two parts of it, joined by a lane that loses nothing.

use super::stage::{ALL, ANA, BEN, CARA, ROOM, Stage, peer};
use crate::plane::{MediaPermissions, ParticipantSpec};
use crate::{Channel, Kind, Layer, MediaCommand, MediaEvent, PartKey, Relayed};
use std::time::Duration;
use vocab::ParticipantKey;

/// Both parts look at their clocks this often.
const STEP: Duration = Duration::from_millis(5);

pub(super) struct Pair {
    pub(super) parts: [Stage; 2],
    is_split: bool,
    /// Everything that crossed, with the part it came from.
    pub(super) crossed: Vec<(usize, Relayed)>,
}

impl Pair {
    /// Ana alone; Ben and Cara on the other part.
    pub(super) fn split() -> Self {
        Self::new(true)
    }

    /// All three in one room; the other part stays empty.
    pub(super) fn whole() -> Self {
        Self::new(false)
    }

    fn new(is_split: bool) -> Self {
        let mut parts = [Stage::empty(), Stage::empty()];
        parts[1].now = parts[0].now;
        let mut pair = Self {
            parts,
            is_split,
            crossed: Vec::new(),
        };
        for participant in [ANA, BEN, CARA] {
            pair.join(participant, ALL);
        }
        pair
    }

    pub(super) fn home(&self, participant: u64) -> usize {
        usize::from(self.is_split && participant != ANA)
    }

    fn join(&mut self, participant: u64, permissions: MediaPermissions) {
        let home = self.home(participant);
        if self.is_split {
            let spec = ParticipantSpec {
                key: ParticipantKey(participant),
                sid: format!("PA_{participant}").into(),
                identity: format!("identity-{participant}").into(),
                permissions,
            };
            let other = &mut self.parts[1 - home];
            other
                .room
                .add_participant_elsewhere(&spec, PartKey(home), other.now);
        }
        self.parts[home].join(participant, permissions);
        self.pump();
    }

    /// To every part there is.
    pub(super) fn tell(&mut self, f: impl Fn(&mut Stage)) {
        f(&mut self.parts[0]);
        if self.is_split {
            f(&mut self.parts[1]);
        }
        self.pump();
    }

    /// To the part that has the participant.
    pub(super) fn at<R>(&mut self, participant: u64, f: impl FnOnce(&mut Stage) -> R) -> R {
        let home = self.home(participant);
        let told = f(&mut self.parts[home]);
        self.pump();
        told
    }

    pub(super) fn publish(&mut self, publisher: u64, track: u64, kind: Kind) {
        self.tell(|part| part.publish(publisher, track, kind));
    }

    pub(super) fn subscribe(&mut self, subscriber: u64, track: u64) {
        self.at(subscriber, |part| part.subscribe(subscriber, track));
    }

    pub(super) fn remove(&mut self, participant: u64) {
        let participant = ParticipantKey(participant);
        self.tell(|part| {
            part.command(MediaCommand::RemoveParticipant {
                room: ROOM,
                participant,
            });
        });
    }

    pub(super) fn data(&mut self, sender: u64, channel: Channel, payload: &[u8]) {
        let _ = self.at(sender, |part| part.data(sender, channel, payload));
    }

    /// So many frames of one packet on all three layers, a keyframe where one was asked for.
    pub(super) fn flow(&mut self, publisher: u64, track: u64, frames: u32) {
        self.flow_layers(publisher, track, frames, &Layer::ALL);
    }

    pub(super) fn flow_layers(
        &mut self,
        publisher: u64,
        track: u64,
        frames: u32,
        layers: &[Layer],
    ) {
        for _ in 0..frames {
            for layer in layers {
                self.at(publisher, |part| {
                    let is_asked = part.takes_request(track, *layer);
                    part.send(publisher, track, Some(*layer), is_asked);
                });
            }
            self.advance(super::stage::FRAME);
        }
    }

    pub(super) fn advance(&mut self, time: Duration) {
        let mut left = time;
        while !left.is_zero() {
            let step = left.min(STEP);
            left -= step;
            for part in 0..2 {
                self.parts[part].advance(step);
                self.pump();
            }
        }
    }

    /// Carries what the parts say to each other until they are silent.
    pub(super) fn pump(&mut self) {
        loop {
            let mut is_silent = true;
            for from in 0..2 {
                while let Some(relay) = self.parts[from].room.poll_relay() {
                    is_silent = false;
                    assert_eq!(relay.to, PartKey(1 - from));
                    self.crossed.push((from, relay.relayed.clone()));
                    let to = &mut self.parts[1 - from];
                    let (relayed, now) = (relay.relayed, to.now);
                    to.room
                        .handle_relayed(PartKey(from), relayed, &mut to.sent, now);
                    to.drain();
                }
            }
            if is_silent {
                return;
            }
        }
    }

    pub(super) fn forget(&mut self) {
        self.crossed.clear();
        for part in &mut self.parts {
            part.forget();
            part.asked.clear();
        }
    }

    /// Marks of what a participant was sent.
    pub(super) fn marks(&self, participant: u64) -> Vec<u8> {
        self.parts[self.home(participant)].marks(participant)
    }

    /// First payload bytes of the packets that crossed.
    pub(super) fn crossed_marks(&self) -> Vec<u8> {
        let packets = self
            .crossed
            .iter()
            .filter_map(|(_, relayed)| match relayed {
                Relayed::Packet { packet, .. } => packet.payload.first().copied(),
                _ => None,
            });
        packets.collect()
    }

    pub(super) fn events(&self) -> impl Iterator<Item = &MediaEvent> {
        self.parts.iter().flat_map(Stage::events)
    }

    pub(super) fn messages(&self, participant: u64) -> Vec<bytes::Bytes> {
        let part = &self.parts[self.home(participant)];
        assert!(
            self.parts[1 - self.home(participant)]
                .messages(participant)
                .is_empty(),
            "{:?} is somewhere else",
            peer(participant)
        );
        part.messages(participant)
    }
}
