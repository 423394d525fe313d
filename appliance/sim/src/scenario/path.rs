//! The path itself changes: its way back loses, its far end moves.

use super::{seconds, viewer_behind};
use crate::view::Voice;
use crate::{Encoding, LinkSpec};
use media::Layer;
use peer::EgressKind;
use std::time::Duration;

/// What a viewer met.
#[derive(Debug, Clone)]
pub struct Through {
    /// Pictures shown meanwhile; 250 were encoded.
    pub pictures: usize,
    /// The longest time between two of them.
    pub freeze: Duration,
    /// The least estimate meanwhile, in kbit/s; `None`: it did not change.
    pub least: Option<u64>,
    /// The voice meanwhile.
    pub voice: Voice,
    /// The layer shown last.
    pub layer: Option<Layer>,
    /// The run, in words.
    pub run: String,
}

/// For 10 s, `loss` per mille of what the viewer sends back gets lost, feedback and all.
pub fn deaf(egress: EgressKind, seed: u64, loss: u32) -> Through {
    through(egress, seed, |sim| {
        let mut back = LinkSpec::of_kbps(5_000);
        back.impairment.loss = loss;
        sim.link_up(&["nurse"], back);
    })
}

/// The viewer's address changes, and what is sent to the old one is lost.
pub fn moved(egress: EgressKind, seed: u64) -> Through {
    through(egress, seed, |sim| sim.remap("nurse", 50_001))
}

fn through(egress: EgressKind, seed: u64, change: impl Fn(&mut crate::Sim)) -> Through {
    let mut wide = LinkSpec::of_kbps(5_000);
    wide.jitter = Duration::from_millis(1 + seed % 7);
    let (mut sim, _) = viewer_behind(egress, seed, Encoding::CAMERA, wide);
    sim.run(seconds(10));
    let since = sim.now();
    change(&mut sim);
    sim.run(seconds(10));
    let times: Vec<_> = sim
        .shown_to("nurse", "bed-4")
        .iter()
        .map(|shown| shown.at)
        .filter(|at| *at >= since)
        .collect();
    let ends = std::iter::once(since).chain(times.iter().copied());
    let next = times.iter().copied().chain([sim.now()]);
    Through {
        pictures: times.len(),
        freeze: ends.zip(next).map(|(a, b)| b - a).max().unwrap_or_default(),
        least: sim
            .estimates("nurse", since)
            .into_iter()
            .map(|(_, kbps)| kbps)
            .min(),
        voice: sim.voice("nurse", "bed-4", since),
        layer: sim.layer_of("nurse", "bed-4"),
        run: sim.to_string(),
    }
}
