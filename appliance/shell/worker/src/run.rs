//! One worker: its turn, from datagrams to datagrams.

use crate::counters::{Publisher, Tally};
use crate::demux::Demux;
use crate::load::Load;
use crate::peers::{MAX_PEERS, Peers};
use crate::rooms::{Broken, Rooms};
use crate::sockets::Sockets;
use crate::stun::{self, ForgeryGate};
use crate::timers::Timers;
use crossbeam_channel::{Receiver, Sender};
use media::plane::{NegotiationFailure, PeerFailure, PeerSpec};
use media::room::Output as RoomOutput;
use media::{MediaCommand, MediaEvent};
use net::{Reactor, Received, SocketIndex};
use peer::{Certificate, Output, Peer, PeerConfig};
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vocab::{PeerKey, RoomKey};

/// Commands run in one turn: a storm of joins must not hold media back for longer than a few
/// milliseconds (a DTLS certificate check costs about one).
const COMMANDS_PER_TURN: usize = 64;

/// What one thread owns.
pub(crate) struct Worker {
    reactor: Box<dyn Reactor>,
    core: Core,
}

/// Everything but the reactor, which is busy while it hands datagrams over.
struct Core {
    sockets: Sockets,
    certificate: Certificate,
    peers: Peers,
    rooms: Rooms,
    demux: Demux,
    gate: ForgeryGate,
    peer_timers: Timers,
    room_timers: Timers,
    events: Sender<MediaEvent>,
    load: Arc<Load>,
    tally: Tally,
    publisher: Publisher,
    seeds: RandomState,
}

impl Worker {
    pub(crate) fn new(
        index: usize,
        reactor: Box<dyn Reactor>,
        sockets: Sockets,
        certificate: Certificate,
        events: Sender<MediaEvent>,
        load: Arc<Load>,
    ) -> Self {
        let now = Instant::now();
        let core = Core {
            sockets,
            certificate,
            peers: Peers::default(),
            rooms: Rooms::default(),
            demux: Demux::default(),
            gate: ForgeryGate::new(now),
            peer_timers: Timers::default(),
            room_timers: Timers::default(),
            events,
            load,
            tally: Tally::default(),
            publisher: Publisher::new(index, now),
            seeds: RandomState::new(),
        };
        Self { reactor, core }
    }

    /// Turns until it is told to stop, then says farewell.
    pub(crate) fn run(&mut self, commands: &Receiver<MediaCommand>) {
        let mut more = false;
        while !self.core.load.is_stopping() {
            let timeout = if more {
                Duration::ZERO
            } else {
                self.core.timeout(Instant::now())
            };
            // One clock read per turn, when there is something to stamp.
            let mut arrived = None;
            let core = &mut self.core;
            let turned = self.reactor.turn(Some(timeout), &mut |received| {
                let now = *arrived.get_or_insert_with(Instant::now);
                core.handle_datagram(received, now);
            });
            if let Err(error) = turned {
                tracing::error!(%error, "the network failed; this worker ends");
                break;
            }
            let now = arrived.unwrap_or_else(Instant::now);
            more = self.core.run_commands(commands, now);
            self.core.run_timers(now);
            self.settle(now);
        }
        self.farewell();
    }

    /// Drains every touched peer and room until nothing is left to do, and sends.
    fn settle(&mut self, now: Instant) {
        loop {
            while let Some(index) = self.core.peers.next_touched() {
                self.drain_peer(index, now);
            }
            let Some(index) = self.core.rooms.next_touched() else {
                break;
            };
            self.core.drain_room(index, now);
        }
        if let Err(error) = self.reactor.flush() {
            tracing::error!(%error, "the network refused to send");
        }
        if self.core.publisher.has_forwarded() {
            self.core.publisher.flushed(Instant::now());
        }
        if now >= self.core.publisher.next() {
            self.core.publish(&self.reactor.counters(), now);
        }
    }

    fn drain_peer(&mut self, index: usize, now: Instant) {
        loop {
            let Some(entry) = self.core.peers.get_mut(index) else {
                return;
            };
            match entry.peer.poll_output() {
                Output::Transmit {
                    local,
                    remote,
                    bytes,
                    arrival,
                } => {
                    let heard_on = entry.paths.socket_to(remote);
                    if let Some(arrival) = arrival {
                        self.core.publisher.forwarded(arrival);
                    }
                    self.transmit(heard_on, local, remote, &bytes);
                }
                Output::Wait(due) => {
                    if entry.leaving {
                        self.core.remove_peer(index);
                    } else {
                        self.core.peer_timers.set(index, &mut entry.alarm, due);
                    }
                    return;
                }
                output => self.core.handle_peer_output(index, output, now),
            }
        }
    }

    fn transmit(
        &mut self,
        heard_on: Option<SocketIndex>,
        local: SocketAddr,
        remote: SocketAddr,
        bytes: &[u8],
    ) {
        let Some(socket) = heard_on.or_else(|| self.core.sockets.socket_of(local)) else {
            return;
        };
        match self.reactor.reserve(socket, remote, bytes.len()) {
            Some(slot) => slot.copy_from_slice(bytes),
            None => self.core.tally.unsent += 1,
        }
    }

    fn farewell(&mut self) {
        let now = Instant::now();
        self.core.close_peers(&self.core.peers.find(|_| true), now);
        self.settle(now);
    }
}

impl Core {
    /// Until the next deadline.
    fn timeout(&self, now: Instant) -> Duration {
        [
            self.peer_timers.next(),
            self.room_timers.next(),
            Some(self.publisher.next()),
        ]
        .into_iter()
        .flatten()
        .min()
        .map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
    }

    /// A datagram goes to the peer whose path ICE has validated, or that its STUN ufrag names and
    /// whose integrity holds. Everybody else gets no answer (`reliability.md` F4, A6).
    fn handle_datagram(&mut self, received: Received<'_>, now: Instant) {
        let Received {
            socket,
            remote,
            bytes,
        } = received;
        let Some(local) = self.sockets.candidate_of(socket) else {
            return;
        };
        let known = self.demux.by_address(socket, remote, now);
        let named = stun::local_ufrag(bytes).and_then(|ufrag| self.demux.by_ufrag(ufrag));
        let index = match (known, named) {
            (Some(known), None) => known,
            (Some(known), Some(named)) if known == named => known,
            (_, Some(named)) => {
                if !self.validate(named, (socket, remote), local, bytes, now) {
                    return;
                }
                named
            }
            (None, None) => {
                self.tally.strangers += 1;
                return;
            }
        };
        if let Some(entry) = self.peers.touch(index) {
            entry.peer.handle_datagram(local, remote, bytes, now);
        }
    }

    fn validate(
        &mut self,
        index: usize,
        path: (SocketIndex, SocketAddr),
        local: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) -> bool {
        if self.gate.is_shut(path.1.ip(), now) {
            self.tally.strangers += 1;
            return false;
        }
        let Some(entry) = self.peers.get_mut(index) else {
            return false;
        };
        if !entry.peer.accepts(local, path.1, bytes, now) {
            self.gate.charge(path.1.ip());
            self.tally.forged += 1;
            return false;
        }
        self.demux.learn(index, &mut entry.paths, path, now)
    }

    /// Runs a bounded number of commands; true when more wait.
    fn run_commands(&mut self, commands: &Receiver<MediaCommand>, now: Instant) -> bool {
        for _ in 0..COMMANDS_PER_TURN {
            let Ok(command) = commands.try_recv() else {
                return false;
            };
            self.handle_command(command, now);
        }
        !commands.is_empty()
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

    fn tell(&mut self, command: &MediaCommand, now: Instant) {
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
        };
        let peer = Peer::new(&config, now);
        let index = self.peers.insert(room, spec.participant, spec.key, peer);
        self.refresh_ufrag(index);
        self.peers.touch(index);
        self.load.set_peers(self.peers.len());
    }

    /// ICE credentials change with a restart, and so does what STUN messages name.
    fn refresh_ufrag(&mut self, index: usize) {
        if let Some(entry) = self.peers.get_mut(index) {
            let ufrag = entry.peer.local_ufrag();
            self.demux.answer_to(index, &mut entry.paths, ufrag);
        }
    }

    fn negotiate(&mut self, command: MediaCommand, now: Instant) {
        let (room, peer, negotiation) = match &command {
            MediaCommand::AcceptOffer {
                room,
                peer,
                negotiation,
                ..
            }
            | MediaCommand::MakeOffer {
                room,
                peer,
                negotiation,
                ..
            }
            | MediaCommand::AcceptAnswer {
                room,
                peer,
                negotiation,
                ..
            } => (*room, *peer, *negotiation),
            _ => return,
        };
        let index = self.peers.index(peer);
        let outcome = match index.and_then(|index| self.peers.touch(index)) {
            Some(entry) => exchange(&mut entry.peer, command, now),
            None => Err(NegotiationFailure::Closed),
        };
        if let Some(index) = index {
            self.refresh_ufrag(index);
        }
        self.emit(
            outcome.unwrap_or_else(|cause| MediaEvent::NegotiationFailed {
                room,
                peer,
                negotiation,
                cause,
            }),
        );
    }

    fn run_timers(&mut self, now: Instant) {
        while let Some(place) = self.peer_timers.pop(now) {
            let Some(entry) = self.peers.get_mut(place.1) else {
                continue;
            };
            if self.peer_timers.is_due(place, &mut entry.alarm, now) {
                entry.peer.handle_timeout(now);
                self.peers.touch(place.1);
            }
        }
        while let Some(place) = self.room_timers.pop(now) {
            let Some(alarm) = self.rooms.alarm_mut(place.1) else {
                continue;
            };
            if self.room_timers.is_due(place, alarm, now)
                && let Err(broken) = self
                    .rooms
                    .with_index(place.1, |room| room.handle_timeout(now))
            {
                self.end_broken(&broken, now);
            }
        }
    }

    /// Everything a peer says but datagrams and deadlines.
    fn handle_peer_output(&mut self, index: usize, output: Output, now: Instant) {
        let Some(entry) = self.peers.get(index) else {
            return;
        };
        let (key, room) = (entry.key, entry.room);
        let told = match output {
            Output::Packet(packet) => self.rooms.forward(room, key, &packet, &mut self.peers, now),
            Output::SenderReport(report) => self
                .rooms
                .with(room, |r| r.handle_sender_report(key, report, now))
                .map(drop),
            Output::KeyframeRequest { mid } => self
                .rooms
                .with(room, |r| r.handle_keyframe_request(key, mid, now))
                .map(drop),
            Output::Estimate(bitrate) => self
                .rooms
                .with(room, |r| r.handle_estimate(key, bitrate, now))
                .map(drop),
            Output::Loss(report) => self
                .rooms
                .with(room, |r| r.handle_loss_report(key, report, now))
                .map(drop),
            Output::ChannelOpen(channel) => self
                .rooms
                .with(room, |r| r.handle_channel_open(key, channel, now))
                .map(drop),
            Output::Data { channel, payload } => self
                .rooms
                .with(room, |r| r.handle_data(key, channel, &payload, now))
                .map(|accepted| {
                    self.tally.data_refused += u64::from(matches!(accepted, Some(Err(_))));
                }),
            Output::Connected => {
                self.emit(MediaEvent::PeerConnected { room, peer: key });
                self.rooms
                    .with(room, |r| r.handle_connected(key, now))
                    .map(drop)
            }
            Output::Failed(cause) => {
                self.fail_peer(index, room, key, cause, now);
                Ok(())
            }
            Output::Transmit { .. } | Output::Wait(_) => Ok(()),
        };
        if let Err(broken) = told {
            self.end_broken(&broken, now);
        }
    }

    fn fail_peer(
        &mut self,
        index: usize,
        room: RoomKey,
        peer: PeerKey,
        cause: PeerFailure,
        now: Instant,
    ) {
        if let Some(entry) = self.peers.touch(index) {
            entry.leaving = true;
        }
        self.tell(&MediaCommand::ClosePeer { room, peer }, now);
        self.emit(MediaEvent::PeerFailed { room, peer, cause });
    }

    fn drain_room(&mut self, index: usize, now: Instant) {
        while let Some((room, output)) = self.rooms.poll(index) {
            match output {
                RoomOutput::RequestKeyframe { peer, mid, rid } => {
                    if let Some(entry) = self.peers.touch_key(peer) {
                        entry.peer.request_keyframe(mid, rid, now);
                    }
                }
                RoomOutput::Data {
                    peer,
                    channel,
                    payload,
                } => {
                    if let Some(entry) = self.peers.touch_key(peer) {
                        entry.peer.send_data(channel, &payload, now);
                    }
                }
                RoomOutput::SetBitrate { peer, desired } => {
                    if let Some(entry) = self.peers.touch_key(peer) {
                        entry.peer.set_desired_bitrate(desired, now);
                    }
                }
                RoomOutput::Event(event) => self.emit(event),
                RoomOutput::Wait(due) => {
                    debug_assert!(self.rooms.len() > 0, "a drained room exists: {room}");
                    if let Some(alarm) = self.rooms.alarm_mut(index) {
                        self.room_timers.set(index, alarm, due);
                    }
                    return;
                }
            }
        }
    }

    fn close_room(&mut self, room: RoomKey, now: Instant) {
        self.rooms.close(room);
        self.close_peers(&self.peers.find(|entry| entry.room == room), now);
    }

    /// A room that failed inside: its peers learn it as a fault, nobody else notices.
    fn end_broken(&mut self, broken: &Broken, now: Instant) {
        let theirs = self.peers.find(|entry| entry.room == broken.0);
        for index in &theirs {
            if let Some(entry) = self.peers.get(*index) {
                let (room, peer, cause) = (entry.room, entry.key, PeerFailure::Fault);
                self.emit(MediaEvent::PeerFailed { room, peer, cause });
            }
        }
        self.close_peers(&theirs, now);
    }

    fn close_peers(&mut self, indices: &[usize], now: Instant) {
        for index in indices {
            if let Some(entry) = self.peers.touch(*index) {
                entry.peer.close(now);
                entry.leaving = true;
            }
        }
    }

    fn remove_peer(&mut self, index: usize) {
        if let Some(mut entry) = self.peers.remove(index) {
            self.tally.peers.add(&entry.peer.take_counters());
            self.demux.forget(index, entry.paths);
        }
        self.load.set_peers(self.peers.len());
    }

    fn publish(&mut self, net: &net::Counters, now: Instant) {
        for index in self.peers.find(|_| true) {
            if let Some(entry) = self.peers.get_mut(index) {
                self.tally.peers.add(&entry.peer.take_counters());
            }
        }
        let sizes = (self.rooms.len(), self.peers.len());
        self.publisher.publish(net, &self.tally, sizes, now);
    }

    fn emit(&self, event: MediaEvent) {
        // A control plane that is gone has no use for it; the box is stopping.
        let _ = self.events.send(event);
    }
}

/// One step of an offer/answer exchange.
fn exchange(
    transport: &mut Peer,
    command: MediaCommand,
    now: Instant,
) -> Result<MediaEvent, NegotiationFailure> {
    match command {
        MediaCommand::AcceptOffer {
            room,
            peer,
            negotiation,
            sdp,
        } => {
            let sdp = transport.accept_offer(&sdp, now)?;
            Ok(MediaEvent::Answered {
                room,
                peer,
                negotiation,
                sdp,
            })
        }
        MediaCommand::MakeOffer {
            room,
            peer,
            negotiation,
            change,
        } => {
            let (sdp, mids) = transport.make_offer(&change, now)?;
            Ok(MediaEvent::Offered {
                room,
                peer,
                negotiation,
                sdp,
                mids,
            })
        }
        MediaCommand::AcceptAnswer {
            room,
            peer,
            negotiation,
            sdp,
        } => {
            transport.accept_answer(&sdp, now)?;
            Ok(MediaEvent::AnswerAccepted {
                room,
                peer,
                negotiation,
            })
        }
        _ => Err(NegotiationFailure::Malformed),
    }
}
