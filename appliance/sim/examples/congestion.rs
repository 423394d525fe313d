//! Prints the figures of every congestion scenario and seed, for our own egress or str0m's:
//! `cargo run --release -p ringward-sim --example congestion -- own`.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "prints figures for people"
)]

use peer::EgressKind;
use ringward_sim::scenario::{SEEDS, bottleneck, loss, path};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let egress = match words.first().map(String::as_str) {
        Some("plain") => EgressKind::Plain,
        _ => EgressKind::Own,
    };
    let wanted = |name: &str| words.len() < 2 || words.iter().skip(1).any(|word| word == name);
    for seed in SEEDS {
        if wanted("shrink") {
            println!("shrink {:?}", bottleneck::shrink(egress, seed));
        }
        if wanted("share") {
            for kbps in [1_600, 3_000, 4_500] {
                let shared = bottleneck::share(egress, seed, kbps);
                let (ratio, estimates) = (shared.ratio(), shared.estimate_ratio());
                println!("share {kbps} {ratio:.2} {estimates:.2} {shared:?}");
            }
        }
        if wanted("storm") {
            for (kbps, queue, loss) in [(1_000, 25_000, 0), (1_000, 8_000, 0), (1_000, 25_000, 100)]
            {
                println!(
                    "storm {kbps} {queue} {loss} {:?}",
                    bottleneck::storm(egress, seed, kbps, queue, loss)
                );
            }
        }
        if wanted("repair") {
            for permille in [100, 200, 300] {
                let repaired = loss::repair(egress, seed, permille);
                let (share, soon) = (repaired.share(), repaired.soon_share());
                println!("repair {permille} {share:.4} {soon:.4} {repaired:?}");
            }
        }
        if wanted("calm") {
            println!("calm {:?}", loss::calm_after(egress, seed));
        }
        if wanted("deaf") {
            for permille in [300, 1_000] {
                println!("deaf {permille} {:?}", path::deaf(egress, seed, permille));
            }
        }
        if wanted("moved") {
            println!("moved {:?}", path::moved(egress, seed));
        }
    }
}
