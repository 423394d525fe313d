//! Loss repaired within the retransmission budget.

use super::SEEDS;
use crate::link::{MS, Path};
use crate::sender::Stream;
use crate::sim::Sim;

#[test]
fn frames_survive_random_loss_by_repair_within_the_budget() {
    for seed in SEEDS {
        for (loss, wanted) in [(0.1, 0.998), (0.2, 0.99), (0.3, 0.95)] {
            let path = Path {
                loss,
                jitter: 15 * MS,
                ..Path::of_mbps(10.0)
            };
            let mut sim = Sim::new(seed, path).flow(Stream::Frames(4));
            sim.run_seconds(30.0);
            let complete = sim.flows[0].complete();
            println!("loss {loss}: {complete} of the frames complete");
            assert!(complete >= wanted, "{loss} {complete} {sim}");
        }
    }
}

#[test]
fn a_bottleneck_below_the_stream_does_not_become_a_storm_of_repair() {
    for seed in SEEDS {
        for queue in [3_000, 25_000, 100_000] {
            let path = Path {
                queue,
                ..Path::of_mbps(1.0)
            };
            let mut sim = Sim::new(seed, path).flow(Stream::Frames(4));
            sim.run_seconds(30.0);
            let sender = &sim.flows[0].sender;
            let share = sender.retransmitted_bytes as f64 / sender.media_bytes as f64;
            println!("queue {queue}: repair is {share} of the media");
            assert!(share < 0.25, "{share} {sim}");
            assert!(sim.link.dropped < 2_000, "{} {sim}", sim.link.dropped);
        }
    }
}
