//! Which explanation makes the observed losses likelier.

use super::{LOW, Observation};
use std::collections::VecDeque;

/// Shares lost at random that are tried.
const SHARES: [f64; 9] = [0.0, 0.02, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.40];

/// Losses come in bursts, so that packets tell less than if each were lost by itself.
const INDEPENDENT: f64 = 0.5;

/// A limited path must be this much likelier (in nats: four hundred times): needless back-off hurts
/// at once, a needless packet hurts little.
const MARGIN: f64 = 6.0;

/// Weight of an observation relative to the one after it.
const AGEING: f64 = 0.93;

/// No loss is taken as impossible or certain.
const BOUNDS: (f64, f64) = (0.004, 0.99);

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Explanation {
    /// The path loses this share at any rate.
    Random(f64),
    /// The path takes this many bits per second.
    Capacity(f64),
}

#[derive(Debug, Clone, Copy)]
struct Model {
    share: f64,
    capacity: f64,
}

pub(super) fn explain(observations: &VecDeque<Observation>) -> Explanation {
    let mut random = (f64::NEG_INFINITY, 0.0);
    let mut limited = (f64::NEG_INFINITY, 0.0);
    for share in SHARES {
        let capacity = f64::INFINITY;
        let fit = likelihood(Model { share, capacity }, observations);
        if fit > random.0 {
            random = (fit, share);
        }
        for delivered in deliveries(observations) {
            let capacity = delivered / (1.0 - share);
            let fit = likelihood(Model { share, capacity }, observations);
            if fit > limited.0 {
                limited = (fit, capacity);
            }
        }
    }
    if limited.0 > random.0 + MARGIN {
        Explanation::Capacity(limited.1)
    } else {
        Explanation::Random(random.1)
    }
}

/// What got through when some was lost: the least, the most, the mean, the newest. If the path
/// is limited, its limit is near one of them.
fn deliveries(observations: &VecDeque<Observation>) -> [f64; 4] {
    let lossy = || {
        observations
            .iter()
            .filter(|seen| seen.loss > LOW)
            .map(|seen| seen.rate * (1.0 - seen.loss))
    };
    let least = lossy().fold(f64::INFINITY, f64::min);
    let most = lossy().fold(0.0, f64::max);
    let mean = lossy().sum::<f64>() / (lossy().count() as f64).max(1.0);
    let newest = lossy().next_back().unwrap_or(f64::INFINITY);
    [least, most, mean, newest]
}

/// Logarithm of how likely the observations are under `model`.
fn likelihood(model: Model, observations: &VecDeque<Observation>) -> f64 {
    let mut weight = INDEPENDENT;
    let mut sum = 0.0;
    for seen in observations.iter().rev() {
        let excess = (1.0 - model.capacity / seen.rate.max(1.0)).max(0.0);
        let expected = (model.share + (1.0 - model.share) * excess).clamp(BOUNDS.0, BOUNDS.1);
        let each = seen.loss * expected.ln() + (1.0 - seen.loss) * (1.0 - expected).ln();
        sum += weight * f64::from(seen.packets) * each;
        weight *= AGEING;
    }
    sum
}
