#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use super::*;
use crate::samples::event;
use crate::{Store, StoreOptions};
use tempfile::TempDir;

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

/// A folder for a box' data and one for its backup, both still to be made.
fn folders() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (data, to) = (folder.path().join("data"), folder.path().join("copy"));
    (folder, data, to)
}

/// Small files, so that a journal has several.
fn open(data: &Path) -> Store {
    let options = StoreOptions {
        segment_bytes: 4_096,
        ballast_bytes: 0,
        ..StoreOptions::default()
    };
    Store::open_with(data, NOW, &options).unwrap().0
}

fn write(store: &mut Store, from: u64, to: u64) {
    for n in from..to {
        store.append(&event(n)).unwrap();
        store.commit().unwrap();
    }
}

/// Everything in the journal, and what the copy was called.
fn events(data: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    Stopped::open(data).unwrap().export(&mut lines).unwrap();
    let text = String::from_utf8(lines).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_running_boxs_backup_is_put_back_as_it_was() {
    let (_folder, data, to) = folders();
    let mut store = open(&data);
    write(&mut store, 0, 300);
    fs::create_dir(data.join("tls")).unwrap();
    fs::write(data.join("tls/ca.key"), "secret").unwrap();
    let made = backup(&data, &to, NOW).unwrap();
    let acknowledged = made.verified.records;
    assert!(acknowledged >= 300);
    assert_eq!(newest_backup(&data), Some(NOW));
    write(&mut store, 300, 310);
    drop(store);

    let again = data.with_file_name("again");
    let restored = restore(&to, &again).unwrap();
    assert_eq!(restored, made);
    let (before, after) = (events(&data), events(&again));
    let kept = usize::try_from(acknowledged).unwrap();
    assert_eq!(after, before[..kept]);
    assert_eq!(fs::read(again.join("tls/ca.key")).unwrap(), b"secret");
    assert_eq!(
        fs::metadata(again.join("tls/ca.key")).unwrap().mode() & 0o777,
        0o600
    );
    assert!(!again.join(MANIFEST).exists());
    // And it is a box's folder like any other.
    drop(open(&again));
}

#[test]
fn what_vouches_for_another_file_is_copied_before_it() {
    let (_folder, data, _) = folders();
    drop(open(&data));
    for name in ["checkpoint.0", "checkpoint.1"] {
        fs::write(data.join(name), "").unwrap();
    }
    fs::create_dir_all(data.join("audit")).unwrap();
    let places = places(&data).unwrap();
    let first = ["checkpoint.0", "checkpoint.1", "journal", "audit"];
    assert_eq!(places[..4], first, "{places:?}");
}

#[test]
fn a_backup_under_load_holds_everything_acknowledged_before_it() {
    let (_folder, data, to) = folders();
    let mut store = open(&data);
    write(&mut store, 0, 50);
    for round in 0..4 {
        let to = to.with_extension(round.to_string());
        let acknowledged = 50 + round * 100;
        let made = std::thread::scope(|scope| {
            let copying = scope.spawn(|| backup(&data, &to, NOW).unwrap());
            write(&mut store, acknowledged, acknowledged + 100);
            copying.join().unwrap()
        });
        assert!(made.verified.records >= acknowledged, "round {round}");
    }
}

#[test]
fn a_folder_that_is_not_empty_is_left_alone() {
    let (_folder, data, to) = folders();
    drop(open(&data));
    fs::create_dir(&to).unwrap();
    fs::write(to.join("mine"), "x").unwrap();
    assert!(matches!(
        backup(&data, &to, NOW),
        Err(BackupError::NotEmpty(_))
    ));
    fs::remove_file(to.join("mine")).unwrap();
    backup(&data, &to, NOW).unwrap();
    assert!(matches!(restore(&to, &data), Err(BackupError::NotEmpty(_))));
    assert!(matches!(
        backup(&data, &to, NOW),
        Err(BackupError::NotEmpty(_))
    ));
}

#[test]
fn every_damaged_byte_of_a_backup_is_found_and_nothing_is_put_back() {
    let (_folder, data, to) = folders();
    let mut store = open(&data);
    write(&mut store, 0, 60);
    drop(store);
    backup(&data, &to, NOW).unwrap();
    let manifest = Manifest::read(&fs::read(to.join(MANIFEST)).unwrap(), &to).unwrap();
    let again = data.with_file_name("again");
    for file in manifest.files.iter().filter(|file| file.bytes > 0) {
        let path = to.join(&file.path);
        let whole = fs::read(&path).unwrap();
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, &bytes).unwrap();
            let refused = restore(&to, &again).unwrap_err();
            assert!(
                matches!(refused, BackupError::Damaged(_)),
                "{} {at}: {refused}",
                file.path
            );
            assert!(!again.exists(), "{} {at}", file.path);
        }
        fs::write(&path, &whole).unwrap();
    }
    restore(&to, &again).unwrap();
}

#[test]
fn a_chain_that_was_made_anew_with_its_manifest_is_found_all_the_same() {
    let (_folder, data, to) = folders();
    let mut store = open(&data);
    write(&mut store, 0, 60);
    drop(store);
    backup(&data, &to, NOW).unwrap();
    // Somebody takes a file out of the journal and out of the manifest.
    let mut manifest = Manifest::read(&fs::read(to.join(MANIFEST)).unwrap(), &to).unwrap();
    let first = manifest
        .files
        .iter()
        .position(|f| f.path.starts_with("journal/"))
        .unwrap();
    let gone = manifest.files.remove(first);
    fs::remove_file(to.join(gone.path)).unwrap();
    fs::write(to.join(MANIFEST), manifest.json()).unwrap();
    let again = data.with_file_name("again");
    assert!(matches!(restore(&to, &again), Err(BackupError::Verify(_))));
    assert!(!again.exists());
}

#[test]
fn a_manifest_cannot_lead_out_of_the_folder() {
    for path in ["../etc/passwd", "/etc/passwd", "", "journal/../../x"] {
        let kept = Kept {
            path: path.to_owned(),
            bytes: 0,
            sha256: String::new(),
        };
        assert!(
            matches!(kept.place(), Err(BackupError::Misplaced(_))),
            "{path}"
        );
    }
}

#[test]
fn what_was_broken_off_is_no_backup() {
    let (_folder, data, to) = folders();
    drop(open(&data));
    backup(&data, &to, NOW).unwrap();
    fs::remove_file(to.join(MANIFEST)).unwrap();
    let again = data.with_file_name("again");
    assert!(matches!(
        restore(&to, &again),
        Err(BackupError::NoManifest(_))
    ));
    fs::write(
        to.join(MANIFEST),
        "{\"version\":2,\"made_at_ms\":0,\"files\":[]}",
    )
    .unwrap();
    assert!(matches!(
        restore(&to, &again),
        Err(BackupError::Later { found: 2 })
    ));
}
