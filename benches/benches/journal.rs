//! Events onto the disk: appended in groups of different sizes, each group one fsync.

#![allow(clippy::unwrap_used, reason = "a benchmark ends when the disk fails")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use domain::event::{Actor, Event, EventData};
use store::Store;
use vocab::UnixMillis;

fn event(number: u64) -> Event {
    Event {
        at: UnixMillis(1_700_000_000_000 + number),
        room: "RM_0123456789ab".into(),
        room_name: "ward-3".into(),
        actor: Some(Actor {
            identity: "nurse-7".into(),
            sid: "PA_0123456789ab".into(),
        }),
        peer: None,
        data: EventData::MessageSent,
    }
}

fn journal(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(folder.path(), UnixMillis(1_700_000_000_000)).unwrap();
    let mut group = criterion.benchmark_group("journal");
    let mut number = 0;
    for size in [1, 10, 100, 1_000] {
        group.throughput(Throughput::Elements(size));
        group.bench_function(BenchmarkId::new("append and commit", size), |bencher| {
            bencher.iter(|| {
                for _ in 0..size {
                    number += 1;
                    store.append(&event(number)).unwrap();
                }
                store.commit().unwrap();
            });
        });
    }
    group.finish();
}

criterion_group!(benches, journal);
criterion_main!(benches);
