//! One publisher and its viewers over networks of every quality.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use ringward_sim::Sim;
use std::time::Duration;

/// Every seed here once found a bug, or guards the default. CI never draws a fresh one.
const SEEDS: [u64; 4] = [1, 4711, 0x0BAD_F00D, 0xDEAD_BEEF];

#[test]
fn on_a_clean_network_every_picture_is_shown() {
    let mut sim = Sim::new(1)
        .publisher("bed-4")
        .subscriber("nurse")
        .subscriber("doctor");
    sim.run(Duration::from_secs(5));
    for viewer in ["nurse", "doctor"] {
        let shown = sim.shown_to(viewer, "bed-4");
        assert!(shown.len() > 110, "{sim}: {} pictures in 5 s", shown.len());
        assert!(sim.heard_by(viewer, "bed-4").len() > 230, "{sim}");
    }
}
