//! One packet through the media plane to many viewers; the cost is per packet *sent*.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringward_benches::stage::Stage;

fn forward(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("forward");
    for viewers in [1, 10, 50, 200] {
        let mut stage = Stage::new(viewers);
        for _ in 0..200 {
            stage.frame();
        }
        group.throughput(Throughput::Elements(viewers));
        group.bench_function(BenchmarkId::new("viewers", viewers), |bencher| {
            bencher.iter(|| {
                let packet = stage.packet();
                stage.forward(&packet);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, forward);
criterion_main!(benches);
