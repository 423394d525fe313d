//! A room over two workers: publisher and viewers on different cores, nobody notices.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "support/caller.rs"]
mod caller;

use caller::Caller;
use crossbeam_channel::{Receiver, unbounded};
use media::plane::{
    LayerSpec, LayerWish, MediaPermissions, ParticipantSpec, PeerRole, PeerSpec, Speaker,
    SubscriptionSpec, TrackSpec,
};
use media::{Kind, Layer, MediaCommand, MediaEvent, MediaPlane, Mid};
use ringward_worker::{BackendChoice, EgressKind, Plane, SplitAt, Workers, WorkersConfig, start};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};
use vocab::{Bitrate, Identity, ParticipantKey, ParticipantSid, PeerKey, RoomKey, TrackKey};

/// What the layers are said to cost: little, so that bandwidth decides nothing here.
const LAYERS: [LayerSpec; 3] = [layer(Layer::Low), layer(Layer::Medium), layer(Layer::High)];

const fn layer(layer: Layer) -> LayerSpec {
    let bitrate = Bitrate(30_000);
    LayerSpec {
        layer,
        width: 320,
        height: 180,
        bitrate,
    }
}

const ROOM: RoomKey = RoomKey(1);
/// What has not happened by then does not happen.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long everybody waits for datagrams between looks.
const STEP: Duration = Duration::from_millis(1);
/// Ana is alone on her worker, or with Cara; Ben is on the other.
const ANA: usize = 0;
const BEN: usize = 1;
const CARA: usize = 2;

macro_rules! with_both_reactors {
    ($($claim:ident),* $(,)?) => {
        mod portable {
            $(#[test] fn $claim() { super::$claim(super::BackendChoice::Portable); })*
        }
        mod uring {
            $(#[test] fn $claim() { super::$claim(super::BackendChoice::Uring); })*
        }
    };
}

with_both_reactors!(
    a_viewer_on_the_other_core_sees_and_hears,
    a_late_joiner_on_the_other_core_begins_with_a_keyframe,
    a_viewer_on_the_other_core_chooses_its_layer,
    a_muted_track_is_silent_on_both_cores_and_comes_back,
    data_crosses_in_order_and_once,
    speakers_of_both_cores_are_told_of,
    who_leaves_is_gone_from_both_cores,
    a_room_that_fits_stays_on_one_worker,
);

struct Stage {
    workers: Workers,
    plane: Plane,
    events: Receiver<MediaEvent>,
    seen: Vec<MediaEvent>,
    callers: Vec<Caller>,
}

fn camera(of: usize) -> TrackKey {
    TrackKey(of as u64 * 2 + 100)
}

fn voice(of: usize) -> TrackKey {
    TrackKey(of as u64 * 2 + 101)
}

fn peer(of: usize) -> PeerKey {
    PeerKey(of as u64 + 10)
}

fn participant(of: usize) -> ParticipantKey {
    ParticipantKey(of as u64 + 1)
}

impl Stage {
    fn new(backend: BackendChoice, split: SplitAt) -> Self {
        let config = WorkersConfig {
            count: 2,
            first_port: 0,
            addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            announced: Vec::new(),
            tcp: Vec::new(),
            backend,
            egress: EgressKind::Own,
            pin: false,
            split,
        };
        let (sender, events) = unbounded();
        let (workers, plane) = start(&config, &sender).unwrap();
        plane.send(MediaCommand::OpenRoom { room: ROOM });
        Self {
            workers,
            plane,
            events,
            seen: Vec::new(),
            callers: Vec::new(),
        }
    }

    /// A room of which every worker takes one participant, and then one more.
    fn split(backend: BackendChoice, people: usize) -> Self {
        let split = SplitAt {
            peers: 1,
            ..SplitAt::default()
        };
        let mut stage = Self::new(backend, split);
        for _ in 0..people {
            stage.join();
        }
        let [ana, ben] = [ANA, BEN].map(|who| stage.callers[who].box_address);
        assert_ne!(ana, ben, "two workers");
        stage
    }

    /// Somebody with a camera and a voice.
    fn join(&mut self) {
        let who = self.callers.len();
        let permissions = MediaPermissions {
            publish: true,
            subscribe: true,
            publish_data: true,
        };
        self.plane.send(MediaCommand::AddParticipant {
            room: ROOM,
            participant: ParticipantSpec {
                key: participant(who),
                sid: ParticipantSid::new(format!("PA_{who}")),
                identity: Identity::new(format!("id-{who}")),
                permissions,
            },
        });
        self.plane.send(MediaCommand::OpenPeer {
            room: ROOM,
            peer: PeerSpec {
                key: peer(who),
                participant: participant(who),
                role: PeerRole::Single,
                ice_lite: true,
                negotiated_channels: false,
            },
        });
        let (mut caller, sdp) = Caller::new();
        self.plane.send(MediaCommand::AcceptOffer {
            room: ROOM,
            peer: peer(who),
            negotiation: 7,
            sdp,
        });
        let deadline = Instant::now() + DEADLINE;
        let answer = loop {
            let event = self.events.recv_deadline(deadline).unwrap();
            match event {
                MediaEvent::Answered { peer: of, sdp, .. } if of == peer(who) => break sdp,
                other => self.seen.push(other),
            }
        };
        caller.accept_answer(&answer);
        self.callers.push(caller);
        self.play_until("the client connects", |stage| {
            let connected = |event: &MediaEvent| {
                matches!(event, MediaEvent::PeerConnected { peer: of, .. } if *of == peer(who))
            };
            stage.callers[who].is_ready() && stage.seen.iter().any(connected)
        });
        for (section, key, kind) in [(0, camera(who), Kind::Video), (1, voice(who), Kind::Audio)] {
            self.plane.send(MediaCommand::PublishTrack {
                room: ROOM,
                track: TrackSpec {
                    key,
                    publisher: participant(who),
                    peer: peer(who),
                    mid: self.mid(who, section),
                    kind,
                    muted: false,
                    layers: LAYERS.to_vec(),
                },
            });
        }
    }

    fn mid(&self, who: usize, section: usize) -> Mid {
        Mid::new(&self.callers[who].mids[section]).unwrap()
    }

    /// `who` watches and hears `whom`.
    fn watch(&self, who: usize, whom: usize) {
        for (section, track) in [(2, camera(whom)), (3, voice(whom))] {
            self.plane.send(MediaCommand::Subscribe {
                room: ROOM,
                subscription: SubscriptionSpec {
                    subscriber: participant(who),
                    peer: peer(who),
                    mid: self.mid(who, section),
                    track,
                },
            });
        }
    }

    fn play_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let end = Instant::now() + DEADLINE;
        while !is_so(self) {
            assert!(Instant::now() < end, "did not happen: {what}");
            for caller in &mut self.callers {
                if caller.is_ready() {
                    caller.send();
                }
                caller.step();
            }
            // A moment in which nobody's datagrams wait long, and the workers have the core.
            if let Ok(event) = self.events.recv_timeout(STEP) {
                self.seen.push(event);
            }
            self.seen.extend(self.events.try_iter());
        }
    }

    /// Plays until this one was shown so many packets of the layer and heard as many.
    fn enjoy(&mut self, who: usize, layer: u8) {
        self.play_until("picture and sound flow", |stage| {
            let caller = &stage.callers[who];
            let of_layer = caller.shown.iter().filter(|shown| shown.layer == layer);
            of_layer.count() >= 20 && caller.heard >= 20
        });
    }

    fn stop(self) {
        drop(self.plane);
        self.workers.stop();
    }
}

fn a_viewer_on_the_other_core_sees_and_hears(backend: BackendChoice) {
    let mut stage = Stage::split(backend, 3);
    stage.watch(BEN, ANA);
    stage.watch(CARA, ANA);
    stage.watch(ANA, BEN);
    for who in [BEN, CARA, ANA] {
        stage.enjoy(who, 2);
        let shown = &stage.callers[who].shown;
        assert!(shown[0].is_keyframe, "{who}");
        let steps = shown
            .windows(2)
            .map(|two| two[1].sequence - two[0].sequence);
        assert!(steps.into_iter().all(|step| step == 1), "{who}: {shown:?}");
    }
    stage.stop();
}

fn a_late_joiner_on_the_other_core_begins_with_a_keyframe(backend: BackendChoice) {
    let mut stage = Stage::split(backend, 3);
    stage.watch(CARA, ANA);
    stage.enjoy(CARA, 2);
    // The other worker has never shown Ana, and this one has no news for it.
    stage.watch(BEN, ANA);
    stage.enjoy(BEN, 2);
    assert!(stage.callers[BEN].shown[0].is_keyframe);
    stage.join();
    let late = stage.callers.len() - 1;
    assert_eq!(
        stage.callers[late].box_address, stage.callers[BEN].box_address,
        "the least loaded"
    );
    stage.watch(late, ANA);
    stage.enjoy(late, 2);
    assert!(stage.callers[late].shown[0].is_keyframe);
    stage.stop();
}

fn a_viewer_on_the_other_core_chooses_its_layer(backend: BackendChoice) {
    let mut stage = Stage::split(backend, 3);
    stage.watch(BEN, ANA);
    stage.watch(CARA, ANA);
    stage.enjoy(BEN, 2);
    stage.enjoy(CARA, 2);
    for (highest, layer) in [(Layer::Low, 0), (Layer::High, 2)] {
        for caller in &mut stage.callers {
            caller.forget();
        }
        stage.plane.send(MediaCommand::SetSubscription {
            room: ROOM,
            subscriber: participant(BEN),
            track: camera(ANA),
            wish: LayerWish {
                highest,
                ..LayerWish::default()
            },
        });
        stage.enjoy(BEN, layer);
        let shown = &stage.callers[BEN].shown;
        let first = shown.iter().find(|shown| shown.layer == layer);
        assert!(first.unwrap().is_keyframe, "a cut only on a keyframe");
        let others = &stage.callers[CARA].shown;
        assert!(
            others.iter().all(|shown| shown.layer == 2),
            "only Ben's wish"
        );
    }
    stage.stop();
}

fn a_muted_track_is_silent_on_both_cores_and_comes_back(backend: BackendChoice) {
    let mut stage = Stage::split(backend, 3);
    stage.watch(BEN, ANA);
    stage.watch(CARA, ANA);
    stage.enjoy(BEN, 2);
    stage.enjoy(CARA, 2);
    let mute = |stage: &Stage, muted| {
        stage.plane.send(MediaCommand::SetTrackMuted {
            room: ROOM,
            track: camera(ANA),
            muted,
        });
    };
    mute(&stage, true);
    for who in [BEN, CARA] {
        stage.callers[who].forget();
        stage.play_until("the command is obeyed", |stage| {
            stage.callers[who].heard >= 20
        });
        stage.callers[who].forget();
    }
    for who in [BEN, CARA] {
        stage.play_until("sound goes on", |stage| stage.callers[who].heard >= 20);
        assert_eq!(stage.callers[who].shown, [], "{who}");
    }
    mute(&stage, false);
    for who in [BEN, CARA] {
        stage.enjoy(who, 2);
        assert!(stage.callers[who].shown[0].is_keyframe);
    }
    stage.stop();
}

fn data_crosses_in_order_and_once(backend: BackendChoice) {
    let mut stage = Stage::split(backend, 3);
    let numbers: Vec<u32> = (1..=60).collect();
    for number in &numbers {
        stage.callers[ANA].tell(true, *number);
    }
    for who in [BEN, CARA] {
        stage.play_until("data arrives", |stage| {
            stage.callers[who].told.len() >= numbers.len()
        });
    }
    stage.callers[BEN].tell(true, 1);
    stage.callers[BEN].tell(false, 2);
    for who in [ANA, CARA] {
        stage.play_until("Ben is heard", |stage| {
            stage.callers[who].told.contains(&2) && stage.callers[who].told.contains(&1)
        });
    }
    assert_eq!(stage.callers[BEN].told, numbers);
    assert_eq!(stage.callers[CARA].told[..60], numbers);
    assert_eq!(stage.callers[CARA].told.len(), 62);
    assert_eq!(stage.callers[ANA].told.len(), 2);
    stage.stop();
}

fn speakers_of_both_cores_are_told_of(backend: BackendChoice) {
    let mut stage = Stage::split(backend, 2);
    stage.watch(BEN, ANA);
    let speakers = |stage: &Stage, who: usize| {
        let changes = stage.seen.iter().filter_map(|event| match event {
            MediaEvent::SpeakersChanged { changed, .. } => Some(changed.clone()),
            _ => None,
        });
        let of = |speaker: &Speaker| speaker.participant == participant(who) && speaker.active;
        changes.flatten().filter(of).count()
    };
    stage.play_until("both speak", |stage| {
        speakers(stage, ANA) > 0 && speakers(stage, BEN) > 0
    });
    stage.enjoy(BEN, 2);
    let flowing = stage.seen.iter().filter(
        |event| matches!(event, MediaEvent::TrackFlowing { track, .. } if *track == camera(ANA)),
    );
    assert_eq!(flowing.count(), 1);
    stage.stop();
}

fn who_leaves_is_gone_from_both_cores(backend: BackendChoice) {
    let mut stage = Stage::split(backend, 3);
    stage.watch(BEN, ANA);
    stage.watch(CARA, ANA);
    stage.enjoy(BEN, 2);
    stage.enjoy(CARA, 2);
    stage.plane.send(MediaCommand::UnpublishTrack {
        room: ROOM,
        track: camera(ANA),
    });
    for who in [BEN, CARA] {
        stage.callers[who].forget();
        stage.play_until("sound goes on", |stage| stage.callers[who].heard >= 20);
        stage.callers[who].forget();
        stage.play_until("sound goes on", |stage| stage.callers[who].heard >= 20);
        assert_eq!(stage.callers[who].shown, [], "{who}");
    }
    stage.plane.send(MediaCommand::RemoveParticipant {
        room: ROOM,
        participant: participant(ANA),
    });
    stage.watch(BEN, CARA);
    for caller in &mut stage.callers {
        caller.forget();
    }
    stage.enjoy(BEN, 2);
    stage.plane.send(MediaCommand::CloseRoom { room: ROOM });
    stage.stop();
}

fn a_room_that_fits_stays_on_one_worker(backend: BackendChoice) {
    let mut stage = Stage::new(backend, SplitAt::default());
    for _ in 0..3 {
        stage.join();
    }
    let addresses: Vec<_> = stage.callers.iter().map(|c| c.box_address).collect();
    assert!(addresses.iter().all(|at| *at == addresses[0]));
    stage.stop();
}
