//! Equal seeds, equal runs.

use media::Layer;
use ringward_sim::Sim;
use std::time::Duration;

/// Every seed here once found a bug, or guards the default. CI never draws a fresh one.
const SEEDS: [u64; 4] = [1, 4711, 0x0BAD_F00D, 0xDEAD_BEEF];

fn run(seed: u64) -> (u64, u64) {
    let mut sim = Sim::over(crate::EGRESS, seed)
        .publisher("bed-4")
        .subscriber("nurse")
        .loss_permille(50)
        .reorder_permille(50)
        .duplicate_permille(20);
    sim.run(Duration::from_secs(2));
    sim.set_target("nurse", "bed-4", Layer::Low);
    sim.run(Duration::from_secs(1));
    sim.join("ward", "doctor", true);
    sim.run(Duration::from_secs(3));
    sim.trace()
}

#[test]
fn the_same_seed_twice_is_the_same_run() {
    for seed in SEEDS {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}

#[test]
fn another_seed_is_another_run() {
    assert_ne!(run(1), run(2));
}
