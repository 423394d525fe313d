//! What clients and their clocks, reports and silences do.

use super::SEEDS;
use crate::link::{MS, Path, SECOND};
use crate::sender::Stream;
use crate::sim::{ReturnPath, Sim};
use ringward_congestion::{Content, Controller, Feedback, Sent};
use std::time::{Duration, Instant};
use vocab::Bitrate;

#[test]
fn feedback_lost_and_reordered_changes_little() {
    for seed in SEEDS {
        let mut sim = Sim::new(seed, Path::of_mbps(5.0)).flow(Stream::Elastic(3e6));
        sim.back = ReturnPath {
            loss: 0.2,
            jitter: 120 * MS,
            cut: false,
        };
        sim.run_seconds(30.0);
        let got = sim.flows[0].throughput(5 * SECOND, sim.now);
        println!("with bad feedback arrive {got}");
        assert!(got > 2.7e6, "{got} {sim}");
    }
}

#[test]
fn a_client_that_falls_silent_gets_less_and_then_full_rate_again() {
    for seed in SEEDS {
        let mut sim = Sim::new(seed, Path::of_mbps(5.0)).flow(Stream::Elastic(3e6));
        sim.run_seconds(5.0);
        sim.back.cut = true;
        let cut = sim.now;
        sim.run_seconds(4.0);
        let down = sim.seconds_until(cut, |estimate| estimate < 2.2e6);
        let silent = sim.flows[0].estimate();
        sim.back.cut = false;
        let back = sim.now;
        sim.run_seconds(5.0);
        let up = sim.seconds_until(back, |estimate| estimate >= 3e6);
        println!("back-off after {down} s, to {silent}, up after {up} s");
        assert!(down < 1.0 && silent < 0.4e6, "{down} {silent} {sim}");
        assert!(up < 3.0, "{up} {sim}");
    }
}

#[test]
fn a_receiver_clock_that_jumps_or_rolls_over_is_no_congestion() {
    let epoch = Duration::from_millis(64 << 24).as_micros() as i64;
    for (name, before, after) in [
        ("an hour ahead", 0, 3_600 * SECOND),
        ("an hour back", 3_600 * SECOND, 0),
        (
            "a rollover of the reference time",
            epoch - 12 * SECOND,
            epoch - 12 * SECOND,
        ),
    ] {
        for seed in SEEDS {
            let mut sim = Sim::new(seed, Path::of_mbps(5.0)).flow(Stream::Elastic(3e6));
            sim.flows[0].receiver.offset = before;
            sim.run_seconds(10.0);
            sim.flows[0].receiver.offset = after;
            sim.run_seconds(10.0);
            let (least, _) = sim.flows[0].range(2 * SECOND, sim.now);
            assert!(least > 3e6, "{name}: {least} {sim}");
        }
    }
}

#[test]
fn three_rollovers_of_the_number_change_nothing() {
    let now = Instant::now();
    let mut controller = Controller::new(now);
    let (mut received, mut lost) = (0, 0);
    let total = 3 * 65_536 + 1_000;
    let first = 60_000_u64;
    let at = |packet: u64| now + Duration::from_millis(2 * packet);
    for packet in 0..total {
        controller.handle_sent(Sent {
            sequence: first + packet,
            bytes: 1_200,
            at: at(packet),
            content: Content::Media,
            cluster: None,
        });
        if packet % 20 == 19 {
            // Every tenth packet is lost.
            let arrivals: Vec<_> = (packet - 19..=packet)
                .map(|packet| (packet % 10 != 5).then(|| Duration::from_millis(2 * packet + 20)))
                .collect();
            let base = (first + packet - 19) as u16;
            let feedback = Feedback::from_arrivals(base, (packet / 20) as u8, &arrivals).unwrap();
            let told = controller.handle_feedback(&feedback, at(packet + 20));
            assert_eq!(told.unknown, 0, "packet {packet}");
            assert_eq!(
                told.first_lost,
                Some(first + packet - 14),
                "packet {packet}"
            );
            received += told.received;
            lost += told.lost;
        }
    }
    let reported = (total / 20 * 20) as usize;
    assert_eq!((received, lost), (reported * 9 / 10, reported / 10));
    assert!((controller.loss() - 0.1).abs() < 0.03);
}

#[test]
fn feedback_about_packets_never_sent_is_counted_and_moves_nothing() {
    let now = Instant::now();
    let mut controller = Controller::new(now);
    let arrivals = vec![Some(Duration::from_secs(1)); 500];
    let feedback = Feedback::from_arrivals(7, 0, &arrivals).unwrap();
    assert_eq!(controller.handle_feedback(&feedback, now).unknown, 500);
    for sequence in 0..10 {
        controller.handle_sent(Sent {
            sequence,
            bytes: 1_200,
            at: now,
            content: Content::Media,
            cluster: None,
        });
    }
    let before = controller.estimate();
    let told = controller.handle_feedback(&feedback, now);
    assert_eq!((told.received, told.unknown), (3, 497));
    let again = controller.handle_feedback(&feedback, now);
    assert_eq!((again.received, again.lost), (0, 0));
    assert_eq!(controller.estimate(), before);
}

#[test]
fn a_packet_counted_as_lost_that_arrives_is_told_as_late() {
    let now = Instant::now();
    let mut controller = Controller::new(now);
    for sequence in 1..=3 {
        controller.handle_sent(Sent {
            sequence,
            bytes: 500,
            at: now,
            content: Content::Media,
            cluster: None,
        });
    }
    let at = |ms| Some(Duration::from_millis(ms));
    let first = Feedback::from_arrivals(1, 0, &[at(20), None, at(21)]).unwrap();
    let told = controller.handle_feedback(&first, now + Duration::from_millis(50));
    assert_eq!((told.received, told.lost, told.first_lost), (2, 1, Some(2)));
    let second = Feedback::from_arrivals(2, 1, &[at(30)]).unwrap();
    let told = controller.handle_feedback(&second, now + Duration::from_millis(100));
    assert_eq!((told.received, told.received_bytes, told.late), (1, 500, 1));
}

#[test]
fn who_is_sent_nothing_wakes_nobody() {
    let mut sim = Sim::new(SEEDS[0], Path::of_mbps(5.0))
        .flow(Stream::Idle)
        .flow(Stream::Elastic(2e6));
    sim.run_seconds(5.0);
    assert_eq!(sim.flows[0].sender.controller.next(), None);
    sim.flows[1].sender.set_stream(Stream::Idle, sim.now);
    sim.run_seconds(2.0);
    let calls = sim.flows[1].sender.calls;
    sim.run_seconds(60.0);
    assert_eq!(sim.flows[0].sender.calls, 0);
    assert_eq!(sim.flows[1].sender.calls, calls, "{sim}");
    assert_eq!(sim.flows[1].sender.controller.next(), None);
}

#[test]
fn nothing_is_probed_beyond_twice_of_what_is_desired() {
    for seed in SEEDS {
        let mut sim = Sim::new(seed, Path::of_mbps(50.0)).flow(Stream::Elastic(2e6));
        sim.run_seconds(10.0);
        for (at, rate) in &sim.flows[0].sender.probes {
            assert!(*rate <= 4e6, "{rate} at {at}");
        }
    }
}

#[test]
fn without_transport_wide_feedback_reports_and_remb_decide() {
    let start = Instant::now();
    let mut controller = Controller::new(start);
    controller.set_desired(Bitrate::kbps(2_000), start);
    let second = |second| start + Duration::from_secs(second);
    controller.handle_remb(Bitrate::kbps(800), second(1));
    assert_eq!(controller.estimate(), Bitrate::kbps(800));
    controller.handle_remb(Bitrate(0), second(2));
    assert_eq!(controller.estimate(), Bitrate::kbps(1_500));

    // 1.5 Mbit/s sent for ten seconds, of which the path keeps half.
    for (sequence, millisecond) in (1..).zip((2_000..12_000).step_by(8)) {
        let at = start + Duration::from_millis(millisecond);
        controller.handle_sent(Sent {
            sequence,
            bytes: 1_500,
            at,
            content: Content::Media,
            cluster: None,
        });
        if millisecond % 1_000 == 0 && millisecond > 3_000 {
            controller.handle_loss(0.5, at);
        }
    }
    assert!(
        controller.estimate() < Bitrate::kbps(900),
        "{:?}",
        controller.estimate()
    );
    assert_eq!(
        controller.next(),
        Some(start),
        "the first probe was never asked for"
    );
}
