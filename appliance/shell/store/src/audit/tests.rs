//! The audit journal: written before anything is done, witnessed from outside, proved offline.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use super::*;
use crate::store::{Recovery, Stopped, Store, VerifyError};
use crate::vfs::simulated::{Fault, SimulatedDisk};
use crate::{EventQuery, VerifiedAudit, VerifyAuditError};
use domain::{AuditPhase, EventType};
use std::fs;
use tempfile::TempDir;

mod mutation;

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

#[test]
fn entries_are_read_newest_first_by_who_and_what() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = open(&folder);
    let reader = store.audit().reader();
    for n in 0..40 {
        write(&mut store, n);
    }
    let ask = |query: &AuditQuery| {
        let page = reader.page(query).unwrap();
        let found: Vec<u64> = page.items.iter().map(|entry| entry.sequence).collect();
        (found, page.next)
    };
    let all = AuditQuery {
        limit: 3,
        ..AuditQuery::default()
    };
    assert_eq!(ask(&all), (vec![40, 39, 38], Some(38)));
    let before = AuditQuery {
        before: Some(3),
        ..all.clone()
    };
    assert_eq!(ask(&before), (vec![2, 1], None));
    let ends = AuditQuery {
        act: Some("end".to_owned()),
        actor: Some("uid:0".to_owned()),
        from: Some(UnixMillis(NOW.0 + 30)),
        ..all
    };
    assert_eq!(ask(&ends).0, [40, 38, 36]);
    assert_eq!(
        reader.chain(),
        Chain {
            verified: 40,
            problem: None
        }
    );
}

#[test]
fn nothing_is_shown_that_is_not_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = open(&folder);
    let reader = store.audit().reader();
    store.audit().append(NOW, &record(0)).unwrap();
    assert_eq!(count(&reader), 0);
    store.audit().discard();
    assert_eq!(store.audit().append(NOW, &record(1)).unwrap(), 1);
    store.audit().commit().unwrap();
    assert_eq!(count(&reader), 1);
}

#[test]
fn every_start_and_every_clean_end_leaves_a_witness_in_the_event_journal() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = open(&folder);
    write(&mut store, 0);
    store.commit().unwrap();
    write(&mut store, 1);
    store.commit().unwrap();
    let witnessed = |store: &Store| store.standing().audit_head().map(|head| head.sequence);
    assert_eq!(witnessed(&store), Some(1), "not a second has passed");
    drop(store);
    assert_eq!(proved(&folder).unwrap().witnessed, 2, "the clean end");

    // Killed: what was written last is witnessed by the next start.
    let (mut store, _) = open(&folder);
    write(&mut store, 2);
    std::mem::forget(store);
    fs::remove_file(folder.path().join("lock")).unwrap();
    let (store, _) = open(&folder);
    assert_eq!(witnessed(&store), Some(3));
    let query = EventQuery {
        kinds: [EventType::AuditNoted].into(),
        ..EventQuery::default()
    };
    assert_eq!(store.reader().events(&query).unwrap().items.len(), 4);
}

#[test]
fn a_full_disk_still_takes_entries_from_its_ballast() {
    let (disk, folder) = (SimulatedDisk::default(), tempfile::tempdir().unwrap());
    let mut store = open_on(&disk, &folder, 8_192);
    write(&mut store, 0);
    disk.set_capacity(Some(disk.used()));
    for n in 1..10 {
        write(&mut store, n);
    }
    let taken = store.audit().reader();
    assert_eq!(count(&taken), 10);
    let refused = loop {
        store.audit().append(NOW, &record(3)).unwrap();
        if let Err(refused) = store.audit().commit() {
            break refused;
        }
    };
    assert!(matches!(refused, StoreError::DiskFull { .. }), "{refused}");
    store.audit().discard();
    disk.set_capacity(None);
    write(&mut store, 4);
}

#[test]
fn a_disk_that_fails_once_takes_no_entry_any_more() {
    let (disk, folder) = (SimulatedDisk::default(), tempfile::tempdir().unwrap());
    let mut store = open_on(&disk, &folder, 0);
    write(&mut store, 0);
    disk.fail_next_write(Fault {
        after: 3,
        kind: std::io::ErrorKind::Other,
    });
    store.audit().append(NOW, &record(1)).unwrap();
    store.audit().commit().unwrap_err();
    let refused = store.audit().append(NOW, &record(2)).unwrap_err();
    assert!(matches!(refused, StoreError::Failed { .. }), "{refused}");
    store.append(&crate::samples::event(0)).unwrap();
    store.commit().unwrap();
}

#[test]
fn a_damaged_audit_journal_lets_the_box_start_and_takes_nothing() {
    let folder = filled(30);
    let file = files(&folder).remove(0).0;
    let mut bytes = fs::read(&file).unwrap();
    bytes[crate::journal::segment::HEADER_BYTES + 70] ^= 1;
    fs::write(&file, bytes).unwrap();
    let all = files(&folder);
    for (path, _) in &all[1..] {
        fs::remove_file(path).unwrap();
    }
    let (mut store, _) = open(&folder);
    store.append(&crate::samples::event(0)).unwrap();
    store.commit().unwrap();
    let refused = store.audit().append(NOW, &record(1)).unwrap_err();
    assert!(refused.to_string().contains("audit"), "{refused}");
    assert!(store.audit().reader().chain().problem.is_some());
}

#[test]
fn an_end_that_was_cut_off_is_told_by_the_running_box() {
    let folder = filled(30);
    let last = files(&folder).pop().unwrap().0;
    fs::remove_file(last).unwrap();
    let (mut store, _) = open(&folder);
    let chain = store.audit().reader().chain();
    let problem = chain.problem.unwrap();
    assert!(problem.contains("had 30"), "{problem}");
    // It goes on, and an offline verification still finds the gap.
    write(&mut store, 1);
    drop(store);
    proved(&folder).unwrap_err();
}

#[test]
fn a_whole_folder_that_is_gone_is_found() {
    let folder = filled(30);
    fs::remove_dir_all(folder.path().join(DIR)).unwrap();
    let gone = proved(&folder).unwrap_err();
    let VerifyError::Audit(VerifyAuditError::Cut { found, noted }) = gone else {
        panic!("{gone}");
    };
    assert_eq!((found, noted), (0, 30));
}

fn record(n: u64) -> AuditRecord {
    let is_end = n % 2 == 1;
    AuditRecord {
        actor: format!("uid:{}", if is_end { 0 } else { 1_000 }),
        act: if is_end { "end" } else { "mute" }.to_owned(),
        target: format!("RM_{n}"),
        phase: AuditPhase::Intent,
        of: None,
        reason: "test".to_owned(),
        detail: "x".repeat(n as usize % 50),
    }
}

fn write(store: &mut Store, n: u64) {
    let at = UnixMillis(NOW.0 + n);
    store.audit().append(at, &record(n)).unwrap();
    store.audit().commit().unwrap();
}

fn options() -> StoreOptions {
    StoreOptions {
        ballast_bytes: 0,
        audit_ballast_bytes: 0,
        audit_segment_bytes: 1_024,
        ..StoreOptions::default()
    }
}

fn open(folder: &TempDir) -> (Store, Recovery) {
    Store::open_with(folder.path(), NOW, &options()).unwrap()
}

fn open_on(disk: &SimulatedDisk, folder: &TempDir, audit_ballast_bytes: u64) -> Store {
    let options = StoreOptions {
        audit_ballast_bytes,
        ..options()
    };
    Store::open_on_disk(Arc::new(disk.clone()), folder.path(), NOW, &options)
}

/// A stopped box with as many entries, witnessed to the last.
fn filled(count: u64) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = open(&folder);
    for n in 0..count {
        write(&mut store, n);
        if n % 7 == 0 {
            store.append(&crate::samples::event(n)).unwrap();
        }
        store.commit().unwrap();
    }
    drop(store);
    folder
}

fn files(folder: &TempDir) -> Vec<(PathBuf, Vec<u8>)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder.path().join(DIR))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

fn proved(folder: &TempDir) -> Result<VerifiedAudit, VerifyError> {
    let stopped = Stopped::open(folder.path()).unwrap();
    stopped.verify(&mut |_| ()).map(|verified| verified.audit)
}

fn count(reader: &AuditReader) -> usize {
    let query = AuditQuery {
        limit: 1_000,
        ..AuditQuery::default()
    };
    reader.page(&query).unwrap().items.len()
}
