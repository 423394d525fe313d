//! Dynacast: nobody encodes what nobody watches.

use crate::layer_choice::LayerSet;
use std::time::{Duration, Instant};

/// How long a layer stays encoded after its last viewer turned away: longer than a change of
/// page or a short loss of interest, so that coming back finds the layer running.
pub const DEMAND_DEBOUNCE: Duration = Duration::from_secs(5);

/// What a track's publisher was last told to encode. Raised at once, lowered after
/// [`DEMAND_DEBOUNCE`]. A publisher that was told nothing encodes everything.
#[derive(Debug)]
pub(crate) struct Demand {
    told: LayerSet,
    lower_at: Option<Instant>,
}

impl Default for Demand {
    fn default() -> Self {
        Self {
            told: [true; 3],
            lower_at: None,
        }
    }
}

impl Demand {
    /// The viewers' wishes, taken together; returns what to tell the publisher, if anything.
    pub(crate) fn update(&mut self, wanted: LayerSet, now: Instant) -> Option<LayerSet> {
        let before = self.told;
        for (told, wanted) in self.told.iter_mut().zip(wanted) {
            *told |= wanted;
        }
        if self.told == wanted {
            self.lower_at = None;
        } else {
            let lower_at = *self.lower_at.get_or_insert(now + DEMAND_DEBOUNCE);
            if now >= lower_at {
                self.told = wanted;
                self.lower_at = None;
            }
        }
        (self.told != before).then_some(self.told)
    }

    /// That of somebody who was told nothing and gets nothing.
    pub(crate) fn none() -> Self {
        Self {
            told: [false; 3],
            lower_at: None,
        }
    }

    /// What was last told.
    pub(crate) fn told(&self) -> LayerSet {
        self.told
    }

    /// When [`Self::update`] is to be called again.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.lower_at
    }

    /// Somebody wants at least one layer.
    pub(crate) fn is_any(&self) -> bool {
        self.told.contains(&true)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests begin somewhere")]

    use super::*;

    #[test]
    fn demand_rises_at_once_and_falls_later() {
        const NONE: LayerSet = [false; 3];
        const LOW: LayerSet = [true, false, false];
        const ALL: LayerSet = [true; 3];
        let start = Instant::now();
        let mut demand = Demand::default();
        for (name, wanted, at_ms, want) in [
            ("all is wanted, all is encoded", ALL, 0, None),
            ("the viewer shrinks the tile", LOW, 1_000, None),
            ("one before the debounce", LOW, 5_999, None),
            ("the debounce has passed", LOW, 6_000, Some(LOW)),
            ("the viewer leaves", NONE, 7_000, None),
            ("and comes back to the large tile", ALL, 8_000, Some(ALL)),
            ("leaves again: the clock starts anew", NONE, 12_500, None),
            ("not yet", NONE, 17_499, None),
            ("nobody is left", NONE, 17_500, Some(NONE)),
        ] {
            assert_eq!(
                demand.update(wanted, start + Duration::from_millis(at_ms)),
                want,
                "{name}"
            );
        }
    }
}
