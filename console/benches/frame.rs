//! One frame at 200×50 with 1,000 rooms (≤ 5 ms), and what a second of news costs.
#![allow(
    clippy::expect_used,
    missing_docs,
    reason = "a benchmark ends when the console does not begin"
)]

use criterion::{Criterion, criterion_group, criterion_main};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ringward_console::Headless;
use std::hint::black_box;
use wire::admin::{AlarmScore, Change, Frame, LiveRoom, Path, Role};

const ROOMS: usize = 1_000;

fn room(n: usize, loss: u16) -> LiveRoom {
    LiveRoom {
        sid: format!("RM_{n:012}"),
        name: format!("WARD-{n}"),
        created_at_ms: 1_795_745_000_000,
        people: 3,
        devices: 1,
        waiting: 0,
        path: Some(Path::Udp),
        loss_permille: Some(loss),
        rtt_ms: Some(18),
        recording: n.is_multiple_of(3),
        hold: false,
        locked: false,
        alarm: None,
        flags: if n.is_multiple_of(7) {
            vec!["poor".to_owned()]
        } else {
            Vec::new()
        },
        ward: Some("WARD".to_owned()),
        end_requests: Vec::new(),
        card_holders: Vec::new(),
    }
}

fn line(sequence: u64, change: Change) -> Vec<u8> {
    let frame = Frame {
        sequence,
        at_ms: 1_795_745_647_000 + sequence,
        change,
    };
    serde_json::to_vec(&frame).expect("JSON")
}

fn snapshot() -> Vec<u8> {
    let change = Change::Snapshot {
        role: Role::Operator,
        health: Box::default(),
        rooms: (0..ROOMS).map(|n| room(n, (n * 37 % 90) as u16)).collect(),
        alarms: Vec::new(),
        score: AlarmScore::default(),
    };
    line(1, change)
}

fn frames(criterion: &mut Criterion) {
    let snapshot = snapshot();
    for (name, key) in [
        ("overview", "1"),
        ("rooms", "2"),
        ("devices", "4"),
        ("events", "5"),
    ] {
        let mut console = Headless::new().expect("a console");
        assert!(console.hear(&snapshot));
        console.press(key);
        let mut buf = Buffer::empty(Rect::new(0, 0, 200, 50));
        criterion.bench_function(&format!("draw 200x50, 1000 rooms, {name}"), |bencher| {
            bencher.iter(|| console.beat(black_box(&mut buf)));
        });
    }
    let news: Vec<Vec<u8>> = (0..ROOMS)
        .map(|n| line(n as u64 + 2, Change::Room { room: room(n, 5) }))
        .collect();
    let mut console = Headless::new().expect("a console");
    assert!(console.hear(&snapshot));
    criterion.bench_function("hear a second in which all 1000 rooms changed", |bencher| {
        bencher.iter(|| {
            for line in &news {
                assert!(console.hear(black_box(line)));
            }
        });
    });
}

criterion_group!(benches, frames);
criterion_main!(benches);
