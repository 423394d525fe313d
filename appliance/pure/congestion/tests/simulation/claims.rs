//! What is promised, as scenarios.

use crate::link::{Path, SECOND};
use crate::sender::Stream;
use crate::sim::Sim;

/// Committed; never drawn afresh.
const SEEDS: [u64; 4] = [1, 4711, 0x0BAD_F00D, 0xDEAD_BEEF];

#[test]
fn explore() {
    for seed in SEEDS.into_iter().take(1) {
        let mut sim = Sim::new(seed, Path::of_mbps(5.0)).flow(Stream::Elastic(4.0e6));
        sim.run_seconds(10.0);
        let up = sim.seconds_until(0, |e| e >= 3e6);
        let up4 = sim.seconds_until(0, |e| e >= 4.3e6);
        let drop = sim.now;
        sim.link.path.rate = 0.3e6;
        sim.run_seconds(20.0);
        let down = sim.seconds_until(drop, |e| e < 0.4e6);
        let back = sim.now;
        sim.link.path.rate = 5e6;
        sim.run_seconds(15.0);
        let full = sim.seconds_until(back, |e| e >= 4.3e6);
        println!("up {up} {up4} down {down} full {full} \n {sim}");
        println!(
            "PROBES {:?}",
            sim.flows[0]
                .sender
                .probes
                .iter()
                .map(|p| (p.0 / 1000, (p.1 / 1000.0) as u64))
                .collect::<Vec<_>>()
        );
    }
    for seed in SEEDS {
        let mut sim = Sim::new(seed, Path::of_mbps(5.0)).flow(Stream::Elastic(4.5e6));
        sim.run_seconds(10.0 + (seed % 7) as f64 / 210.0);
        sim.add_flow(Stream::Elastic(4.5e6));
        sim.run_seconds(60.0);
        let rates: Vec<_> = (0..6)
            .map(|i| {
                let (a, b) = ((10 + 10 * i) * SECOND, (20 + 10 * i) * SECOND);
                (
                    sim.flows[0].throughput(a, b) as u64 / 1000,
                    sim.flows[1].throughput(a, b) as u64 / 1000,
                )
            })
            .collect();
        println!("share {rates:?}\n{sim}");
    }
    for seed in SEEDS {
        for jitter in [0, 15_000] {
            for loss in [0.05, 0.1, 0.2, 0.3] {
                let path = Path {
                    loss,
                    jitter,
                    ..Path::of_mbps(10.0)
                };
                let mut sim = Sim::new(seed, path).flow(Stream::Frames(4));
                sim.run_seconds(30.0);
                println!(
                    "loss {loss} complete {} rtx {} est {} {:?}",
                    sim.flows[0].complete(),
                    sim.flows[0].sender.retransmitted,
                    sim.flows[0].estimate(),
                    sim.flows[0].range(5 * SECOND, 30 * SECOND)
                );
            }
        }
    }
    for seed in SEEDS.into_iter().take(1) {
        let mut sim = Sim::new(seed, Path::of_mbps(1.0)).flow(Stream::Frames(4));
        sim.run_seconds(30.0);
        println!(
            "1 Mbit complete {} frames {} rtx {} dropped {} {sim}",
            sim.flows[0].complete(),
            sim.flows[0].sender.frames,
            sim.flows[0].sender.retransmitted,
            sim.link.dropped
        );
        let mut sim = Sim::new(
            seed,
            Path {
                queue: 3000,
                ..Path::of_mbps(1.0)
            },
        )
        .flow(Stream::Frames(4));
        sim.run_seconds(30.0);
        println!(
            "1 Mbit policer complete {} frames {} rtx {} dropped {} {sim}",
            sim.flows[0].complete(),
            sim.flows[0].sender.frames,
            sim.flows[0].sender.retransmitted,
            sim.link.dropped
        );
    }
}
#[test]
fn dbg() {
    let mut sim = Sim::new(1, Path::of_mbps(5.0)).flow(Stream::Elastic(4.5e6));
    sim.run_seconds(10.0);
    sim.add_flow(Stream::Elastic(4.5e6));
    sim.run_seconds(60.0);
    println!(
        "PROBES {:?}",
        sim.flows[0]
            .sender
            .probes
            .iter()
            .map(|p| (p.0 / 1000, (p.1 / 1000.0) as u64))
            .collect::<Vec<_>>()
    );
    println!(
        "PROBES {:?}",
        sim.flows[1]
            .sender
            .probes
            .iter()
            .map(|p| (p.0 / 1000, (p.1 / 1000.0) as u64))
            .collect::<Vec<_>>()
    );
    println!("complete {} {sim}", sim.flows[0].complete());
}
