//! What the control plane wants done.

use super::Core;
use crate::peers::MAX_PEERS;
use crate::plane::Order;
use crossbeam_channel::Receiver;
use media::plane::{ParticipantSpec, PeerFailure, PeerSpec};
use media::{MediaCommand, MediaEvent, PartKey, Room};
use peer::{Peer, PeerConfig};
use std::hash::BuildHasher;
use std::time::{Duration, Instant};
use vocab::RoomKey;

/// What a turn spends on commands before it looks for media again; the last command may take half
/// a millisecond more: it writes a session description.
const COMMAND_TIME: Duration = Duration::from_millis(2);

impl Core {
    /// Runs commands for [`COMMAND_TIME`]; true when more wait.
    pub(super) fn run_commands(&mut self, orders: &Receiver<Order>, now: Instant) -> bool {
        if orders.is_empty() {
            return false;
        }
        let began = Instant::now();
        while began.elapsed() < COMMAND_TIME {
            let Ok(order) = orders.try_recv() else {
                return false;
            };
            match order {
                Order::Command(command) => {
                    self.handle_command(command, now);
                }
                Order::AddElsewhere {
                    room,
                    participant,
                    part,
                } => {
                    self.add_elsewhere(room, &participant, part, now);
                }
                Order::Join(link) => self.links.join(link),
            }
        }
        !orders.is_empty()
    }

    fn add_elsewhere(
        &mut self,
        room: RoomKey,
        participant: &ParticipantSpec,
        part: PartKey,
        now: Instant,
    ) {
        let add = |room: &mut Room| room.add_participant_elsewhere(participant, part, now);
        if let Err(broken) = self.rooms.with(room, add) {
            self.end_broken(&broken, now);
        }
    }

    fn handle_command(&mut self, command: MediaCommand, now: Instant) {
        match &command {
            MediaCommand::OpenRoom { room } => {
                self.rooms.open(*room, self.seeds.hash_one(room), now);
            }
            MediaCommand::CloseRoom { room } => self.close_room(*room, now),
            MediaCommand::OpenPeer { room, peer } => {
                self.open_peer(*room, peer, now);
                self.tell(&command, now);
            }
            MediaCommand::ClosePeer { peer, .. } => {
                self.tell(&command, now);
                let index = self.peers.index(*peer);
                self.close_peers(index.as_slice(), now);
            }
            MediaCommand::RemoveParticipant { room, participant } => {
                let (room, participant) = (*room, *participant);
                self.tell(&command, now);
                let theirs = self
                    .peers
                    .find(|e| e.room == room && e.participant == participant);
                self.close_peers(&theirs, now);
            }
            MediaCommand::Subscribe { subscription, .. } => {
                if let Some(entry) = self.peers.touch_key(subscription.peer) {
                    entry.peer.restart_section(subscription.mid);
                }
                self.tell(&command, now);
            }
            MediaCommand::VacateSection { peer, mid, .. } => {
                if let Some(entry) = self.peers.touch_key(*peer) {
                    entry.peer.vacate_section(*mid, now);
                }
            }
            MediaCommand::AddCandidate {
                peer, candidate, ..
            } => {
                if let Some(entry) = self.peers.touch_key(*peer) {
                    // Unusable ones are counted by the peer; the others still work.
                    let _ = entry.peer.add_candidate(candidate, now);
                }
            }
            MediaCommand::AcceptOffer { .. }
            | MediaCommand::MakeOffer { .. }
            | MediaCommand::AcceptAnswer { .. } => self.negotiate(command, now),
            _ => self.tell(&command, now),
        }
    }

    pub(super) fn tell(&mut self, command: &MediaCommand, now: Instant) {
        if let Err(broken) = self.rooms.command(command, now) {
            self.end_broken(&broken, now);
        }
    }

    fn open_peer(&mut self, room: RoomKey, spec: &PeerSpec, now: Instant) {
        if self.peers.len() >= MAX_PEERS {
            tracing::warn!(limit = MAX_PEERS, "a peer was refused: the worker is full");
            let cause = PeerFailure::Fault;
            self.emit(MediaEvent::PeerFailed {
                room,
                peer: spec.key,
                cause,
            });
            return;
        }
        let config = PeerConfig {
            spec: spec.clone(),
            candidates: self.sockets.candidates().to_vec(),
            certificate: self.certificate.clone(),
            egress: self.egress,
            seed: self.seeds.hash_one(spec.key),
            epoch: self.epoch,
        };
        let peer = Peer::new(&config, now);
        let index = self.peers.insert(room, spec.participant, spec.key, peer);
        self.refresh_ufrag(index);
        self.peers.touch(index);
        self.load.set_peers(self.peers.len());
    }

    fn close_room(&mut self, room: RoomKey, now: Instant) {
        self.rooms.close(room);
        self.close_peers(&self.peers.find(|entry| entry.room == room), now);
    }

    pub(super) fn close_peers(&mut self, indices: &[usize], now: Instant) {
        for index in indices {
            if let Some(entry) = self.peers.touch(*index) {
                entry.peer.close(now);
                entry.leaving = true;
            }
        }
    }

    pub(super) fn remove_peer(&mut self, index: usize) {
        if let Some(mut entry) = self.peers.remove(index) {
            self.tally.peers.add(&entry.peer.take_counters());
            self.demux.forget(index, entry.paths);
        }
        self.load.set_peers(self.peers.len());
    }
}
