//! One publisher, several viewers: who gets which packets with which numbers.

use super::stage::{ANA, BEN, CARA, FRAME, Stage, mid};
use crate::packet::Vp8Rewrite;
use crate::{Codec, Kind, Layer, MediaCommand, MediaEvent, Packet};
use std::sync::Arc;
use std::time::Duration;
use vocab::TrackKey;

#[test]
fn every_viewer_gets_audio_at_once_in_its_own_numbers() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Audio);
    stage.subscribe(BEN, 1);
    stage.subscribe(CARA, 1);
    for _ in 0..3 {
        stage.send(ANA, 1, None, false);
    }
    for viewer in [BEN, CARA] {
        let numbers: Vec<u64> = stage.sent_to(viewer).map(|sent| sent.sequence).collect();
        let first = numbers[0];
        assert_eq!(numbers, [first, first + 1, first + 2]);
    }
    assert_ne!(
        stage.sent_to(BEN).next().unwrap().sequence,
        stage.sent_to(CARA).next().unwrap().sequence
    );
    assert_eq!(stage.sent_to(ANA).count(), 0);
    assert_eq!(stage.room.counters().forwarded, 6);
}

#[test]
fn the_first_packet_of_a_track_is_told_once() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Audio);
    stage.send(ANA, 1, None, false);
    stage.send(ANA, 1, None, false);
    let flowing = |event: &&MediaEvent| {
        matches!(
            event,
            MediaEvent::TrackFlowing {
                track: TrackKey(1),
                ..
            }
        )
    };
    assert_eq!(stage.events().filter(flowing).count(), 1);
}

#[test]
fn a_late_joiner_starts_with_a_keyframe_that_it_caused() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Video);
    stage.send(ANA, 1, None, true);
    stage.advance(Duration::from_secs(1));
    stage.send(ANA, 1, None, false);
    stage.subscribe(BEN, 1);
    assert_eq!(stage.keyframes(), [None]);
    stage.send(ANA, 1, None, false);
    assert_eq!(stage.marks(BEN), []);
    stage.send(ANA, 1, None, true);
    stage.send(ANA, 1, None, false);
    assert_eq!(stage.marks(BEN), [13, 13]);
}

#[test]
fn a_track_that_begins_with_a_keyframe_is_not_asked_for_another() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Video);
    stage.subscribe(BEN, 1);
    stage.send(ANA, 1, None, true);
    stage.advance(Duration::from_secs(3));
    assert_eq!(stage.marks(BEN), [13]);
    assert_eq!(stage.keyframes(), []);
}

#[test]
fn a_keyframe_whose_first_packet_comes_late_is_not_begun_with() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Video);
    stage.subscribe(BEN, 1);
    stage.send(ANA, 1, None, false);
    let start = stage.packet(1, None, true);
    stage.send(ANA, 1, None, false);
    stage.deliver(ANA, &start);
    assert_eq!(stage.marks(BEN), [], "its second packet is gone already");
    stage.send(ANA, 1, None, true);
    assert_eq!(stage.marks(BEN), [13]);
}

#[test]
fn duplicates_are_forwarded_once_and_late_packets_to_their_places() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Audio);
    stage.subscribe(BEN, 1);
    stage.send(ANA, 1, None, false);
    let late = stage.packet(1, None, false);
    stage.send(ANA, 1, None, false);
    stage.deliver(ANA, &late);
    stage.deliver(ANA, &late);
    let numbers: Vec<u64> = stage.sent_to(BEN).map(|sent| sent.sequence).collect();
    assert_eq!(numbers, [numbers[0], numbers[0] + 2, numbers[0] + 1]);
    assert_eq!(stage.room.counters().duplicate, 1);
}

#[test]
fn padding_of_a_publisher_is_no_loss_to_a_viewer() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Video);
    stage.subscribe(BEN, 1);
    let padding = |stage: &mut Stage| Packet {
        payload: Arc::from([]),
        ..stage.packet(1, None, false)
    };
    let first = padding(&mut stage);
    stage.deliver(ANA, &first);
    assert!(
        !stage
            .events()
            .any(|event| matches!(event, MediaEvent::TrackFlowing { .. })),
        "padding is no picture"
    );
    stage.send(ANA, 1, None, true);
    let (before, late) = (padding(&mut stage), padding(&mut stage));
    stage.deliver(ANA, &before);
    stage.send(ANA, 1, None, false);
    stage.deliver(ANA, &late);
    let numbers: Vec<u64> = stage.sent_to(BEN).map(|sent| sent.sequence).collect();
    let [first, second, filler] = numbers[..] else {
        panic!("{numbers:?}");
    };
    assert_eq!(second, first + 2, "one was not there yet");
    assert_eq!(filler, first + 1, "what came late fills its gap");
}

#[test]
fn mute_stops_at_once_and_unmute_goes_on_without_a_gap() {
    for (kind, keyframe) in [(Kind::Audio, false), (Kind::Video, true)] {
        let mut stage = Stage::new();
        stage.publish(ANA, 1, kind);
        stage.subscribe(BEN, 1);
        stage.send(ANA, 1, None, keyframe);
        stage.mute(1, true);
        for _ in 0..5 {
            stage.send(ANA, 1, None, false);
        }
        stage.mute(1, false);
        stage.send(ANA, 1, None, keyframe);
        let numbers: Vec<u64> = stage.sent_to(BEN).map(|sent| sent.sequence).collect();
        assert_eq!(numbers, [numbers[0], numbers[0] + 1], "{kind:?}");
    }
}

#[test]
fn unmuted_video_waits_for_a_keyframe_and_asks_for_it() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Video);
    stage.subscribe(BEN, 1);
    stage.send(ANA, 1, None, true);
    stage.mute(1, true);
    stage.forget();
    stage.mute(1, false);
    assert_eq!(stage.keyframes(), [None]);
    stage.send(ANA, 1, None, false);
    assert_eq!(stage.marks(BEN), []);
}

#[test]
fn a_section_that_shows_another_track_goes_on_with_its_numbers() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Audio);
    stage.publish(CARA, 2, Kind::Audio);
    stage.subscribe_in(BEN, 1, 9);
    stage.send(ANA, 1, None, false);
    stage.unsubscribe(BEN, 1);
    stage.advance(FRAME);
    stage.subscribe_in(BEN, 2, 9);
    stage.send(CARA, 2, None, false);
    let sent: Vec<_> = stage.sent_to(BEN).collect();
    assert_eq!(sent[1].sequence, sent[0].sequence + 1);
    let ticks = sent[1].timestamp.wrapping_sub(sent[0].timestamp);
    assert_eq!(ticks, 1_599, "elapsed time at 48 kHz");
}

#[test]
fn a_subscription_in_an_occupied_section_takes_its_place() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Audio);
    stage.publish(CARA, 2, Kind::Audio);
    stage.subscribe_in(BEN, 1, 9);
    stage.subscribe_in(BEN, 2, 9);
    stage.send(ANA, 1, None, false);
    assert_eq!(stage.sent_to(BEN).count(), 0);
    stage.send(CARA, 2, None, false);
    assert_eq!(stage.sent_to(BEN).count(), 1);
}

#[test]
fn an_unpublished_track_is_gone_with_its_subscriptions() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Audio);
    stage.subscribe(BEN, 1);
    stage.command(MediaCommand::UnpublishTrack {
        room: super::stage::ROOM,
        track: TrackKey(1),
    });
    stage.send(ANA, 1, None, false);
    assert_eq!(stage.sent_to(BEN).count(), 0);
    assert_eq!(stage.room.counters().unknown, 1);
}

#[test]
fn a_publisher_that_restarts_its_numbers_is_followed_from_the_next_keyframe() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Video);
    stage.subscribe(BEN, 1);
    stage.send(ANA, 1, None, true);
    stage.advance(Duration::from_secs(1));
    stage.forget();
    let mut restarted = stage.packet(1, None, false);
    for (step, keyframe) in [(0, false), (1, false), (2, true)] {
        restarted.sequence = 500 + step;
        restarted.starts_keyframe = keyframe;
        restarted.arrival = stage.now;
        stage.deliver(ANA, &restarted.clone());
    }
    assert_eq!(stage.keyframes(), [None]);
    assert_eq!(stage.marks(BEN), [13]);
}

#[test]
fn vp8_counters_go_on_across_a_pause() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Video);
    stage.subscribe(BEN, 1);
    let send = |stage: &mut Stage, picture: u16, tl0: u8, keyframe: bool| {
        let [high, low] = (picture | 0x8000).to_be_bytes();
        let mut packet = stage.packet(1, None, keyframe);
        packet.codec = Codec::Vp8;
        packet.payload = Arc::from([0x90, 0xC0, high, low, tl0, 0, 0]);
        stage.deliver(ANA, &packet);
    };
    send(&mut stage, 100, 7, true);
    stage.mute(1, true);
    send(&mut stage, 101, 8, false);
    stage.mute(1, false);
    send(&mut stage, 150, 60, true);
    let rewrites: Vec<_> = stage.sent_to(BEN).map(|sent| sent.vp8).collect();
    let want = Vp8Rewrite {
        picture_id: Some(101),
        tl0_pic_idx: Some(8),
    };
    assert_eq!(rewrites, [None, Some(want)]);
}

#[test]
fn a_track_that_moves_to_another_section_keeps_its_viewers() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Video);
    stage.subscribe(BEN, 1);
    stage.send(ANA, 1, None, true);
    stage.command(MediaCommand::PublishTrack {
        room: super::stage::ROOM,
        track: crate::plane::TrackSpec {
            key: TrackKey(1),
            publisher: vocab::ParticipantKey(ANA),
            peer: super::stage::peer(ANA),
            mid: mid(7),
            kind: Kind::Video,
            muted: false,
            layers: Vec::new(),
        },
    });
    stage.send(ANA, 1, None, true);
    stage.send(ANA, 7, Some(Layer::Low), true);
    assert_eq!(stage.marks(BEN), [13, 10]);
    let numbers: Vec<u64> = stage.sent_to(BEN).map(|sent| sent.sequence).collect();
    assert_eq!(numbers[1], numbers[0] + 1);
}
