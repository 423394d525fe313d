//! A process that is killed loses nothing it acknowledged.
//!
//! The test starts itself again as a child that appends and commits until it is killed, after a
//! number of acknowledgements drawn from a committed seed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use domain::event::Actor;
use domain::{EndReason, Event, EventData};
use ringward_store::{CheckpointFate, ClosedRoom, EventQuery, Stopped, Store, StoreOptions};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use vocab::UnixMillis;

/// Kills per run (`reliability.md` G1 counts 10,000 per release).
const KILLS: u64 = 40;

const SEED: u64 = 4_711;

/// Set in the child: the folder to write to.
const FOLDER: &str = "RINGWARD_CRASH_TEST_FOLDER";

/// Most events in one commit.
const MAX_GROUP: u64 = 8;

#[test]
fn a_killed_process_loses_nothing_it_acknowledged() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        write_until_killed(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut rng = fastrand::Rng::with_seed(SEED);
    let mut acknowledged: BTreeMap<u64, String> = BTreeMap::new();
    let (mut proved, mut used) = (0, 0);
    for kill in 0..KILLS {
        let hooks = kill_after(folder.path(), rng.usize(0..60), &mut acknowledged);

        let replayed = closed_by_full_replay(folder.path(), UnixMillis(kill));
        let (store, recovery) =
            Store::open_with(folder.path(), UnixMillis(kill), &options()).unwrap();
        assert_eq!(recovery.closed, replayed, "kill {kill}: {recovery:?}");
        used += u64::from(matches!(recovery.checkpoint, CheckpointFate::Used { .. }));
        assert_eq!(recovery.restored, 0, "kill {kill}");
        // Each round proves what is new; the last one proves everything once more.
        let from = if kill + 1 == KILLS { 0 } else { proved };
        let found = events_after(&store, from);
        assert!(
            found.keys().copied().eq(from + 1..=recovery.last_sequence),
            "kill {kill}: a gap"
        );
        for (sequence, text) in acknowledged.range(from + 1..) {
            assert_eq!(found.get(sequence), Some(text), "kill {kill}");
        }
        proved = recovery.last_sequence;
        let reader = store.outbox_reader();
        for (sequence, text) in hooks {
            let entry = reader.next_after(sequence - 1).unwrap();
            let found = entry.map(|entry| (entry.sequence, entry.body));
            assert_eq!(
                found,
                Some((sequence, text.into_bytes())),
                "kill {kill}: a webhook is lost"
            );
        }
        reader.delivered(u64::MAX).unwrap();
        drop(store);
        assert_eq!(
            Stopped::open(folder.path())
                .unwrap()
                .verify(&mut |_| ())
                .unwrap()
                .records,
            recovery.last_sequence,
            "kill {kill}"
        );
    }
    assert!(used > KILLS / 2, "{used} starts used a checkpoint");
    assert!(
        acknowledged.len() as u64 > KILLS,
        "{} acknowledged",
        acknowledged.len()
    );
}

/// What a start without any checkpoint closes, on a copy of the journal.
fn closed_by_full_replay(folder: &Path, now: UnixMillis) -> Vec<ClosedRoom> {
    let copy = tempfile::tempdir().unwrap();
    let journal = copy.path().join("journal");
    std::fs::create_dir(&journal).unwrap();
    for file in std::fs::read_dir(folder.join("journal")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), journal.join(file.file_name())).unwrap();
    }
    let (_, recovery) = Store::open_with(copy.path(), now, &options()).unwrap();
    assert_eq!(recovery.checkpoint, CheckpointFate::Missing);
    recovery.closed
}

/// Starts the child, kills it after it has acknowledged `count` commits, and notes everything it
/// acknowledged until it was gone. Returns the webhooks among it.
fn kill_after(
    folder: &Path,
    count: usize,
    acknowledged: &mut BTreeMap<u64, String>,
) -> Vec<(u64, String)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_killed_process_loses_nothing_it_acknowledged",
            "--nocapture",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut hooks = Vec::new();
    let mut acks = 0;
    for line in lines {
        // What stood in the pipe when the child died is acknowledged too.
        let Ok(line) = line else { break };
        let mut words = line.split(' ');
        match (words.next(), words.next(), words.next()) {
            (Some("event"), Some(sequence), Some(text)) => {
                acknowledged.insert(sequence.parse().unwrap(), text.to_owned());
            }
            (Some("hook"), Some(sequence), Some(text)) => {
                hooks.push((sequence.parse().unwrap(), text.to_owned()));
            }
            (Some("ready" | "end"), None, None) => acks += 1,
            _ => {}
        }
        if acks == count + 1 {
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success());
    assert!(acks > count, "the child ended by itself after {acks}");
    hooks
}

fn write_until_killed(folder: &Path) -> ! {
    let (mut store, recovery) = Store::open_with(folder, UnixMillis(0), &options()).unwrap();
    let mut rng = fastrand::Rng::with_seed(recovery.last_sequence);
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nready").unwrap();
    loop {
        let mut said = Vec::new();
        for _ in 0..rng.u64(1..=MAX_GROUP) {
            let text = format!("{:x}", rng.u64(..));
            let sequence = store.append(&event(&text, rng.u8(0..20))).unwrap();
            writeln!(said, "event {sequence} {text}").unwrap();
        }
        let text = format!("{:x}", rng.u64(..));
        let hook = store.outbox().push(text.as_bytes()).unwrap();
        writeln!(said, "hook {hook} {text}\nend").unwrap();
        store.commit().unwrap();
        out.write_all(&said).unwrap();
        out.flush().unwrap();
    }
}

/// An event that carries `text`; some open a presence in one of a few rooms, few end one.
fn event(text: &str, kind: u8) -> Event {
    let data = match kind {
        5 => EventData::RoomDestroyed {
            reason: EndReason::RoomEmpty,
        },
        0..=4 => EventData::OccupantJoined {
            client: text.to_owned(),
        },
        _ => EventData::P2pSessionEnded {
            sid: text.to_owned(),
        },
    };
    Event {
        at: UnixMillis(1),
        room: format!("RM_{}", kind % 5).into(),
        room_name: "ward".into(),
        actor: Some(Actor {
            identity: "a".into(),
            sid: text.into(),
        }),
        peer: None,
        data,
    }
}

fn events_after(store: &Store, after: u64) -> BTreeMap<u64, String> {
    let reader = store.reader();
    let mut found = BTreeMap::new();
    let mut query = EventQuery {
        after: Some(after),
        ..EventQuery::default()
    };
    loop {
        let page = reader.events(&query).unwrap();
        found.extend(page.items.into_iter().map(|stored| {
            let text = stored.event.actor.map(|actor| actor.sid.to_string());
            let text = text.unwrap_or_default();
            (stored.sequence, text)
        }));
        query.after = page.next;
        if query.after.is_none() {
            return found;
        }
    }
}

/// Small files, so that kills meet their creation too.
fn options() -> StoreOptions {
    StoreOptions {
        segment_bytes: 8 * 1024,
        ballast_bytes: 64 * 1024,
        outbox_segment_bytes: 1_024,
        checkpoint_events: 8,
        ..StoreOptions::default()
    }
}
