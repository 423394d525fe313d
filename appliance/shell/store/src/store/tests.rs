//! Whole stores on a real folder: crashes, damage, rebuilding, locking.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use super::*;
use crate::error::ReadError;
use crate::error::RecoverJournalError;
use crate::index::sessions::Sessions;
use crate::index::{CACHE_BYTES, Index};
use crate::journal::log::Log;
use crate::query::{EventQuery, Page, SessionQuery};
use crate::reader::IndexState;
use crate::samples;
use crate::vfs::simulated::{Fault, SimulatedDisk};
use domain::event::Actor;
use domain::{EndReason, EventData};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

#[test]
fn what_is_committed_can_be_read_and_what_is_not_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, recovery) = open(&folder);
    assert_eq!(recovery, Recovery::default());
    assert_eq!(fate(&store), IndexFate::Created);
    let reader = store.reader();
    store.append(&samples::event(0)).unwrap();
    assert_eq!(events(&reader).len(), 0);
    store.commit().unwrap();
    store.commit().unwrap();
    assert_eq!(events(&reader).len(), 1);
    assert_eq!(reader.last_sequence(), 1);
    drop(store);
    assert!(matches!(
        reader.events(&EventQuery::default()),
        Err(ReadError::Closed)
    ));
}

#[test]
fn a_start_after_a_crash_closes_what_was_open_and_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = open(&folder);
    for event in [
        fact("RM_1", None, EventData::RoomCreated),
        fact(
            "RM_1",
            Some("a"),
            EventData::OccupantJoined {
                client: "js".to_owned(),
            },
        ),
        fact(
            "RM_1",
            Some("b"),
            EventData::OccupantJoined {
                client: "js".to_owned(),
            },
        ),
        fact("RM_2", None, EventData::RoomCreated),
        fact("RM_3", None, EventData::RoomCreated),
        fact(
            "RM_3",
            None,
            EventData::RoomDestroyed {
                reason: EndReason::RoomEmpty,
            },
        ),
    ] {
        store.append(&event).unwrap();
    }
    store.commit().unwrap();
    drop(store);

    let (store, recovery) = open(&folder);
    let closed = |sid: &str, people: &[&str]| ClosedRoom {
        sid: sid.into(),
        name: "ward".into(),
        opened_at: UnixMillis(NOW.0 - 5_000),
        presences: people
            .iter()
            .map(|who| ClosedPresence {
                sid: format!("PA_{who}").into(),
                identity: (*who).into(),
                joined_at: UnixMillis(NOW.0 - 5_000),
            })
            .collect(),
    };
    assert_eq!(
        recovery.closed,
        [closed("RM_1", &["a", "b"]), closed("RM_2", &[])]
    );
    let reader = store.reader();
    let reset = EndReason::SystemReset;
    let left = EventData::OccupantLeft {
        reason: reset,
        duration_ms: 5_000,
    };
    let told: Vec<_> = events(&reader)
        .into_iter()
        .skip(6)
        .map(|e| (e.event.room.to_string(), e.event.data))
        .collect();
    assert_eq!(
        told,
        [
            ("RM_1".to_owned(), EventData::SystemReset),
            ("RM_1".to_owned(), left.clone()),
            ("RM_1".to_owned(), left),
            (
                "RM_1".to_owned(),
                EventData::RoomDestroyed { reason: reset }
            ),
            ("RM_2".to_owned(), EventData::SystemReset),
            (
                "RM_2".to_owned(),
                EventData::RoomDestroyed { reason: reset }
            ),
        ]
    );
    let room = reader.room(&"RM_1".into()).unwrap().unwrap();
    assert_eq!((room.reason, room.present), (Some(reset), 0));
    assert!(
        room.participants
            .iter()
            .all(|p| p.reason == Some(reset) && p.duration_ms == Some(5_000))
    );
    drop(store);
    let (_, recovery) = open(&folder);
    assert_eq!((recovery.closed, recovery.last_sequence), (vec![], 12));
}

#[test]
fn an_index_that_is_gone_is_built_again_the_same() {
    let folder = filled(300);
    let before = answers(&folder);
    let dump = dump(&folder);
    fs::remove_dir_all(folder.path().join("index")).unwrap();
    let (store, _) = open(&folder);
    assert_eq!(fate(&store), IndexFate::Created);
    drop(store);
    assert_eq!(answers(&folder), before);
    assert_eq!(self::dump(&folder), dump);
}

#[test]
fn an_index_that_is_behind_is_caught_up() {
    let folder = filled(100);
    let (early, late) = (
        folder.path().join("index"),
        folder.path().join("index.kept"),
    );
    copy(&early, &late);
    let (mut store, _) = open(&folder);
    for n in 100..2_500 {
        store.append(&samples::event(n)).unwrap();
    }
    store.commit().unwrap();
    drop(store);
    let want = answers(&folder);
    fs::remove_dir_all(&early).unwrap();
    fs::rename(&late, &early).unwrap();
    let (store, _) = open(&folder);
    assert_eq!(fate(&store), IndexFate::Kept);
    drop(store);
    assert_eq!(answers(&folder), want);
}

#[test]
fn a_damaged_index_never_stops_the_box_and_never_answers_wrongly() {
    let folder = filled(400);
    let want = answers(&folder);
    let good = folder.path().join("good");
    copy(&folder.path().join("index"), &good);
    let files: Vec<_> = walk(&good)
        .into_iter()
        .map(|p| p.strip_prefix(&good).unwrap().to_path_buf())
        .collect();
    let mut rng = fastrand::Rng::with_seed(4711);
    let mut fates = BTreeSet::new();
    for case in 0..40 {
        let index = folder.path().join("index");
        fs::remove_dir_all(&index).unwrap();
        copy(&good, &index);
        let file = index.join(&files[case % files.len()]);
        let mut bytes = fs::read(&file).unwrap();
        match rng.u8(0..4) {
            0 => bytes.truncate(rng.usize(0..=bytes.len())),
            1 => bytes.fill(0),
            2 => bytes
                .iter_mut()
                .for_each(|byte| *byte ^= u8::from(rng.u8(..) == 0)),
            _ => bytes
                .iter_mut()
                .skip(rng.usize(0..4_096))
                .take(64)
                .for_each(|byte| *byte = rng.u8(..)),
        }
        fs::write(&file, bytes).unwrap();
        let (store, _) = open(&folder);
        let reader = store.reader();
        let fate = fate(&store);
        let asked = ask(&reader);
        drop(store);
        if let Ok(found) = asked {
            assert_eq!(found, want, "case {case}, {file:?}");
        } else {
            // Found by a question: the next start rebuilds.
            let (store, _) = open(&folder);
            let fate = self::fate(&store);
            assert!(
                matches!(fate, IndexFate::Rebuilt { .. }),
                "case {case}: {fate:?}"
            );
            assert_eq!(ask(&store.reader()).unwrap(), want, "case {case}");
        }
        fates.insert(match fate {
            IndexFate::Rebuilt { moved_to, .. } => {
                assert!(moved_to.exists());
                "rebuilt"
            }
            IndexFate::Healed { .. } => "healed",
            _ => "kept",
        });
    }
    assert!(
        fates.contains("rebuilt") && fates.contains("healed"),
        "{fates:?}"
    );
    let broken = fs::read_dir(folder.path()).unwrap().filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with("index.broken-")
    });
    assert_eq!(broken.count(), 2, "older ones are dropped");
}

#[test]
fn a_question_that_panics_closes_the_index_and_the_next_start_rebuilds_it() {
    let folder = filled(20);
    let want = answers(&folder);
    let (mut store, _) = open(&folder);
    let reader = store.reader();
    let panicked = store
        .shared
        .ask(|_| -> Result<(), ReadError> { panic!("as sled does") });
    assert!(matches!(panicked, Err(ReadError::Closed)));
    assert!(matches!(
        reader.rooms(&SessionQuery::default()),
        Err(ReadError::Closed)
    ));
    // The journal goes on without it, and tells events.
    let found = reader.events(&EventQuery::default()).unwrap();
    assert_eq!(found.items, want.0);
    store
        .append(&fact("RM_9", None, EventData::MessageSent))
        .unwrap();
    store
        .append(&fact(
            "RM_9",
            None,
            EventData::RoomDestroyed {
                reason: EndReason::RoomEmpty,
            },
        ))
        .unwrap();
    store.commit().unwrap();
    drop(store);
    let (store, _) = open(&folder);
    let fate = fate(&store);
    assert!(matches!(fate, IndexFate::Rebuilt { .. }), "{fate:?}");
    assert_eq!(events(&store.reader()).len(), want.0.len() + 2);
    drop(store);
    assert_eq!(self::fate(&open(&folder).0), IndexFate::Kept);
}

#[test]
fn acknowledged_records_that_rot_off_the_end_are_written_again_from_the_checkpoint() {
    let folder = filled(50);
    let want = answers(&folder);
    let file = newest(&folder);
    let intact = fs::read(&file).unwrap();
    let mut bytes = intact.clone();
    let last = bytes.len() - 3;
    bytes[last] ^= 1;
    fs::write(&file, bytes).unwrap();
    let (store, recovery) = open(&folder);
    assert_eq!((recovery.restored, recovery.lost), (1, 0));
    assert_eq!(fate(&store), IndexFate::Kept);
    drop(store);
    assert_eq!(answers(&folder), want);
    assert_eq!(verified(&folder).unwrap().records, want.0.len() as u64);
}

#[test]
fn an_index_of_another_journal_is_replaced() {
    let (folder, other) = (filled(50), filled(80));
    let want = answers(&folder);
    let index = folder.path().join("index");
    fs::remove_dir_all(&index).unwrap();
    // As long, but not the same: event times differ by the order they were appended in.
    let (mut store, _) = open(&other);
    store.append(&samples::event(1)).unwrap();
    store.commit().unwrap();
    drop(store);
    copy(&other.path().join("index"), &index);
    let (store, _) = open(&folder);
    let fate = fate(&store);
    assert!(matches!(fate, IndexFate::Rebuilt { .. }), "{fate:?}");
    drop(store);
    assert_eq!(answers(&folder), want);
}

#[test]
fn a_folder_in_use_says_by_whom() {
    let folder = tempfile::tempdir().unwrap();
    let _held = open(&folder);
    let error = Store::open_with(folder.path(), NOW, &options())
        .err()
        .unwrap();
    let said = error.to_string();
    assert!(
        said.contains(&format!("process {}", std::process::id())) && said.contains("--data"),
        "{said}"
    );
}

#[test]
fn a_folder_that_cannot_be_made_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "").unwrap();
    let said = Store::open(&path.join("data"), NOW)
        .err()
        .unwrap()
        .to_string();
    assert!(
        said.contains("cannot be used") && said.contains("--data"),
        "{said}"
    );
}

#[test]
fn nobody_else_may_look_inside() {
    let folder = filled(3);
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.path().to_path_buf()), 0o700);
    assert_eq!(mode(folder.path().join("journal")), 0o700);
    assert_eq!(mode(folder.path().join("outbox")), 0o700);
    assert_eq!(mode(newest(&folder)), 0o600);
    assert_eq!(mode(folder.path().join("lock")), 0o600);
}

#[test]
fn followers_wake_when_events_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = open(&folder);
    let reader = store.reader();
    assert_eq!(reader.wait_after(0, Duration::ZERO), 0);
    let follower = std::thread::spawn(move || {
        let last = reader.wait_after(0, Duration::from_mins(1));
        (last, events(&reader).len())
    });
    store.append(&samples::event(0)).unwrap();
    store.commit().unwrap();
    assert_eq!(follower.join().unwrap(), (1, 1));
}

#[test]
fn damage_in_an_older_file_is_found_while_the_box_serves() {
    let folder = filled(500);
    let count = answers(&folder).0.len() as u64;
    assert_eq!(health(&folder), JournalHealth::Sound(count));
    let mut files = walk(&folder.path().join("journal"));
    files.sort();
    let mut bytes = fs::read(&files[1]).unwrap();
    bytes[200] ^= 1;
    fs::write(&files[1], bytes).unwrap();
    let JournalHealth::Damaged(said) = health(&folder) else {
        panic!("not found")
    };
    assert!(said.contains(&*files[1].to_string_lossy()), "{said}");
    assert!(verified(&folder).is_err());
}

#[test]
fn the_ballast_is_held_and_given_up_for_the_outbox_too() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SimulatedDisk::default();
    let options = StoreOptions {
        ballast_bytes: 10_000,
        ..options()
    };
    let on = Arc::new(disk.clone());
    let (mut store, _) = Store::open_on(on, folder.path(), NOW, &options, &mut |_| vec![]).unwrap();
    store.reader().wait_for_index(Duration::from_mins(2));
    disk.set_capacity(Some(disk.used() + 10));
    store.outbox().push(b"a webhook").unwrap();
    store.commit().unwrap();
    assert_eq!(
        store.outbox_reader().peek().unwrap().unwrap().body,
        b"a webhook"
    );
    disk.set_capacity(Some(disk.used()));
    store.append(&samples::event(0)).unwrap();
    assert!(matches!(store.commit(), Err(StoreError::DiskFull { .. })));
    assert_eq!(
        events(&store.reader()).len(),
        0,
        "not acknowledged, not shown"
    );
    disk.set_capacity(None);
    store.commit().unwrap();
    assert_eq!(events(&store.reader()).len(), 1);
}

#[test]
fn a_start_closes_the_same_rooms_with_a_whole_damaged_stale_foreign_or_no_checkpoint() {
    let options = StoreOptions {
        checkpoint_events: 16,
        ..options()
    };
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open_with(folder.path(), NOW, &options).unwrap();
    // Rooms 0 to 2 of the last hundred stay open, with whoever joined last.
    let mut stale = Vec::new();
    for n in 0..330 {
        store.append(&samples::event(n)).unwrap();
        store.commit().unwrap();
        if n == 120 {
            stale = store.checkpoint();
        }
    }
    drop(store);
    let foreign = {
        let other = tempfile::tempdir().unwrap();
        let (mut store, _) = open(&other);
        for n in 1..=200 {
            store.append(&samples::event(n)).unwrap();
        }
        store.commit().unwrap();
        store.checkpoint()
    };
    let want = {
        let copied = copied(&folder);
        for slot in ["checkpoint.0", "checkpoint.1"] {
            fs::remove_file(copied.path().join(slot)).unwrap();
        }
        let recovery = open(&copied).1;
        assert_eq!(recovery.checkpoint, CheckpointFate::Missing);
        assert_eq!(recovery.replayed, 330);
        recovery.closed
    };
    assert!(!want.is_empty() && want.iter().any(|room| !room.presences.is_empty()));
    let whole = fs::read(folder.path().join("checkpoint.0")).unwrap();
    let mut flipped = whole.clone();
    flipped[40] ^= 1;
    let cut = whole[..whole.len() - 1].to_vec();
    let cases: [(&str, &[&[u8]]); 7] = [
        ("as it was left", &[]),
        ("one bit changed in both", &[&flipped, &flipped]),
        ("cut short", &[&cut, &cut]),
        ("empty", &[b"", b""]),
        ("stale", &[&stale, b""]),
        ("of another journal", &[&foreign, &foreign]),
        ("of another journal beside a stale one", &[&foreign, &stale]),
    ];
    for (name, files) in cases {
        let copied = copied(&folder);
        for (slot, bytes) in files.iter().enumerate() {
            fs::write(copied.path().join(format!("checkpoint.{slot}")), bytes).unwrap();
        }
        let recovery = open(&copied).1;
        assert_eq!(recovery.closed, want, "{name}");
        let (fate, replayed) = match name {
            "as it was left" => (CheckpointFate::Used { sequence: 330 }, 0),
            "stale" | "of another journal beside a stale one" => {
                (CheckpointFate::Used { sequence: 121 }, 330 - 121)
            }
            _ => (CheckpointFate::Ignored, 330),
        };
        assert_eq!(
            (recovery.checkpoint, recovery.replayed),
            (fate, replayed),
            "{name}"
        );
    }
}

#[test]
fn a_checkpoint_cut_short_at_any_step_leaves_the_one_before() {
    let dir = Path::new("/data");
    let bytes = |sequence| Checkpoint::encode(sequence, [7; 32], &Known::default(), b"group");
    let length = bytes(3).len();
    for seed in 0..8 {
        let mut rng = fastrand::Rng::with_seed(seed);
        for step in 0..=length {
            let disk = SimulatedDisk::default();
            let on: Arc<dyn Vfs> = Arc::new(disk.clone());
            let mut slots = Slots::new(on.clone(), dir, &checkpoint::find(on.as_ref(), dir));
            slots.write(&bytes(1)).unwrap();
            slots.write(&bytes(2)).unwrap();
            slots = Slots::new(on.clone(), dir, &checkpoint::find(on.as_ref(), dir));
            if step == length {
                disk.fail_syncs(true);
            } else {
                let kind = std::io::ErrorKind::Other;
                disk.fail_next_write(Fault { after: step, kind });
            }
            slots.write(&bytes(3)).unwrap_err();
            let after = disk.after_power_loss(&mut rng);
            for disk in [disk, after] {
                let found = checkpoint::find(&disk, dir);
                let latest = found.whole.first().unwrap().sequence;
                assert!(
                    latest == 2 || (step == length && latest == 3),
                    "step {step}, seed {seed}: {latest}"
                );
            }
        }
    }
}

#[test]
fn what_is_open_is_the_same_with_and_without_an_index() {
    for seed in 0..20 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (mut open, mut sessions) = (Known::default().open, Sessions::default());
        let mut ended = std::collections::BTreeMap::new();
        for sequence in 1..600 {
            let event = samples::event(rng.u64(0..400));
            open.apply(&event);
            let stored = StoredEvent { sequence, event };
            let known = |sid: &vocab::RoomSid| Ok::<_, ReadError>(ended.get(sid).cloned());
            sessions.apply(&stored, known).unwrap();
            for room in sessions.take_changes().rooms {
                ended.insert(room.sid.clone(), room);
            }
            let one = open.rooms().map(|(sid, room)| {
                let people: Vec<_> = room.presences.keys().cloned().collect();
                (sid.clone(), people)
            });
            let other = sessions.open_rooms().map(|room| {
                let people = sessions.presences_of(&room.sid);
                (room.sid.clone(), people.map(|p| p.sid.clone()).collect())
            });
            assert!(one.eq(other), "seed {seed}, event {sequence}");
        }
    }
}

#[test]
fn events_are_answered_from_the_journal_while_there_is_no_index() {
    let folder = filled(300);
    let want = answers(&folder).0;
    let index = folder.path().join("index");
    fs::remove_dir_all(&index).unwrap();
    let (mut store, _) = open(&folder);
    let reader = store.reader();
    store.shared.set_state(IndexState::CatchingUp);
    assert_eq!(events_only(&reader), want);
    let error = reader.rooms(&SessionQuery::default()).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("catching up"), "{said}");
    for (actor, newest_first) in [("person-1", false), ("person-2", true)] {
        let query = EventQuery {
            actor: Some(actor.into()),
            newest_first,
            ..EventQuery::default()
        };
        store.shared.set_state(IndexState::CatchingUp);
        let without = pages(&reader, query.clone());
        store.shared.set_state(IndexState::Ready);
        assert_eq!(without, pages(&reader, query), "{actor}");
        assert!(!without.is_empty());
    }
    store.append(&samples::event(0)).unwrap();
    store.commit().unwrap();
}

#[test]
fn rooms_closed_at_the_start_queue_what_tells_of_them_before_they_count_as_closed() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SimulatedDisk::default();
    let open = |disk: &SimulatedDisk| {
        let on = Arc::new(disk.clone());
        let tell = &mut |closed: &ClosedRoom| vec![closed.sid.as_str().as_bytes().to_vec()];
        Store::open_on(on, folder.path(), NOW, &options(), tell)
    };
    let (mut store, _) = open(&disk).unwrap();
    store
        .append(&fact("RM_1", None, EventData::RoomCreated))
        .unwrap();
    store.commit().unwrap();
    drop(store);
    let before = disk.fork();
    // The first thing written is the webhook: without it nothing counts as closed.
    let broken = disk.fork();
    let kind = std::io::ErrorKind::Other;
    broken.fail_next_write(Fault { after: 0, kind });
    let error = open(&broken).err().unwrap();
    assert!(error.to_string().contains("outbox"), "{error}");
    let (store, recovery) = open(&disk).unwrap();
    assert_eq!(recovery.closed.len(), 1);
    let reader = store.outbox_reader();
    assert_eq!(reader.peek().unwrap().unwrap().body, b"RM_1");
    drop(store);
    // Killed between the two: the outbox has it, the journal does not; it is told again.
    for path in disk.paths(&folder.path().join("outbox")) {
        before.edit(&path, |bytes| *bytes = disk.bytes(&path).unwrap());
    }
    let (store, recovery) = open(&before).unwrap();
    assert_eq!((recovery.closed.len(), recovery.outbox_waiting), (1, 1));
    assert_eq!(store.outbox_reader().waiting().0, 2);
}

#[test]
fn a_stopped_box_is_proved_exported_and_its_index_rebuilt() {
    let folder = filled(300);
    let want = answers(&folder);
    let count = want.0.len() as u64;
    let running = open(&folder);
    assert!(matches!(
        Stopped::open(folder.path()),
        Err(OpenStoreError::InUse { .. })
    ));
    drop(running);
    let stopped = Stopped::open(folder.path()).unwrap();
    let verified = stopped.verify(&mut |_| ()).unwrap();
    assert_eq!((verified.records, verified.torn_bytes), (count, 0));
    assert_eq!(verified.audit.entries, 0);
    let mut lines = Vec::new();
    assert_eq!(stopped.export(&mut lines).unwrap(), count);
    let lines: Vec<serde_json::Value> = lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(lines.len() as u64, count);
    for (line, stored) in lines.iter().zip(&want.0) {
        assert_eq!(line["sequence"], stored.sequence);
        let event = serde_json::to_value(&stored.event).unwrap();
        assert_eq!(line["event"], event);
        assert_eq!(line["hash"].as_str().unwrap().len(), 64);
    }
    assert_eq!(stopped.rebuild(NOW, &mut |_, _| ()).unwrap(), count);
    drop(stopped);
    assert_eq!(answers(&folder), want);
    let nowhere = tempfile::tempdir().unwrap();
    assert!(matches!(
        Stopped::open(nowhere.path()),
        Err(OpenStoreError::Folder { .. })
    ));
    assert_eq!(walk(nowhere.path()).len(), 0, "nothing is made by looking");
}

#[test]
fn the_first_wrong_record_is_named_by_file_and_byte() {
    let folder = filled(500);
    let files = walk(&folder.path().join("journal"));
    assert!(files.len() > 3);
    // The last record of an older file, which nothing in that file vouches for; and later ones.
    let bytes = fs::read(&files[1]).unwrap();
    let mut at = 64;
    let mut last = at;
    while let Some(len) = crate::journal::record::length(&bytes[at..]) {
        last = at;
        at += len;
    }
    for (file, offset) in [(3, 64), (1, last), (1, 64)] {
        let mut bytes = fs::read(&files[file]).unwrap();
        bytes[offset + 70] ^= 1;
        fs::write(&files[file], bytes).unwrap();
        let error = verified(&folder).unwrap_err();
        assert!(
            matches!(&error, VerifyError::Journal(RecoverJournalError::Damaged { file: named, offset: at, .. })
                if *named == files[file] && *at == offset as u64),
            "{error}"
        );
    }
}

type Answers = (Vec<StoredEvent>, Page<crate::query::RoomSession>);

fn options() -> StoreOptions {
    StoreOptions {
        segment_bytes: 16 * 1024,
        ballast_bytes: 0,
        ..StoreOptions::default()
    }
}

fn open(folder: &TempDir) -> (Store, Recovery) {
    let opened = Store::open_with(folder.path(), NOW, &options()).unwrap();
    let status = opened.0.reader().wait_for_index(Duration::from_mins(2));
    assert_eq!(status.state, IndexState::Ready);
    opened
}

fn fate(store: &Store) -> IndexFate {
    store.reader().index_status().fate.unwrap()
}

/// A folder with `count` samples, closed as a crash leaves it and opened once more.
fn filled(count: u64) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = open(&folder);
    for n in 0..count {
        store.append(&samples::event(n)).unwrap();
        if n % 9 == 0 {
            store.commit().unwrap();
        }
    }
    store.commit().unwrap();
    drop(store);
    drop(open(&folder));
    folder
}

fn answers(folder: &TempDir) -> Answers {
    let (store, _) = open(folder);
    ask(&store.reader()).unwrap()
}

fn ask(reader: &Reader) -> Result<Answers, ReadError> {
    let rooms = SessionQuery {
        participants: true,
        newest_first: true,
        ..SessionQuery::default()
    };
    let mut events = Vec::new();
    let mut query = EventQuery::default();
    loop {
        let page = reader.events(&query)?;
        events.extend(page.items);
        query.after = page.next;
        if query.after.is_none() {
            return Ok((events, reader.rooms(&rooms)?));
        }
    }
}

fn copied(folder: &TempDir) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    copy(folder.path(), to.path());
    to
}

fn events_only(reader: &Reader) -> Vec<StoredEvent> {
    pages(reader, EventQuery::default())
}

fn pages(reader: &Reader, mut query: EventQuery) -> Vec<StoredEvent> {
    let mut events = Vec::new();
    loop {
        let page = reader.events(&query).unwrap();
        events.extend(page.items);
        query.after = page.next;
        if query.after.is_none() {
            return events;
        }
    }
}

fn events(reader: &Reader) -> Vec<StoredEvent> {
    ask(reader).unwrap().0
}

fn dump(folder: &TempDir) -> Vec<(Vec<u8>, Vec<u8>)> {
    let dir = folder.path().join("journal");
    let log = Arc::new(Log::new(Arc::new(Disk), dir, None, u64::MAX).unwrap());
    Index::open(&folder.path().join("index"), CACHE_BYTES, log)
        .unwrap()
        .dump()
}

fn verified(folder: &TempDir) -> Result<Verified, VerifyError> {
    Stopped::open(folder.path()).unwrap().verify(&mut |_| ())
}

fn health(folder: &TempDir) -> JournalHealth {
    let (store, _) = open(folder);
    let reader = store.reader();
    while reader.journal_health() == JournalHealth::Checking {
        std::thread::yield_now();
    }
    reader.journal_health()
}

fn fact(room: &str, who: Option<&str>, data: EventData) -> Event {
    let actor = who.map(|who| Actor {
        identity: who.into(),
        sid: format!("PA_{who}").into(),
    });
    let at = UnixMillis(NOW.0 - 5_000);
    Event {
        at,
        room: room.into(),
        room_name: "ward".into(),
        actor,
        peer: None,
        data,
    }
}

fn newest(folder: &TempDir) -> PathBuf {
    walk(&folder.path().join("journal"))
        .into_iter()
        .max()
        .unwrap()
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    for file in walk(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, &target).unwrap();
    }
}
