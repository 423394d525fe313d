//! Layers: chosen by wish and bandwidth, switched on keyframes, told to the publisher.

use super::stage::{ANA, BEN, CARA, FRAME, Stage, mid, peer};
use crate::demand::DEMAND_DEBOUNCE;
use crate::plane::LayerWish;
use crate::room::{
    ALLOCATION_INTERVAL, LAYER_SILENCE, OVERDRAFT, PAUSE_PATIENCE, RESUME_HOLD, UPGRADE_HOLD,
};
use crate::{KEYFRAME_REQUEST_INTERVAL, Kind, Layer, MediaEvent, Output, Rid};
use std::time::Duration;

const Q: u8 = 10;
const H: u8 = 11;
const F: u8 = 12;

/// A viewer of a track whose three layers flow.
fn watching() -> Stage {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Video);
    stage.subscribe(BEN, 1);
    stage.flow(ANA, 1, 60);
    stage.forget();
    stage
}

fn wish(highest: Layer) -> LayerWish {
    LayerWish {
        highest,
        ..LayerWish::default()
    }
}

#[test]
fn without_an_estimate_the_best_layer_is_shown() {
    let mut stage = watching();
    stage.flow(ANA, 1, 3);
    assert_eq!(stage.marks(BEN), [F, F, F]);
}

#[test]
fn a_switch_happens_on_the_keyframe_of_the_new_layer_and_not_before() {
    let mut stage = watching();
    stage.wish(BEN, 1, wish(Layer::Low));
    assert_eq!(stage.keyframes(), [Some(Layer::Low.rid())]);
    for (layer, keyframe) in [
        (Layer::High, false),
        (Layer::Low, false),
        (Layer::High, true),
        (Layer::Low, true),
        (Layer::High, false),
        (Layer::Low, false),
    ] {
        stage.send(ANA, 1, Some(layer), keyframe);
    }
    assert_eq!(stage.marks(BEN), [F, F, Q, Q]);
    let numbers: Vec<u64> = stage.sent_to(BEN).map(|sent| sent.sequence).collect();
    assert!(
        numbers.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{numbers:?}"
    );
}

#[test]
fn sender_reports_join_the_clocks_of_two_layers() {
    let ntp = Duration::from_hours(1_083_333);
    let ms = Duration::from_millis;
    // When each layer's clock showed its report's timestamp; how long after it the packet is.
    for (name, high_at, low_at, after_report, want) in [
        ("the low layer is 20 ms later", ntp, ntp + ms(20), 0, 1_800),
        (
            "its report is 20 ms earlier",
            ntp + ms(20),
            ntp,
            4_500,
            2_700,
        ),
    ] {
        let mut stage = watching();
        let shown = stage.packet(1, Some(Layer::High), false);
        stage.deliver(ANA, &shown);
        let low = stage.packet(1, Some(Layer::Low), true);
        stage.report(ANA, 1, Layer::High, high_at, shown.timestamp);
        stage.report(ANA, 1, Layer::Low, low_at, low.timestamp - after_report);
        stage.advance(ms(10));
        stage.wish(BEN, 1, wish(Layer::Low));
        stage.deliver(ANA, &low);
        let stamps: Vec<u32> = stage.sent_to(BEN).map(|sent| sent.timestamp).collect();
        assert_eq!(stamps[1].wrapping_sub(stamps[0]), want, "{name}");
    }
}

#[test]
fn a_viewer_is_told_its_publishers_clock_in_its_own_timestamps() {
    let ntp = Duration::from_hours(1_083_333);
    let ms = Duration::from_millis;
    let mut stage = watching();
    stage.subscribe(CARA, 1);
    stage.wish(CARA, 1, wish(Layer::Medium));
    let shown = stage.packet(1, Some(Layer::High), false);
    stage.deliver(ANA, &shown);
    let low = stage.packet(1, Some(Layer::Low), true);
    stage.report(ANA, 1, Layer::High, ntp, shown.timestamp);
    stage.report(ANA, 1, Layer::Low, ntp + ms(20), low.timestamp);
    stage.advance(ms(10));
    stage.wish(BEN, 1, wish(Layer::Low));
    stage.deliver(ANA, &low);
    let stamps: Vec<u32> = stage.sent_to(BEN).map(|sent| sent.timestamp).collect();
    let told: Vec<_> = stage
        .outputs
        .iter()
        .filter_map(|output| match output {
            Output::SenderReport { peer, report } => Some((*peer, report.ntp, report.timestamp)),
            _ => None,
        })
        .collect();
    // Of the layer it is shown when that is reported, and as of now when the layer changes.
    let at_switch = stamps[1].wrapping_add(900);
    let want = [
        (peer(BEN), ntp, stamps[0]),
        (peer(BEN), ntp + ms(30), at_switch),
    ];
    assert_eq!(told, want, "and nobody who is shown another layer");
}

#[test]
fn a_report_of_a_restarted_layer_says_nothing_of_the_old_one() {
    let mut stage = watching();
    let shown = stage.packet(1, Some(Layer::High), false);
    stage.deliver(ANA, &shown);
    for step in 0..2 {
        let mut restarted = stage.packet(1, Some(Layer::High), false);
        restarted.sequence = 500 + step;
        stage.deliver(ANA, &restarted);
    }
    let mut low = stage.packet(1, Some(Layer::Low), true);
    let ntp = Duration::from_hours(1);
    stage.report(
        ANA,
        1,
        Layer::High,
        ntp,
        shown.timestamp.wrapping_add(45_000),
    );
    stage.report(ANA, 1, Layer::Low, ntp, low.timestamp);
    stage.wish(BEN, 1, wish(Layer::Low));
    stage.advance(FRAME);
    low.arrival = stage.now;
    stage.deliver(ANA, &low);
    let stamps: Vec<u32> = stage.sent_to(BEN).map(|sent| sent.timestamp).collect();
    assert_eq!(
        stamps[1].wrapping_sub(stamps[0]),
        2_999,
        "elapsed time decides"
    );
}

#[test]
fn layers_that_were_silent_together_come_back_together() {
    let mut stage = watching();
    stage.advance(LAYER_SILENCE * 3);
    stage.send(ANA, 1, Some(Layer::Low), false);
    stage.advance(ALLOCATION_INTERVAL);
    stage.send(ANA, 1, Some(Layer::Low), true);
    stage.send(ANA, 1, Some(Layer::High), false);
    assert_eq!(
        stage.marks(BEN),
        [F],
        "the best layer is not given up for being second"
    );
}

#[test]
fn a_track_that_does_not_fit_is_paused_when_patience_ends_and_resumed() {
    let mut stage = watching();
    let states = |stage: &Stage| {
        let states = stage.events().filter_map(|event| match event {
            MediaEvent::StreamStateChanged { active, .. } => Some(*active),
            _ => None,
        });
        states.collect::<Vec<_>>()
    };
    // 30 packets/s of 136 bytes: each layer takes 33 kbit/s.
    stage.estimate(BEN, 20);
    stage.flow(ANA, 1, 3);
    assert_eq!(stage.marks(BEN), [Q, Q, Q], "the lowest, on trial");
    stage.advance(PAUSE_PATIENCE + ALLOCATION_INTERVAL);
    assert_eq!(states(&stage), [false]);
    stage.forget();
    stage.flow(ANA, 1, 3);
    assert_eq!(stage.marks(BEN), []);
    stage.advance(RESUME_HOLD);
    stage.estimate(BEN, 59);
    assert_eq!(states(&stage), [true]);
    stage.flow(ANA, 1, 3);
    assert_eq!(stage.marks(BEN), [Q, Q, Q]);
    stage.advance(UPGRADE_HOLD);
    stage.estimate(BEN, 5_000);
    stage.flow(ANA, 1, 3);
    assert_eq!(*stage.marks(BEN).last().unwrap(), F);
}

/// Ben watches layers of 129, 369 and 1,209 kbit/s: 30 packets/s of about 536, 1,536 and 5,036
/// bytes.
fn watching_three_rates() -> Stage {
    let mut stage = watching();
    for _ in 0..60 {
        for (layer, bytes) in [
            (Layer::Low, 500),
            (Layer::Medium, 1_500),
            (Layer::High, 5_000),
        ] {
            let mut packet = stage.packet(1, Some(layer), false);
            packet.payload = std::sync::Arc::from(vec![packet.payload[0]; bytes]);
            stage.deliver(ANA, &packet);
        }
        stage.advance(FRAME);
    }
    stage.forget();
    stage
}

#[test]
fn bandwidth_lowers_the_layer_at_once_and_raises_it_after_the_hold() {
    let mut stage = watching_three_rates();
    for (kbps, want, what) in [
        (500, H, "at once"),
        (200, Q, "at once"),
        (599, Q, "not so soon"),
    ] {
        stage.estimate(BEN, kbps);
        stage.flow(ANA, 1, 2);
        assert_eq!(*stage.marks(BEN).last().unwrap(), want, "{what}");
    }
    stage.advance(UPGRADE_HOLD);
    stage.estimate(BEN, 5_000);
    stage.flow(ANA, 1, 2);
    assert_eq!(*stage.marks(BEN).last().unwrap(), F);
}

#[test]
fn a_path_that_takes_three_times_as_much_is_another_and_nothing_is_held() {
    let mut stage = watching_three_rates();
    for (kbps, want) in [(200, Q), (600, H), (2_000, F)] {
        stage.estimate(BEN, kbps);
        stage.flow(ANA, 1, 2);
        assert_eq!(*stage.marks(BEN).last().unwrap(), want, "{kbps}");
    }
}

#[test]
fn a_layer_that_no_longer_fits_is_not_shown_for_long() {
    let mut stage = watching();
    for _ in 0..60 {
        for (layer, bytes) in [(Layer::Low, 500), (Layer::High, 5_000)] {
            let mut packet = stage.packet(1, Some(layer), false);
            packet.payload = std::sync::Arc::from(vec![packet.payload[0]; bytes]);
            stage.deliver(ANA, &packet);
        }
        stage.advance(FRAME);
    }
    stage.estimate(BEN, 500);
    let send = |stage: &mut Stage| {
        stage.forget();
        stage.send(ANA, 1, Some(Layer::Low), false);
        stage.send(ANA, 1, Some(Layer::High), false);
        stage.marks(BEN)
    };
    assert_eq!(send(&mut stage), [F]);
    stage.advance(OVERDRAFT + ALLOCATION_INTERVAL);
    assert_eq!(
        send(&mut stage),
        [],
        "the keyframe of the lower layer is late"
    );
    stage.send(ANA, 1, Some(Layer::Low), true);
    assert_eq!(stage.marks(BEN), [Q]);
}

#[test]
fn audio_is_never_paused() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Audio);
    stage.publish(ANA, 2, Kind::Video);
    stage.subscribe(BEN, 1);
    stage.subscribe(BEN, 2);
    stage.estimate(BEN, 1);
    stage.send(ANA, 1, None, false);
    stage.send(ANA, 2, Some(Layer::Low), true);
    assert_eq!(stage.marks(BEN), [13, Q]);
    stage.forget();
    stage.advance(PAUSE_PATIENCE + ALLOCATION_INTERVAL);
    stage.send(ANA, 1, None, false);
    stage.send(ANA, 2, Some(Layer::Low), true);
    assert_eq!(stage.marks(BEN), [13], "video alone is paused");
}

#[test]
fn audio_is_paid_for_before_video() {
    for (kbps, audio_tracks, shown) in [(200, 0, true), (200, 2, false), (300, 2, true)] {
        let mut stage = Stage::new();
        stage.publish(ANA, 2, Kind::Video);
        for track in 0..audio_tracks {
            stage.publish(ANA, 10 + track, Kind::Audio);
            stage.subscribe(BEN, 10 + track);
        }
        stage.subscribe(BEN, 2);
        stage.estimate(BEN, kbps);
        stage.send(ANA, 2, Some(Layer::Low), true);
        stage.advance(PAUSE_PATIENCE + ALLOCATION_INTERVAL);
        stage.forget();
        stage.send(ANA, 2, Some(Layer::Low), true);
        let video = stage
            .sent_to(BEN)
            .filter(|sent| sent.mid == mid(52))
            .count();
        assert_eq!(
            video > 0,
            shown,
            "{kbps} kbit/s, {audio_tracks} audio tracks"
        );
    }
}

#[test]
fn a_layer_that_its_publisher_pauses_is_left() {
    let mut stage = watching();
    let frames = 2 + LAYER_SILENCE.as_millis() as u32 / 33 + 20;
    for _ in 0..frames {
        stage.send(ANA, 1, Some(Layer::Low), false);
        stage.send(ANA, 1, Some(Layer::Medium), false);
        stage.advance(FRAME);
    }
    assert!(stage.keyframes().contains(&Some(Layer::Medium.rid())));
    stage.send(ANA, 1, Some(Layer::Medium), true);
    assert_eq!(stage.marks(BEN), [H]);
    stage.send(ANA, 1, Some(Layer::High), true);
    assert_eq!(
        stage.marks(BEN),
        [H, F],
        "and taken again when it comes back"
    );
}

#[test]
fn a_single_layer_is_shown_whatever_is_wished() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Video);
    stage.subscribe(BEN, 1);
    stage.wish(BEN, 1, wish(Layer::High));
    stage.send(ANA, 1, None, true);
    assert_eq!(stage.marks(BEN), [13]);
}

#[test]
fn a_rid_of_another_name_is_a_single_layer_and_is_asked_by_its_name() {
    let mut stage = Stage::new();
    let rid = Rid::new("0").unwrap();
    stage.publish(ANA, 1, Kind::Video);
    stage.subscribe(BEN, 1);
    let mut packet = stage.packet(1, None, false);
    packet.rid = Some(rid);
    stage.deliver(ANA, &packet);
    assert_eq!(stage.keyframes(), [Some(rid)]);
    let mut other = stage.packet(1, None, true);
    other.rid = Rid::new("1");
    stage.deliver(ANA, &other);
    assert_eq!(stage.marks(BEN), []);
    assert_eq!(stage.room.counters().unknown, 1);
}

#[test]
fn keyframe_requests_are_coalesced_and_retried_while_somebody_waits() {
    let mut stage = watching();
    stage.subscribe(CARA, 1);
    assert_eq!(stage.keyframes().len(), 1);
    for _ in 0..10 {
        stage
            .room
            .handle_keyframe_request(peer(BEN), mid(51), stage.now);
    }
    stage.drain();
    assert_eq!(stage.keyframes().len(), 1, "within the interval");
    for _ in 0..31 {
        stage.send(ANA, 1, Some(Layer::High), false);
        stage.advance(FRAME);
    }
    assert_eq!(stage.keyframes().len(), 3, "retried at 0.5 and 1.0 s");
    stage.send(ANA, 1, Some(Layer::High), true);
    stage.forget();
    stage.advance(KEYFRAME_REQUEST_INTERVAL * 4);
    assert_eq!(stage.keyframes(), [], "served");
}

#[test]
fn a_request_within_the_interval_is_passed_on_when_it_ends() {
    let mut stage = watching();
    let start = stage.now;
    let pli = |stage: &mut Stage| {
        stage
            .room
            .handle_keyframe_request(peer(BEN), mid(51), stage.now);
        stage.drain();
    };
    stage.asked.clear();
    pli(&mut stage);
    stage.advance(Duration::from_millis(100));
    pli(&mut stage);
    stage.advance(KEYFRAME_REQUEST_INTERVAL * 3);
    let asked: Vec<Duration> = stage.asked.iter().map(|(at, _)| *at - start).collect();
    assert_eq!(asked, [Duration::ZERO, KEYFRAME_REQUEST_INTERVAL]);
}

#[test]
fn a_subscriber_that_lost_a_keyframe_gets_another() {
    let mut stage = watching();
    stage
        .room
        .handle_keyframe_request(peer(BEN), mid(51), stage.now);
    stage.drain();
    assert_eq!(stage.keyframes(), [Some(Layer::High.rid())]);
    stage
        .room
        .handle_keyframe_request(peer(BEN), mid(99), stage.now);
    stage.drain();
    assert_eq!(
        stage.keyframes().len(),
        1,
        "an unknown section asks for nothing"
    );
}

#[test]
fn the_publisher_learns_what_its_viewers_want() {
    let mut stage = watching();
    let told = |stage: &Stage| {
        let told = stage.events().filter_map(|event| match event {
            MediaEvent::DemandChanged { wanted, .. } => Some(*wanted),
            _ => None,
        });
        told.collect::<Vec<_>>()
    };
    stage.wish(BEN, 1, wish(Layer::Medium));
    stage.advance(DEMAND_DEBOUNCE);
    assert_eq!(told(&stage), [[true, true, false]]);
    stage.subscribe(CARA, 1);
    assert_eq!(told(&stage)[1..], [[true; 3]], "at once");
    stage.wish(
        CARA,
        1,
        LayerWish {
            enabled: false,
            ..wish(Layer::High)
        },
    );
    stage.unsubscribe(BEN, 1);
    stage.advance(DEMAND_DEBOUNCE);
    assert_eq!(told(&stage)[2..], [[false; 3]]);
}

#[test]
fn a_track_that_nobody_ever_watches_is_not_encoded() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Video);
    stage.advance(DEMAND_DEBOUNCE);
    assert!(stage.events().any(|event| matches!(
        event,
        MediaEvent::DemandChanged {
            wanted: [false, false, false],
            ..
        }
    )));
}

#[test]
fn a_disabled_subscription_is_silent_and_comes_back_with_a_keyframe() {
    let mut stage = watching();
    stage.wish(
        BEN,
        1,
        LayerWish {
            enabled: false,
            ..wish(Layer::High)
        },
    );
    stage.flow(ANA, 1, 3);
    assert_eq!(stage.marks(BEN), []);
    stage.wish(BEN, 1, wish(Layer::High));
    stage.send(ANA, 1, Some(Layer::High), false);
    assert_eq!(stage.marks(BEN), []);
    stage.flow(ANA, 1, 2);
    assert_eq!(stage.marks(BEN), [F, F]);
}

#[test]
fn a_track_that_does_not_flow_asks_for_no_probing() {
    for kind in [Kind::Audio, Kind::Video] {
        let mut stage = Stage::new();
        stage.publish(ANA, 1, kind);
        stage.subscribe(BEN, 1);
        let desired = |stage: &Stage| {
            let told = stage.outputs.iter().filter_map(|output| match output {
                Output::SetBitrate { desired, .. } => Some(desired.0),
                _ => None,
            });
            told.last().unwrap_or(0)
        };
        stage.advance(ALLOCATION_INTERVAL * 2);
        assert_eq!(desired(&stage), 0, "{kind:?}: nothing came yet");
        stage.send(ANA, 1, None, kind == Kind::Video);
        stage.advance(ALLOCATION_INTERVAL);
        assert!(desired(&stage) > 0, "{kind:?}");
        stage.advance(LAYER_SILENCE + ALLOCATION_INTERVAL);
        assert_eq!(desired(&stage), 0, "{kind:?}: it fell silent");
    }
}

#[test]
fn the_worker_learns_how_much_to_aim_at() {
    let mut stage = watching();
    stage.subscribe(CARA, 1);
    let desired = stage.outputs.iter().find_map(|output| match output {
        Output::SetBitrate { peer: to, desired } if *to == peer(CARA) => Some(desired.0),
        _ => None,
    });
    // 30 packets/s of 136 bytes, and half as much again for probing.
    let desired = desired.unwrap();
    assert!((40_000..60_000).contains(&desired), "{desired}");
}
