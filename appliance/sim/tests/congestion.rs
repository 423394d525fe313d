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
        assert!(met.pictures > 400, "{met:?}");
        assert_eq!(met.after, Some(Layer::High), "{met:?}");
        assert!(met.recovered_after < Duration::from_secs(5), "{met:?}");
    }
}

#[test]
fn a_voice_comes_through_a_path_that_shrinks() {
    let mut waits = Vec::new();
    for seed in SEEDS {
        let voice = bottleneck::shrink(OWN, seed);
        // One in a thousand is the link's own loss.
        assert!(voice.voice.lost <= 5, "{voice:?}");
        let back = voice.voice_back_after;
        assert!(back < Duration::from_millis(1_500), "{voice:?}");
        waits.push(voice.voice.delay);
    }
    // The link's own queue holds 1.07 s. Two packets of the first frame that meets the narrow link
    // show what it takes: known at the box after 20 + 2 x 30 + 50 + 20 ms and up to a frame's time
    // more. Four frames have left by then, 0.95 s of the link, or three, and nothing can take them
    // back.
    waits.sort_unstable();
    let [median, longest] = [waits.len() / 2, waits.len() - 1].map(|place| waits[place]);
    assert!(median < Duration::from_millis(950), "{waits:?}");
    assert!(longest < Duration::from_millis(1_070), "{waits:?}");
}

#[test]
fn two_viewers_share_their_bottleneck() {
    for seed in SEEDS {
        // At 3 Mbit/s the best layer fits for one of them, and whoever has it keeps the other down.
        for (kbps, most) in [(1_600, 2.0), (3_000, 3.0), (4_500, 2.0)] {
            let shared = bottleneck::share(OWN, seed, kbps);
            assert!(shared.estimate_ratio() <= most, "{kbps} {shared:?}");
            assert_eq!(shared.voice.lost, 0, "{kbps} {shared:?}");
            // Between layers of 500 and 1,720 kbit/s a share decides for one of them.
            assert!(kbps > 1_600 || shared.ratio() <= 2.0, "{shared:?}");
        }
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
            let soon = met.soon_share();
            assert!(permille > 100 || soon >= 0.99, "{soon} {met:?}");
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
