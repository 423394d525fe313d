//! One worker: its turn, from datagrams to datagrams.

mod commands;
mod datagrams;
mod negotiation;
mod outputs;
mod relays;

use crate::arena_slots::ArenaSlots;
use crate::counters::{Publisher, Tally};
use crate::demux::Demux;
use crate::handshakes::Handshakes;
use crate::hearing::Hearing;
use crate::load::Load;
use crate::peers::Peers;
use crate::plane::Order;
use crate::relays::Links;
use crate::rooms::Rooms;
use crate::sockets::Sockets;
use crate::stun::ForgeryGate;
use crate::timers::Timers;
use crossbeam_channel::{Receiver, Sender};
use media::{MediaEvent, PeerFigures, WorkerFigures};
use net::{Reactor, ReactorError, SocketIndex};
use peer::{Certificate, EgressKind, Output};
use std::hash::RandomState;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vocab::RoomKey;

/// How soon a worker looks again at a full lane to another one: nobody tells it that there is
/// room.
const LANE_RETRY: Duration = Duration::from_millis(1);

/// Where a worker tells what happened.
#[derive(Debug, Clone)]
pub(crate) struct Reports {
    /// To control.
    pub(crate) events: Sender<MediaEvent>,
    /// To the plane: parts of rooms that failed, with their worker.
    pub(crate) ended: Sender<(RoomKey, usize)>,
    /// How it does, once a second: one place. While it is taken nothing is said, so that nothing
    /// queues; what changed is in the next.
    pub(crate) figures: Sender<WorkerFigures>,
}

/// What one thread owns.
pub(crate) struct Worker {
    reactor: Box<dyn Reactor>,
    core: Core,
}

/// Everything but the reactor, which is busy while it hands datagrams over.
struct Core {
    sockets: Sockets,
    certificate: Certificate,
    egress: EgressKind,
    handshakes: Handshakes,
    peers: Peers,
    rooms: Rooms,
    demux: Demux,
    gate: ForgeryGate,
    peer_timers: Timers,
    room_timers: Timers,
    reports: Reports,
    load: Arc<Load>,
    tally: Tally,
    publisher: Publisher,
    seeds: RandomState,
    index: usize,
    /// When it began: the beat of its peers goes on since then.
    epoch: Instant,
    links: Links,
    hearing: Hearing,
    /// Waited since the last publication.
    idle: Duration,
    published: Instant,
}

impl Worker {
    pub(crate) fn new(
        index: usize,
        reactor: Box<dyn Reactor>,
        sockets: Sockets,
        certificate: Certificate,
        reports: Reports,
        load: Arc<Load>,
        egress: EgressKind,
    ) -> Self {
        let core = Core::new(index, sockets, certificate, reports, load, egress);
        Self { reactor, core }
    }

    /// Turns until it is told to stop, then says farewell.
    pub(crate) fn run(&mut self, orders: &Receiver<Order>) {
        let mut more = false;
        while !self.core.load.is_stopping() {
            self.core.load.turned();
            let began = (!more).then(Instant::now);
            let timeout = began.map_or(Duration::ZERO, |now| self.core.timeout(now));
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
            if let Some(began) = began {
                self.core.idle += now.saturating_duration_since(began);
            }
            // Media leaves before reports are read and joins are worked on.
            let hears = self.core.hearing.is_due(now);
            if hears || self.core.has_handshakes() || !orders.is_empty() {
                self.settle(now);
            }
            if hears && let Err(error) = self.hear_reports(now) {
                tracing::error!(%error, "the network failed; this worker ends");
                break;
            }
            more = self.core.run_handshakes(now);
            more |= self.core.run_commands(orders, now);
            more |= self.core.run_relays(now);
            self.core.run_timers(now);
            self.settle(now);
        }
        self.farewell();
    }

    fn hear_reports(&mut self, now: Instant) -> Result<(), ReactorError> {
        self.core.hearing.reports(now);
        let core = &mut self.core;
        self.reactor
            .hear_reports(&mut |received| core.handle_datagram(received, now))?;
        Ok(())
    }

    /// Drains every touched peer and room until nothing is left to do, and sends. What goes to one
    /// peer is sealed at once, when everybody has written to it: it leaves as trains.
    fn settle(&mut self, now: Instant) {
        loop {
            while let Some(index) = self.core.peers.next_touched() {
                self.drain_peer(index, false, now);
            }
            if let Some(index) = self.core.rooms.next_touched() {
                self.core.drain_room(index, now);
            } else if let Some(index) = self.core.peers.next_unsealed() {
                // Other workers begin while this one seals.
                self.core.links.wake();
                self.seal(index, now);
            } else {
                break;
            }
        }
        self.core.links.wake();
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

    /// `is_sealed`: what the peer had to send in this turn has been sealed; what it still has is
    /// for later.
    fn drain_peer(&mut self, index: usize, is_sealed: bool, now: Instant) {
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
                    entry.watch.sent(remote, &bytes);
                    if let Some(arrival) = arrival {
                        self.core.publisher.forwarded(arrival);
                    }
                    self.transmit(heard_on, local, remote, &bytes);
                }
                Output::Wait(due) => {
                    if entry.leaving {
                        self.core.remove_peer(index);
                    } else if !is_sealed && entry.peer.wants_to_transmit(now) {
                        self.core.peers.unseal(index);
                    } else if !entry.is_unsealed() {
                        self.core.peer_timers.set(index, &mut entry.alarm, due);
                    }
                    return;
                }
                output => self.core.handle_peer_output(index, output, now),
            }
        }
    }

    fn seal(&mut self, index: usize, now: Instant) {
        let Some(entry) = self.core.peers.get_mut(index) else {
            return;
        };
        if let Some(path) = entry.peer.path() {
            let heard_on = entry.paths.socket_to(path.remote);
            if let Some(socket) = heard_on.or_else(|| self.core.sockets.socket_of(path.local)) {
                let mut slots = ArenaSlots {
                    reactor: &mut *self.reactor,
                    publisher: &mut self.core.publisher,
                    socket,
                    remote: path.remote,
                };
                entry.peer.transmit(&mut slots, now);
            }
        }
        self.drain_peer(index, true, now);
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
    fn new(
        index: usize,
        sockets: Sockets,
        certificate: Certificate,
        reports: Reports,
        load: Arc<Load>,
        egress: EgressKind,
    ) -> Self {
        let now = Instant::now();
        Self {
            sockets,
            certificate,
            egress,
            handshakes: Handshakes::default(),
            peers: Peers::default(),
            rooms: Rooms::default(),
            demux: Demux::default(),
            gate: ForgeryGate::new(now),
            peer_timers: Timers::default(),
            room_timers: Timers::default(),
            reports,
            load,
            tally: Tally::default(),
            publisher: Publisher::new(index, now),
            seeds: RandomState::new(),
            index,
            epoch: now,
            links: Links::default(),
            hearing: Hearing::new(now),
            idle: Duration::ZERO,
            published: now,
        }
    }

    /// Until the next deadline.
    fn timeout(&self, now: Instant) -> Duration {
        let retry = self.links.is_blocked().then(|| now + LANE_RETRY);
        let reports = (self.peers.len() > 0).then(|| self.hearing.due());
        let peers = self.peer_timers.next();
        [
            retry,
            reports,
            peers.map(|deadline| self.hearing.wake(deadline)),
            self.room_timers.next(),
            Some(self.publisher.next()),
        ]
        .into_iter()
        .flatten()
        .min()
        .map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
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

    fn publish(&mut self, net: &net::Counters, now: Instant) {
        let is_heard = !self.reports.figures.is_full();
        let (mut changed, mut broken) = (Vec::new(), Vec::new());
        for index in self.peers.find(|_| true) {
            self.tell_path(index);
            if let Some(entry) = self.peers.get_mut(index) {
                let figures = entry.peer.read_figures();
                if let Some(heard) = figures.heard {
                    let key = entry.key;
                    let told = self.rooms.with(entry.room, |r| r.handle_heard(key, heard));
                    broken.extend(told.err());
                }
                if is_heard && entry.told != Some(figures) {
                    entry.told = Some(figures);
                    changed.push(PeerFigures {
                        room: entry.room,
                        participant: entry.participant,
                        peer: entry.key,
                        figures,
                    });
                }
            }
        }
        for broken in broken {
            self.end_broken(&broken, now);
        }
        let passed = now.saturating_duration_since(self.published);
        let busy_percent = busy_percent(self.idle, passed);
        self.load.set_busy_percent(busy_percent);
        if is_heard {
            // Nobody may be there to look.
            let _ = self.reports.figures.try_send(WorkerFigures {
                worker: self.index,
                at: now,
                busy_percent: busy_percent.try_into().unwrap_or(100),
                rooms: self.rooms.len(),
                peers: self.peers.len(),
                forwarded: self.tally.peers.packets_out,
                unsent: net.dropped_total() + self.tally.unsent,
                changed,
            });
        }
        (self.idle, self.published) = (Duration::ZERO, now);
        self.tally.relays = self.links.carried;
        let sizes = (self.rooms.len(), self.peers.len());
        self.publisher.publish(net, &self.tally, sizes, now);
    }

    /// Takes a peer's counts, and tells how far it has come if that is news.
    fn tell_path(&mut self, index: usize) {
        let Some(entry) = self.peers.get_mut(index) else {
            return;
        };
        let counters = entry.peer.take_counters();
        self.tally.peers.add(&counters);
        entry.watch.counted(&counters, entry.peer.is_reported());
        if let Some(report) = entry.watch.news() {
            let (room, peer) = (entry.room, entry.key);
            self.emit(MediaEvent::PathSeen { room, peer, report });
        }
    }

    fn emit(&self, event: MediaEvent) {
        // A control plane that is gone has no use for it; the box is stopping.
        let _ = self.reports.events.send(event);
    }
}

/// The share of `passed` that was not `idle`.
fn busy_percent(idle: Duration, passed: Duration) -> usize {
    let busy = passed.saturating_sub(idle).as_micros() * 100;
    usize::try_from(busy / passed.as_micros().max(1)).unwrap_or(100)
}
