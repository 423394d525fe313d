//! A room under random commands and packets: what must hold whatever happens, and twice alike.

use super::stage::{ALL, ANA, BEN, CARA, ROOM, Sent, Stage};
use crate::packet::Mid;
use crate::plane::{LayerWish, MediaPermissions};
use crate::{KEYFRAME_REQUEST_INTERVAL, Kind, Layer, MediaCommand};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use vocab::{PeerKey, TrackKey};

#[derive(Debug, Clone, Copy)]
enum Step {
    Flow(u8),
    Lose(u8),
    Late(u8),
    Twice(u8),
    Wish(bool, u8, u32),
    Estimate(u16),
    Mute(bool),
    Permit(bool, bool),
    Resubscribe,
    Republish,
    Pli,
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1u8..60).prop_map(Step::Flow),
        2 => (0u8..3).prop_map(Step::Lose),
        2 => (0u8..3).prop_map(Step::Late),
        1 => (0u8..3).prop_map(Step::Twice),
        2 => (any::<bool>(), 0u8..3, 0u32..3).prop_map(|(e, l, p)| Step::Wish(e, l, p)),
        2 => (0u16..400).prop_map(Step::Estimate),
        1 => any::<bool>().prop_map(Step::Mute),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(p, s)| Step::Permit(p, s)),
        1 => Just(Step::Resubscribe),
        1 => Just(Step::Republish),
        1 => Just(Step::Pli),
        1 => (0u16..4_000).prop_map(Step::Wait),
    ]
}

fn layer(index: u8) -> Layer {
    Layer::ALL[usize::from(index)]
}

/// Runs the steps; returns the packets that came out, and all that came out in words.
fn run(steps: &[Step]) -> (Vec<Sent>, String) {
    let mut stage = Stage::new();
    let start = stage.now;
    stage.publish(ANA, 1, Kind::Video);
    stage.publish(ANA, 2, Kind::Audio);
    stage.subscribe(BEN, 1);
    stage.subscribe(BEN, 2);
    stage.subscribe(CARA, 1);
    let mut may = (true, true);
    let mut muted = false;
    let mut wished = true;
    for step in steps {
        let before = stage.sent.0.len();
        match *step {
            Step::Flow(frames) => stage.flow(ANA, 1, u32::from(frames)),
            Step::Lose(l) => drop(stage.packet(1, Some(layer(l)), false)),
            Step::Late(l) => {
                let late = stage.packet(1, Some(layer(l)), false);
                stage.flow(ANA, 1, 2);
                stage.deliver(ANA, &late);
            }
            Step::Twice(l) => {
                let packet = stage.packet(1, Some(layer(l)), true);
                stage.deliver(ANA, &packet);
                stage.deliver(ANA, &packet);
            }
            Step::Wish(enabled, l, priority) => {
                stage.wish(
                    BEN,
                    1,
                    LayerWish {
                        enabled,
                        highest: layer(l),
                        priority,
                    },
                );
                wished = enabled;
            }
            Step::Estimate(kbps) => stage.estimate(BEN, u64::from(kbps)),
            Step::Mute(m) => {
                stage.mute(1, m);
                muted = m;
            }
            Step::Permit(publish, subscribe) => {
                stage.permit(ANA, MediaPermissions { publish, ..ALL });
                stage.permit(BEN, MediaPermissions { subscribe, ..ALL });
                may = (publish, subscribe);
            }
            Step::Resubscribe => {
                stage.unsubscribe(BEN, 1);
                stage.subscribe(BEN, 1);
                wished = true;
            }
            Step::Republish => {
                stage.command(MediaCommand::UnpublishTrack {
                    room: ROOM,
                    track: TrackKey(1),
                });
                stage.publish(ANA, 1, Kind::Video);
                stage.subscribe(BEN, 1);
                stage.subscribe(CARA, 1);
                // A new track: its publisher may be asked at once.
                stage.asked.clear();
                (muted, wished) = (false, true);
            }
            Step::Pli => {
                let (to, section) = (super::stage::peer(BEN), super::stage::mid(51));
                stage.room.handle_keyframe_request(to, section, stage.now);
                stage.drain();
            }
            Step::Wait(ms) => stage.advance(Duration::from_millis(u64::from(ms))),
        }
        let to_ben = stage.sent.0[before..]
            .iter()
            .any(|sent| sent.peer == super::stage::peer(BEN));
        assert!(
            !to_ben || (may.0 && may.1 && !muted && wished),
            "sent in spite of {step:?}"
        );
        for rid in Layer::ALL.map(|layer| Some(layer.rid())) {
            let asked: Vec<Instant> = stage
                .asked
                .iter()
                .filter(|(_, r)| *r == rid)
                .map(|(at, _)| *at)
                .collect();
            let is_spaced = |pair: &[Instant]| pair[1] - pair[0] >= KEYFRAME_REQUEST_INTERVAL;
            assert!(
                asked.windows(2).all(is_spaced),
                "asked too often after {step:?}"
            );
        }
    }
    let asked: Vec<_> = stage
        .asked
        .iter()
        .map(|(at, rid)| (*at - start, *rid))
        .collect();
    let record = format!("{:?} {:?} {asked:?}", stage.sent.0, stage.outputs);
    (stage.sent.0, record)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn every_section_is_one_stream_whatever_happens(
        steps in proptest::collection::vec(step(), 1..40)
    ) {
        let (sent, record) = run(&steps);
        let mut used: BTreeSet<(PeerKey, Mid, u64)> = BTreeSet::new();
        let mut heads: BTreeMap<(PeerKey, Mid), (u64, u32)> = BTreeMap::new();
        for packet in sent {
            let section = (packet.peer, packet.mid);
            prop_assert!(used.insert((packet.peer, packet.mid, packet.sequence)), "sent twice");
            if let Some((sequence, timestamp)) = heads.get(&section).copied() {
                let later = packet.timestamp.wrapping_sub(timestamp).cast_signed();
                prop_assert_eq!(packet.sequence > sequence, later > 0);
                if packet.sequence <= sequence {
                    continue;
                }
            }
            heads.insert(section, (packet.sequence, packet.timestamp));
        }
        prop_assert_eq!(record, run(&steps).1, "equal inputs, unequal outputs");
    }
}

#[test]
fn plis_every_few_milliseconds_reach_the_publisher_twice_a_second() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Video);
    stage.subscribe(BEN, 1);
    stage.flow(ANA, 1, 3);
    stage.forget();
    let (to, section) = (super::stage::peer(BEN), super::stage::mid(51));
    let mut asked = Vec::new();
    for _ in 0..1_000 {
        stage.room.handle_keyframe_request(to, section, stage.now);
        stage.drain();
        if !stage.keyframes().is_empty() {
            asked.push(stage.now);
            stage.forget();
        }
        stage.advance(Duration::from_millis(5));
    }
    assert!((9..=11).contains(&asked.len()), "{}", asked.len());
    assert!(
        asked
            .windows(2)
            .all(|pair| pair[1] - pair[0] >= KEYFRAME_REQUEST_INTERVAL)
    );
}
