#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::super::picture::Sight;
use super::super::{Live, MAX_CONSOLES, SubscribeError};
use super::*;
use ::watch::{AlarmBoard, Transports};
use std::collections::BTreeMap;
use wire::admin::{
    AlarmScore, AlarmState, AlarmView, BoxView, Change, Frame, LiveRoom, Priority, RoomDetail,
};

/// Every seed once found a bug, or guards the default.
const SEEDS: [u64; 4] = [1, 4711, 0x0BAD_F00D, 0xDEAD_BEEF];

fn room(number: u64, people: u32) -> LiveRoom {
    LiveRoom {
        sid: format!("RM_{number:012}"),
        name: format!("ward-{number} \"\u{1b}[2J\u{202e}"),
        created_at_ms: 5,
        people,
        devices: 0,
        waiting: 0,
        path: None,
        loss_permille: None,
        rtt_ms: None,
        recording: false,
        hold: false,
        locked: false,
        alarm: None,
        flags: Vec::new(),
        ward: None,
        end_requests: Vec::new(),
        card_holders: Vec::new(),
    }
}

fn alarm(id: &str, count: u32) -> AlarmView {
    AlarmView {
        id: id.to_owned(),
        code: id.to_owned(),
        priority: Priority::Low,
        subject: "box".to_owned(),
        state: AlarmState::Unacknowledged,
        raised_at_ms: 1,
        cause: String::new(),
        consequence: String::new(),
        action: String::new(),
        time_allowed_s: 1,
        by: None,
        reason: None,
        until_ms: None,
        silenced_until_ms: None,
        count,
    }
}

/// A box whose pictures the test makes.
struct TheBox {
    live: Live,
    pictures: latest::Sender<Option<Arc<Picture>>>,
    rooms: BTreeMap<u64, u32>,
    alarms: BTreeMap<&'static str, u32>,
    second: u64,
}

impl TheBox {
    fn new() -> Self {
        let (pictures, seen) = latest::channel(None);
        Self {
            live: Live::new(AlarmBoard::in_memory(), Transports::default(), seen),
            pictures,
            rooms: BTreeMap::new(),
            alarms: BTreeMap::new(),
            second: 0,
        }
    }

    fn pass(&mut self) {
        self.second += 1;
        let asked = self.live.shared.wanted();
        let details = asked.keys().filter_map(|sid| {
            let number = sid.strip_prefix("RM_")?.parse().ok()?;
            let detail = RoomDetail {
                room: room(number, *self.rooms.get(&number)?),
                participants: Vec::new(),
            };
            Some((sid.clone(), detail))
        });
        let details = details.collect();
        drop(asked);
        let sight = Sight {
            at_ms: self.second * 1_000,
            health: BoxView {
                events: self.second,
                ..BoxView::default()
            },
            rooms: self
                .rooms
                .iter()
                .map(|(number, people)| room(*number, *people))
                .collect(),
            alarms: self
                .alarms
                .iter()
                .map(|(id, count)| alarm(id, *count))
                .collect(),
            score: AlarmScore {
                per_hour: self.alarms.values().sum(),
                ..AlarmScore::default()
            },
            details,
        };
        let before = self.pictures.borrow().clone();
        let picture = Picture::new(sight, before.as_deref());
        self.pictures.send_replace(Some(Arc::new(picture)));
    }

    fn subscribe(&self, room: Option<&str>) -> Console {
        let subscription = self
            .live
            .subscribe(Role::Viewer, room.map(str::to_owned))
            .unwrap();
        Console {
            subscription,
            known: Known::default(),
            snapshots: 0,
            largest: 0,
        }
    }

    fn truth(&self) -> Known {
        Known {
            rooms: self
                .rooms
                .iter()
                .map(|(n, people)| (room(*n, 0).sid, room(*n, *people)))
                .collect(),
            alarms: self
                .alarms
                .iter()
                .map(|(id, count)| ((*id).to_owned(), alarm(id, *count)))
                .collect(),
            score: AlarmScore {
                per_hour: self.alarms.values().sum(),
                ..AlarmScore::default()
            },
            events: self.second,
            detail: None,
        }
    }
}

/// What a console knows, from frames alone.
#[derive(Debug, Default, PartialEq)]
struct Known {
    rooms: BTreeMap<String, LiveRoom>,
    alarms: BTreeMap<String, AlarmView>,
    score: AlarmScore,
    events: u64,
    detail: Option<RoomDetail>,
}

struct Console {
    subscription: Subscription,
    known: Known,
    snapshots: usize,
    largest: usize,
}

impl Console {
    /// Reads one piece of the answer.
    async fn read(&mut self) -> Option<usize> {
        let before = self.subscription.sequence;
        let lines = self.subscription.next().await?;
        self.largest = self.largest.max(lines.len());
        let mut frames = 0;
        for line in lines
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let text = std::str::from_utf8(line).unwrap();
            let frame: Frame = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
            assert_eq!(frame.sequence, before + frames, "rises by one per frame");
            self.take(frame.change);
            frames += 1;
        }
        Some(usize::try_from(frames).unwrap())
    }

    /// Reads until everything of the newest picture is told.
    async fn catch_up(&mut self) {
        self.read().await.unwrap();
        while matches!(self.subscription.told, Told::Partly(..)) {
            self.read().await.unwrap();
        }
    }

    fn take(&mut self, change: Change) {
        let known = &mut self.known;
        match change {
            Change::Snapshot {
                rooms,
                alarms,
                score,
                health,
                role,
            } => {
                assert_eq!(role, Role::Viewer);
                self.snapshots += 1;
                *known = Known {
                    rooms: rooms
                        .into_iter()
                        .map(|room| (room.sid.clone(), room))
                        .collect(),
                    alarms: alarms
                        .into_iter()
                        .map(|alarm| (alarm.id.clone(), alarm))
                        .collect(),
                    score,
                    events: health.events,
                    detail: None,
                };
            }
            Change::Room { room } => {
                known.rooms.insert(room.sid.clone(), room);
            }
            Change::RoomGone { sid } => assert!(known.rooms.remove(&sid).is_some(), "{sid}"),
            Change::Detail { detail } => known.detail = Some(*detail),
            Change::Alarm { alarm } => {
                known.alarms.insert(alarm.id.clone(), alarm);
            }
            Change::AlarmGone { id } => assert!(known.alarms.remove(&id).is_some(), "{id}"),
            Change::Score { score } => known.score = score,
            Change::Box { health } => known.events = health.events,
        }
    }
}

#[tokio::test]
async fn whoever_only_listens_knows_what_is_so_however_slow_it_is() {
    for seed in SEEDS {
        let (mut rng, mut a_box) = (fastrand::Rng::with_seed(seed), TheBox::new());
        a_box.pass();
        let mut consoles = [a_box.subscribe(None), a_box.subscribe(None)];
        for round in 0..300 {
            for _ in 0..rng.usize(..8) {
                let number = rng.u64(..12);
                if rng.bool() {
                    a_box.rooms.insert(number, rng.u32(..3));
                } else {
                    a_box.rooms.remove(&number);
                }
                let id = ["A", "B", "C"][rng.usize(..3)];
                if rng.bool() {
                    a_box.alarms.insert(id, rng.u32(..3));
                } else {
                    a_box.alarms.remove(id);
                }
            }
            a_box.pass();
            // The first reads every second, the second when it likes.
            consoles[0].catch_up().await;
            assert_eq!(
                consoles[0].known,
                a_box.truth(),
                "seed {seed} round {round}"
            );
            if rng.u8(..7) == 0 {
                consoles[1].catch_up().await;
                assert_eq!(
                    consoles[1].known,
                    a_box.truth(),
                    "seed {seed} round {round}"
                );
            }
        }
        assert_eq!(consoles[0].snapshots, 1, "a console that keeps up gets one");
        assert!(
            consoles[1].snapshots > 1,
            "a slow one gets a new one now and then"
        );
    }
}

#[tokio::test]
async fn a_console_that_was_stopped_gets_one_new_snapshot_and_nothing_waited_for_it() {
    let mut a_box = TheBox::new();
    a_box.rooms = (0..1_000).map(|number| (number, 2)).collect();
    a_box.pass();
    let (mut stopped, mut other) = (a_box.subscribe(None), a_box.subscribe(None));
    stopped.catch_up().await;
    other.catch_up().await;
    for second in 0..60 {
        a_box.rooms.insert(second % 1_000, second as u32);
        a_box.pass();
        other.catch_up().await;
        assert_eq!(other.known, a_box.truth());
    }
    let held = Arc::strong_count(a_box.pictures.borrow().as_ref().unwrap());
    assert_eq!(
        held, 2,
        "the newest is held by the box and the console that has it"
    );
    stopped.catch_up().await;
    assert_eq!(stopped.known, a_box.truth());
    assert_eq!((stopped.snapshots, other.snapshots), (2, 1));
}

#[tokio::test]
async fn ten_thousand_rooms_come_in_pieces_of_less_than_a_mebibyte() {
    let mut a_box = TheBox::new();
    a_box.rooms = (0..10_000).map(|number| (number, 2)).collect();
    a_box.pass();
    let mut console = a_box.subscribe(None);
    console.catch_up().await;
    assert_eq!(console.known, a_box.truth());
    assert!(console.largest < 1024 * 1024 / 2, "{}", console.largest);
}

#[tokio::test]
async fn nothing_different_is_one_line_a_second() {
    let mut a_box = TheBox::new();
    a_box.rooms.insert(1, 2);
    a_box.alarms.insert("A", 1);
    a_box.pass();
    let mut console = a_box.subscribe(None);
    console.catch_up().await;
    a_box.pass();
    assert_eq!(
        console.read().await,
        Some(1),
        "how the box is: the link lives"
    );
}

#[tokio::test]
async fn a_room_is_told_in_full_to_those_who_look_into_it_while_they_do() {
    let mut a_box = TheBox::new();
    a_box.rooms.insert(1, 2);
    let sid = room(1, 0).sid;
    let mut console = a_box.subscribe(Some(&sid));
    let mut other = a_box.subscribe(None);
    a_box.pass();
    console.catch_up().await;
    other.catch_up().await;
    assert_eq!(console.known.detail.as_ref().unwrap().room, room(1, 2));
    assert_eq!(other.known.detail, None);
    a_box.rooms.insert(1, 3);
    a_box.pass();
    console.catch_up().await;
    assert_eq!(console.known.detail.as_ref().unwrap().room, room(1, 3));
    drop(console);
    assert!(a_box.live.shared.wanted().is_empty());
}

#[tokio::test]
async fn the_seventeenth_console_is_told_so_and_comes_in_when_one_leaves() {
    let a_box = TheBox::new();
    let mut consoles: Vec<_> = (0..MAX_CONSOLES).map(|_| a_box.subscribe(None)).collect();
    let refused = a_box.live.subscribe(Role::Admin, None).map(drop);
    assert_eq!(refused, Err(SubscribeError::TooMany));
    consoles.pop();
    a_box.subscribe(None);
}

#[tokio::test]
async fn every_subscription_ends_when_the_box_does() {
    let mut a_box = TheBox::new();
    a_box.pass();
    let mut console = a_box.subscribe(None);
    console.catch_up().await;
    let mut waiting = a_box.subscribe(None);
    drop(a_box.pictures);
    assert_eq!(console.read().await, None);
    // What was so last is still told.
    assert!(waiting.read().await.is_some());
    assert_eq!(waiting.read().await, None);
}
