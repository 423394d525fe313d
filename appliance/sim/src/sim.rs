//! A run: who is there, what happens, what was seen.

use crate::client::Client;
use crate::client::publisher::Encoding;
use crate::client::viewer::Shown;
use crate::network::{Impairment, Network, Way};
use crate::server::Server;
use crate::trace::Trace;
use media::plane::{
    LayerWish, MediaPermissions, ParticipantSpec, PeerRole, PeerSpec, SubscriptionSpec, TrackSpec,
};
use media::{Kind, Layer, MediaCommand, MediaEvent, Mid};
use peer::EgressKind;
use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};
use vocab::{ParticipantKey, PeerKey, RoomKey, TrackKey};

/// What a participant may do unless the test says otherwise.
pub const EVERYTHING: MediaPermissions = MediaPermissions {
    publish: true,
    subscribe: true,
    publish_data: true,
};

/// Wrap-around of abs-send-time, and a multiple of the TWCC reference time's 64 ms.
const CLOCK_GRID: Duration = Duration::from_secs(64);
/// Off the grid by more than reading two clocks takes.
const OFF_GRID: Duration = Duration::from_micros(101);

/// Streams that one client sends and is sent, at most.
const MAX_STREAMS: usize = 1_000;

/// A box, its clients and the network between them.
///
/// Everyone in a room watches everyone else in it. Names are unique across rooms.
pub struct Sim {
    seed: u64,
    start: Instant,
    now: Instant,
    pub(crate) network: Network,
    pub(crate) server: Server,
    room_names: Vec<String>,
    encoding: Encoding,
    pub(crate) clients: Vec<Client>,
    trace: Trace,
    events_read: usize,
}

impl Sim {
    /// An empty simulation of a box with its own egress. The seed decides every number and every
    /// fate.
    pub fn new(seed: u64) -> Self {
        Self::over(EgressKind::Own, seed)
    }

    /// An empty simulation of a box with this egress.
    pub fn over(egress: EgressKind, seed: u64) -> Self {
        let now = beginning();
        Self {
            seed,
            start: now,
            now,
            network: Network::new(seed, now),
            server: Server::new(egress, now),
            room_names: Vec::new(),
            encoding: Encoding::SMALL,
            clients: Vec::new(),
            trace: Trace::default(),
            events_read: 0,
        }
    }

    /// Somebody who publishes and watches, in the room `ward`.
    #[must_use]
    pub fn publisher(self, name: &str) -> Self {
        self.publisher_in("ward", name)
    }

    /// Somebody who only watches, in the room `ward`.
    #[must_use]
    pub fn subscriber(self, name: &str) -> Self {
        self.subscriber_in("ward", name)
    }

    /// Somebody who publishes and watches, in a room.
    #[must_use]
    pub fn publisher_in(mut self, room: &str, name: &str) -> Self {
        self.join(room, name, true);
        self
    }

    /// Somebody who only watches, in a room.
    #[must_use]
    pub fn subscriber_in(mut self, room: &str, name: &str) -> Self {
        self.join(room, name, false);
        self
    }

    /// Datagrams lost, per thousand and direction.
    #[must_use]
    pub fn loss_permille(mut self, loss: u32) -> Self {
        self.network.impairment.loss = loss;
        self
    }

    /// Datagrams that arrive late, per thousand and direction.
    #[must_use]
    pub fn reorder_permille(mut self, reorder: u32) -> Self {
        self.network.impairment.reorder = reorder;
        self
    }

    /// Datagrams that arrive twice, per thousand and direction.
    #[must_use]
    pub fn duplicate_permille(mut self, duplicate: u32) -> Self {
        self.network.impairment.duplicate = duplicate;
        self
    }

    /// What publishers who join from here on encode.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// From now on the network does no harm.
    pub fn calm(&mut self) {
        self.network.impairment = Impairment::default();
    }

    /// Somebody joins now.
    pub fn join(&mut self, room: &str, name: &str, publishes: bool) {
        let room = self.room_index(room);
        let index = self.clients.len();
        let (mut client, offer) = Client::new(
            index,
            name,
            room,
            publishes.then_some(self.encoding),
            self.seed,
            self.now,
        );
        let (participant, peer) = (participant(index), peer_key(index));
        let key = RoomKey(room as u64);
        let ledger = &mut self.server.ledger;
        ledger.permissions.insert(index, (true, true));
        ledger.rooms.insert(index, room);
        ledger.owners.insert(peer, index);
        self.command(
            room,
            MediaCommand::AddParticipant {
                room: key,
                participant: ParticipantSpec {
                    key: participant,
                    sid: format!("PA_{index}").into(),
                    identity: name.into(),
                    permissions: EVERYTHING,
                },
            },
        );
        let spec = PeerSpec {
            key: peer,
            participant,
            role: PeerRole::Single,
            ice_lite: true,
            negotiated_channels: false,
        };
        let answer = self.server.open_peer(room, index, &spec, &offer, self.now);
        self.command(
            room,
            MediaCommand::OpenPeer {
                room: key,
                peer: spec,
            },
        );
        client.accept(&answer, self.now);
        let streams = client.streams().into_iter().map(|stream| (stream, false));
        let shown = streams_in(&answer).into_iter().map(|stream| (stream, true));
        for (number, ((ssrc, is_resend), is_shown)) in streams.chain(shown).enumerate() {
            // str0m probes with padding on any resend stream, whichever its hash map gives.
            let number = if is_resend && is_shown { 0 } else { number + 1 };
            let name = (index * MAX_STREAMS + number) as u64;
            self.network.name_stream(ssrc, name, is_resend);
        }
        self.clients.push(client);
        self.publish(index);
        for other in 0..index {
            self.watch(index, other);
            self.watch(other, index);
        }
        self.carry(index);
    }

    /// What one client wants of another's video.
    pub fn wish(&mut self, viewer: &str, publisher: &str, wish: LayerWish) {
        let (viewer, publisher) = (self.index(viewer), self.index(publisher));
        let room = self.clients[viewer].room;
        self.command(
            room,
            MediaCommand::SetSubscription {
                room: RoomKey(room as u64),
                subscriber: participant(viewer),
                track: track(publisher, true),
                wish,
            },
        );
    }

    /// The best layer that one client has use for of another's video.
    pub fn set_target(&mut self, viewer: &str, publisher: &str, highest: Layer) {
        self.wish(
            viewer,
            publisher,
            LayerWish {
                highest,
                ..LayerWish::default()
            },
        );
    }

    /// Takes or gives permissions.
    pub fn permit(&mut self, name: &str, publish: bool, subscribe: bool) {
        let index = self.index(name);
        let room = self.clients[index].room;
        // The ledger changes first: it judges by what holds once the command is applied.
        self.server
            .ledger
            .permissions
            .insert(index, (publish, subscribe));
        self.command(
            room,
            MediaCommand::SetPermissions {
                room: RoomKey(room as u64),
                participant: participant(index),
                permissions: MediaPermissions {
                    publish,
                    subscribe,
                    publish_data: true,
                },
            },
        );
    }

    /// A publisher stops or starts encoding a layer.
    pub fn set_layer(&mut self, publisher: &str, layer: Layer, enabled: bool) {
        let index = self.index(publisher);
        let encoder = self.clients[index].publisher.as_mut().expect("a publisher");
        encoder.set_layer(layer, enabled);
    }

    /// Lets time pass.
    ///
    /// # Panics
    /// When an invariant breaks; the message names the seed.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let clients = self.clients.iter().map(Client::due);
            let others = [self.network.due(), self.server.due()]
                .into_iter()
                .flatten();
            let next = clients.chain(others).min().unwrap_or(end);
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            self.step();
        }
        self.now = end;
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some(arrived) = self.network.receive(now) {
            let client = &mut self.clients[arrived.client];
            match arrived.way {
                Way::Up => {
                    let from = client.mapped();
                    let trace = &mut self.trace;
                    self.server
                        .receive(arrived.client, from, &arrived.bytes, now, trace);
                }
                Way::Down => client.receive(Server::address(), &arrived.bytes, now),
            }
            self.carry(arrived.client);
        }
        self.server.tick(now, &mut self.trace);
        for index in 0..self.clients.len() {
            if self.clients[index].due() <= now {
                self.clients[index].tick(now);
            }
            self.carry(index);
        }
        self.obey_demand();
        self.check();
    }

    /// Puts what clients and box have to send onto the network.
    fn carry(&mut self, client: usize) {
        for bytes in std::mem::take(&mut self.clients[client].outgoing) {
            self.network.send(client, Way::Up, bytes, self.now);
        }
        for (to, address, bytes) in std::mem::take(&mut self.server.outgoing) {
            if address == self.clients[to].mapped() {
                self.network.send(to, Way::Down, bytes, self.now);
            }
        }
    }

    /// Publishers encode what the box says is watched.
    fn obey_demand(&mut self) {
        for event in &self.server.events[self.events_read..] {
            if let MediaEvent::DemandChanged { track, wanted, .. } = event {
                let client = &mut self.clients[(track.0 / 2) as usize];
                if let Some(encoder) = &mut client.publisher {
                    encoder.set_demand(*wanted);
                }
            }
        }
        self.events_read = self.server.events.len();
    }

    fn check(&self) {
        let violations = &self.server.ledger.violations;
        assert!(violations.is_empty(), "{self}: {}", violations.join("\n"));
        for client in &self.clients {
            for viewer in &client.viewers {
                let crossed = viewer
                    .last_tag
                    .is_some_and(|tag| usize::from(tag.room) != client.room);
                assert!(!crossed, "{self}: {} saw another room", client.name);
                assert_eq!(viewer.disorder, 0, "{self}: {} got disorder", client.name);
            }
        }
    }

    /// Everything that a client was shown of another's video, in order.
    pub fn shown_to(&self, viewer: &str, publisher: &str) -> Vec<Shown> {
        self.shown(viewer, publisher, true)
    }

    /// Every 20 ms of sound that a client heard of another, in order.
    pub fn heard_by(&self, viewer: &str, publisher: &str) -> Vec<Shown> {
        self.shown(viewer, publisher, false)
    }

    pub(crate) fn shown(&self, viewer: &str, publisher: &str, is_video: bool) -> Vec<Shown> {
        let publisher = self.index(publisher) as u8;
        let viewers = &self.clients[self.index(viewer)].viewers;
        let shown = viewers
            .iter()
            .filter(|v| v.is_video == is_video)
            .flat_map(|v| &v.shown);
        shown
            .filter(|shown| shown.publisher == publisher)
            .copied()
            .collect()
    }

    /// The layer shown last.
    pub fn layer_of(&self, viewer: &str, publisher: &str) -> Option<Layer> {
        self.shown_to(viewer, publisher)
            .last()
            .and_then(|shown| shown.layer)
    }

    /// The subscribed tracks of which nothing was shown since `since`, in words.
    pub fn silent_since(&self, since: Instant) -> Vec<String> {
        let mut silent = Vec::new();
        for viewer in &self.clients {
            for publisher in self.clients.iter().filter(|p| p.publisher.is_some()) {
                if publisher.name == viewer.name || publisher.room != viewer.room {
                    continue;
                }
                for is_video in [true, false] {
                    let shown = self.shown(&viewer.name, &publisher.name, is_video);
                    if shown.last().is_none_or(|shown| shown.at < since) {
                        let kind = if is_video { "video" } else { "audio" };
                        silent.push(format!("{} of {} to {}", kind, publisher.name, viewer.name));
                    }
                }
            }
        }
        silent
    }

    /// Virtual time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.server.elapsed(self.now)
    }

    /// What the rooms told the control plane.
    pub fn events(&self) -> &[MediaEvent] {
        &self.server.events
    }

    /// Keyframes that the box asked for so far.
    pub fn keyframes_asked(&self) -> usize {
        self.server.ledger.keyframes_asked
    }

    /// A hash of everything that happened, and how many events it holds.
    pub fn trace(&self) -> (u64, u64) {
        self.trace.sum()
    }

    fn publish(&mut self, index: usize) {
        let client = &self.clients[index];
        let (room, Some(encoder)) = (client.room, &client.publisher) else {
            return;
        };
        for (is_video, mid) in [(true, encoder.video), (false, encoder.audio)] {
            let kind = if is_video { Kind::Video } else { Kind::Audio };
            self.command(
                room,
                MediaCommand::PublishTrack {
                    room: RoomKey(room as u64),
                    track: TrackSpec {
                        key: track(index, is_video),
                        publisher: participant(index),
                        peer: peer_key(index),
                        mid: Mid::new(&mid).unwrap(),
                        kind,
                        muted: false,
                        layers: Vec::new(),
                    },
                },
            );
        }
    }

    /// `viewer` watches `publisher` in free sections, if they share a room.
    fn watch(&mut self, viewer: usize, publisher: usize) {
        let room = self.clients[viewer].room;
        if self.clients[publisher].room != room || self.clients[publisher].publisher.is_none() {
            return;
        }
        for is_video in [true, false] {
            let peer = peer_key(viewer);
            let subscriptions = &self.server.ledger.subscriptions;
            let sections = self.clients[viewer]
                .viewers
                .iter()
                .filter(|v| v.is_video == is_video);
            let mut mids = sections.map(|section| Mid::new(&section.mid).unwrap());
            let free = mids.find(|mid| !subscriptions.contains_key(&(peer, *mid)));
            let mid = free.expect("more publishers than a client has sections");
            self.server
                .ledger
                .subscriptions
                .insert((peer, mid), (publisher, is_video));
            self.command(
                room,
                MediaCommand::Subscribe {
                    room: RoomKey(room as u64),
                    subscription: SubscriptionSpec {
                        subscriber: participant(viewer),
                        peer,
                        mid,
                        track: track(publisher, is_video),
                    },
                },
            );
        }
    }

    fn command(&mut self, room: usize, command: MediaCommand) {
        self.server
            .command(room, &command, self.now, &mut self.trace);
    }

    fn room_index(&mut self, name: &str) -> usize {
        let known = self.room_names.iter().position(|known| known == name);
        known.unwrap_or_else(|| {
            self.room_names.push(name.to_owned());
            self.server.open_room(self.seed, self.now)
        })
    }

    pub(crate) fn index(&self, name: &str) -> usize {
        let known = self.clients.iter().position(|client| client.name == name);
        known.unwrap_or_else(|| panic!("nobody is called {name}"))
    }
}

impl fmt::Display for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Impairment {
            loss,
            reorder,
            duplicate,
        } = self.network.impairment;
        write!(
            f,
            "seed {} at {:?}, loss {loss}‰, reorder {reorder}‰, duplicate {duplicate}‰",
            self.seed,
            self.now - self.start
        )
    }
}

/// The instant at which every simulation begins. str0m rounds times to grids of the wall clock
/// (abs-send-time counts in 3.8 µs and wraps after 64 s), so another phase of it is another run:
/// all begin just after a whole [`CLOCK_GRID`], in this process and the next.
fn beginning() -> Instant {
    static BEGINNING: OnceLock<Instant> = OnceLock::new();
    *BEGINNING.get_or_init(|| {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let since_epoch = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let past_grid = since_epoch.as_nanos() % CLOCK_GRID.as_nanos();
        let to_grid = CLOCK_GRID.saturating_sub(Duration::from_nanos(past_grid as u64));
        now + to_grid + OFF_GRID
    })
}

/// The SSRCs of a session description in order; true: of resent packets.
fn streams_in(sdp: &str) -> Vec<(u32, bool)> {
    let mut streams: Vec<(u32, bool)> = Vec::new();
    let groups: Vec<u32> = sdp
        .lines()
        .filter_map(|line| line.strip_prefix("a=ssrc-group:FID "))
        .filter_map(|pair| pair.split_whitespace().nth(1)?.parse().ok())
        .collect();
    for line in sdp.lines().filter_map(|line| line.strip_prefix("a=ssrc:")) {
        let ssrc = line
            .split_whitespace()
            .next()
            .and_then(|ssrc| ssrc.parse().ok());
        if let Some(ssrc) = ssrc.filter(|ssrc| streams.iter().all(|(known, _)| known != ssrc)) {
            streams.push((ssrc, groups.contains(&ssrc)));
        }
    }
    streams
}

fn participant(client: usize) -> ParticipantKey {
    ParticipantKey(client as u64)
}

fn peer_key(client: usize) -> PeerKey {
    PeerKey(1_000 + client as u64)
}

/// Tracks are numbered so that the publisher can be read from the key.
fn track(client: usize, is_video: bool) -> TrackKey {
    TrackKey(client as u64 * 2 + u64::from(is_video))
}
