//! Congestion as it happens to people: each scenario runs once and answers with its figures.
//!
//! Tests hold the figures of our own egress to promises; `examples/congestion.rs` prints them
//! beside those of str0m's.

pub mod bottleneck;
pub mod loss;
pub mod path;

use crate::sim::Sim;
use crate::{Encoding, LinkSpec};
use peer::EgressKind;
use std::time::Duration;

/// Every seed here once found a bug, or guards the default. CI never draws a fresh one.
pub const SEEDS: [u64; 8] = [
    1,
    4711,
    0x0BAD_F00D,
    0xDEAD_BEEF,
    7,
    31_337,
    0x5EED,
    0xC0DE_CAFE,
];

/// One camera with three layers, one viewer; the viewer's link down, and its index.
fn viewer_behind(
    egress: EgressKind,
    seed: u64,
    encoding: Encoding,
    down: LinkSpec,
) -> (Sim, usize) {
    let mut sim = Sim::over(egress, seed)
        .encoding(encoding)
        .publisher("bed-4")
        .subscriber("nurse");
    let link = sim.link_down(&["nurse"], down);
    (sim, link)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
