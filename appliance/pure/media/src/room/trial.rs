//! Patience before a track is paused for want of bandwidth, and trials to bring it back.
//!
//! An estimate that just collapsed may be wrong (loss is not always congestion), and one that
//! nothing is sent against hardly rises. So the first track that does not fit is sent for a
//! while regardless, now and again. Only one, at its lowest layer: the pacer sends audio first,
//! so a trial that was in vain costs the other tracks little and audio nothing.

use crate::Layer;
use crate::allocation::Request;
use crate::layer_choice::contains;
use std::time::{Duration, Instant};

/// How long a track is sent although it does not fit.
pub const PAUSE_PATIENCE: Duration = Duration::from_secs(2);
/// Time from a trial in vain to the next.
pub const TRIAL_INTERVAL: Duration = Duration::from_secs(1);

/// One transport's trial.
#[derive(Debug, Default)]
pub(super) struct Trial {
    running_since: Option<Instant>,
    next_at: Option<Instant>,
}

impl Trial {
    /// Gives the first request that got nothing its lowest layer, while a trial runs or may
    /// begin. `requests` in the order of their claims.
    pub(super) fn apply(&mut self, requests: &mut [Request], now: Instant) {
        let mut short = requests
            .iter_mut()
            .filter(|request| request.given.is_none());
        let first = short.find_map(|request| {
            let mut layers = Layer::ALL.into_iter();
            let lowest = layers.find(|layer| contains(request.candidates, *layer))?;
            Some((request, lowest))
        });
        let Some((request, lowest)) = first else {
            self.running_since = None;
            return;
        };
        let may_begin = self.next_at.is_none_or(|at| now >= at);
        if self.running_since.is_none() && may_begin {
            self.running_since = Some(now);
        }
        let Some(since) = self.running_since else {
            return;
        };
        if now.saturating_duration_since(since) < PAUSE_PATIENCE {
            request.given = Some(lowest);
        } else {
            self.running_since = None;
            self.next_at = Some(now + TRIAL_INTERVAL);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests begin somewhere")]

    use super::*;

    fn starved(subscription: usize) -> Request {
        Request {
            subscription,
            priority: 0,
            candidates: [false, true, true],
            costs: [1; 3],
            held: None,
            may_resume: false,
            given: None,
        }
    }

    #[test]
    fn the_first_track_that_does_not_fit_is_tried_now_and_again() {
        let (start, tried) = (Instant::now(), [Some(Layer::Medium), None]);
        let mut trial = Trial::default();
        for (name, at_ms, want) in [
            ("at once", 0, tried),
            ("while patience lasts", 1_999, tried),
            ("in vain", 2_000, [None; 2]),
            ("not so soon again", 2_999, [None; 2]),
            ("again", 3_000, tried),
            ("in vain again", 5_000, [None; 2]),
        ] {
            let mut requests = [starved(0), starved(1)];
            trial.apply(&mut requests, start + Duration::from_millis(at_ms));
            assert_eq!(requests.map(|r| r.given), want, "{name}");
        }
    }

    #[test]
    fn a_trial_that_succeeds_leaves_the_patience_whole() {
        let (start, mut trial) = (Instant::now(), Trial::default());
        for (at_ms, fits) in [(0, false), (1_900, true), (2_500, false), (4_400, false)] {
            let given = fits.then_some(Layer::High);
            let mut requests = [Request {
                given,
                ..starved(0)
            }];
            trial.apply(&mut requests, start + Duration::from_millis(at_ms));
            assert!(requests[0].given.is_some(), "{at_ms}");
        }
    }
}
