//! Properties of the rewriter under loss, reorder, duplication, switches, pauses and rollovers.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use super::*;
use crate::sequence_window::{Arrival, SequenceWindow};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const CLOCK: u32 = 90_000;
const FRAME_TICKS: u32 = 3_000;
const FRAME_TIME: Duration = Duration::from_micros(33_333);

fn source(layer: Layer) -> Source {
    Source { layer, epoch: 0 }
}

fn input(layer: Layer, sequence: u64, timestamp: u32, arrival: Instant) -> Input {
    Input {
        source: source(layer),
        sequence,
        timestamp,
        arrival,
        vp8: None,
    }
}

fn vp8(input: Input, picture: u16, tl0: u8) -> Input {
    let picture_id = Some(PictureId {
        value: picture & 0x7FFF,
        long: true,
    });
    Input {
        vp8: Some(Descriptor {
            picture_id,
            tl0_pic_idx: Some(tl0),
        }),
        ..input
    }
}

fn rewriter() -> Rewriter {
    Rewriter::new(CLOCK, &mut fastrand::Rng::with_seed(7))
}

#[test]
fn a_gap_upstream_stays_a_gap_and_the_late_packet_fits_into_it() {
    let (mut out, now) = (rewriter(), Instant::now());
    let first = out.begin(&input(Layer::Low, 500, 0, now), None).sequence;
    assert_eq!(
        out.map(&input(Layer::Low, 503, 0, now)).unwrap().sequence,
        first + 3
    );
    assert_eq!(
        out.map(&input(Layer::Low, 501, 0, now)).unwrap().sequence,
        first + 1
    );
}

#[test]
fn a_switch_goes_on_directly_after_the_highest_number() {
    let (mut out, now) = (rewriter(), Instant::now());
    let first = out.begin(&input(Layer::Low, 500, 1_000, now), None);
    out.map(&input(Layer::Low, 502, 1_000, now)).unwrap();
    let at_switch = input(Layer::High, 9, 77_000, now + FRAME_TIME);
    let switched = out.begin(&at_switch, None);
    assert_eq!(switched.sequence, first.sequence + 3);
    assert_eq!(
        switched.timestamp.wrapping_sub(first.timestamp),
        FRAME_TICKS - 1
    );
    let late = out.map(&input(Layer::Low, 501, 1_000, now)).unwrap();
    assert_eq!(
        (late.sequence, late.timestamp),
        (first.sequence + 1, first.timestamp)
    );
    assert_eq!(
        out.map(&input(Layer::Low, 503, 1_000, now)),
        None,
        "beyond the closed segment"
    );
    assert_eq!(
        out.map(&input(Layer::High, 8, 77_000, now)),
        None,
        "before the open segment"
    );
}

#[test]
fn sender_reports_decide_the_timestamp_unless_they_are_absurd() {
    for (name, aligned, want) in [
        ("the same picture on both layers", 1_000, 1),
        ("a frame later", 1_000 + FRAME_TICKS, FRAME_TICKS),
        ("just believable", 1_000 + 2_999 + 90_000, 92_999),
        ("one tick beyond", 1_000 + 2_999 + 90_001, 2_999),
        ("an hour off", 1_000u32.wrapping_add(3_600 * 90_000), 2_999),
    ] {
        let (mut out, now) = (rewriter(), Instant::now());
        let first = out.begin(&input(Layer::Low, 1, 1_000, now), None);
        let next = out.begin(&input(Layer::High, 1, 5, now + FRAME_TIME), Some(aligned));
        assert_eq!(next.timestamp.wrapping_sub(first.timestamp), want, "{name}");
    }
}

#[test]
fn a_pause_leaves_no_gap_and_keeps_the_clock_of_the_same_layer() {
    let (mut out, now) = (rewriter(), Instant::now());
    let first = out.begin(&input(Layer::Low, 100, 0, now), None);
    out.pause();
    assert!(!out.is_open());
    let resumed = out.begin(
        &input(
            Layer::Low,
            400,
            10 * CLOCK + 17,
            now + Duration::from_secs(10),
        ),
        None,
    );
    assert_eq!(resumed.sequence, first.sequence + 1);
    assert_eq!(
        resumed.timestamp.wrapping_sub(first.timestamp),
        10 * CLOCK + 17
    );
}

#[test]
fn after_a_pause_of_many_hours_the_clock_still_moves_on() {
    let (mut out, now) = (rewriter(), Instant::now());
    let first = out.begin(&input(Layer::Low, 1, 0, now), None);
    let hours = Duration::from_hours(8);
    let resumed = out.begin(&input(Layer::High, 1, 0, now + hours), None);
    assert_eq!(
        resumed.timestamp.wrapping_sub(first.timestamp),
        8 * 3_600 * CLOCK
    );
}

#[test]
fn another_track_in_the_same_section_goes_on_with_its_numbers() {
    let (mut out, now) = (rewriter(), Instant::now());
    let first = out.begin(&input(Layer::Low, 100, 0, now), None);
    out.detach();
    assert_eq!(out.map(&input(Layer::Low, 100, 0, now)), None);
    let next = out.begin(&input(Layer::Low, 90, 0, now + FRAME_TIME), None);
    assert_eq!(next.sequence, first.sequence + 1);
}

#[test]
fn picture_ids_and_tl0_go_on_across_a_switch_and_wrap() {
    let (mut out, now) = (rewriter(), Instant::now());
    let first = out.begin(&vp8(input(Layer::Low, 1, 0, now), 0x7FFF, 255), None);
    assert_eq!(first.vp8, None, "the first segment needs no change");
    let switched = out.begin(
        &vp8(input(Layer::High, 1, 0, now + FRAME_TIME), 300, 9),
        None,
    );
    assert_eq!(
        switched.vp8,
        Some(Vp8Rewrite {
            picture_id: Some(0),
            tl0_pic_idx: Some(0)
        })
    );
    let next = out
        .map(&vp8(
            input(Layer::High, 2, 3_000, now + FRAME_TIME),
            301,
            10,
        ))
        .unwrap();
    assert_eq!(
        next.vp8,
        Some(Vp8Rewrite {
            picture_id: Some(1),
            tl0_pic_idx: Some(1)
        })
    );
}

#[test]
fn a_short_picture_id_stays_short() {
    let (mut out, now) = (rewriter(), Instant::now());
    let short = |layer, value| Input {
        vp8: Some(Descriptor {
            picture_id: Some(PictureId { value, long: false }),
            tl0_pic_idx: None,
        }),
        ..input(layer, 1, 0, now)
    };
    out.begin(&short(Layer::Low, 0x7F), None);
    let next = out.begin(&short(Layer::High, 5), None);
    assert_eq!(
        next.vp8,
        Some(Vp8Rewrite {
            picture_id: Some(0),
            tl0_pic_idx: None
        })
    );
}

#[test]
fn the_first_sequence_is_safe_for_every_seed() {
    for seed in 0..2_000 {
        let mut out = Rewriter::new(CLOCK, &mut fastrand::Rng::with_seed(seed));
        let first = out
            .begin(&input(Layer::Low, 65_535, 0, Instant::now()), None)
            .sequence;
        assert!(
            (1..=MAX_FIRST_SEQUENCE).contains(&first),
            "seed {seed}: {first}"
        );
    }
}

/// A subscription's life against three publishers' layers, each with its own numbers.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// So many packets in a row, a frame each.
    Flow(u16),
    Lose,
    Duplicate,
    /// Delivers a packet that was held back this many packets ago.
    HoldBack(u8),
    Switch(u8),
    Pause,
    /// So many packets of padding behind a frame.
    Pad(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1u16..400).prop_map(Step::Flow),
        2 => Just(Step::Lose),
        2 => Just(Step::Duplicate),
        2 => (1u8..60).prop_map(Step::HoldBack),
        2 => (0u8..3).prop_map(Step::Switch),
        1 => Just(Step::Pause),
        2 => (1u8..12).prop_map(Step::Pad),
    ]
}

struct World {
    out: Rewriter,
    windows: [SequenceWindow; 3],
    next: [u64; 3],
    clock_offsets: [u32; 3],
    picture_offsets: [u16; 3],
    frame: u32,
    start: Instant,
    current: usize,
    must_begin: bool,
    sent: BTreeMap<u64, (usize, u64, u32, u16)>,
    in_order: Vec<u64>,
    held: Vec<(u32, Input)>,
    padding: [BTreeSet<u64>; 3],
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        Self {
            out: Rewriter::new(CLOCK, &mut random),
            windows: Default::default(),
            next: [0; 3].map(|_| random.u64(0..65_536)),
            clock_offsets: [0; 3].map(|_| random.u32(..)),
            picture_offsets: [0; 3].map(|_| random.u16(..)),
            frame: 0,
            start: Instant::now(),
            current: 0,
            must_begin: true,
            sent: BTreeMap::new(),
            in_order: Vec::new(),
            held: Vec::new(),
            padding: Default::default(),
        }
    }

    fn take(&mut self) -> Input {
        self.frame += 1;
        let sequence = self.next[self.current];
        self.next[self.current] += 1;
        vp8(
            input(
                Layer::ALL[self.current],
                sequence,
                (self.frame * FRAME_TICKS).wrapping_add(self.clock_offsets[self.current]),
                self.start + FRAME_TIME * self.frame,
            ),
            (self.frame as u16).wrapping_add(self.picture_offsets[self.current]),
            self.frame as u8,
        )
    }

    fn deliver(&mut self, packet: Input) {
        let index = packet.source.layer as usize;
        let arrival = self.windows[index].receive(packet.sequence);
        if !matches!(arrival, Arrival::Newest | Arrival::Late) {
            return;
        }
        let begins = self.must_begin && index == self.current && arrival == Arrival::Newest;
        let rewritten = if begins {
            self.must_begin = false;
            Some(self.out.begin(&packet, None))
        } else {
            self.out.map(&packet)
        };
        let Some(rewritten) = rewritten else { return };
        let picture = rewritten
            .vp8
            .and_then(|v| v.picture_id)
            .or(packet.vp8.and_then(|v| v.picture_id).map(|id| id.value))
            .unwrap();
        let fact = (index, packet.sequence, rewritten.timestamp, picture);
        let before = self.sent.insert(rewritten.sequence, fact);
        assert_eq!(before, None, "sequence {} sent twice", rewritten.sequence);
        if arrival == Arrival::Newest {
            self.in_order.push(rewritten.sequence);
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Flow(count) => {
                for _ in 0..count {
                    let packet = self.take();
                    self.deliver(packet);
                    let (due, kept) = std::mem::take(&mut self.held)
                        .into_iter()
                        .partition(|h| h.0 <= self.frame);
                    self.held = kept;
                    let due: Vec<(u32, Input)> = due;
                    for (_, packet) in due {
                        self.deliver(packet);
                    }
                }
            }
            Step::Lose => {
                self.take();
            }
            Step::Duplicate => {
                let packet = self.take();
                self.deliver(packet);
                self.deliver(packet);
            }
            Step::HoldBack(distance) => {
                let packet = self.take();
                self.held.push((self.frame + u32::from(distance), packet));
            }
            Step::Switch(layer) => {
                self.current = usize::from(layer);
                self.must_begin = true;
            }
            Step::Pause => {
                self.out.pause();
                self.must_begin = true;
            }
            Step::Pad(count) => {
                for _ in 0..count {
                    let sequence = self.next[self.current];
                    self.next[self.current] += 1;
                    self.windows[self.current].receive(sequence);
                    self.padding[self.current].insert(sequence);
                    self.out.skip(source(Layer::ALL[self.current]), sequence);
                }
            }
        }
    }

    fn check(&self) {
        let mut last: Option<(u64, (usize, u64, u32, u16))> = None;
        for (&sequence, &fact) in &self.sent {
            if let Some((before, (layer, number, timestamp, picture))) = last {
                let step = fact.2.wrapping_sub(timestamp).cast_signed();
                assert!(step > 0, "timestamp steps by {step} at sequence {sequence}");
                let ahead = fact.3.wrapping_sub(picture) & 0x7FFF;
                assert!(
                    ahead > 0 && ahead < 0x4000,
                    "picture id steps by {ahead} at {sequence}"
                );
                let padding = |from, to| self.padding[layer].range(from..to).count() as u64;
                if fact.0 == layer
                    && fact.1 > number
                    && fact.1 - number - padding(number, fact.1) == sequence - before
                {
                    // One segment: gaps are the publisher's.
                } else {
                    assert_eq!(sequence, before + 1, "a new segment leaves no gap");
                }
            }
            last = Some((sequence, fact));
        }
        assert!(self.in_order.is_sorted(), "numbers step back");
        let unique: BTreeSet<_> = self.in_order.iter().collect();
        assert_eq!(unique.len(), self.in_order.len());
    }
}

proptest! {
    #[test]
    fn output_is_continuous_and_unique_whatever_happens_upstream(
        seed in any::<u64>(),
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new(seed);
        for step in steps {
            world.run(step);
        }
        world.check();
    }
}

proptest! {
    #[test]
    fn nobody_sees_padding_where_nothing_is_lost(
        seed in any::<u64>(),
        bursts in proptest::collection::vec((1u16..20, 1u8..12), 1..100),
    ) {
        let mut world = World::new(seed);
        for (frames, padding) in bursts {
            world.run(Step::Flow(frames));
            world.run(Step::Pad(padding));
        }
        let first = *world.in_order.first().unwrap();
        let count = world.in_order.len() as u64;
        prop_assert_eq!(world.in_order, (first..first + count).collect::<Vec<_>>());
    }
}

#[test]
fn a_packet_from_before_padding_keeps_its_place_until_the_segment_ends() {
    let (mut out, now) = (rewriter(), Instant::now());
    let low = |sequence| input(Layer::Low, sequence, 0, now);
    let first = out.begin(&low(500), None).sequence;
    out.skip(source(Layer::Low), 502);
    assert_eq!(out.map(&low(501)).unwrap().sequence, first + 1);
    assert_eq!(out.map(&low(504)).unwrap().sequence, first + 3);
    assert_eq!(out.map(&low(503)).unwrap().sequence, first + 2);

    out.skip(source(Layer::Low), 506);
    let next = out.begin(&input(Layer::High, 9, 0, now + FRAME_TIME), None);
    assert_eq!(next.sequence, first + 4);
    assert_eq!(out.map(&low(505)), None, "its place is taken");
}

#[test]
fn three_rollovers_leave_no_trace() {
    let mut world = World::new(3);
    for round in 0..520u32 {
        world.run(Step::Flow(400));
        world.run(
            [
                Step::Lose,
                Step::Duplicate,
                Step::HoldBack(9),
                Step::Switch((round % 3) as u8),
            ][round as usize % 4],
        );
    }
    world.check();
    let (first, last) = (
        world.in_order.first().unwrap(),
        world.in_order.last().unwrap(),
    );
    assert!(last - first > 3 * 65_536, "only {} numbers", last - first);
}
