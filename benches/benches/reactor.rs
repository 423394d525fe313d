//! Datagrams out and in over loopback, by train length; the cost is per datagram, both ways.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark ends without a network"
)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use net::{BackendChoice, SocketIndex};
use std::time::Duration;

/// Destinations written to in turn, as one packet is forwarded to many.
const DESTINATIONS: usize = 20;

fn reactor(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reactor");
    for choice in [BackendChoice::Uring, BackendChoice::Portable] {
        // Without io_uring there is one row less.
        let locals = ["127.0.0.1:0".parse().unwrap(); DESTINATIONS];
        let Ok((mut sink, _)) = net::open(choice, &locals) else {
            continue;
        };
        let (mut source, _) = net::open(choice, &locals[..1]).unwrap();
        let destinations = sink.local_addrs().to_vec();
        for length in [1, 4, 10, 40] {
            let datagrams = DESTINATIONS * length;
            group.throughput(Throughput::Elements(datagrams as u64));
            let name = BenchmarkId::new(source.backend().to_string(), length);
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    for _ in 0..length {
                        for to in &destinations {
                            source
                                .reserve(SocketIndex(0), *to, 1_200)
                                .expect("room")
                                .fill(7);
                        }
                    }
                    source.flush().unwrap();
                    let mut received = 0;
                    while received < datagrams {
                        received += sink
                            .turn(Some(Duration::ZERO), &mut |_| ())
                            .unwrap()
                            .received;
                    }
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, reactor);
criterion_main!(benches);
