//! Offers as real clients sent them.

use super::bench::{Bench, first, join_of, request_for};
use super::sdp::{data, said, send_video};
use crate::config::{RoomConfig, RoomOptions};
use crate::join::SignalVersion;
use crate::sdp::Direction;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::{SessionDescription, TrackSource, VideoLayer, VideoQuality};
use media::Layer;
use media::plane::{MediaCommand, TrackSpec};

const JS_JOIN: &str =
    include_str!("../../../tests/fixtures/chromium-156-livekit-2.23-single-pc-join-offer.sdp");
const JS_SINGLE: &str = include_str!(
    "../../../tests/fixtures/chromium-156-livekit-2.23-single-pc-publishing-offer.sdp"
);
const JS_DUAL: &str =
    include_str!("../../../tests/fixtures/chromium-156-livekit-2.23-dual-pc-publisher-offer.sdp");
const PYTHON_SINGLE: &str =
    include_str!("../../../tests/fixtures/python-livekit-1.2.0-single-pc-publishing-offer.sdp");

fn published(bench: &Bench) -> Vec<TrackSpec> {
    let specs = bench.media.iter().filter_map(|command| match command {
        MediaCommand::PublishTrack { track, .. } => Some(track.clone()),
        _ => None,
    });
    specs.collect()
}

fn offer(sdp: &str, id: u32) -> SessionDescription {
    SessionDescription {
        r#type: "offer".into(),
        sdp: sdp.into(),
        id,
        ..Default::default()
    }
}

#[test]
fn real_publishing_offers_are_matched_section_by_section() {
    for (name, version, sdp, mic, cam, sections) in [
        (
            "JS, single",
            SignalVersion::V1,
            JS_SINGLE,
            "09cd1be2-fb05-4859-a6a2-1d06e1373db9",
            "b4bcbd5a-a3fd-4507-92ad-1731ffda91b2",
            ["7", "8"],
        ),
        (
            "JS, dual",
            SignalVersion::V0,
            JS_DUAL,
            "e3fd0d4f-5b52-4466-9956-3a54a8c18ec6",
            "19d9623a-0f90-467a-a7e6-3c1ac5ed8aa1",
            ["1", "2"],
        ),
        (
            "Python, single",
            SignalVersion::V1,
            PYTHON_SINGLE,
            "d1bdb66b-714f-4fd7-9a45-fad6bb6f688e",
            "00f78721-589d-4fa0-b72c-2384203081bb",
            ["15", "14"],
        ),
    ] {
        let mut bench = Bench::new();
        let alice = bench.enter(join_of("alice", version)).unwrap();
        // Captured after its tracks were unpublished.
        let sdp = sdp.replace("a=inactive", "a=sendonly");
        let mut camera = request_for(cam, TrackSource::Camera);
        camera.layers = [VideoQuality::Low, VideoQuality::Medium, VideoQuality::High]
            .map(|quality| VideoLayer {
                quality: quality.into(),
                ..VideoLayer::default()
            })
            .into();
        bench.says(alice, Request::AddTrack(camera));
        bench.says(
            alice,
            Request::AddTrack(request_for(mic, TrackSource::Microphone)),
        );
        bench.says(alice, Request::Offer(offer(&sdp, 3)));

        let answer = first!(bench.take(alice), Answer);
        assert_eq!(answer.id, 3, "{name}");
        let info = bench.info("alice");
        let mid_of = |source: TrackSource| {
            info.tracks
                .iter()
                .find(|t| t.source() == source)
                .map(|t| t.mid.clone())
        };
        assert_eq!(
            mid_of(TrackSource::Microphone).as_deref(),
            Some(sections[0]),
            "{name}"
        );
        assert_eq!(
            mid_of(TrackSource::Camera).as_deref(),
            Some(sections[1]),
            "{name}"
        );
        for mid in sections {
            assert_eq!(
                said(&answer.sdp, mid),
                (Direction::RecvOnly, None),
                "{name}"
            );
        }
        let specs = published(&bench);
        let video = specs
            .iter()
            .find(|spec| spec.kind == media::Kind::Video)
            .unwrap();
        let layers: Vec<_> = video.layers.iter().map(|spec| spec.layer).collect();
        assert_eq!(layers, Layer::ALL, "{name}");
        assert_eq!(
            info.tracks
                .iter()
                .filter(|t| t.mime_type == "video/VP8")
                .count(),
            1,
            "{name}"
        );
        assert_eq!(
            info.tracks
                .iter()
                .filter(|t| t.mime_type == "audio/red")
                .count(),
            1,
            "{name}"
        );
    }
}

#[test]
fn a_real_join_offer_is_shown_what_is_there() {
    let mut bench = Bench::new();
    let bob = bench.join_connected("bob");
    let mic = bench.publish(bob, "mic", TrackSource::Microphone).sid;
    let cam = bench.publish(bob, "cam", TrackSource::Camera).sid;
    let mut join = join_of("alice", SignalVersion::V1);
    join.publisher_offer = Some(offer(JS_JOIN, 1));
    let alice = bench.enter(join).unwrap();
    let answer = first!(bench.take(alice), Answer);
    assert_eq!(answer.mid_to_track_id.len(), 2);
    for (mid, sid) in &answer.mid_to_track_id {
        let (direction, msid) = said(&answer.sdp, mid);
        assert_eq!(direction, Direction::SendOnly);
        let msid = msid.unwrap();
        assert!(
            msid.ends_with(sid.as_str()) && msid.matches('|').count() == 1,
            "{msid}"
        );
        assert!([&mic, &cam].contains(&sid));
    }
}

#[test]
fn a_room_that_asks_for_it_sends_a_camera_and_its_microphone_as_one_stream() {
    let options = RoomOptions {
        sync_streams: true,
        ..RoomOptions::default()
    };
    let mut bench = Bench::with(RoomConfig::default(), options);
    let bob = bench.join_connected("bob");
    bench.publish(bob, "mic", TrackSource::Microphone);
    bench.publish(bob, "cam", TrackSource::Camera);
    let mut screen = request_for("screen", TrackSource::ScreenShare);
    screen.stream = "x\r\na=candidate:1".into();
    bench.says(bob, Request::AddTrack(screen));
    let sections = [data("0"), send_video("3", "screen")];
    bench.offers(bob, 1, &sections);
    let bob_sid = bench.info("bob").sid;
    let mut join = join_of("alice", SignalVersion::V1);
    join.publisher_offer = Some(offer(JS_JOIN, 1));
    let alice = bench.enter(join).unwrap();
    let answer = first!(bench.take(alice), Answer);
    let mut streams: Vec<String> = answer
        .mid_to_track_id
        .iter()
        .map(|(mid, sid)| {
            let msid = said(&answer.sdp, mid).1.unwrap();
            let (stream, track) = msid.split_once(' ').unwrap();
            assert_eq!(track, sid);
            stream.to_owned()
        })
        .collect();
    streams.sort();
    streams.dedup();
    assert_eq!(
        streams,
        [
            format!("{bob_sid}|camera"),
            format!("{bob_sid}|screen_share")
        ]
    );
}
