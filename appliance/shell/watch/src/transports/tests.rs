#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use crossbeam_channel::{Sender, bounded};
use media::PeerFigures;
use std::sync::atomic::Ordering::Relaxed;
use vocab::{ParticipantKey, RoomKey};

struct Stage {
    transports: Transports,
    lane: Sender<WorkerFigures>,
    start: Instant,
}

fn stage() -> Stage {
    let (lane, figures) = bounded(1);
    Stage {
        transports: Transports::new(vec![figures], Box::new(client_of)),
        lane,
        start: Instant::now(),
    }
}

const STAND_IN: &str = "127.77.1.2:4000";

/// On a box without IPv4.
const STAND_IN_V6: &str = "[::1]:4000";

/// Who is carried over TCP: two clients.
fn client_of(stand_in: SocketAddr) -> Option<SocketAddr> {
    let client = match stand_in.to_string().as_str() {
        STAND_IN => "10.31.0.9:443",
        STAND_IN_V6 => "[fd00::9]:443",
        _ => return None,
    };
    Some(client.parse().unwrap())
}

impl Stage {
    fn at(&self, seconds: u64) -> Instant {
        self.start + Duration::from_secs(seconds)
    }

    /// The worker speaks at that second, and is heard.
    fn say(&mut self, second: u64, changed: &[(u64, Figures)]) {
        let at = self.at(second);
        let said = WorkerFigures {
            worker: 0,
            at,
            busy_percent: 7,
            rooms: 1,
            peers: 2,
            forwarded: second * 100,
            unsent: 3,
            changed: changed
                .iter()
                .map(|(peer, figures)| PeerFigures {
                    room: RoomKey(1),
                    participant: ParticipantKey(1),
                    peer: PeerKey(*peer),
                    figures: *figures,
                })
                .collect(),
        };
        self.lane.try_send(said).unwrap();
        self.transports.drain(at);
    }

    fn read(&self, peers: &[u64], second: u64) -> Reading {
        let peers: Vec<_> = peers.iter().map(|peer| Some(PeerKey(*peer))).collect();
        self.transports.read(&peers, self.at(second))
    }
}

fn carried(bytes_in: u64, bytes_out: u64) -> Figures {
    Figures {
        remote: Some("10.30.0.7:4000".parse().unwrap()),
        bytes_in,
        bytes_out,
        ..Figures::default()
    }
}

#[test]
fn a_rate_is_of_the_last_second_and_nothing_when_nothing_changed() {
    let mut stage = stage();
    assert_eq!(stage.read(&[1], 0), Reading::default(), "unknown is absent");
    stage.say(1, &[(1, carried(1_000, 0))]);
    stage.say(2, &[(1, carried(126_000, 250_000))]);
    let read = stage.read(&[1], 2);
    assert_eq!((read.up_kbps, read.down_kbps), (1_000, 2_000));
    assert_eq!(stage.transports.forwarded_per_second(), 100);
    stage.say(3, &[]);
    let read = stage.read(&[1], 3);
    assert_eq!((read.up_kbps, read.down_kbps), (0, 0));
    // Two seconds in one: the worker's lane was taken.
    stage.say(5, &[(1, carried(376_000, 250_000))]);
    assert_eq!(stage.read(&[1], 5).up_kbps, 1_000);
}

#[test]
fn somebodys_two_transports_are_added_and_the_worse_of_them_is_told() {
    let mut stage = stage();
    let (ms, at) = (Duration::from_millis, stage.at(1));
    let up = Figures {
        lost_in: Some(10),
        round_trip: Some(ms(80)),
        heard: Some(at),
        ..carried(1_000, 100)
    };
    let down = Figures {
        lost_out: Some(30),
        jitter: Some(ms(4)),
        heard: at.checked_sub(ms(900)),
        carrier: Carrier::Tcp,
        ..carried(100, 1_000)
    };
    stage.say(1, &[(1, up), (2, down)]);
    let read = stage.read(&[1, 2], 1);
    assert_eq!(read.carrier, Some(Carrier::Tcp));
    assert_eq!((read.up_kbps, read.down_kbps), (9, 9));
    assert_eq!(read.loss_permille, Some(30));
    assert_eq!((read.jitter, read.round_trip), (Some(ms(4)), Some(ms(80))));
    assert_eq!(read.silent, Some(ms(0)));
    assert_eq!(stage.read(&[1], 1).carrier, Some(Carrier::Udp));
}

#[test]
fn a_client_over_tcp_is_where_it_is_and_not_where_its_stand_in_is() {
    let mut stage = stage();
    let over_tcp = |remote: &str, bytes| Figures {
        remote: Some(remote.parse().unwrap()),
        carrier: Carrier::Tcp,
        ..carried(bytes, 0)
    };
    stage.say(1, &[(1, over_tcp(STAND_IN, 1))]);
    let read = stage.read(&[1], 1);
    assert_eq!(read.carrier, Some(Carrier::Tcp));
    let client = Some("10.31.0.9:443".parse().unwrap());
    assert_eq!(read.remote, client);
    stage.say(2, &[(1, over_tcp("127.77.1.2:4001", 2))]);
    assert_eq!(stage.read(&[1], 2).remote, client, "its connection is gone");
}

#[test]
fn media_flows_for_ten_seconds_after_its_last_packet() {
    let mut stage = stage();
    let with_media = |media_in, media_out| Figures {
        media_in,
        media_out,
        ..carried(1, 1)
    };
    stage.say(1, &[(1, with_media(5, 0))]);
    let flows = |stage: &Stage, second| {
        let read = stage.read(&[1], second);
        (read.is_heard, read.is_told)
    };
    assert_eq!(flows(&stage, 11), (true, false));
    assert_eq!(flows(&stage, 12), (false, false));
    stage.say(13, &[(1, with_media(5, 1))]);
    assert_eq!(flows(&stage, 13), (false, true));
}

#[test]
fn a_worker_that_ended_or_does_not_turn_is_down() {
    let mut stage = stage();
    stage.say(1, &[]);
    let down = |stage: &mut Stage, second: u64| {
        let at = stage.at(second);
        stage.transports.drain(at);
        stage.transports.workers(at)[0].down
    };
    assert!(!down(&mut stage, 6));
    assert!(down(&mut stage, 7), "it does not turn");
    stage.say(8, &[]);
    assert!(!down(&mut stage, 8), "it turns again");
    let (lane, _) = bounded(1);
    drop(std::mem::replace(&mut stage.lane, lane));
    assert!(down(&mut stage, 8), "its thread is gone");
}

#[test]
fn a_worker_that_never_spoke_is_down_after_its_time() {
    let mut stage = stage();
    let (first, last) = (stage.at(0), stage.at(6));
    stage.transports.drain(first);
    assert!(!stage.transports.workers(first)[0].down);
    stage.transports.drain(last);
    assert!(stage.transports.workers(last)[0].down);
}

#[test]
fn transports_that_nobody_has_are_forgotten() {
    let mut stage = stage();
    stage.say(1, &[(1, carried(1, 1)), (2, carried(1, 1))]);
    stage.transports.keep(&HashSet::from([PeerKey(2)]));
    assert_eq!(stage.transports.len(), 1);
    assert_eq!(stage.read(&[1], 1), Reading::default());
}

#[test]
fn one_cause_is_looked_for_in_a_subnet() {
    for (address, want) in [
        ("10.30.0.7", "10.30.0.0/24"),
        ("::ffff:10.30.0.7", "10.30.0.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ] {
        assert_eq!(subnet(address.parse().unwrap()), want, "{address}");
    }
}

#[test]
fn without_ipv4_the_bridge_says_who_came_over_tcp() {
    let from = |remote: &str| Figures {
        remote: Some(remote.parse().unwrap()),
        bytes_in: 1,
        ..Figures::default()
    };
    for (name, remote, carrier, client) in [
        ("a stand-in", STAND_IN_V6, Carrier::Tcp, "[fd00::9]:443"),
        ("a browser here", "[::1]:4001", Carrier::Udp, "[::1]:4001"),
        ("a client", "[fd00::7]:4000", Carrier::Udp, "[fd00::7]:4000"),
    ] {
        let mut stage = stage();
        stage.say(1, &[(1, from(remote))]);
        let reading = stage.read(&[1], 1);
        assert_eq!(reading.carrier, Some(carrier), "{name}");
        assert_eq!(reading.remote, Some(client.parse().unwrap()), "{name}");
    }
}

#[test]
fn a_connection_that_has_just_gone_was_over_tcp_without_ipv4_too() {
    let carried = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let (lane, figures) = bounded(1);
    let known = carried.clone();
    let ask = move |_| {
        known
            .load(Relaxed)
            .then(|| "[fd00::9]:443".parse().unwrap())
    };
    let mut stage = Stage {
        transports: Transports::new(vec![figures], Box::new(ask)),
        lane,
        start: Instant::now(),
    };
    for second in 1..3 {
        let figures = Figures {
            remote: Some(STAND_IN_V6.parse().unwrap()),
            bytes_in: second,
            ..Figures::default()
        };
        stage.say(second, &[(1, figures)]);
        carried.store(false, Relaxed);
        let reading = stage.read(&[1], second);
        assert_eq!(reading.carrier, Some(Carrier::Tcp), "{second}");
        let client = "[fd00::9]:443".parse().unwrap();
        assert_eq!(reading.remote, Some(client), "{second}");
    }
}
