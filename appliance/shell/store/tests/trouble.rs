//! Real disks in trouble: full, failing, read-only.
//!
//! A full disk is a tmpfs of 12 MiB in a mount namespace of this test's own (the test starts itself
//! again under `unshare`; where that is forbidden, the kernel is told to answer the same errors by
//! seccomp). Errors that no healthy disk gives come from seccomp on the one thread that writes: the
//! kernel itself answers, and needs no rights for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use domain::event::Actor;
use domain::{Event, EventData};
use ringward_store::{
    EventQuery, OpenStoreError, Recovery, SessionQuery, Stopped, Store, StoreError, StoreOptions,
};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use vocab::UnixMillis;

/// Set in the child: the small disk.
const DISK: &str = "RINGWARD_SMALL_DISK";

/// Errors of Linux, `asm-generic/errno-base.h`.
const EIO: u32 = 5;
const ENOSPC: u32 = 28;
const EROFS: u32 = 30;

/// The numbers of system calls, which differ by processor.
#[cfg(target_arch = "x86_64")]
mod call {
    pub(super) const PWRITE: i64 = 18;
    pub(super) const FDATASYNC: i64 = 75;
    pub(super) const OPENAT: i64 = 257;
}
#[cfg(target_arch = "aarch64")]
mod call {
    pub(super) const PWRITE: i64 = 68;
    pub(super) const FDATASYNC: i64 = 83;
    pub(super) const OPENAT: i64 = 56;
}
use call::{FDATASYNC, OPENAT, PWRITE};

#[test]
fn a_full_disk_refuses_writes_answers_questions_and_heals() {
    if let Some(disk) = std::env::var_os(DISK) {
        return fill_and_free(Path::new(&disk));
    }
    let mount_point = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=12m tmpfs \"$0\" || exit 77; exec \"$@\"";
    for namespace in [&["--mount"][..], &["--mount", "--user", "--map-root-user"]] {
        let output = Command::new("unshare")
            .args(namespace)
            .args(["sh", "-c", script])
            .arg(mount_point.path())
            .arg(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "a_full_disk_refuses_writes_answers_questions_and_heals",
                "--nocapture",
            ])
            .env(DISK, mount_point.path())
            .stdin(Stdio::null())
            .output();
        let Ok(output) = output else { break };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if said.contains("running 1 test") {
            let why = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{said}\n{why}");
            return;
        }
    }
    pretend_full();
}

/// The whole life of a full disk.
fn fill_and_free(disk: &Path) {
    let data = disk.join("data");
    let options = StoreOptions {
        ballast_bytes: 2 * 1024 * 1024,
        ..options()
    };
    let (mut store, _) = open(&data, &options);
    for n in 0..20 {
        store.append(&event(n)).unwrap();
    }
    store.commit().unwrap();
    let acknowledged = events(&store);

    let filler = disk.join("filler");
    fill(&filler);
    // What must be recorded now still is: first in what is left of the newest file's last page,
    // then in the ballast's place.
    let mut n = 20;
    while data.join("ballast").exists() {
        assert!(n < 1_000, "the ballast is never used");
        store.append(&event(n)).unwrap();
        store.commit().unwrap();
        n += 1;
    }
    fill(&disk.join("filler.2"));
    let refused = loop {
        store.append(&event(n)).unwrap();
        n += 1;
        match store.commit() {
            Ok(()) => assert!(n < 10_000, "never full"),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::DiskFull { .. }), "{refused}");
    let reader = store.reader();
    let found = events(&store);
    assert_eq!(found[..20], acknowledged[..]);
    assert_eq!(found.len() as u64, n - 1, "what is refused is not shown");
    assert_eq!(reader.last_sequence(), n - 1);

    // Killed and started on the full disk: it serves, and says what it could not yet write.
    drop(store);
    let (mut store, recovery) = open(&data, &options);
    assert_eq!(recovery.closed.len(), 1, "{recovery:?}");
    assert_eq!(events(&store).len() as u64, n - 1);
    assert!(matches!(store.commit(), Err(StoreError::DiskFull { .. })));

    std::fs::remove_file(&filler).unwrap();
    std::fs::remove_file(disk.join("filler.2")).unwrap();
    store.commit().unwrap();
    let status = store.reader().wait_for_index(Duration::from_mins(1));
    let rooms = store.reader().rooms(&SessionQuery::default()).unwrap();
    assert_eq!(rooms.items.len(), 1, "{status:?}");
    assert!(rooms.items[0].destroyed_at.is_some());
    let last = store.reader().last_sequence();
    assert!(last > n, "the closing was written: {last}");
    drop(store);
    let verified = Stopped::open(&data).unwrap().verify(&mut |_| ()).unwrap();
    assert_eq!(verified.records, last);
}

/// The same on a machine where nothing may be mounted: one thread is told that the disk is full.
fn pretend_full() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = open(folder.path(), &options());
    store.append(&event(0)).unwrap();
    store.commit().unwrap();
    let mut store = answering(PWRITE, ENOSPC, move || {
        store.append(&event(1)).unwrap();
        let refused = store.commit().unwrap_err();
        assert!(matches!(refused, StoreError::DiskFull { .. }), "{refused}");
        assert_eq!(events(&store).len(), 1);
        store
    });
    store.commit().unwrap();
    assert_eq!(events(&store).len(), 2);
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_any_more_in_this_process() {
    for (call, operation) in [(FDATASYNC, "synced"), (PWRITE, "written")] {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, _) = open(folder.path(), &options());
        store.append(&event(0)).unwrap();
        store.commit().unwrap();
        let mut store = answering(call, EIO, move || {
            store.append(&event(1)).unwrap();
            let failed = store.commit().unwrap_err();
            let said = failed.to_string();
            assert!(matches!(failed, StoreError::Failed { .. }), "{said}");
            assert!(
                said.contains(operation) && said.contains("restart"),
                "{said}"
            );
            store
        });
        // The disk is well again, and the kernel would call the next sync a success.
        assert!(matches!(store.commit(), Err(StoreError::Failed { .. })));
        assert!(matches!(
            store.append(&event(2)),
            Err(StoreError::Failed { .. })
        ));
        assert_eq!(events(&store).len(), 1, "questions go on");
        drop(store);
        let (mut store, recovery) = open(folder.path(), &options());
        assert!(recovery.last_sequence >= 1);
        assert_eq!(events(&store)[0], 1);
        store.append(&event(3)).unwrap();
        store.commit().unwrap();
    }
}

#[test]
fn a_disk_that_became_read_only_refuses_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = open(folder.path(), &options());
    store.append(&event(0)).unwrap();
    store.commit().unwrap();
    let store = answering(PWRITE, EROFS, move || {
        store.append(&event(1)).unwrap();
        let said = store.commit().unwrap_err().to_string();
        assert!(said.contains("Read-only"), "{said}");
        store
    });
    assert_eq!(events(&store).len(), 1);
    drop(store);
    let path = folder.path().to_path_buf();
    let error = answering(OPENAT, EROFS, move || {
        Store::open(&path, NOW).err().unwrap()
    });
    assert!(matches!(error, OpenStoreError::Folder { .. }), "{error}");
    let said = error.to_string();
    assert!(
        said.contains("Read-only") && said.contains("--data"),
        "{said}"
    );
}

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

/// Runs `work` on a thread to which the kernel answers `call` with `errno`.
fn answering<T: Send + 'static>(
    call: i64,
    errno: u32,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let arch = TargetArch::try_from(std::env::consts::ARCH).unwrap();
    let filter: BpfProgram = SeccompFilter::new(
        [(call, Vec::new())].into_iter().collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(errno),
        arch,
    )
    .unwrap()
    .try_into()
    .unwrap();
    let thread = std::thread::spawn(move || {
        seccompiler::apply_filter(&filter).unwrap();
        work()
    });
    thread.join().unwrap()
}

/// Takes all the space there is.
fn fill(path: &PathBuf) {
    let mut file = File::create(path).unwrap();
    for size in [64 * 1024, 1] {
        while file.write_all(&vec![7; size]).is_ok() {}
    }
}

fn open(dir: &Path, options: &StoreOptions) -> (Store, Recovery) {
    Store::open_with(dir, NOW, options).unwrap()
}

/// The sequences that can be read, in order.
fn events(store: &Store) -> Vec<u64> {
    let reader = store.reader();
    let mut found = Vec::new();
    let mut query = EventQuery::default();
    loop {
        let page = reader.events(&query).unwrap();
        found.extend(page.items.iter().map(|stored| stored.sequence));
        query.after = page.next;
        if query.after.is_none() {
            return found;
        }
    }
}

fn event(n: u64) -> Event {
    Event {
        at: NOW,
        room: "RM_1".into(),
        room_name: "ward".into(),
        actor: Some(Actor {
            identity: "a".into(),
            sid: format!("PA_{n}").into(),
        }),
        peer: None,
        data: EventData::OccupantJoined {
            client: "js".to_owned(),
        },
    }
}

fn options() -> StoreOptions {
    StoreOptions {
        ballast_bytes: 0,
        audit_ballast_bytes: 0,
        ..StoreOptions::default()
    }
}
