//! Where commands go, seen from the workers' ends of the lanes.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests"
)]

use super::*;
use crossbeam_channel::{Receiver, unbounded};
use media::plane::{MediaPermissions, PeerRole, PeerSpec, TrackSpec};
use media::{Kind, Mid};
use vocab::{Identity, ParticipantKey, ParticipantSid, PeerKey, TrackKey};

const ROOM: RoomKey = RoomKey(5);

struct Stage {
    plane: Plane,
    orders: Vec<Receiver<Order>>,
    loads: Vec<Arc<Load>>,
    ended: Sender<(RoomKey, usize)>,
}

impl Stage {
    fn new(workers: usize, peers: usize) -> Self {
        let (mut lanes, mut orders, mut loads) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..workers {
            let address = "127.0.0.1:0".parse().unwrap();
            let (reactor, _) = net::open(net::BackendChoice::Portable, &[address]).unwrap();
            let (sender, receiver) = unbounded();
            let load = Arc::new(Load::default());
            lanes.push(Lane {
                orders: sender,
                waker: reactor.waker(),
                load: load.clone(),
            });
            orders.push(receiver);
            loads.push(load);
        }
        let (ended, ended_out) = unbounded();
        let split = SplitAt {
            peers,
            ..SplitAt::default()
        };
        let plane = Plane::new(lanes, split, ended_out);
        plane.send(MediaCommand::OpenRoom { room: ROOM });
        Self {
            plane,
            orders,
            loads,
            ended,
        }
    }

    fn join(&self, key: u64) {
        self.plane.send(MediaCommand::AddParticipant {
            room: ROOM,
            participant: ParticipantSpec {
                key: ParticipantKey(key),
                sid: ParticipantSid::new(format!("PA_{key}")),
                identity: Identity::new(format!("id-{key}")),
                permissions: MediaPermissions {
                    publish: true,
                    subscribe: true,
                    publish_data: true,
                },
            },
        });
        self.plane.send(MediaCommand::OpenPeer {
            room: ROOM,
            peer: PeerSpec {
                key: PeerKey(key),
                participant: ParticipantKey(key),
                role: PeerRole::Single,
                ice_lite: true,
                negotiated_channels: false,
            },
        });
    }

    fn publish(&self, key: u64) {
        self.plane.send(MediaCommand::PublishTrack {
            room: ROOM,
            track: TrackSpec {
                key: TrackKey(key),
                publisher: ParticipantKey(key),
                peer: PeerKey(key),
                mid: Mid::new("0").unwrap(),
                kind: Kind::Audio,
                muted: false,
                layers: Vec::new(),
            },
        });
    }

    /// What a worker was told since the last look, in a word each.
    fn told(&self, worker: usize) -> Vec<String> {
        let said = self.orders[worker].try_iter().map(|order| match order {
            Order::Join(_) => "join".to_owned(),
            Order::AddElsewhere {
                participant, part, ..
            } => format!("{} is at {}", participant.key.0, part.0),
            Order::Command(command) => {
                let whole = format!("{command:?}");
                let muted = if whole.contains("muted: true") {
                    " muted"
                } else {
                    ""
                };
                let name = whole.split(' ').next().unwrap_or_default();
                format!("{name}{muted}")
            }
        });
        said.collect()
    }
}

#[test]
fn a_room_that_has_place_stays_in_one_part() {
    let stage = Stage::new(2, 3);
    for key in 1..=3 {
        stage.join(key);
    }
    assert_eq!(stage.told(1), [""; 0]);
    stage.join(4);
    let told = stage.told(1);
    let roster = ["join", "OpenRoom", "1 is at 0", "2 is at 0", "3 is at 0"];
    assert_eq!(told[..5], roster);
    assert_eq!(told[5..], ["AddParticipant", "OpenPeer"]);
}

#[test]
fn a_busy_worker_takes_nobody_new() {
    let stage = Stage::new(2, 1_000);
    stage.join(1);
    stage.loads[0].set_busy_percent(SplitAt::default().busy_percent - 1);
    stage.join(2);
    assert_eq!(stage.told(1), [""; 0]);
    stage.loads[0].set_busy_percent(SplitAt::default().busy_percent);
    stage.join(3);
    assert!(stage.told(1).contains(&"AddParticipant".to_owned()));
}

#[test]
fn with_nowhere_to_go_the_least_loaded_part_takes_them() {
    let stage = Stage::new(2, 1);
    for key in 1..=6 {
        stage.join(key);
    }
    let weights: Vec<_> = stage.loads.iter().map(|load| load.weight()).collect();
    assert_eq!(weights, [(3, 1), (3, 1)]);
    stage.plane.send(MediaCommand::RemoveParticipant {
        room: ROOM,
        participant: ParticipantKey(1),
    });
    assert_eq!(stage.loads[0].weight(), (2, 1));
    stage.plane.send(MediaCommand::CloseRoom { room: ROOM });
    let weights: Vec<_> = stage.loads.iter().map(|load| load.weight()).collect();
    assert_eq!(weights, [(0, 0), (0, 0)]);
}

#[test]
fn a_new_part_learns_what_is_so_now() {
    let stage = Stage::new(3, 1);
    stage.join(1);
    stage.publish(1);
    stage.join(2);
    stage.publish(2);
    stage.plane.send(MediaCommand::SetTrackMuted {
        room: ROOM,
        track: TrackKey(2),
        muted: true,
    });
    stage.plane.send(MediaCommand::UnpublishTrack {
        room: ROOM,
        track: TrackKey(1),
    });
    stage.join(3);
    assert_eq!(
        stage.told(2),
        [
            "join",
            "join",
            "OpenRoom",
            "1 is at 0",
            "2 is at 1",
            "PublishTrack muted",
            "AddParticipant",
            "OpenPeer"
        ]
    );
}

#[test]
fn commands_go_to_everyone_or_to_the_one_they_are_about() {
    let stage = Stage::new(2, 1);
    stage.join(1);
    stage.join(2);
    let _ = (stage.told(0), stage.told(1));
    stage.publish(2);
    stage.plane.send(MediaCommand::SetTrackMuted {
        room: ROOM,
        track: TrackKey(2),
        muted: true,
    });
    stage.plane.send(MediaCommand::ReportDataProgress {
        room: ROOM,
        participant: ParticipantKey(2),
    });
    stage.plane.send(MediaCommand::AddCandidate {
        room: ROOM,
        peer: PeerKey(1),
        candidate: String::new(),
    });
    stage.plane.send(MediaCommand::ClosePeer {
        room: ROOM,
        peer: PeerKey(2),
    });
    assert_eq!(
        stage.told(0),
        [
            "PublishTrack",
            "SetTrackMuted muted",
            "AddCandidate",
            "ClosePeer"
        ]
    );
    assert_eq!(
        stage.told(1),
        [
            "PublishTrack",
            "SetTrackMuted muted",
            "ReportDataProgress",
            "ClosePeer"
        ]
    );
}

#[test]
fn nobody_new_is_sent_to_a_part_that_failed() {
    let stage = Stage::new(2, 1);
    stage.join(1);
    stage.join(2);
    let _ = stage.told(1);
    stage.ended.send((ROOM, 1)).unwrap();
    for key in 3..6 {
        stage.join(key);
        assert!(!stage.told(1).contains(&"OpenPeer".to_owned()), "{key}");
    }
}
