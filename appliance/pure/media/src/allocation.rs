//! Divides one subscriber's bandwidth among its video tracks. Audio is not asked: it was
//! subtracted before.
//!
//! By priority, then evenly: first the lowest layer of every track, then everyone's next layer
//! before anyone's next but one. A track whose lowest layer does not fit gets nothing.

use crate::Layer;
use crate::layer_choice::LayerSet;
use std::cmp::Reverse;

/// A layer above the one held must fit with this much to spare (in per cent of its cost), so that
/// an estimate that breathes does not switch layers with every breath.
pub const UPGRADE_MARGIN_PERCENT: u64 = 125;

/// One video subscription in want of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// The caller's handle.
    pub subscription: usize,
    /// Larger first.
    pub priority: u32,
    /// Layers it can be given.
    pub candidates: LayerSet,
    /// Bits per second of each layer.
    pub costs: [u64; 3],
    /// Layers up to this one need no margin. A subscription that was never served holds
    /// everything; one that is paused for bandwidth holds nothing.
    pub held: Option<Layer>,
    /// A paused subscription may come back now.
    pub may_resume: bool,
    /// What it is given; `None`: nothing fits, or nothing is there.
    pub given: Option<Layer>,
}

/// Fills in [`Request::given`]. `budget` in bits per second; `None`: no estimate yet, everyone
/// gets the best candidate. Without `may_upgrade` nothing above `held` is given, but what may
/// resume gets its lowest layer.
pub fn allocate(budget: Option<u64>, may_upgrade: bool, requests: &mut [Request]) {
    let Some(mut left) = budget else {
        for request in requests {
            request.given = best(request.candidates);
        }
        return;
    };
    requests.sort_unstable_by_key(|r| (Reverse(r.priority), r.subscription));
    for request in requests.iter_mut() {
        request.given = None;
        let lowest = Layer::ALL.into_iter().find(|layer| request.can_be(*layer));
        if let Some(layer) = lowest {
            request.raise(layer, may_upgrade, &mut left);
        }
    }
    for group in requests.chunk_by_mut(|a, b| a.priority == b.priority) {
        for layer in [Layer::Medium, Layer::High] {
            for request in group.iter_mut() {
                if request.can_be(layer) && request.given.is_some_and(|given| given < layer) {
                    request.raise(layer, may_upgrade, &mut left);
                }
            }
        }
    }
}

impl Request {
    fn can_be(&self, layer: Layer) -> bool {
        crate::layer_choice::contains(self.candidates, layer)
    }

    fn cost(&self, layer: Layer) -> u64 {
        self.costs.get(layer as usize).copied().unwrap_or(u64::MAX)
    }

    /// Gives `layer` if what it costs beyond the layer given fits into `left`.
    fn raise(&mut self, layer: Layer, may_upgrade: bool, left: &mut u64) {
        let is_upgrade = self.held.is_none_or(|held| layer > held);
        let resumes = self.held.is_none() && self.given.is_none();
        if is_upgrade
            && !(if resumes {
                self.may_resume
            } else {
                may_upgrade
            })
        {
            return;
        }
        let already = self.given.map_or(0, |given| self.cost(given));
        let cost = self.cost(layer);
        let needed = if is_upgrade {
            cost.saturating_mul(UPGRADE_MARGIN_PERCENT) / 100
        } else {
            cost
        };
        if needed.saturating_sub(already) <= *left {
            *left = (*left).saturating_add(already).saturating_sub(cost);
            self.given = Some(layer);
        }
    }
}

/// The highest layer of a set.
#[must_use]
pub fn best(set: LayerSet) -> Option<Layer> {
    Layer::ALL
        .into_iter()
        .rev()
        .find(|layer| crate::layer_choice::contains(set, *layer))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use proptest::prelude::*;

    const COSTS: [u64; 3] = [150, 500, 1_700];

    fn request(subscription: usize, priority: u32) -> Request {
        Request {
            subscription,
            priority,
            candidates: [true; 3],
            costs: COSTS,
            held: Some(Layer::High),
            may_resume: true,
            given: None,
        }
    }

    fn given(requests: &[Request]) -> Vec<Option<Layer>> {
        let mut sorted = requests.to_vec();
        sorted.sort_by_key(|r| r.subscription);
        sorted.iter().map(|r| r.given).collect()
    }

    #[test]
    fn two_tracks_share_the_budget_evenly() {
        let (low, medium, high) = (Some(Layer::Low), Some(Layer::Medium), Some(Layer::High));
        for (name, budget, want) in [
            ("no estimate yet", None, [high, high]),
            ("one below a single floor", Some(149), [None, None]),
            ("one floor", Some(150), [low, None]),
            ("one below both floors", Some(299), [low, None]),
            ("both floors", Some(300), [low, low]),
            ("one step for one", Some(650), [medium, low]),
            (
                "one step for both, before two for one",
                Some(1_000),
                [medium, medium],
            ),
            ("one below the top for one", Some(2_199), [medium, medium]),
            ("the top for one", Some(2_200), [high, medium]),
            ("enough", Some(3_400), [high, high]),
        ] {
            let mut requests = [request(0, 0), request(1, 0)];
            allocate(budget, true, &mut requests);
            assert_eq!(given(&requests), want, "{name}");
        }
    }

    #[test]
    fn priority_goes_first_but_not_before_everyones_floor() {
        let mut requests = [request(0, 0), request(1, 5)];
        allocate(Some(1_850), true, &mut requests);
        assert_eq!(given(&requests), [Some(Layer::Low), Some(Layer::High)]);
        allocate(Some(150), true, &mut requests);
        assert_eq!(given(&requests), [None, Some(Layer::Low)]);
    }

    #[test]
    fn an_upgrade_needs_its_margin_and_permission() {
        let (low, medium) = (Some(Layer::Low), Some(Layer::Medium));
        for (name, held, may_upgrade, budget, want) in [
            ("keeping what is held needs none", medium, true, 500, medium),
            ("one below the margin", low, true, 624, low),
            ("exactly the margin", low, true, 625, medium),
            ("not so soon after a downgrade", low, false, 9_000, low),
            ("coming back from a pause, one short", None, true, 186, None),
            ("coming back from a pause", None, true, 187, low),
            ("coming back, but no higher", None, false, 9_000, low),
        ] {
            let mut requests = [Request {
                held,
                ..request(0, 0)
            }];
            allocate(Some(budget), may_upgrade, &mut requests);
            assert_eq!(requests[0].given, want, "{name}");
        }
        let mut too_soon = [Request {
            held: None,
            may_resume: false,
            ..request(0, 0)
        }];
        allocate(Some(9_000), true, &mut too_soon);
        assert_eq!(too_soon[0].given, None);
    }

    fn any_request(subscription: usize) -> impl Strategy<Value = Request> {
        (
            0u32..3,
            any::<LayerSet>(),
            [1u64..300, 300..900, 900..3_000],
            0usize..4,
        )
            .prop_map(move |(priority, candidates, costs, held)| Request {
                subscription,
                priority,
                candidates,
                costs,
                held: Layer::ALL.get(held).copied(),
                may_resume: false,
                given: None,
            })
    }

    proptest! {
        #[test]
        fn the_budget_is_kept_and_only_candidates_are_given(
            budget in 0u64..12_000,
            may_upgrade: bool,
            mut requests in (0usize..1).prop_flat_map(|_| {
                (any_request(0), any_request(1), any_request(2), any_request(3))
            }).prop_map(|(a, b, c, d)| [a, b, c, d]),
        ) {
            allocate(Some(budget), may_upgrade, &mut requests);
            let total: u64 =
                requests.iter().filter_map(|r| r.given.map(|given| r.cost(given))).sum();
            prop_assert!(total <= budget);
            for request in &requests {
                if let Some(given) = request.given {
                    prop_assert!(request.can_be(given));
                    prop_assert!(may_upgrade || request.held >= Some(given));
                }
            }
        }

        #[test]
        fn more_bandwidth_never_worsens_the_first_track(budget in 0u64..8_000, more in 0u64..4_000,
            a in any_request(0), b in any_request(1)) {
            let mut less = [Request { priority: 9, ..a }, b];
            let mut plenty = less;
            allocate(Some(budget), true, &mut less);
            allocate(Some(budget + more), true, &mut plenty);
            let (less, plenty) = (given(&less), given(&plenty));
            prop_assert!(less.first() <= plenty.first() || less.get(1) < plenty.get(1));
        }
    }
}
