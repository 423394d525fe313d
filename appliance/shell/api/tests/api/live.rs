//! What operators see live: rooms, people, the box, alarms, and the stream of it.

use crate::harness::{Answer, Options, TestBox, creates, joins, request};
use crate::whip::{ANSWER, OFFER_PUBLISH};
use api::{Live, OperatorIdentity, Watch, WatchConfig};
use axum::body::Body;
use axum::http::Method;
use axum::{Extension, Router};
use crossbeam_channel::{Sender, bounded};
use futures_util::StreamExt;
use media::{Figures, MediaCommand, MediaEvent, PeerFigures, WorkerFigures};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tower::ServiceExt;
use vocab::{ParticipantKey, PeerKey, RoomKey, UnixMillis};
use watch::{AlarmBoard, Code, Transports};
use wire::admin::{Change, Frame, Role};

/// A box with a watch that looks when the test says so.
pub(crate) struct Watched {
    pub(crate) a_box: TestBox,
    pub(crate) watch: Watch,
    pub(crate) live: Live,
    router: Router,
    pub(crate) lane: Sender<WorkerFigures>,
}

pub(crate) fn watched() -> Watched {
    watched_over(TestBox::with(Options {
        answer: Some(ANSWER),
        ..Options::default()
    }))
}

fn watched_over(a_box: TestBox) -> Watched {
    let (lane, figures) = bounded(1);
    let config = WatchConfig {
        name: "box-1".to_owned(),
        version: "0.0.0-test".to_owned(),
        data: a_box.folder().to_owned(),
        udp_ports: Vec::new(),
        ports: vec!["7880/tcp".to_owned()],
        backend: "epoll: asked for".to_owned(),
        ring_refused: None,
        webhooks: None,
        certificates: Box::new(api::live::Certificates::default),
        backup: Box::new(|| None),
    };
    let transports = Transports::new(vec![figures], Box::new(|_| None));
    let alarms = AlarmBoard::in_memory();
    let (watch, live) = Watch::new(config, a_box.control.clone(), alarms, transports);
    let viewer = OperatorIdentity {
        actor: "uid:7".to_owned(),
        role: Role::Viewer,
    };
    let router = api::admin_router(a_box.api().with_live(live.clone())).layer(Extension(viewer));
    Watched {
        a_box,
        watch,
        live,
        router,
        lane,
    }
}

impl Watched {
    async fn get(&self, path: &str) -> Answer {
        let request = request(Method::GET, path, None, &[], Body::empty());
        crate::harness::answer_of(self.router.clone(), request).await
    }

    pub(crate) async fn create(&self, room: &str) {
        let answer = self
            .a_box
            .twirp("CreateRoom", &creates(), &json!({"name": room}))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// An encoder publishes sound and picture.
    pub(crate) async fn publish(&self, room: &str, identity: &str) -> (RoomKey, PeerKey) {
        let path = format!("/whip/{room}");
        let headers = [("content-type", "application/sdp")];
        let token = joins(room, identity);
        let body = OFFER_PUBLISH.to_owned().into();
        let offer = request(Method::POST, &path, Some(&token), &headers, body);
        let answer = self.a_box.send(offer).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let commands = self.a_box.media.commands.lock().unwrap();
        let opened = commands.iter().rev().find_map(|command| match command {
            MediaCommand::OpenPeer { room, peer } => Some((*room, peer.key)),
            _ => None,
        });
        opened.unwrap()
    }

    /// The worker says how this transport does.
    pub(crate) fn figures(&self, told: &[(RoomKey, PeerKey, Figures)]) {
        let said = WorkerFigures {
            worker: 0,
            at: Instant::now(),
            busy_percent: 31,
            rooms: 1,
            peers: told.len(),
            forwarded: 10,
            unsent: 2,
            changed: told
                .iter()
                .map(|(room, peer, figures)| PeerFigures {
                    room: *room,
                    participant: ParticipantKey(0),
                    peer: *peer,
                    figures: *figures,
                })
                .collect(),
        };
        self.lane.try_send(said).unwrap();
    }

    pub(crate) async fn stream(&self, path: &str) -> Console {
        let request = request(Method::GET, path, None, &[], Body::empty());
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/jsonl");
        Console {
            body: response.into_body().into_data_stream(),
        }
    }
}

pub(crate) struct Console {
    pub(crate) body: axum::body::BodyDataStream,
}

impl Console {
    /// The frames of the next piece.
    async fn frames(&mut self) -> Vec<Frame> {
        let piece = self.body.next().await.expect("the stream goes on").unwrap();
        let lines = piece
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }
}

fn lossy() -> Figures {
    Figures {
        remote: Some("10.30.0.7:4000".parse().unwrap()),
        bytes_in: 125_000,
        bytes_out: 12_500,
        media_in: 50,
        lost_in: Some(92),
        jitter: Some(Duration::from_millis(4)),
        round_trip: Some(Duration::from_millis(18)),
        heard: Some(Instant::now()),
        ..Figures::default()
    }
}

#[tokio::test]
async fn a_publisher_is_shown_with_its_path_its_loss_and_what_it_publishes() {
    let mut watched = watched();
    let (room, peer) = watched.publish("ICU-07", "otoscope-03").await;
    watched
        .a_box
        .media
        .events
        .send(MediaEvent::PeerConnected { room, peer })
        .unwrap();
    watched.figures(&[(room, peer, lossy())]);
    watched.watch.look().await;

    let detail = watched.get("/admin/rooms/ICU-07").await.json();
    let line = &detail["room"];
    assert_eq!(
        (&line["path"], &line["loss_permille"], &line["rtt_ms"]),
        (&json!("udp"), &json!(92), &json!(18)),
        "{detail}"
    );
    assert_eq!(
        (&line["devices"], &line["people"], &line["ward"]),
        (&json!(1), &json!(0), &json!("ICU"))
    );
    assert_eq!(line["flags"], json!(["poor"]));
    let one = &detail["participants"][0];
    assert_eq!(
        (&one["identity"], &one["role"]),
        (&json!("otoscope-03"), &json!("device"))
    );
    assert_eq!(
        (&one["up_kbps"], &one["down_kbps"], &one["jitter_ms"]),
        (&json!(1000), &json!(100), &json!(4))
    );
    let sources: Vec<&Value> = one["tracks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| &t["kind"])
        .collect();
    assert_eq!(sources, ["audio", "video"]);
    let health = watched.get("/admin/health").await.json();
    assert_eq!(
        (&health["paths"], &health["cores"][0]["busy_percent"]),
        (&json!([1, 0, 0]), &json!(31))
    );
    assert_eq!(
        (
            &health["name"],
            &health["dropped_out"],
            &health["participants"]
        ),
        (&json!("box-1"), &json!(2), &json!(1))
    );
    assert!(health["fsync_p99_ms"].as_f64().unwrap() > 0.0, "{health}");
    assert!(health["disk"]["total_bytes"].as_u64().unwrap() > 0);
    assert!(
        health.get("backup_at_ms").is_none(),
        "what is not known is absent"
    );

    // Thirty seconds of it would be an alarm; its cause is known at once and named by network.
    let rooms = watched.get("/admin/rooms").await.json();
    assert_eq!(rooms[0], *line);
    assert_eq!(watched.get("/admin/rooms/nobody").await.status, 404);
}

#[tokio::test]
async fn the_stream_says_everything_and_then_what_changes() {
    let mut watched = watched();
    watched.create("ward").await;
    assert_eq!(
        watched.get("/admin/health").await.status,
        503,
        "not looked at yet"
    );
    watched.watch.look().await;
    let mut console = watched.stream("/admin/stream?room=ward").await;
    let first = console.frames().await;
    let Change::Snapshot {
        role,
        rooms,
        health,
        ..
    } = &first[0].change
    else {
        panic!("{first:?}");
    };
    assert_eq!((*role, rooms.len(), health.rooms), (Role::Viewer, 1, 1));

    watched
        .a_box
        .control
        .run(|c| c.set_room_locked("ward", true))
        .await
        .unwrap()
        .unwrap();
    watched
        .live
        .alarms()
        .raise(Code::RingFallback, "", "seccomp forbids it", 1);
    watched.watch.look().await;
    let frames = console.frames().await;
    let sequences: Vec<u64> = first
        .iter()
        .chain(&frames)
        .map(|frame| frame.sequence)
        .collect();
    assert!(
        sequences.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{sequences:?}"
    );
    let said = |frame: &Frame| match &frame.change {
        Change::Room { room } => format!("room locked {}", room.locked),
        Change::Alarm { alarm } => alarm.id.clone(),
        Change::Score { score } => format!("score {}", score.per_hour),
        Change::Box { .. } => "box".to_owned(),
        Change::Detail { detail } => format!("detail of {}", detail.room.name),
        other => panic!("{other:?}"),
    };
    let said: Vec<String> = frames.iter().map(said).collect();
    assert_eq!(
        said,
        [
            "room locked true",
            "RING-FALLBACK",
            "score 1",
            "box",
            "detail of ward"
        ]
    );
    let alarms = watched.get("/admin/alarms").await.json();
    assert_eq!(alarms["alarms"][0]["id"], "RING-FALLBACK");
    assert_eq!(alarms["score"]["per_hour"], 1);

    let sid = rooms[0].sid.clone();
    watched
        .a_box
        .control
        .run(|c| c.delete_room("ward"))
        .await
        .unwrap()
        .unwrap();
    watched.watch.look().await;
    let frames = console.frames().await;
    assert!(matches!(&frames[0].change, Change::RoomGone { sid: gone } if *gone == sid));
}

#[tokio::test]
async fn the_seventeenth_console_is_told_so() {
    let mut watched = watched();
    watched.watch.look().await;
    let mut consoles = Vec::new();
    for _ in 0..api::live::MAX_CONSOLES {
        consoles.push(watched.stream("/admin/stream").await);
    }
    let refused = watched.get("/admin/stream").await;
    assert_eq!(refused.status, 429);
    assert!(refused.text().contains("16 consoles"), "{}", refused.text());
    consoles.pop();
    watched.stream("/admin/stream").await;
    let long = format!("/admin/stream?room={}", "x".repeat(257));
    assert_eq!(watched.get(&long).await.status, 400);
}

/// The most that the kernel and hyper hold for somebody who does not read: a socket's buffer, and
/// hyper's of some 400 KiB.
const IN_BETWEEN: usize = 1024 * 1024;

/// Over the real socket: one console stops reading for sixty looks, the other does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_that_stops_is_told_anew_and_the_others_do_not_notice() {
    const ROOMS: usize = 1_000;
    const LOOKS: usize = 60;
    let mut watched = watched();
    for number in 0..ROOMS {
        watched.create(&format!("ward-{number}")).await;
    }
    watched.watch.look().await;
    let path = watched.a_box.folder().join("admin.sock");
    let listener = api::bind_unix(&path).unwrap();
    let router = api::admin_router(watched.a_box.api().with_live(watched.live.clone()));
    let served = tokio::spawn(api::serve_unix(listener, router, std::future::pending()));
    let mut stopped = Reader::open(&path).await;
    let mut other = Reader::open(&path).await;
    let snapshot = stopped.until_box_or_snapshot().await;
    assert_eq!(snapshot, (0, 1));
    stopped.rest_of_rooms(ROOMS - 500).await;
    other.until_box_or_snapshot().await;
    other.rest_of_rooms(ROOMS - 500).await;
    let before = stopped.bytes;
    for look in 0..LOOKS {
        let locked = look % 2 == 0;
        let lock_all = move |c: &mut control::Control| {
            for number in 0..ROOMS {
                c.set_room_locked(&format!("ward-{number}"), locked)
                    .unwrap();
            }
        };
        watched.a_box.control.run(lock_all).await.unwrap();
        watched.watch.look().await;
        // Every change of every room, every second.
        assert_eq!(
            other.until_box_or_snapshot().await,
            (ROOMS, 0),
            "look {look}"
        );
    }
    let mut rooms = 0;
    loop {
        let (changed, snapshots) = stopped.until_box_or_snapshot().await;
        rooms += changed;
        if snapshots == 1 {
            break;
        }
        assert!(rooms < ROOMS * LOOKS, "all of it had waited");
    }
    let waited = stopped.bytes - before;
    assert!(
        waited < IN_BETWEEN + snapshot_bytes(&stopped),
        "{waited} bytes had waited"
    );
    served.abort();
}

fn snapshot_bytes(reader: &Reader) -> usize {
    reader.last_line
}

/// A console on the socket, line by line.
struct Reader {
    lines: BufReader<UnixStream>,
    bytes: usize,
    last_line: usize,
}

impl Reader {
    async fn open(path: &std::path::Path) -> Self {
        let mut stream = UnixStream::connect(path).await.unwrap();
        let head = "GET /admin/stream HTTP/1.0\r\nhost: a\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut reader = Self {
            lines: BufReader::new(stream),
            bytes: 0,
            last_line: 0,
        };
        // HTTP/1.0: no chunks. The head ends with an empty line.
        while !reader.line().await.trim().is_empty() {}
        reader
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line);
        let read = tokio::time::timeout(Duration::from_secs(20), read).await;
        self.last_line = read.expect("the box goes on").unwrap();
        assert!(self.last_line > 0, "the box closed the stream");
        self.bytes += self.last_line;
        line
    }

    /// Changes of rooms until the second is over: a `box` line, or a snapshot.
    async fn until_box_or_snapshot(&mut self) -> (usize, usize) {
        let mut rooms = 0;
        loop {
            let line = self.line().await;
            let frame: Frame = serde_json::from_str(&line).unwrap();
            match frame.change {
                Change::Room { .. } => rooms += 1,
                Change::Snapshot { .. } => return (rooms, 1),
                Change::Box { .. } => return (rooms, 0),
                _ => {}
            }
        }
    }

    async fn rest_of_rooms(&mut self, count: usize) {
        for _ in 0..count {
            let line = self.line().await;
            assert!(line.contains("\"change\":\"room\""), "{line}");
        }
    }
}

/// The real fault of a media thread that ends.
#[tokio::test]
async fn a_media_thread_that_ended_is_an_alarm() {
    let mut watched = watched();
    watched.figures(&[]);
    watched.watch.look().await;
    assert_eq!(
        watched.get("/admin/alarms").await.json()["alarms"],
        json!([])
    );
    let (lane, _) = bounded(1);
    drop(std::mem::replace(&mut watched.lane, lane));
    let mut looks = 0;
    while watched.live.alarms().alarms().is_empty() {
        watched.watch.look().await;
        // It must last five seconds.
        tokio::time::sleep(Duration::from_millis(100)).await;
        looks += 1;
        assert!(looks < 200, "no alarm");
    }
    assert_eq!(watched.live.alarms().alarms()[0].id, "MEDIA-DOWN:media-0");
}

#[tokio::test]
async fn a_network_from_which_nobody_gets_udp_is_an_alarm() {
    let mut watched = watched();
    for host in 1..=3 {
        let origin = logbook::Origin {
            remote: format!("10.30.0.{host}:9").parse().unwrap(),
            local: "10.0.0.1:443".parse().unwrap(),
            secure: true,
        };
        let logbook = watched.a_box.control.logbook();
        let attempt = logbook.begin(attempt::Door::Rtc, Some(origin));
        logbook.note(attempt, |record, now| {
            let mut transport = attempt::Transport::default();
            transport.candidates.udp = 1;
            // Longer ago than a first check takes.
            transport.described(UnixMillis(now.0 - 10_000));
            record.add_transport(transport);
        });
        watched.watch.look().await;
        let raised = watched.live.alarms().alarms();
        let raised: Vec<&str> = raised.iter().map(|alarm| alarm.id.as_str()).collect();
        let is_raised = raised.contains(&"UDP-BLOCK:10.30.0.0/24");
        assert_eq!(is_raised, host == 3, "{raised:?}");
    }
}
