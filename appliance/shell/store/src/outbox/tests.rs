//! The queue on a disk that fills up, fails and loses power.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use super::*;
use crate::vfs::simulated::{Fault, SimulatedDisk};
use proptest::prelude::*;

const LIMITS: OutboxLimits = OutboxLimits {
    bytes: 4_096,
    segment_bytes: 256,
};

#[test]
fn bodies_come_out_in_order_and_only_once_delivered() {
    let disk = SimulatedDisk::default();
    let mut outbox = open(&disk);
    let reader = outbox.reader();
    outbox.push(b"one").unwrap();
    assert_eq!(reader.peek().unwrap(), None, "not yet durable");
    outbox.commit().unwrap();
    outbox.push(b"two").unwrap();
    outbox.commit().unwrap();
    assert_eq!(bodies(&reader), ["one", "two"]);
    assert_eq!(reader.next_after(1).unwrap().unwrap().body, b"two");
    reader.delivered(1).unwrap();
    assert_eq!(bodies(&reader), ["two"]);
    reader.delivered(2).unwrap();
    reader.delivered(2).unwrap();
    assert_eq!(reader.peek().unwrap(), None);
    assert_eq!(reader.waiting(), (0, 0));
}

#[test]
fn a_restart_keeps_what_waits_and_goes_on_counting() {
    let disk = SimulatedDisk::default();
    let mut outbox = open(&disk);
    for n in 0..30 {
        outbox.push(format!("body {n}").as_bytes()).unwrap();
        outbox.commit().unwrap();
    }
    outbox.reader().delivered(12).unwrap();
    outbox.push(b"never committed").unwrap();
    drop(outbox);
    let mut outbox = open(&disk);
    let want: Vec<_> = (12..30).map(|n| format!("body {n}")).collect();
    assert_eq!(bodies(&outbox.reader()), want);
    assert_eq!(outbox.push(b"next").unwrap(), 31);
    outbox.reader().delivered(30).unwrap();
    drop(outbox);
    let mut outbox = open(&disk);
    assert!(bodies(&outbox.reader()).is_empty());
    assert!(
        outbox.push(b"next").unwrap() >= 31,
        "sequences are not used again"
    );
}

#[test]
fn delivered_bodies_are_gone_from_every_file() {
    let disk = SimulatedDisk::default();
    let mut outbox = open(&disk);
    for n in 1..=40 {
        outbox
            .push(format!("{{\"name\":\"patient {n}\"}}").as_bytes())
            .unwrap();
        outbox.commit().unwrap();
    }
    let files = disk.paths(dir()).len();
    for sequence in 1..=40 {
        outbox.reader().delivered(sequence).unwrap();
        let on_disk: Vec<u8> = disk
            .paths(dir())
            .iter()
            .flat_map(|p| disk.bytes(p).unwrap())
            .collect();
        let text = String::from_utf8_lossy(&on_disk);
        assert!(
            !text.contains(&format!("patient {sequence}\"")),
            "{sequence} is still there"
        );
        assert_eq!(text.matches("patient").count() as u64, 40 - sequence);
    }
    assert!(files > 5);
    assert_eq!(disk.paths(dir()).len(), 1, "only the newest file stays");
}

#[test]
fn a_full_queue_refuses_the_newest_and_keeps_the_oldest() {
    let disk = SimulatedDisk::default();
    let mut outbox = open(&disk);
    let body = vec![7; 1_000];
    for _ in 0..4 {
        outbox.push(&body).unwrap();
    }
    assert_eq!(outbox.push(&body), Err(PushError::Full { bytes: 4_080 }));
    assert_eq!(
        outbox.push(&[]),
        Err(PushError::TooLarge {
            bytes: 0,
            max: MAX_OUTBOX_ENTRY_BYTES
        })
    );
    outbox.commit().unwrap();
    assert_eq!(outbox.push(&body), Err(PushError::Full { bytes: 4_080 }));
    assert_eq!(outbox.reader().waiting(), (4, 4_080));
    outbox.reader().delivered(1).unwrap();
    assert_eq!(outbox.push(&body), Ok(5));
}

#[test]
fn one_entry_has_a_limit() {
    let disk = SimulatedDisk::default();
    let limits = OutboxLimits {
        bytes: u64::MAX,
        ..LIMITS
    };
    let mut outbox = Outbox::open(Arc::new(disk.clone()), dir(), limits)
        .unwrap()
        .0;
    outbox.push(&vec![1; MAX_OUTBOX_ENTRY_BYTES]).unwrap();
    let bytes = MAX_OUTBOX_ENTRY_BYTES + 1;
    assert_eq!(
        outbox.push(&vec![1; bytes]),
        Err(PushError::TooLarge {
            bytes,
            max: bytes - 1
        })
    );
}

#[test]
fn a_full_disk_refuses_and_heals_and_a_failed_one_does_not() {
    let disk = SimulatedDisk::default();
    let mut outbox = open(&disk);
    outbox.push(b"one").unwrap();
    outbox.commit().unwrap();
    disk.set_capacity(Some(disk.used() + 5));
    outbox.push(b"two").unwrap();
    assert!(matches!(outbox.commit(), Err(StoreError::DiskFull { .. })));
    assert_eq!(bodies(&outbox.reader()), ["one"]);
    disk.set_capacity(None);
    outbox.commit().unwrap();
    assert_eq!(bodies(&outbox.reader()), ["one", "two"]);

    outbox.push(b"three").unwrap();
    disk.fail_next_write(Fault {
        after: 3,
        kind: io::ErrorKind::Other,
    });
    assert!(matches!(
        outbox.commit(),
        Err(StoreError::Failed {
            operation: "written",
            ..
        })
    ));
    assert!(matches!(outbox.commit(), Err(StoreError::Failed { .. })));
}

#[test]
fn damage_costs_its_entry_and_is_counted() {
    let disk = SimulatedDisk::default();
    let mut outbox = open(&disk);
    for body in ["one", "two", "three"] {
        outbox.push(body.as_bytes()).unwrap();
    }
    outbox.commit().unwrap();
    let file = disk.paths(dir()).remove(0);
    disk.edit(&file, |bytes| bytes[45] ^= 1);
    assert_eq!(bodies(&outbox.reader()), ["one", "three"], "while running");
    drop(outbox);
    let (outbox, recovery) = Outbox::open(Arc::new(disk), dir(), LIMITS).unwrap();
    assert_eq!(
        bodies(&outbox.reader()),
        ["one", "three"],
        "after a restart"
    );
    assert_eq!(
        recovery,
        OutboxRecovery {
            waiting: 2,
            damaged_bytes: 23
        }
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]
    /// Power loss may repeat deliveries and may show a group nobody acknowledged. It loses nothing.
    #[test]
    fn power_loss_loses_nothing_undelivered(
        rounds in proptest::collection::vec((0..4usize, 0..3u64, any::<Option<u64>>()), 1..20),
    ) {
        let mut disk = SimulatedDisk::default();
        let mut outbox = open(&disk);
        let mut undelivered: Vec<u64> = Vec::new();
        for (pushed, delivered, power_loss) in rounds {
            for _ in 0..pushed {
                let next = outbox.next;
                undelivered.push(outbox.push(format!("body {next}").as_bytes()).unwrap());
            }
            outbox.commit().unwrap();
            let reader = outbox.reader();
            for _ in 0..delivered {
                let Some(entry) = reader.peek().unwrap() else { break };
                reader.delivered(entry.sequence).unwrap();
                undelivered.retain(|sequence| *sequence > entry.sequence);
            }
            if let Some(seed) = power_loss {
                disk = disk.after_power_loss(&mut fastrand::Rng::with_seed(seed));
                outbox = open(&disk);
            }
            let found = bodies(&outbox.reader());
            for sequence in &undelivered {
                prop_assert!(found.contains(&format!("body {sequence}")), "{sequence} of {found:?}");
            }
            let mut sorted = found.clone();
            sorted.sort_by_key(|body| body[5..].parse::<u64>().unwrap());
            prop_assert_eq!(found, sorted, "in order");
        }
    }
}

fn dir() -> &'static Path {
    Path::new("/data/outbox")
}

fn open(disk: &SimulatedDisk) -> Outbox {
    Outbox::open(Arc::new(disk.clone()), dir(), LIMITS)
        .unwrap()
        .0
}

fn bodies(reader: &OutboxReader) -> Vec<String> {
    let mut all = Vec::new();
    let mut after = 0;
    while let Some(entry) = reader.next_after(after).unwrap() {
        after = entry.sequence;
        all.push(String::from_utf8(entry.body).unwrap());
    }
    all
}
