//! Running workers, and the calls in their rooms.

use crate::client::Client;
use crossbeam_channel::{Receiver, bounded, unbounded};
use media::plane::{
    MediaPermissions, ParticipantSpec, PeerFailure, PeerRole, PeerSpec, SubscriptionSpec, TrackSpec,
};
use media::{Kind, MediaCommand, MediaEvent, MediaPlane, Mid};
use net::Backend;
use ringward_worker::{BackendChoice, EgressKind, Plane, SplitAt, Workers, WorkersConfig, start};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};
use str0m::media::Direction;
use vocab::{Identity, ParticipantKey, ParticipantSid, PeerKey, RoomKey, TrackKey};

/// What has not happened by then does not happen.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// Packets after which a call counts as forwarded.
pub(crate) const PACKETS: usize = 20;

/// The tests' workers: on loopback, on any free ports.
pub(crate) fn config(backend: BackendChoice, count: usize) -> WorkersConfig {
    WorkersConfig {
        count,
        first_port: 0,
        addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        announced: Vec::new(),
        tcp: Vec::new(),
        backend,
        egress: EgressKind::Own,
        pin: false,
        split: SplitAt::default(),
    }
}

pub(crate) struct Stage {
    pub(crate) workers: Workers,
    pub(crate) plane: Plane,
    pub(crate) events: Receiver<MediaEvent>,
    /// All events so far.
    pub(crate) seen: Vec<MediaEvent>,
}

/// Somebody in a room; participant, peer and track share one number.
pub(crate) struct Seat {
    room: RoomKey,
    pub(crate) key: u64,
    pub(crate) client: Client,
}

impl Seat {
    pub(crate) fn peer(&self) -> PeerKey {
        PeerKey(self.key)
    }

    fn mid(&self, section: usize) -> Mid {
        Mid::new(&self.client.mids[section]).unwrap()
    }
}

impl Stage {
    pub(crate) fn new(backend: BackendChoice, count: usize) -> Self {
        let (sender, events) = unbounded();
        let (workers, plane) = start(&config(backend, count), &sender).unwrap();
        let live = match backend {
            BackendChoice::Portable => Backend::Portable,
            _ => Backend::Uring,
        };
        assert_eq!(workers.backend(), live, "{}", workers.reason());
        Self {
            workers,
            plane,
            events,
            seen: Vec::new(),
        }
    }

    pub(crate) fn open_room(&self, room: u64) -> RoomKey {
        let room = RoomKey(room);
        self.plane.send(MediaCommand::OpenRoom { room });
        room
    }

    /// A client offers so many audio sections, is answered and connects.
    pub(crate) fn join(
        &mut self,
        room: RoomKey,
        key: u64,
        role: PeerRole,
        sections: usize,
    ) -> Seat {
        let permissions = MediaPermissions {
            publish: true,
            subscribe: true,
            publish_data: true,
        };
        let participant = ParticipantSpec {
            key: ParticipantKey(key),
            sid: ParticipantSid::new(format!("PA_{key}")),
            identity: Identity::new(format!("id-{key}")),
            permissions,
        };
        let peer = PeerSpec {
            key: PeerKey(key),
            participant: ParticipantKey(key),
            role,
            ice_lite: true,
            negotiated_channels: false,
        };
        let mut client = Client::new();
        let direction = match role {
            PeerRole::Whip => Direction::SendOnly,
            _ => Direction::RecvOnly,
        };
        let sdp = client.offer(direction, sections);
        self.plane
            .send(MediaCommand::AddParticipant { room, participant });
        self.plane.send(MediaCommand::OpenPeer { room, peer });
        self.plane.send(MediaCommand::AcceptOffer {
            room,
            peer: PeerKey(key),
            negotiation: 7,
            sdp,
        });
        client.accept_answer(&self.answer(room, PeerKey(key)));
        let mut seat = Seat { room, key, client };
        self.play_until(
            "the client connects",
            &mut [],
            &mut [&mut seat],
            |stage, listeners| {
                listeners[0].client.is_connected() && stage.is_connected(PeerKey(key))
            },
        );
        seat
    }

    fn answer(&mut self, room: RoomKey, peer: PeerKey) -> String {
        let event = self.events.recv_timeout(DEADLINE).unwrap();
        match event {
            MediaEvent::Answered {
                room: in_room,
                peer: of,
                negotiation: 7,
                sdp,
            } if (in_room, of) == (room, peer) => sdp,
            other => panic!("an answer was due, but {other:?}"),
        }
    }

    fn is_connected(&self, of: PeerKey) -> bool {
        let says = |event: &MediaEvent| matches!(event, MediaEvent::PeerConnected { peer, .. } if *peer == of);
        self.seen.iter().any(says)
    }

    /// The peers that failed so far.
    pub(crate) fn failed(&self) -> Vec<(PeerKey, PeerFailure)> {
        let failed = |event: &MediaEvent| match event {
            MediaEvent::PeerFailed { peer, cause, .. } => Some((*peer, *cause)),
            _ => None,
        };
        self.seen.iter().filter_map(failed).collect()
    }

    /// The speaker's first section becomes a track.
    pub(crate) fn publish(&self, speaker: &Seat) {
        self.plane.send(MediaCommand::PublishTrack {
            room: speaker.room,
            track: TrackSpec {
                key: TrackKey(speaker.key),
                publisher: ParticipantKey(speaker.key),
                peer: speaker.peer(),
                mid: speaker.mid(0),
                kind: Kind::Audio,
                muted: false,
                layers: Vec::new(),
            },
        });
    }

    /// A section of the listener asks, in the listener's room, for the speaker's track.
    pub(crate) fn subscribe(&self, listener: &Seat, section: usize, speaker: &Seat) {
        self.plane.send(MediaCommand::Subscribe {
            room: listener.room,
            subscription: SubscriptionSpec {
                subscriber: ParticipantKey(listener.key),
                peer: listener.peer(),
                mid: listener.mid(section),
                track: TrackKey(speaker.key),
            },
        });
    }

    /// A speaker and a listener who hears it, in a room of their own.
    pub(crate) fn call(&mut self, room: RoomKey, first_key: u64) -> [Seat; 2] {
        let speaker = self.join(room, first_key, PeerRole::Whip, 1);
        let listener = self.join(room, first_key + 1, PeerRole::Whep, 2);
        self.publish(&speaker);
        self.subscribe(&listener, 0, &speaker);
        [speaker, listener]
    }

    /// Steps everybody until it is so; every speaker says its own key in each step.
    pub(crate) fn play_until(
        &mut self,
        what: &str,
        speakers: &mut [&mut Seat],
        listeners: &mut [&mut Seat],
        is_so: impl Fn(&Self, &[&mut Seat]) -> bool,
    ) {
        let end = Instant::now() + DEADLINE;
        loop {
            for speaker in speakers.iter_mut() {
                speaker.client.speak(&said_by(speaker.key));
                speaker.client.step();
            }
            for listener in listeners.iter_mut() {
                listener.client.step();
            }
            self.seen.extend(self.events.try_iter());
            if is_so(self, listeners) {
                return;
            }
            assert!(Instant::now() < end, "did not happen: {what}");
        }
    }

    /// Plays until every listener heard [`PACKETS`] more in its first section.
    pub(crate) fn converse(&mut self, speakers: &mut [&mut Seat], listeners: &mut [&mut Seat]) {
        for listener in listeners.iter_mut() {
            listener.client.received.clear();
        }
        self.play_until(
            "packets are forwarded",
            speakers,
            listeners,
            |_, listeners| {
                let mut heard = listeners.iter().map(|l| l.client.heard(0).len());
                heard.all(|count| count >= PACKETS)
            },
        );
    }
}

/// Stops the workers; a stop that hangs fails the test instead of hanging it.
pub(crate) fn stop(workers: Workers) {
    let (done, stopped) = bounded(1);
    std::thread::spawn(move || {
        workers.stop();
        let _ = done.send(());
    });
    stopped.recv_timeout(DEADLINE).expect("stop returns");
}

/// The payload by which a speaker is known: an Opus header byte and its key.
pub(crate) fn said_by(key: u64) -> Vec<u8> {
    [&[0xfc], key.to_be_bytes().as_slice()].concat()
}
