//! One publisher and its viewers, over networks of every quality.
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
    for seed in SEEDS {
        let mut sim = Sim::over(crate::EGRESS, seed)
            .publisher("bed-4")
            .subscriber("nurse")
            .subscriber("doctor");
        sim.run(Duration::from_secs(5));
        for viewer in ["nurse", "doctor"] {
            let shown = sim.shown_to(viewer, "bed-4");
            assert!(shown.len() > 110, "{sim}: {} pictures", shown.len());
            let heard = sim.heard_by(viewer, "bed-4").len();
            assert!(heard > 230, "{sim}: {heard} times 20 ms");
        }
    }
}

#[test]
fn after_the_storm_every_subscribed_track_flows_within_two_seconds() {
    for seed in SEEDS {
        for (loss, colleague) in [(20, true), (100, true), (200, false)] {
            let sim = Sim::over(crate::EGRESS, seed)
                .publisher("bed-4")
                .subscriber("nurse");
            // At 20 % the estimate has room for one picture; the second comes a little later.
            let sim = if colleague {
                sim.publisher("doctor")
            } else {
                sim
            };
            let mut sim = sim
                .loss_permille(loss)
                .reorder_permille(50)
                .duplicate_permille(10);
            sim.run(Duration::from_secs(8));
            sim.calm();
            sim.run(Duration::from_secs(2));
            let since = sim.now();
            sim.run(Duration::from_secs(1));
            assert_eq!(sim.silent_since(since), [""; 0], "{sim} after {loss}‰");
        }
    }
}

#[test]
fn lost_packets_are_repaired_and_most_pictures_are_shown() {
    for seed in SEEDS {
        let mut sim = Sim::over(crate::EGRESS, seed)
            .publisher("bed-4")
            .subscriber("nurse")
            .loss_permille(20)
            .reorder_permille(20)
            .duplicate_permille(10);
        sim.run(Duration::from_secs(10));
        let shown = sim.shown_to("nurse", "bed-4").len();
        assert!(shown > 200, "{sim}: {shown} of 250 pictures");
    }
}

#[test]
fn a_late_joiner_gets_a_keyframe() {
    for seed in SEEDS {
        for loss in [0, 100] {
            let mut sim = Sim::over(crate::EGRESS, seed)
                .publisher("bed-4")
                .subscriber("nurse")
                .loss_permille(loss);
            sim.run(Duration::from_secs(3));
            let (asked, joined) = (sim.keyframes_asked(), sim.now());
            sim.join("ward", "doctor", false);
            sim.run(Duration::from_secs(2));
            let first = sim.shown_to("doctor", "bed-4").first().copied();
            let first = first.unwrap_or_else(|| panic!("{sim}: nothing shown"));
            assert!(first.keyframe && first.frame > 0, "{sim}: {first:?}");
            assert!(sim.keyframes_asked() > asked, "{sim}");
            if loss == 0 {
                let waited = first.at - joined;
                assert!(waited < Duration::from_secs(1), "{sim}: {waited:?}");
            }
        }
    }
}

#[test]
fn no_packet_crosses_rooms() {
    for seed in SEEDS {
        let mut sim = Sim::over(crate::EGRESS, seed)
            .publisher_in("ward-3", "bed-4")
            .subscriber_in("ward-3", "nurse")
            .publisher_in("ward-7", "bed-9")
            .subscriber_in("ward-7", "doctor")
            .loss_permille(50)
            .reorder_permille(50)
            .duplicate_permille(50);
        sim.run(Duration::from_secs(4));
        assert!(!sim.shown_to("nurse", "bed-4").is_empty(), "{sim}");
        assert!(!sim.shown_to("doctor", "bed-9").is_empty(), "{sim}");
        assert!(sim.shown_to("doctor", "bed-4").is_empty(), "{sim}");
        assert!(sim.shown_to("nurse", "bed-9").is_empty(), "{sim}");
    }
}

#[test]
fn nothing_is_received_without_permission() {
    for seed in SEEDS {
        let mut sim = Sim::over(crate::EGRESS, seed)
            .publisher("bed-4")
            .subscriber("nurse")
            .subscriber("doctor")
            .loss_permille(50)
            .reorder_permille(50);
        sim.run(Duration::from_secs(2));
        sim.permit("nurse", true, false);
        sim.run(Duration::from_millis(500));
        let forbidden_since = sim.now();
        sim.run(Duration::from_secs(1));
        let last = *sim.heard_by("nurse", "bed-4").last().unwrap();
        assert!(last.at < forbidden_since, "{sim}");
        assert!(
            sim.heard_by("doctor", "bed-4").last().unwrap().at > forbidden_since,
            "{sim}"
        );

        sim.permit("bed-4", false, true);
        sim.run(Duration::from_millis(500));
        let forbidden_since = sim.now();
        sim.run(Duration::from_secs(1));
        assert!(
            sim.heard_by("doctor", "bed-4").last().unwrap().at < forbidden_since,
            "{sim}"
        );

        sim.permit("bed-4", true, true);
        sim.permit("nurse", true, true);
        sim.calm();
        sim.run(Duration::from_secs(2));
        let since = sim.now();
        sim.run(Duration::from_secs(1));
        assert_eq!(sim.silent_since(since), [""; 0], "{sim}");
    }
}

#[test]
fn keyframe_requests_stay_rare_in_a_storm() {
    for seed in SEEDS {
        let mut sim = Sim::over(crate::EGRESS, seed)
            .publisher("bed-4")
            .subscriber("nurse")
            .subscriber("doctor")
            .subscriber("family")
            .loss_permille(300);
        sim.run(Duration::from_secs(6));
        // Two a second for each of three layers; the ledger holds the interval itself.
        assert!(
            sim.keyframes_asked() <= 36,
            "{sim}: {}",
            sim.keyframes_asked()
        );
    }
}
