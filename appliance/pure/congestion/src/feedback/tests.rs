#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unnecessary_wraps,
    reason = "tests"
)]

use super::{EPOCH, Feedback, FeedbackRefusal, MAX_PACKETS, TICK};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::time::Duration;

/// Committed; never drawn afresh.
const SEED: [u8; 32] = *b"transport-wide feedback, seed 01";

fn ms(ms: u64) -> Option<Duration> {
    Some(Duration::from_millis(ms))
}

fn us(us: u64) -> Option<Duration> {
    Some(Duration::from_micros(us))
}

#[test]
fn every_kind_of_chunk_and_delta_is_read() {
    // Base 5, reference 3 × 64 ms = 192 ms, count 9.
    let header = |packets: u8| vec![0, 5, 0, packets, 0, 0, 3, 9];
    let with = |packets, rest: &[u8]| [header(packets), rest.to_vec()].concat();
    for (name, fci, want) in [
        (
            "a run of small deltas",
            with(3, &[0x20, 3, 0, 4, 8]),
            vec![ms(192), ms(193), ms(195)],
        ),
        (
            "a run of packets not received",
            with(3, &[0x00, 2, 0x20, 1, 4]),
            vec![None, None, ms(193)],
        ),
        (
            "a large delta backwards",
            with(2, &[0x40, 2, 0, 40, 0xff, 0xfc]),
            vec![ms(202), ms(201)],
        ),
        (
            "one-bit statuses: 1 0 1",
            with(3, &[0b1010_1000, 0, 4, 4]),
            vec![ms(193), None, ms(194)],
        ),
        (
            "the fourteenth one-bit status, and a chunk after it",
            with(15, &[0b1000_0000, 1, 0x20, 1, 4, 4]),
            [vec![None; 13], vec![ms(193), ms(194)]].concat(),
        ),
        (
            "two-bit statuses: small, none, large",
            with(3, &[0b1101_0010, 0, 4, 1, 0]),
            vec![ms(193), None, us(257_000)],
        ),
        (
            "a run longer than the packets",
            with(1, &[0x3f, 0xff, 4]),
            vec![ms(193)],
        ),
        (
            "padding after the deltas",
            with(1, &[0x20, 1, 4, 0, 0, 0, 0]),
            vec![ms(193)],
        ),
    ] {
        let feedback = Feedback::parse(&fci).unwrap();
        assert_eq!((feedback.base(), feedback.count()), (5, 9), "{name}");
        let told: Vec<_> = feedback.arrivals().collect();
        let want: Vec<_> = (5..).zip(want).collect();
        assert_eq!(told, want, "{name}");
    }
}

#[test]
fn what_is_cut_short_or_reserved_is_refused() {
    for (name, fci, want) in [
        ("nothing", vec![], FeedbackRefusal::Header),
        ("seven bytes", vec![0; 7], FeedbackRefusal::Header),
        ("no packets", vec![0; 12], FeedbackRefusal::Empty),
        (
            "one packet more than the limit",
            [vec![0, 0, 0x20, 1, 0, 0, 0, 0], vec![0x3f; 9_000]].concat(),
            FeedbackRefusal::TooMany,
        ),
        (
            "no chunk",
            vec![0, 0, 0, 1, 0, 0, 0, 0],
            FeedbackRefusal::Chunks,
        ),
        (
            "half a chunk",
            vec![0, 0, 0, 1, 0, 0, 0, 0, 0x20],
            FeedbackRefusal::Chunks,
        ),
        (
            "a run of zero for ever",
            vec![0, 0, 0, 1, 0, 0, 0, 0, 0x20, 0, 0x20, 0],
            FeedbackRefusal::Chunks,
        ),
        (
            "no delta",
            vec![0, 0, 0, 1, 0, 0, 0, 0, 0x20, 1],
            FeedbackRefusal::Deltas,
        ),
        (
            "half a large delta",
            vec![0, 0, 0, 1, 0, 0, 0, 0, 0x40, 1, 0],
            FeedbackRefusal::Deltas,
        ),
        (
            "a run of the reserved status",
            vec![0, 0, 0, 1, 0, 0, 0, 0, 0x60, 1, 0, 0],
            FeedbackRefusal::Status,
        ),
        (
            "a vector with the reserved status",
            vec![0, 0, 0, 1, 0, 0, 0, 0, 0xf0, 0, 0, 0],
            FeedbackRefusal::Status,
        ),
    ] {
        assert_eq!(Feedback::parse(&fci), Err(want), "{name}");
    }
}

#[test]
fn arrivals_before_the_reference_time_stay_within_the_epoch() {
    // Reference 0, delta −1 ms.
    let fci = [0, 0, 0, 1, 0, 0, 0, 0, 0x40, 1, 0xff, 0xfc];
    let feedback = Feedback::parse(&fci).unwrap();
    let arrival = feedback.arrivals().next().unwrap().1;
    assert_eq!(arrival, EPOCH.checked_sub(Duration::from_millis(1)));
}

#[test]
fn what_is_written_is_read_back() {
    let arrival = prop_oneof![
        2 => Just(None),
        8 => (0_u32..400).prop_map(Some),
        1 => (0_u32..32_000).prop_map(Some),
    ];
    let report = (
        any::<u16>(),
        any::<u8>(),
        0_u64..(64 << 24) * 4,
        prop::collection::vec(arrival, 1..600),
    );
    runner()
        .run(&report, |(base, count, zero, steps)| {
            let mut ticks = zero;
            let arrivals: Vec<_> = steps
                .into_iter()
                .map(|step| step.map(|step| ticks_after(&mut ticks, step)))
                .collect();
            let Some(feedback) = Feedback::from_arrivals(base, count, &arrivals) else {
                prop_assert!(arrivals.iter().all(Option::is_none));
                return Ok(());
            };
            let mut fci = Vec::new();
            feedback.write(&mut fci);
            prop_assert_eq!(fci.len() % 4, 0);
            let read = Feedback::parse(&fci).unwrap();
            prop_assert_eq!((read.base(), read.count()), (base, count));
            let told: Vec<_> = read.arrivals().map(|(_, arrival)| arrival).collect();
            let within = |at: &Duration| Duration::from_micros(at.as_micros() as u64 % micros());
            let want: Vec<_> = arrivals
                .iter()
                .map(|arrival| arrival.as_ref().map(within))
                .collect();
            prop_assert_eq!(told, want);
            Ok(())
        })
        .unwrap();
}

#[test]
fn no_bytes_make_the_parser_panic() {
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        // A plausible header, so that chunks and deltas are reached.
        (1_u8..255, prop::collection::vec(any::<u8>(), 0..400)).prop_map(|(packets, rest)| {
            [vec![0xff, 0xf0, 0, packets, 0xff, 0xff, 0xff, 0], rest].concat()
        }),
    ];
    runner()
        .run(&bytes, |bytes| {
            if let Ok(feedback) = Feedback::parse(&bytes) {
                prop_assert!((1..=MAX_PACKETS).contains(&feedback.packets()));
                prop_assert_eq!(feedback.arrivals().count(), feedback.packets());
                for (_, arrival) in feedback.arrivals() {
                    prop_assert!(arrival.is_none_or(|arrival| arrival < EPOCH));
                }
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_report_ends_before_a_gap_that_the_format_cannot_tell() {
    let arrivals = [ms(0), ms(8_191), ms(16_383), ms(16_384)];
    let told = Feedback::from_arrivals(0, 0, &arrivals).unwrap();
    assert_eq!(told.packets(), 2);
    assert_eq!(Feedback::from_arrivals(0, 0, &[None, None]), None);
}

fn runner() -> TestRunner {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &SEED);
    let config = Config {
        cases: 300,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, rng)
}

fn ticks_after(ticks: &mut u64, step: u32) -> Duration {
    *ticks += u64::from(step);
    TICK * u32::try_from(*ticks % (1 << 32)).unwrap()
}

fn micros() -> u64 {
    EPOCH.as_micros() as u64
}
