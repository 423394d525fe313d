//! Promises under congestion, held by our own egress (ADR on congestion control).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use media::Layer;
use peer::EgressKind;
use ringward_sim::scenario::{SEEDS, bottleneck, loss, path};
use std::time::Duration;

const OWN: EgressKind = EgressKind::Own;

#[test]
fn layers_follow_a_path_that_shrinks_and_recovers() {
    for seed in SEEDS {
        let met = bottleneck::shrink(OWN, seed);
        assert_eq!(met.before, Some(Layer::High), "{met:?}");
        assert!(met.dropped_after < Duration::from_secs(1), "{met:?}");
        assert_eq!(met.narrow, Some(Layer::Low), "{met:?}");
        assert!(met.pictures > 350, "{met:?}");
        assert_eq!(met.after, Some(Layer::High), "{met:?}");
        assert!(met.recovered_after < Duration::from_secs(5), "{met:?}");
    }
}

#[test]
fn a_voice_comes_through_a_path_that_shrinks() {
    for seed in SEEDS {
        let voice = bottleneck::shrink(OWN, seed);
        // One in a thousand is the link's own loss.
        assert!(voice.voice.lost <= 5, "{voice:?}");
        // The link's own queue is 1.07 s long: nothing that fills it before the first feedback
        // can be taken back.
        let queue = Duration::from_millis(1_100);
        assert!(voice.voice.delay < queue, "{voice:?}");
        assert!(voice.voice_back_after < Duration::from_secs(5), "{voice:?}");
    }
}

#[test]
fn two_viewers_share_their_bottleneck() {
    for seed in SEEDS {
        let shared = bottleneck::share(OWN, seed, 1_600);
        assert!(shared.ratio() <= 2.0, "{shared:?}");
        assert_eq!(shared.voice.lost, 0, "{shared:?}");
    }
}

#[test]
fn losses_do_not_feed_on_their_own_repair() {
    for seed in SEEDS {
        for (queue, loss) in [(25_000, 0), (8_000, 0), (25_000, 100)] {
            let met = bottleneck::storm(OWN, seed, 1_000, queue, loss);
            assert!(met.repair < 0.15, "{met:?}");
            assert!(met.pictures > 150, "{met:?}");
            assert!(met.layer < Some(Layer::High), "{met:?}");
        }
    }
}

#[test]
fn frames_survive_random_loss() {
    for seed in SEEDS {
        for (permille, wanted) in [(100, 0.999), (200, 0.99), (300, 0.95)] {
            let met = loss::repair(OWN, seed, permille);
            assert!(met.sent > 700, "{met:?}");
            assert!(met.share() >= wanted, "{} {met:?}", met.share());
        }
    }
}

#[test]
fn two_pictures_per_viewer_flow_again_two_seconds_after_a_fifth_was_lost() {
    for seed in SEEDS {
        let (silent, run) = loss::calm_after(OWN, seed);
        assert_eq!(silent, [""; 0], "{run}");
    }
}

#[test]
fn feedback_that_gets_lost_costs_no_voice() {
    for seed in SEEDS {
        let met = path::deaf(OWN, seed, 300);
        assert!(met.pictures > 240, "{met:?}");
        assert_eq!(
            (met.voice.lost, met.layer),
            (0, Some(Layer::High)),
            "{met:?}"
        );
        let met = path::deaf(OWN, seed, 1_000);
        assert_eq!(met.voice.lost, 0, "{met:?}");
        assert!(met.least < Some(400), "sent on as if nothing were: {met:?}");
    }
}

#[test]
fn a_viewer_who_moves_sees_the_best_layer_again() {
    for seed in SEEDS {
        let met = path::moved(OWN, seed);
        // Until the next connectivity check nothing tells the box where the viewer is.
        assert!(met.freeze < Duration::from_secs(5), "{met:?}");
        assert_eq!(met.layer, Some(Layer::High), "{met:?}");
    }
}
