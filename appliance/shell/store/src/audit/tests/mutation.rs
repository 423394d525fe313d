//! 1,000 changes to the data of a stopped box, by somebody who knows its format: each is found by a
//! verification that reads nothing but the files, the heads that the box's log carried off before,
//! and its public key.

use super::{DIR, NOW, files, filled, open, proved, record};
use crate::error::RecoverJournalError;
use crate::journal::record::{Draft, GENESIS, Hash, Record};
use crate::journal::{recovery, segment};
use crate::store::{Stopped, VerifyError};
use crate::vfs::Disk;
use crate::{VerifiedAudit, VerifyAuditError};
use domain::AuditHead;
use heads::{HEADS_FILE, HeadError, Heads, PublicKey, SignedHead};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;
use vocab::UnixMillis;

/// Beside the journals, and vouched for by no chain.
const CHECKPOINTS: [&str; 2] = ["checkpoint.0", "checkpoint.1"];

/// One run of each; never drawn anew.
const TRIES: u64 = 1_000;

#[test]
fn a_thousand_edits_deletions_reorderings_and_tail_cuts_are_all_found() {
    let folder = filled(60);
    let exported = sign(&folder);
    let before = Snapshot::take(&folder);
    assert!(before.audit.len() > 4, "several files");
    assert_eq!(proved(&folder).unwrap().witnessed, 60);
    let mut tried: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..TRIES {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (name, mutate) = MUTATIONS[seed as usize % MUTATIONS.len()];
        mutate(&folder, &before, &mut rng);
        assert!(
            before != Snapshot::take(&folder),
            "{name} {seed}: nothing changed"
        );
        if let Ok(verified) = exported.prove(&folder) {
            panic!("{name} {seed}: not found, {verified:?}");
        }
        before.restore(&folder);
        *tried.entry(name).or_default() += 1;
    }
    assert_eq!(tried.values().sum::<u64>(), TRIES);
    assert_eq!(tried.len(), MUTATIONS.len());
    let whole = exported.prove(&folder).unwrap();
    assert_eq!((whole.entries, whole.signed), (60, 60), "none when whole");
    exported.check_local(&folder).unwrap();
}

#[test]
fn heads_on_the_boxs_own_disk_prove_nothing_against_whoever_has_it() {
    let folder = filled(60);
    let exported = sign(&folder);
    let mut rng = fastrand::Rng::with_seed(1);
    forge(&folder, &mut rng);
    proved(&folder).unwrap();
    // By another key: named by its line.
    forge_heads(&folder, &tempfile::tempdir().unwrap(), &mut rng);
    let found = exported.check_local(&folder);
    assert!(
        matches!(found, Err(HeadError::Signature { line: 1, .. })),
        "{found:?}"
    );
    // Whoever has the disk has its key, too: only what was carried off before finds it.
    forge_heads(&folder, &folder, &mut rng);
    exported.check_local(&folder).unwrap();
    let found = exported.prove(&folder).unwrap_err();
    assert!(
        matches!(
            found,
            VerifyError::Audit(VerifyAuditError::NotSigned { sequence: 20 })
        ),
        "{found}"
    );
}

/// What a hospital keeps on another machine.
struct Exported {
    key: PublicKey,
    /// As its log server has them.
    lines: String,
}

impl Exported {
    fn prove(&self, folder: &TempDir) -> Result<VerifiedAudit, VerifyError> {
        let heads = heads::check(&self.lines, &self.key).unwrap();
        let heads: Vec<AuditHead> = heads.iter().map(SignedHead::head).collect();
        let stopped = Stopped::open(folder.path()).unwrap();
        let verified = stopped.verify_against(&heads, &mut |_| ());
        verified.map(|verified| verified.audit)
    }

    /// The heads on the box's own disk.
    fn check_local(&self, folder: &TempDir) -> Result<Vec<SignedHead>, HeadError> {
        let text = fs::read_to_string(folder.path().join(HEADS_FILE)).unwrap();
        heads::check(&text, &self.key)
    }
}

/// What the box's log carried off, and its public key.
fn sign(folder: &TempDir) -> Exported {
    let signer = Heads::open(folder.path()).unwrap();
    note_heads(folder, &signer);
    let lines = signer.newest(100);
    Exported {
        key: signer.public(),
        lines: lines.iter().map(|head| head.to_string() + "\n").collect(),
    }
}

/// Signs heads of a stopped box, as it does while it runs.
fn note_heads(folder: &TempDir, signer: &Heads) {
    let dir = folder.path().join(DIR);
    let tail = recovery::find_tail(&Disk, &dir).unwrap().sequence;
    let replayed = recovery::replay(&Disk, &dir, 1, tail, &mut |proved| {
        let (sequence, hash) = (proved.record.sequence, proved.record.hash);
        if sequence % 20 == 0 {
            let closed = false;
            let head = AuditHead {
                sequence,
                hash,
                closed,
            };
            signer.note(head, NOW);
        }
        Ok::<_, RecoverJournalError>(true)
    });
    replayed.unwrap();
}

/// The data of another history, made by the box's own program, in the place of what was there.
fn forge(folder: &TempDir, rng: &mut fastrand::Rng) {
    let other = tempfile::tempdir().unwrap();
    let (mut store, _) = open(&other);
    for n in 0..60 + rng.u64(..9) {
        let mut forged = record(n);
        forged.actor = format!("uid:{}", rng.u32(..));
        store
            .audit()
            .append(UnixMillis(NOW.0 + n), &forged)
            .unwrap();
    }
    store.audit().commit().unwrap();
    drop(store);
    for part in [DIR, "journal"] {
        let place = folder.path().join(part);
        fs::remove_dir_all(&place).unwrap();
        fs::rename(other.path().join(part), place).unwrap();
    }
    for slot in CHECKPOINTS {
        let place = folder.path().join(slot);
        let _ = fs::remove_file(&place);
        let _ = fs::rename(other.path().join(slot), place);
    }
    let _ = fs::remove_file(folder.path().join(HEADS_FILE));
}

/// A forged history with heads by `signer`'s key.
fn forge_heads(folder: &TempDir, signer: &TempDir, rng: &mut fastrand::Rng) {
    forge(folder, rng);
    let _ = fs::remove_file(signer.path().join(HEADS_FILE));
    note_heads(folder, &Heads::open(signer.path()).unwrap());
    let (from, to) = (
        signer.path().join(HEADS_FILE),
        folder.path().join(HEADS_FILE),
    );
    if from != to {
        fs::rename(from, to).unwrap();
    }
}

type Mutation = fn(&TempDir, &Snapshot, &mut fastrand::Rng);

const MUTATIONS: &[(&str, Mutation)] = &[
    ("a flipped bit", |_, before, rng| {
        before.edit_file(rng, |bytes, rng| {
            let bit = rng.usize(..bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        });
    }),
    ("a stretch written over", |_, before, rng| {
        before.edit_file(rng, |bytes, rng| {
            let start = rng.usize(..bytes.len());
            for byte in bytes.iter_mut().skip(start).take(40) {
                *byte = !*byte;
            }
        });
    }),
    ("a record taken out", |_, before, rng| {
        before.edit_records(rng, Chain::AsItWas, |records, rng| {
            records.remove(rng.usize(..records.len()));
        });
    }),
    ("two records exchanged", |_, before, rng| {
        before.edit_records(rng, Chain::AsItWas, |records, rng| {
            let a = rng.usize(..records.len() - 1);
            records.swap(a, a + 1);
        });
    }),
    ("a record said twice", |_, before, rng| {
        before.edit_records(rng, Chain::AsItWas, |records, rng| {
            let at = rng.usize(..records.len());
            records.insert(at, records[at].clone());
        });
    }),
    ("the tail cut between records", |_, before, rng| {
        before.keep_records(1 + rng.usize(..58));
    }),
    ("the tail cut anywhere", |_, before, rng| {
        let (path, bytes) = before.audit.last().unwrap();
        fs::write(path, &bytes[..rng.usize(..bytes.len())]).unwrap();
    }),
    ("a file gone", |_, before, rng| {
        fs::remove_file(&before.audit[rng.usize(..before.audit.len())].0).unwrap();
    }),
    ("two files exchanged", |_, before, rng| {
        let a = rng.usize(..before.audit.len() - 1);
        fs::write(&before.audit[a].0, &before.audit[a + 1].1).unwrap();
        fs::write(&before.audit[a + 1].0, &before.audit[a].1).unwrap();
    }),
    ("a text edited, its checksum made anew", |_, before, rng| {
        before.edit_records(rng, Chain::ChecksumsOnly, |records, rng| {
            edit_a_text(records, rng);
        });
    }),
    ("a text edited, the chain made anew", |_, before, rng| {
        before.edit_records(rng, Chain::Anew, |records, rng| edit_a_text(records, rng));
    }),
    (
        "a record taken out, the chain made anew",
        |_, before, rng| {
            before.edit_records(rng, Chain::Anew, |records, rng| {
                records.remove(rng.usize(..records.len()));
            });
        },
    ),
    ("a record put in, the chain made anew", |_, before, rng| {
        before.edit_records(rng, Chain::Anew, |records, rng| {
            let at = rng.usize(..records.len());
            records.insert(at, records[at].clone());
        });
    }),
    (
        "two records exchanged, the chain made anew",
        |_, before, rng| {
            before.edit_records(rng, Chain::Anew, |records, rng| {
                let a = rng.usize(..records.len() - 1);
                records.swap(a, a + 1);
            });
        },
    ),
    ("a time changed, the chain made anew", |_, before, rng| {
        before.edit_records(rng, Chain::Anew, |records, rng| {
            let at = rng.usize(..records.len());
            records[at].time += 1 + rng.u64(..1_000);
        });
    }),
    ("all of it made anew", |folder, _, rng| forge(folder, rng)),
    ("all made anew, heads by another key", |folder, _, rng| {
        forge_heads(folder, &tempfile::tempdir().unwrap(), rng);
    }),
    (
        "all made anew, heads by the box's own key",
        |folder, _, rng| {
            forge_heads(folder, folder, rng);
        },
    ),
    ("both journals' tails cut", |folder, before, rng| {
        before.keep_records(1 + rng.usize(..58));
        cut_event_journal(folder, rng);
    }),
];

fn edit_a_text(records: &mut [Written], rng: &mut fastrand::Rng) {
    let at = rng.usize(..records.len());
    let payload = &mut records[at].payload;
    // The actor: `uid:…` becomes somebody else.
    payload[2 + rng.usize(..4)] ^= 1;
}

/// Cuts the event journal back to before its last group, at a record's end.
fn cut_event_journal(folder: &TempDir, rng: &mut fastrand::Rng) {
    let path = folder.path().join("journal").join(format!("{:020}.log", 1));
    let bytes = fs::read(&path).unwrap();
    let mut ends = vec![segment::HEADER_BYTES];
    while let Some(record) = Record::decode(&bytes[ends[ends.len() - 1]..]) {
        ends.push(ends[ends.len() - 1] + record.len());
    }
    let keep = rng.usize(1..ends.len() - 1);
    fs::write(&path, &bytes[..ends[keep]]).unwrap();
}

/// How much of the format somebody bothers to make right.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chain {
    AsItWas,
    ChecksumsOnly,
    Anew,
}

/// A record, taken apart.
#[derive(Clone)]
struct Written {
    raw: Vec<u8>,
    sequence: u64,
    synced: u64,
    time: u64,
    hash: Hash,
    payload: Vec<u8>,
}

/// The files as they were.
#[derive(PartialEq, Eq)]
struct Snapshot {
    audit: Vec<(PathBuf, Vec<u8>)>,
    events: Vec<(PathBuf, Vec<u8>)>,
    /// Checkpoints and heads; `None` where there is none.
    others: Vec<(PathBuf, Option<Vec<u8>>)>,
}

impl Snapshot {
    fn take(folder: &TempDir) -> Self {
        let events = fs::read_dir(folder.path().join("journal")).unwrap();
        let events = events.map(|entry| entry.unwrap().path());
        Self {
            audit: files(folder),
            events: events.map(|p| (p.clone(), fs::read(p).unwrap())).collect(),
            others: [&CHECKPOINTS[..], &[HEADS_FILE]]
                .concat()
                .into_iter()
                .map(|name| folder.path().join(name))
                .map(|path| (path.clone(), fs::read(path).ok()))
                .collect(),
        }
    }

    fn restore(&self, folder: &TempDir) {
        let dir = folder.path().join(DIR);
        fs::remove_dir_all(&dir).unwrap();
        fs::create_dir(&dir).unwrap();
        for (path, bytes) in self.audit.iter().chain(&self.events) {
            fs::write(path, bytes).unwrap();
        }
        for (path, bytes) in &self.others {
            match bytes {
                Some(bytes) => fs::write(path, bytes).unwrap(),
                None => drop(fs::remove_file(path)),
            }
        }
    }

    fn edit_file(&self, rng: &mut fastrand::Rng, edit: impl Fn(&mut Vec<u8>, &mut fastrand::Rng)) {
        let (path, bytes) = &self.audit[rng.usize(..self.audit.len())];
        let mut bytes = bytes.clone();
        edit(&mut bytes, rng);
        fs::write(path, bytes).unwrap();
    }

    fn records(&self) -> Vec<Written> {
        let mut found = Vec::new();
        for (_, bytes) in &self.audit {
            let mut at = segment::HEADER_BYTES;
            while let Some(record) = Record::decode(&bytes[at..]) {
                found.push(Written {
                    raw: bytes[at..at + record.len()].to_vec(),
                    sequence: record.sequence,
                    synced: record.synced,
                    time: record.time,
                    hash: record.hash,
                    payload: record.payload.to_vec(),
                });
                at += record.len();
            }
        }
        found
    }

    /// Writes only the first records, as files with right headers.
    fn keep_records(&self, keep: usize) {
        let records = self.records();
        self.write(&records[..keep], Chain::AsItWas);
    }

    fn edit_records(
        &self,
        rng: &mut fastrand::Rng,
        chain: Chain,
        edit: impl Fn(&mut Vec<Written>, &mut fastrand::Rng),
    ) {
        let mut records = self.records();
        edit(&mut records, rng);
        self.write(&records, chain);
    }

    /// Lays records into the same files, as many in each as before; the rest into the last.
    fn write(&self, records: &[Written], chain: Chain) {
        let mut rest = records;
        let (mut previous, mut next) = (GENESIS, 1);
        for (n, (path, bytes)) in self.audit.iter().enumerate() {
            if rest.is_empty() {
                fs::remove_file(path).unwrap();
                continue;
            }
            let (first, _) = segment::decode_header(bytes).unwrap();
            let until = self.audit.get(n + 1).map_or(usize::MAX, |(_, bytes)| {
                (segment::decode_header(bytes).unwrap().0 - first) as usize
            });
            let (here, after) = rest.split_at(until.min(rest.len()));
            rest = after;
            let mut file = match chain {
                Chain::Anew => segment::encode_header(first, &previous).to_vec(),
                _ => bytes[..segment::HEADER_BYTES].to_vec(),
            };
            for record in here {
                match chain {
                    Chain::AsItWas => file.extend_from_slice(&record.raw),
                    Chain::ChecksumsOnly => file.extend(with_checksum(record)),
                    Chain::Anew => {
                        let draft = Draft {
                            sequence: next,
                            synced: record.synced.min(next - 1),
                            time: record.time,
                            previous: &previous,
                            payload: &record.payload,
                        };
                        previous = draft.encode(&mut file);
                        next += 1;
                    }
                }
            }
            fs::write(path, file).unwrap();
        }
    }
}

/// The record with its old hash over a new payload, and a CRC that fits.
fn with_checksum(record: &Written) -> Vec<u8> {
    let mut bytes = record.raw.clone();
    bytes.truncate(crate::journal::record::HEADER_BYTES);
    bytes.extend_from_slice(&record.payload);
    assert_eq!(&bytes[8..16], &record.sequence.to_le_bytes());
    assert_eq!(&bytes[32..64], &record.hash);
    let length = (record.payload.len() as u32).to_le_bytes();
    let crc = crate::journal::record::checksum(length, &bytes[8..]);
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    bytes
}
