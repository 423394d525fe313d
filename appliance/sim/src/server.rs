//! The box: rooms and peers, driven as a worker drives them.

use crate::ledger::Ledger;
use crate::trace::Trace;
use crate::wire::Wire;
use media::plane::{MediaEvent, PeerSpec};
use media::{Egress, MediaCommand, Outgoing, Room};
use peer::{Certificate, EgressKind, Peer, PeerConfig, Slots};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use vocab::{Bitrate, PeerKey, RoomKey};

/// Rooms, peers and the ledger of what they sent.
pub struct Server {
    rooms: Vec<RoomSlot>,
    peers: Vec<PeerSlot>,
    certificate: Certificate,
    egress: EgressKind,
    wire: Wire,
    start: Instant,
    /// Every packet and request is entered here.
    pub ledger: Ledger,
    /// What the rooms told the control plane.
    pub events: Vec<MediaEvent>,
    /// Datagrams to clients, by index and address.
    pub outgoing: Vec<(usize, SocketAddr, Vec<u8>)>,
    /// The estimate of each client's path, by index, and since when.
    pub estimates: Vec<(Instant, usize, Bitrate)>,
}

struct RoomSlot {
    room: Room,
    wait: Option<Instant>,
}

struct PeerSlot {
    key: PeerKey,
    client: usize,
    room: usize,
    peer: Peer,
    wait: Option<Instant>,
}

/// What one peer sealed.
struct Sealed(Vec<Vec<u8>>);

impl Slots for Sealed {
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        self.0.push(vec![0; len]);
        self.0.last_mut().map(|bytes| &mut bytes[..])
    }
}

/// The room's way to its peers.
struct Wires<'a> {
    peers: &'a mut [PeerSlot],
    ledger: &'a mut Ledger,
    written: &'a mut BTreeSet<usize>,
}

impl Egress for Wires<'_> {
    fn write(&mut self, peer: PeerKey, packet: &Outgoing<'_>, now: Instant) {
        self.ledger.packet(peer, packet, now);
        if let Some(index) = self.peers.iter().position(|slot| slot.key == peer) {
            self.peers[index].peer.write(packet, now);
            self.written.insert(index);
        }
    }
}

impl Server {
    /// The box's only address.
    pub fn address() -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], 7_882))
    }

    pub(crate) fn new(egress: EgressKind, start: Instant) -> Self {
        Self {
            rooms: Vec::new(),
            peers: Vec::new(),
            certificate: Certificate::generate().unwrap(),
            egress,
            wire: Wire::default(),
            start,
            ledger: Ledger::default(),
            events: Vec::new(),
            outgoing: Vec::new(),
            estimates: Vec::new(),
        }
    }

    pub(crate) fn open_room(&mut self, seed: u64, now: Instant) -> usize {
        let index = self.rooms.len();
        let room = Room::new(RoomKey(index as u64), seed.wrapping_add(index as u64), now);
        self.rooms.push(RoomSlot { room, wait: None });
        index
    }

    /// Opens a peer and answers its client's offer.
    pub(crate) fn open_peer(
        &mut self,
        room: usize,
        client: usize,
        spec: &PeerSpec,
        offer: &str,
        now: Instant,
    ) -> String {
        let config = PeerConfig {
            spec: spec.clone(),
            candidates: vec![Self::address()],
            certificate: self.certificate.clone(),
            egress: self.egress,
            seed: spec.key.0,
            epoch: self.start,
        };
        let mut peer = Peer::new(&config, now);
        let answer = peer.accept_offer(offer, now).unwrap();
        self.peers.push(PeerSlot {
            key: spec.key,
            client,
            room,
            peer,
            wait: None,
        });
        answer
    }

    pub(crate) fn command(
        &mut self,
        room: usize,
        command: &MediaCommand,
        now: Instant,
        trace: &mut Trace,
    ) {
        self.rooms[room].room.handle_command(command, now);
        self.work(BTreeSet::new(), BTreeSet::from([room]), now, trace);
    }

    /// A datagram from a client. What no peer accepts is dropped, as the worker does.
    pub(crate) fn receive(
        &mut self,
        client: usize,
        from: SocketAddr,
        bytes: &[u8],
        now: Instant,
        trace: &mut Trace,
    ) {
        let Some(index) = self.peers.iter().position(|slot| slot.client == client) else {
            return;
        };
        let slot = &mut self.peers[index];
        if slot.peer.accepts(Self::address(), from, bytes, now) {
            slot.peer.handle_datagram(Self::address(), from, bytes, now);
            self.work(BTreeSet::from([index]), BTreeSet::new(), now, trace);
        }
    }

    /// When something is to be done.
    pub(crate) fn due(&self) -> Option<Instant> {
        let peers = self.peers.iter().filter_map(|slot| slot.wait);
        let rooms = self.rooms.iter().filter_map(|slot| slot.wait);
        peers.chain(rooms).min()
    }

    pub(crate) fn tick(&mut self, now: Instant, trace: &mut Trace) {
        let is_due = |wait: Option<Instant>| wait.is_some_and(|wait| wait <= now);
        let mut peers = BTreeSet::new();
        let mut rooms = BTreeSet::new();
        for (index, slot) in self.peers.iter_mut().enumerate() {
            if is_due(slot.wait) {
                slot.peer.handle_timeout(now);
                peers.insert(index);
            }
        }
        for (index, slot) in self.rooms.iter_mut().enumerate() {
            if is_due(slot.wait) {
                slot.room.handle_timeout(now);
                rooms.insert(index);
            }
        }
        self.work(peers, rooms, now, trace);
    }

    /// Drains peers and rooms until all of them wait.
    fn work(
        &mut self,
        mut peers: BTreeSet<usize>,
        mut rooms: BTreeSet<usize>,
        now: Instant,
        trace: &mut Trace,
    ) {
        // Those that something may have been written to, until all of it is.
        let mut unsealed = peers.clone();
        loop {
            if let Some(index) = peers.pop_first() {
                self.drain_peer(index, &mut peers, now, trace);
                rooms.insert(self.peers[index].room);
                unsealed.extend(&peers);
            } else if let Some(index) = rooms.pop_first() {
                self.drain_room(index, &mut peers, now, trace);
                unsealed.extend(&peers);
            } else if let Some(index) = unsealed.pop_first() {
                self.seal(index, now);
                self.drain_peer(index, &mut peers, now, trace);
                rooms.insert(self.peers[index].room);
                unsealed.extend(&peers);
            } else {
                return;
            }
        }
    }

    fn send(&mut self, client: usize, remote: SocketAddr, bytes: Vec<u8>) {
        if let Err(what) = self.wire.leaves(client, &bytes) {
            self.ledger.violations.push(what);
        }
        self.outgoing.push((client, remote, bytes));
    }

    fn seal(&mut self, index: usize, now: Instant) {
        let slot = &mut self.peers[index];
        let mut sealed = Sealed(Vec::new());
        slot.peer.transmit(&mut sealed, now);
        let Some(path) = slot.peer.path() else {
            return;
        };
        let client = slot.client;
        for bytes in sealed.0 {
            self.send(client, path.remote, bytes);
        }
    }

    fn drain_peer(
        &mut self,
        index: usize,
        written: &mut BTreeSet<usize>,
        now: Instant,
        trace: &mut Trace,
    ) {
        let at = now - self.start;
        loop {
            let slot = &mut self.peers[index];
            let key = slot.key;
            let room = &mut self.rooms[slot.room].room;
            match slot.peer.poll_output() {
                peer::Output::Wait(wait) => {
                    slot.wait = wait;
                    return;
                }
                peer::Output::Transmit { remote, bytes, .. } => {
                    let client = slot.client;
                    self.send(client, remote, bytes);
                }
                peer::Output::Packet(packet) => {
                    trace.note(
                        at,
                        (
                            key.0,
                            packet.sequence,
                            packet.timestamp,
                            &packet.payload[..],
                        ),
                    );
                    let (peers, ledger) = (&mut self.peers[..], &mut self.ledger);
                    let mut wires = Wires {
                        peers,
                        ledger,
                        written,
                    };
                    room.handle_packet(key, &packet, &mut wires, now);
                }
                peer::Output::SenderReport(report) => room.handle_sender_report(key, report, now),
                peer::Output::KeyframeRequest { mid } => {
                    trace.note(at, (key.0, "pli"));
                    room.handle_keyframe_request(key, mid, now);
                }
                peer::Output::Estimate(estimate) => {
                    let client = self.peers[index].client;
                    self.estimates.push((now, client, estimate));
                    room.handle_estimate(key, estimate, now);
                }
                peer::Output::Loss(report) => room.handle_loss_report(key, report, now),
                peer::Output::ChannelOpen(channel) => room.handle_channel_open(key, channel, now),
                peer::Output::Data { channel, payload } => {
                    let _ = room.handle_data(key, channel, &payload, now);
                    if let Some(until) = room.slow_data_until(key) {
                        self.peers[index].peer.hold_data(until);
                    }
                }
                peer::Output::Connected => {
                    trace.note(at, (key.0, "connected"));
                    room.handle_connected(key, now);
                }
                peer::Output::Failed(cause) => {
                    let what = format!("peer {key} failed: {cause:?}");
                    self.ledger.violations.push(what);
                }
            }
        }
    }

    fn drain_room(
        &mut self,
        index: usize,
        touched: &mut BTreeSet<usize>,
        now: Instant,
        trace: &mut Trace,
    ) {
        let at = now - self.start;
        loop {
            let output = self.rooms[index].room.poll_output();
            let to = match &output {
                media::Output::RequestKeyframe { peer, .. }
                | media::Output::Data { peer, .. }
                | media::Output::SetBitrate { peer, .. }
                | media::Output::SenderReport { peer, .. } => Some(*peer),
                _ => None,
            };
            let peer = to.and_then(|key| self.peers.iter().position(|slot| slot.key == key));
            touched.extend(peer);
            let peer = peer.map(|peer| &mut self.peers[peer].peer);
            match (output, peer) {
                (media::Output::Wait(wait), _) => {
                    self.rooms[index].wait = wait;
                    return;
                }
                (media::Output::Event(event), _) => {
                    trace.note(at, format!("{event:?}"));
                    self.events.push(event);
                }
                (
                    media::Output::RequestKeyframe {
                        peer: key,
                        mid,
                        rid,
                    },
                    Some(peer),
                ) => {
                    trace.note(at, (key.0, "keyframe", rid.map(|rid| rid.to_string())));
                    self.ledger.keyframe_request(key, mid, rid, now);
                    peer.request_keyframe(mid, rid, now);
                }
                (
                    media::Output::Data {
                        channel, payload, ..
                    },
                    Some(peer),
                ) => {
                    peer.send_data(channel, &payload, now);
                }
                (media::Output::SenderReport { report, .. }, Some(peer)) => {
                    peer.set_sender_report(&report, now);
                }
                (media::Output::SetBitrate { desired, .. }, Some(peer)) => {
                    peer.set_desired_bitrate(desired, now);
                }
                (_, None) => {}
            }
        }
    }

    /// What the peer of a client counted since the last call.
    pub(crate) fn take_counters(&mut self, client: usize) -> peer::Counters {
        let slot = self.peers.iter_mut().find(|slot| slot.client == client);
        slot.map(|slot| slot.peer.take_counters())
            .unwrap_or_default()
    }

    /// Time since the simulation began.
    pub(crate) fn elapsed(&self, now: Instant) -> Duration {
        now - self.start
    }
}
