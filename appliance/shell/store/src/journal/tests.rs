//! The journal on a disk that fills up, fails, tears and loses power.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use super::record::{GENESIS, Record};
use super::*;
use crate::samples::event;
use crate::vfs::simulated::{Fault, SimulatedDisk};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Every seed here guards a different tearing of the same journal.
const SEEDS: [u64; 8] = [1, 2, 3, 4711, 0x0BAD_F00D, 0xDEAD_BEEF, 99, 1_000_003];

/// What every truncation is tried on: the last 64 KiB of a file (`reliability.md` G2).
const TORN_BYTES: usize = 64 * 1024;

#[test]
fn the_disk_format_does_not_change() {
    let disk = SimulatedDisk::default();
    let mut journal = open(&disk);
    journal.append(&event(3)).unwrap();
    journal.commit().unwrap();
    journal.append(&event(27)).unwrap();
    journal.commit().unwrap();
    let bytes = disk.bytes(&newest(&disk)).unwrap();
    assert_eq!(crate::index::hex(&bytes), include_str!("golden.hex").trim());
}

#[test]
fn what_was_committed_is_read_back_in_order_across_files() {
    let disk = SimulatedDisk::default();
    let mut journal = open(&disk);
    fill(&mut journal, 0..100, 7);
    assert!(disk.paths(dir()).len() > 3, "several files");
    drop(journal);

    let journal = open(&disk);
    assert_eq!(journal.synced(), 100);
    assert_eq!(sequences(&journal, 1), (1..=100).collect::<Vec<_>>());
    assert_eq!(sequences(&journal, 57), (57..=100).collect::<Vec<_>>());
    assert_eq!(sequences(&journal, 101), Vec::<u64>::new());
    assert_eq!(verify(&disk, 100).unwrap(), 100);
}

#[test]
fn one_commit_is_one_sync_and_an_empty_one_is_none() {
    let disk = SimulatedDisk::default();
    let mut journal = open(&disk);
    journal.append(&event(0)).unwrap();
    journal.commit().unwrap();
    let before = disk.syncs();
    for n in 1..=3 {
        journal.append(&event(n)).unwrap();
    }
    journal.commit().unwrap();
    journal.commit().unwrap();
    assert_eq!(disk.syncs() - before, 1);
}

#[test]
fn every_truncation_of_the_newest_file_leaves_exactly_the_whole_records() {
    let disk = SimulatedDisk::default();
    let mut journal = open_with(&disk, u64::MAX);
    // Longer records than usual: fewer of them to prove 65,536 times.
    for n in 0..70 {
        let room_name = "x".repeat(n as usize * 37 % 2_000).into();
        journal
            .append(&Event {
                room_name,
                ..event(n)
            })
            .unwrap();
        if n % 5 == 0 {
            journal.commit().unwrap();
        }
    }
    journal.commit().unwrap();
    let file = newest(&disk);
    let bytes = disk.bytes(&file).unwrap();
    assert!(bytes.len() > TORN_BYTES, "{} bytes", bytes.len());
    let ends = record_ends(&bytes);
    // One handle, cut shorter and shorter: each step is one recovery.
    for len in (bytes.len() - TORN_BYTES..bytes.len()).rev() {
        disk.edit(&file, |bytes| bytes.truncate(len));
        let tail = recovery::find_tail(&disk, dir()).unwrap();
        let whole = ends.partition_point(|end| *end <= len);
        assert_eq!(tail.sequence, whole as u64, "cut at {len}");
        assert_eq!(tail.len + tail.torn, len as u64, "cut at {len}");
    }
}

#[test]
fn a_truncated_file_goes_on_from_its_last_whole_record() {
    let full = SimulatedDisk::default();
    fill(&mut open_with(&full, u64::MAX), 0..10, 5);
    let file = newest(&full);
    let bytes = full.bytes(&file).unwrap();
    for len in (segment::HEADER_BYTES..bytes.len()).step_by(13) {
        let disk = full.fork();
        disk.edit(&file, |bytes| bytes.truncate(len));
        let mut journal = open(&disk);
        let kept = journal.synced();
        journal.append(&event(77)).unwrap();
        journal.commit().unwrap();
        drop(journal);
        let journal = open(&disk);
        assert_eq!(
            sequences(&journal, 1),
            (1..=kept + 1).collect::<Vec<_>>(),
            "cut at {len}"
        );
    }
}

#[test]
fn after_power_loss_nothing_acknowledged_is_missing_and_the_chain_is_whole() {
    let mut fates = BTreeSet::new();
    for seed in SEEDS {
        let mut rng = fastrand::Rng::with_seed(seed);
        let disk = SimulatedDisk::default();
        let mut journal = open(&disk);
        let mut acknowledged = 0;
        for round in 0..60 {
            for n in 0..rng.u64(1..12) {
                journal.append(&event(round * 100 + n)).unwrap();
            }
            // The group is written, but the power goes before the sync.
            disk.fail_syncs(true);
            let written = disk.fork();
            written.fail_syncs(true);
            let torn = {
                let mut doomed = open_unsynced(&written, &journal);
                doomed.commit().unwrap_err();
                written.after_power_loss(&mut rng)
            };
            let found = open(&torn);
            assert!(found.synced() >= acknowledged, "seed {seed}, round {round}");
            assert_eq!(verify(&torn, found.synced()).unwrap(), found.synced());
            assert_eq!(sequences(&found, 1).len() as u64, found.synced());
            fates.insert(match found.synced() {
                n if n == acknowledged => "all of the group lost",
                n if n == journal.sequence => "all of the group kept",
                _ => "some of the group kept",
            });
            disk.fail_syncs(false);
            journal.commit().unwrap();
            acknowledged = journal.synced();
            let calm = disk.after_power_loss(&mut rng);
            assert_eq!(
                open(&calm).synced(),
                acknowledged,
                "seed {seed}, round {round}"
            );
        }
    }
    assert_eq!(fates.len(), 3, "{fates:?}");
}

#[test]
fn every_flipped_bit_is_found_or_costs_nothing_acknowledged_before_it() {
    let full = SimulatedDisk::default();
    let mut journal = open(&full);
    fill(&mut journal, 0..40, 1);
    drop(journal);
    let files = full.paths(dir());
    let newest = newest(&full);
    let mut outcomes = BTreeSet::new();
    for file in &files {
        let bytes = full.bytes(file).unwrap();
        for at in 0..bytes.len() {
            let disk = full.fork();
            disk.edit(file, |bytes| bytes[at] ^= 1 << (at % 8));
            let found = match recovery::find_tail(&disk, dir()) {
                Err(_) => "refused at opening",
                // The last record has nobody to vouch for it: it looks torn, and only it goes.
                Ok(tail) if tail.sequence == 39 && file == &newest => "cut as torn",
                Ok(tail) => {
                    assert_eq!(tail.sequence, 40, "byte {at} of {}", file.display());
                    assert_ne!(file, &newest);
                    verify(&disk, 40).unwrap_err();
                    "found by verification"
                }
            };
            outcomes.insert(found);
        }
    }
    assert_eq!(outcomes.len(), 3, "{outcomes:?}");
}

#[test]
fn damage_names_the_file_and_the_byte() {
    let disk = SimulatedDisk::default();
    fill(&mut open_with(&disk, u64::MAX), 0..10, 1);
    let file = newest(&disk);
    let third = record_ends(&disk.bytes(&file).unwrap())[1];
    disk.edit(&file, |bytes| bytes[third + record::HEADER_BYTES + 2] ^= 4);
    let before = disk.bytes(&file);
    let error = Journal::open(Arc::new(disk.clone()), options(u64::MAX))
        .err()
        .unwrap();
    let RecoverJournalError::Damaged {
        file: named,
        offset,
        sequence,
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!((named, *offset, *sequence), (&file, third as u64, 3));
    assert_eq!(disk.bytes(&file), before, "nothing was changed");
}

#[test]
fn a_record_replaced_with_a_valid_crc_breaks_the_chain() {
    let disk = SimulatedDisk::default();
    fill(&mut open_with(&disk, u64::MAX), 0..3, 1);
    let file = newest(&disk);
    disk.edit(&file, |bytes| {
        let start = record_ends(bytes)[0];
        let record = Record::decode(&bytes[start..]).unwrap();
        let payload = record.payload.to_vec();
        let (sequence, synced, time, end) = (
            record.sequence,
            record.synced,
            record.time,
            start + record.len(),
        );
        let mut forged = Vec::new();
        Draft {
            sequence,
            synced,
            time: time + 1,
            previous: &[0; 32],
            payload: &payload,
        }
        .encode(&mut forged);
        bytes.splice(start..end, forged);
    });
    let error = recovery::find_tail(&disk, dir()).unwrap_err();
    assert!(
        matches!(error, RecoverJournalError::BrokenChain { sequence: 2, .. }),
        "{error}"
    );
}

#[test]
fn a_missing_file_is_named() {
    let disk = SimulatedDisk::default();
    fill(&mut open(&disk), 0..60, 5);
    let files = disk.paths(dir());
    disk.remove(&files[1]).unwrap();
    let error = verify(&disk, 60).unwrap_err();
    assert!(
        matches!(error, RecoverJournalError::Gap { ref file, .. } if *file == files[2]),
        "{error}"
    );
    let journal = open(&disk);
    disk.remove(&files[0]).unwrap();
    let error = journal
        .log()
        .replay(1, u64::MAX, &mut |_, _| Ok::<_, RecoverJournalError>(true))
        .unwrap_err();
    assert!(
        matches!(error, RecoverJournalError::Gap { expected: 1, .. }),
        "{error}"
    );
}

#[test]
fn a_file_cut_short_by_a_crash_at_its_creation_is_begun_anew() {
    let disk = SimulatedDisk::default();
    fill(&mut open(&disk), 0..20, 20);
    let next = Segment::new(dir(), 21).path;
    for len in [0, 1, 63] {
        disk.edit(&next, |bytes| *bytes = vec![0x52; len]);
        let mut journal = open(&disk);
        assert_eq!(journal.synced(), 20);
        assert_eq!(disk.bytes(&next), None);
        journal.append(&event(1)).unwrap();
        journal.discard();
    }
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_ever_again() {
    let disk = SimulatedDisk::default();
    let mut journal = open(&disk);
    fill(&mut journal, 0..3, 1);
    journal.append(&event(3)).unwrap();
    disk.fail_syncs(true);
    assert!(matches!(
        journal.commit(),
        Err(StoreError::Failed {
            operation: "synced",
            ..
        })
    ));
    disk.fail_syncs(false);
    assert!(matches!(
        journal.commit(),
        Err(StoreError::Failed {
            operation: "synced",
            ..
        })
    ));
    assert!(matches!(
        journal.append(&event(4)),
        Err(StoreError::Failed { .. })
    ));
    assert_eq!(journal.synced(), 3);
}

#[test]
fn after_a_failed_write_nothing_is_acknowledged_ever_again() {
    let disk = SimulatedDisk::default();
    let mut journal = open(&disk);
    fill(&mut journal, 0..3, 1);
    journal.append(&event(3)).unwrap();
    disk.fail_next_write(Fault {
        after: 70,
        kind: io::ErrorKind::Other,
    });
    assert!(matches!(
        journal.commit(),
        Err(StoreError::Failed {
            operation: "written",
            ..
        })
    ));
    assert!(matches!(journal.commit(), Err(StoreError::Failed { .. })));
    drop(journal);
    assert_eq!(open(&disk).synced(), 3);
}

#[test]
fn a_full_disk_first_takes_the_ballast_then_refuses_then_heals() {
    let disk = SimulatedDisk::default();
    let mut journal = open_with_ballast(&disk, 4_096);
    fill(&mut journal, 0..3, 1);
    assert_eq!(disk.bytes(ballast()).map(|b| b.len()), Some(4_096));

    disk.set_capacity(Some(disk.used() + 10));
    journal.append(&event(3)).unwrap();
    journal.commit().expect("the ballast makes room");
    assert_eq!(disk.bytes(ballast()), None);

    // Room for the first record of the group, not for the second.
    disk.set_capacity(Some(disk.used() + 200));
    for n in 4..6 {
        journal.append(&event(n)).unwrap();
        journal.append(&event(n)).unwrap();
        assert!(matches!(journal.commit(), Err(StoreError::DiskFull { .. })));
    }
    assert_eq!(journal.synced(), 4);
    assert_eq!(
        open(&disk.fork()).synced(),
        4,
        "the half-written group is gone"
    );

    disk.set_capacity(None);
    journal.commit().expect("space came back");
    assert_eq!(journal.synced(), 8);
    drop(journal);
    assert_eq!(sequences(&open(&disk), 1), [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn a_disk_full_between_two_files_refuses_and_heals_too() {
    let disk = SimulatedDisk::default();
    let mut journal = open_with_ballast(&disk, 0);
    fill(&mut journal, 0..20, 20);
    disk.set_capacity(Some(disk.used() + 10));
    journal.append(&event(20)).unwrap();
    assert!(matches!(journal.commit(), Err(StoreError::DiskFull { .. })));
    disk.set_capacity(None);
    journal.commit().unwrap();
    drop(journal);
    assert_eq!(open(&disk).synced(), 21);
}

#[test]
fn the_backlog_and_one_event_are_limited() {
    let disk = SimulatedDisk::default();
    let mut journal = open(&disk);
    let mut large = event(0);
    large.room_name = "x".repeat(MAX_PAYLOAD_BYTES).into();
    assert!(matches!(
        journal.append(&large),
        Err(StoreError::TooLarge { .. })
    ));
    large.room_name = "x".repeat(MAX_PAYLOAD_BYTES - 512).into();
    while journal.buffer.len() < MAX_BACKLOG_BYTES {
        journal.append(&large).unwrap();
    }
    assert!(matches!(
        journal.append(&large),
        Err(StoreError::Backlog { .. })
    ));
    journal.commit().unwrap();
    journal.append(&large).unwrap();
}

#[derive(Debug, Clone)]
enum Step {
    Append(u64),
    Commit,
    Discard,
    Reopen,
    PowerLoss(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..1_000u64).prop_map(Step::Append),
        3 => Just(Step::Commit),
        1 => Just(Step::Discard),
        1 => Just(Step::Reopen),
        1 => any::<u64>().prop_map(Step::PowerLoss),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]
    #[test]
    fn the_journal_is_a_vector_that_survives(steps in proptest::collection::vec(step(), 1..60)) {
        let mut disk = SimulatedDisk::default();
        let mut journal = open(&disk);
        let (mut committed, mut pending) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Append(n) => {
                    let (sequence, _) = journal.append(&event(n)).unwrap();
                    pending.push(event(n));
                    prop_assert_eq!(sequence, (committed.len() + pending.len()) as u64);
                }
                Step::Commit => {
                    journal.commit().unwrap();
                    committed.append(&mut pending);
                }
                Step::Discard => {
                    journal.discard();
                    pending.clear();
                }
                Step::Reopen => {
                    journal = open(&disk);
                    pending.clear();
                }
                Step::PowerLoss(seed) => {
                    disk = disk.after_power_loss(&mut fastrand::Rng::with_seed(seed));
                    journal = open(&disk);
                    pending.clear();
                }
            }
            prop_assert_eq!(journal.synced(), committed.len() as u64);
        }
        let mut found = Vec::new();
        journal.log().replay(1, u64::MAX, &mut |stored, _| { found.push(stored.event); Ok::<_, RecoverJournalError>(true) }).unwrap();
        for (sequence, event) in (1..).zip(&committed) {
            prop_assert_eq!(&journal.log().event(sequence).unwrap().unwrap().event, event);
        }
        prop_assert!(journal.log().event(committed.len() as u64 + 1).unwrap().is_none());
        prop_assert_eq!(found, committed);
    }

    #[test]
    fn any_bytes_in_a_file_are_recovered_from_or_refused(
        garbage in proptest::collection::vec(any::<u8>(), 0..400), keep in 0..400usize,
    ) {
        let disk = SimulatedDisk::default();
        fill(&mut open_with(&disk, u64::MAX), 0..3, 1);
        disk.edit(&newest(&disk), |bytes| { bytes.truncate(keep); bytes.extend(&garbage); });
        if let Ok((journal, _)) = Journal::open(Arc::new(disk.clone()), options(u64::MAX)) {
            prop_assert!(journal.synced() <= 3);
        }
    }
}

fn dir() -> &'static Path {
    Path::new("/data/journal")
}

fn ballast() -> &'static Path {
    Path::new("/data/ballast")
}

fn options(segment_bytes: u64) -> JournalOptions {
    let (dir, ballast) = (dir().to_path_buf(), ballast().to_path_buf());
    JournalOptions {
        dir,
        ballast,
        segment_bytes,
        ballast_bytes: 0,
    }
}

/// Files of some ten records.
fn open(disk: &SimulatedDisk) -> Journal {
    open_with(disk, 2_048)
}

fn open_with(disk: &SimulatedDisk, segment_bytes: u64) -> Journal {
    Journal::open(Arc::new(disk.clone()), options(segment_bytes))
        .unwrap()
        .0
}

fn open_with_ballast(disk: &SimulatedDisk, ballast_bytes: u64) -> Journal {
    let options = JournalOptions {
        ballast_bytes,
        ..options(2_048)
    };
    Journal::open(Arc::new(disk.clone()), options).unwrap().0
}

/// A journal on a copy of the disk with the same records waiting.
fn open_unsynced(disk: &SimulatedDisk, waiting: &Journal) -> Journal {
    disk.fail_syncs(false);
    let mut journal = open(disk);
    disk.fail_syncs(true);
    journal.buffer.clone_from(&waiting.buffer);
    (journal.sequence, journal.hash) = (waiting.sequence, waiting.hash);
    journal
}

fn fill(journal: &mut Journal, range: std::ops::Range<u64>, per_commit: u64) {
    for n in range {
        journal.append(&event(n)).unwrap();
        if (n + 1) % per_commit == 0 {
            journal.commit().unwrap();
        }
    }
    journal.commit().unwrap();
}

fn newest(disk: &SimulatedDisk) -> PathBuf {
    disk.paths(dir()).pop().unwrap()
}

fn sequences(journal: &Journal, from: u64) -> Vec<u64> {
    let mut found = Vec::new();
    journal
        .log()
        .replay(from, u64::MAX, &mut |stored, _| {
            found.push(stored.sequence);
            Ok::<_, RecoverJournalError>(true)
        })
        .unwrap();
    found
}

fn verify(disk: &SimulatedDisk, to: u64) -> Result<u64, RecoverJournalError> {
    recovery::verify(disk, dir(), to, &mut || true)
}

/// Where each record of a file ends.
fn record_ends(bytes: &[u8]) -> Vec<usize> {
    let mut at = segment::HEADER_BYTES;
    let mut ends = Vec::new();
    while let Some(record) = Record::decode(&bytes[at..]) {
        at += record.len();
        ends.push(at);
    }
    assert_ne!(segment::decode_header(bytes), Some((1, [1; 32])));
    assert_eq!(segment::decode_header(bytes), Some((1, GENESIS)));
    ends
}
