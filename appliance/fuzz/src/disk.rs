//! What lies on a disk: journals, the checkpoint, a backup's manifest.

use aws_lc_rs::digest::{Context, SHA256};
use std::fs;
use std::io::sink;
use std::path::Path;
use store::{Stopped, Store, StoreOptions};
use tempfile::TempDir;
use vocab::UnixMillis;

/// A small journal, its checkpoint and its audit journal: what the first release wrote.
const JOURNAL: &[u8] = include_bytes!("../../tests/data/0.1.0/journal/00000000000000000001.log");
const AUDIT: &[u8] = include_bytes!("../../tests/data/0.1.0/audit/00000000000000000001.log");
const CHECKPOINT: &[u8] = include_bytes!("../../tests/data/0.1.0/checkpoint.0");

/// The first file of a journal, below its folder.
const FIRST: &str = "00000000000000000001.log";

/// Bytes before the first record, and of a record before its payload (`store/src/journal`).
const FILE_HEADER: usize = 64;
const RECORD_HEADER: usize = 64;

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

/// An event journal's newest file: as it is, and with every record sealed anew, so that what is
/// in the records is read too.
pub fn journal(bytes: &[u8]) {
    for bytes in [bytes.to_vec(), sealed(bytes)] {
        recover(&[("journal", FIRST, &bytes)]);
    }
}

/// An audit journal's newest file beside an event journal that knows it.
pub fn audit(bytes: &[u8]) {
    for bytes in [bytes.to_vec(), sealed(bytes)] {
        recover(&[("journal", FIRST, JOURNAL), ("audit", FIRST, &bytes)]);
    }
}

/// A checkpoint beside the journal that it is of.
pub fn checkpoint(bytes: &[u8]) {
    let whole = [("journal", FIRST, JOURNAL), ("audit", FIRST, AUDIT)];
    recover(&[&whole[..], &[("", "checkpoint.0", bytes)]].concat());
}

/// A backup's manifest: what it names is put back as it was or not at all.
pub fn manifest(bytes: &[u8]) {
    let copy = folder(&[
        ("journal", FIRST, JOURNAL),
        ("audit", FIRST, AUDIT),
        ("", "checkpoint.0", CHECKPOINT),
        ("", "backup.json", bytes),
    ]);
    let outside = tempfile::tempdir();
    let (Some(copy), Ok(outside)) = (copy, outside) else {
        return;
    };
    let data = outside.path().join("data");
    let restored = store::restore(copy.path(), &data);
    assert_eq!(restored.is_ok(), data.exists(), "{restored:?}");
    if restored.is_ok() {
        assert!(verify(&data).is_some(), "what was put back is not whole");
    }
}

/// Looks at a folder as `ringward store` does, and opens it as a box does. What opens is whole
/// then, and has every record that was proved before.
fn recover(files: &[(&str, &str, &[u8])]) {
    let Some(data) = folder(files) else {
        return;
    };
    let proved = verify(data.path());
    let options = StoreOptions {
        ballast_bytes: 0,
        audit_ballast_bytes: 0,
        ..StoreOptions::default()
    };
    let Ok((store, _)) = Store::open_with(data.path(), NOW, &options) else {
        return;
    };
    drop(store);
    let again = verify(data.path());
    assert!(again >= proved, "{proved:?} records, then {again:?}");
}

/// How many records are whole and chained; `None` where something is wrong.
fn verify(data: &Path) -> Option<u64> {
    let stopped = Stopped::open(data).ok()?;
    let verified = stopped.verify(&mut |_| {}).ok();
    let exported = stopped.export(&mut sink()).ok();
    let records = verified?.records;
    assert_eq!(exported, Some(records), "proved is not what is exported");
    Some(records)
}

/// A folder with these files; `None` on a disk in trouble.
fn folder(files: &[(&str, &str, &[u8])]) -> Option<TempDir> {
    let folder = tempfile::tempdir().ok()?;
    for (place, name, bytes) in files {
        let place = folder.path().join(place);
        fs::create_dir_all(&place).ok()?;
        fs::write(place.join(name), bytes).ok()?;
    }
    Some(folder)
}

/// The same records with sums and chain that are right.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    let mut file = bytes.to_vec();
    let Some(header) = file.first_chunk_mut::<FILE_HEADER>() else {
        return file;
    };
    header[16..48].fill(0);
    let sum = crc32c::crc32c(&header[..60]);
    header[60..].copy_from_slice(&sum.to_le_bytes());
    let (mut previous, mut at) = (vec![0; 32], FILE_HEADER);
    while let Some(record) = file.get_mut(at..) {
        let Some(length) = record.first_chunk().copied() else {
            break;
        };
        let end = RECORD_HEADER + u32::from_le_bytes(length) as usize;
        let Some(record) = record.get_mut(..end).filter(|r| r.len() > RECORD_HEADER) else {
            break;
        };
        let mut link = Context::new(&SHA256);
        for part in [&previous, &record[8..16], &record[24..32], &record[64..]] {
            link.update(part);
        }
        previous = link.finish().as_ref().to_vec();
        record[32..64].copy_from_slice(&previous);
        let sum = crc32c::crc32c_append(crc32c::crc32c(&length), &record[8..]);
        record[4..8].copy_from_slice(&sum.to_le_bytes());
        at += end;
    }
    file
}
