//! Publishing.

use super::bench::{Bench, all, first, join_of, request_for, updates};
use super::sdp::{data, inactive, send_audio, send_video, simulcast};
use crate::join::SignalVersion;
use crate::sdp::Description;
use auth::Source;
use livekit_protocol::request_response::{Reason, Request as Echo};
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    AudioTrackFeature, MuteTrackRequest, SimulcastCodec, TrackSource, UpdateLocalAudioTrack,
    UpdateLocalVideoTrack, VideoLayer, VideoQuality,
};
use media::plane::MediaCommand;
use media::{Layer, MediaEvent, Mid};

fn published(bench: &Bench) -> Vec<media::plane::TrackSpec> {
    let specs = bench.media.iter().filter_map(|command| match command {
        MediaCommand::PublishTrack { track, .. } => Some(track.clone()),
        _ => None,
    });
    specs.collect()
}

#[test]
fn a_track_is_announced_when_its_section_is_negotiated_and_not_before() {
    let mut bench = Bench::new();
    let bob = bench.join_connected("bob");
    let alice = bench.join_connected("alice");
    bench.take(bob);
    bench.says(
        alice,
        Request::AddTrack(request_for("mic", TrackSource::Microphone)),
    );
    let response = first!(bench.take(alice), TrackPublished);
    let info = response.track.unwrap();
    assert_eq!(response.cid, "mic");
    assert!(
        info.sid.starts_with("TR_AM") && info.sid.len() == 17,
        "{}",
        info.sid
    );
    assert!(updates(&bench.take(bob)).is_empty(), "not announced yet");
    assert!(published(&bench).is_empty());

    bench.offers(alice, 1, &[data("0"), send_audio("1", "mic")]);
    assert_eq!(published(&bench).len(), 1);
    let messages = bench.take(bob);
    let update = messages
        .iter()
        .position(|m| matches!(m, Message::Update(_)))
        .unwrap();
    let offer = messages
        .iter()
        .position(|m| matches!(m, Message::Offer(_)))
        .unwrap();
    assert!(
        update < offer,
        "the announcement comes before the media offer"
    );
    assert_eq!(updates(&messages)[0].tracks[0].sid, info.sid);
    assert!(
        updates(&bench.take(alice)).is_empty(),
        "the publisher knows"
    );
}

#[test]
fn the_offer_may_come_before_the_request() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.offers(alice, 1, &[data("0"), send_audio("1", "mic")]);
    assert!(published(&bench).is_empty());
    bench.says(
        alice,
        Request::AddTrack(request_for("other", TrackSource::Microphone)),
    );
    assert!(published(&bench).is_empty(), "another track's request");
    bench.says(
        alice,
        Request::AddTrack(request_for("mic", TrackSource::Microphone)),
    );
    let specs = published(&bench);
    assert_eq!(specs[0].mid, Mid::new("1").unwrap());
    assert_eq!(bench.info("alice").tracks[0].mid, "1");
}

#[test]
fn sections_match_by_msid_and_else_by_kind() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.says(
        alice,
        Request::AddTrack(request_for("cam", TrackSource::Camera)),
    );
    bench.says(
        alice,
        Request::AddTrack(request_for("screen", TrackSource::ScreenShare)),
    );
    bench.offers(
        alice,
        1,
        &[
            data("0"),
            send_video("1", "screen"),
            send_video("2", "renamed"),
        ],
    );
    let info = bench.info("alice");
    let mid_of = |source: TrackSource| {
        info.tracks
            .iter()
            .find(|t| t.source() == source)
            .map(|t| t.mid.clone())
            .unwrap()
    };
    assert_eq!(mid_of(TrackSource::ScreenShare), "1", "by msid");
    assert_eq!(
        mid_of(TrackSource::Camera),
        "2",
        "the first request of its kind"
    );
}

#[test]
fn a_track_says_what_its_request_said() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let layer = |quality: VideoQuality, height| VideoLayer {
        quality: quality.into(),
        height,
        width: height * 16 / 9,
        bitrate: height * 1000,
        ..VideoLayer::default()
    };
    let layers = vec![
        layer(VideoQuality::Low, 180),
        layer(VideoQuality::Medium, 360),
        layer(VideoQuality::High, 720),
    ];
    let mut request = request_for("cam", TrackSource::Camera);
    request.name = "camera".into();
    request.muted = true;
    (request.width, request.height) = (1280, 720);
    request.layers.clone_from(&layers);
    request.encryption = 1;
    request.stream = "camera".into();
    request.backup_codec_policy = 1;
    request.disable_red = true;
    request.packet_trailer_features = vec![0];
    request.simulcast_codecs = vec![SimulcastCodec {
        codec: "vp9".into(),
        cid: "cam".into(),
        ..SimulcastCodec::default()
    }];
    bench.says(alice, Request::AddTrack(request.clone()));
    let info = first!(bench.take(alice), TrackPublished).track.unwrap();
    assert!(info.sid.starts_with("TR_VC"));
    assert_eq!(
        (info.name.as_str(), info.muted, info.width, info.height),
        ("camera", true, 1280, 720)
    );
    assert_eq!(
        (info.source(), info.encryption, info.stream.as_str()),
        (TrackSource::Camera, 1, "camera")
    );
    assert_eq!((info.backup_codec_policy, info.disable_red), (1, true));
    assert_eq!(info.packet_trailer_features, [0]);
    assert_eq!(info.codecs[0].mime_type, "video/VP9");
    assert_eq!(
        (info.codecs[0].cid.as_str(), &info.codecs[0].layers),
        ("cam", &layers)
    );

    bench.offers(alice, 1, &[data("0"), simulcast("1", "cam")]);
    let spec = published(&bench).remove(0);
    assert!(spec.muted);
    let told: Vec<_> = spec.layers.iter().map(|l| (l.layer, l.height)).collect();
    assert_eq!(
        told,
        [(Layer::Low, 180), (Layer::Medium, 360), (Layer::High, 720)]
    );
    let answer = first!(bench.take(alice), Answer);
    let answer = Description::parse(&answer.sdp).unwrap();
    let section = answer.section(Mid::new("1").unwrap()).unwrap();
    assert_eq!(
        section.formats()[0].name,
        "VP9",
        "the codec that was asked for comes first"
    );
}

#[test]
fn stereo_and_dtx_are_said_in_both_ages_of_the_protocol() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let mut request = request_for("mic", TrackSource::Microphone);
    request.audio_features = vec![
        AudioTrackFeature::TfStereo.into(),
        AudioTrackFeature::TfNoDtx.into(),
    ];
    bench.says(alice, Request::AddTrack(request));
    #[expect(deprecated, reason = "what older clients read")]
    let old = first!(bench.take(alice), TrackPublished)
        .track
        .map(|t| (t.stereo, t.disable_dtx));
    assert_eq!(old, Some((true, true)));
    bench.offers(alice, 1, &[data("0"), send_audio("1", "mic")]);
    let answer = first!(bench.take(alice), Answer).sdp;
    assert!(
        answer.contains("stereo=1") && !answer.contains("usedtx=1"),
        "{answer}"
    );
}

#[test]
fn red_comes_first_unless_it_is_disabled() {
    for (disable_red, want) in [(false, "audio/red"), (true, "audio/opus")] {
        let mut bench = Bench::new();
        let alice = bench.join_connected("alice");
        let mut request = request_for("mic", TrackSource::Microphone);
        request.disable_red = disable_red;
        bench.says(alice, Request::AddTrack(request));
        bench.offers(alice, 1, &[data("0"), send_audio("1", "mic")]);
        assert_eq!(bench.info("alice").tracks[0].mime_type, want);
    }
}

#[test]
fn a_track_that_is_not_allowed_is_refused_with_its_reason() {
    let with = |change: fn(&mut crate::join::Join), request, want: Reason| {
        let mut bench = Bench::new();
        let mut join = join_of("alice", SignalVersion::V0);
        change(&mut join);
        let alice = bench.enter(join).unwrap();
        bench.take(alice);
        bench.says(alice, Request::AddTrack(request));
        let messages = bench.take(alice);
        let response = first!(messages, RequestResponse);
        assert_eq!(response.reason(), want);
        assert!(
            matches!(response.request, Some(Echo::AddTrack(_))),
            "says which request"
        );
        assert!(all!(messages, TrackPublished).is_empty());
    };
    let camera = || request_for("cam", TrackSource::Camera);
    with(
        |join| join.claims.video.can_publish = Some(false),
        camera(),
        Reason::NotAllowed,
    );
    with(
        |join| join.claims.video.can_publish_sources = vec![Source::Microphone],
        camera(),
        Reason::NotAllowed,
    );
    let mut typeless = camera();
    typeless.r#type = 2;
    with(|_| {}, typeless, Reason::UnsupportedType);
    let mut backup = camera();
    backup.sid = "TR_VCexisting".into();
    with(|_| {}, backup, Reason::UnsupportedType);
    let mut long = camera();
    long.name = "n".repeat(257);
    with(|_| {}, long, Reason::LimitExceeded);
}

#[test]
fn the_thirty_third_track_is_refused() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    for n in 0..32 {
        bench.says(
            alice,
            Request::AddTrack(request_for(&format!("cam{n}"), TrackSource::Camera)),
        );
    }
    assert!(all!(bench.take(alice), RequestResponse).is_empty());
    bench.says(
        alice,
        Request::AddTrack(request_for("one more", TrackSource::Camera)),
    );
    assert_eq!(
        first!(bench.take(alice), RequestResponse).reason(),
        Reason::LimitExceeded
    );
}

#[test]
fn a_cid_in_use_waits_until_its_track_has_ended() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let old = bench.publish(alice, "mic", TrackSource::Microphone);
    bench.says(
        alice,
        Request::AddTrack(request_for("mic", TrackSource::Microphone)),
    );
    assert_eq!(
        first!(bench.take(alice), RequestResponse).reason(),
        Reason::Queued
    );
    bench.offers(alice, 2, &[data("0"), inactive("1", "audio")]);
    let new = first!(bench.take(alice), TrackPublished).track.unwrap();
    assert_ne!(new.sid, old.sid);
    bench.offers(
        alice,
        3,
        &[data("0"), inactive("1", "audio"), send_audio("2", "mic")],
    );
    assert_eq!(bench.info("alice").tracks[0].sid, new.sid);
}

#[test]
fn an_inactive_section_ends_its_track() {
    let mut bench = Bench::new();
    let bob = bench.join_connected("bob");
    let alice = bench.join_connected("alice");
    let info = bench.publish(alice, "mic", TrackSource::Microphone);
    bench.take(bob);
    bench.offers(alice, 2, &[data("0"), inactive("1", "audio")]);
    assert!(bench.info("alice").tracks.is_empty());
    let seen = updates(&bench.take(bob));
    assert!(seen[0].tracks.is_empty(), "others hear of it");
    assert!(
        bench
            .media
            .iter()
            .any(|c| matches!(c, MediaCommand::UnpublishTrack { .. }))
    );
    assert!(bench.webhook_names().contains(&"track_unpublished"));
    assert!(!info.sid.is_empty());
}

#[test]
fn a_receiving_section_ends_its_track_too() {
    let mut bench = Bench::new();
    let alice = bench.join_single("alice");
    bench.connect("alice");
    bench.says(
        alice,
        Request::AddTrack(request_for("mic", TrackSource::Microphone)),
    );
    let mut sections = super::sdp::join_sections();
    sections.push(send_audio("7", "mic"));
    bench.offers(alice, 2, &sections);
    assert_eq!(bench.info("alice").tracks.len(), 1);
    *sections.last_mut().unwrap() = super::sdp::receive("7", "audio");
    bench.offers(alice, 3, &sections);
    assert!(
        bench.info("alice").tracks.is_empty(),
        "JS turns it into a placeholder"
    );
}

#[test]
fn a_mute_is_told_to_everyone_and_to_the_media_plane() {
    let mut bench = Bench::new();
    let bob = bench.join_connected("bob");
    let alice = bench.join_connected("alice");
    let sid = bench.publish(alice, "mic", TrackSource::Microphone).sid;
    bench.take(bob);
    let mute = |muted| {
        Request::Mute(MuteTrackRequest {
            sid: sid.clone(),
            muted,
        })
    };
    bench.says(alice, mute(true));
    assert!(updates(&bench.take(bob))[0].tracks[0].muted);
    assert!(
        bench
            .media
            .iter()
            .any(|c| matches!(c, MediaCommand::SetTrackMuted { muted: true, .. }))
    );
    bench.forget();
    bench.says(alice, mute(true));
    assert!(bench.take(bob).is_empty(), "nothing changed");
    bench.says(
        alice,
        Request::Mute(MuteTrackRequest {
            sid: "TR_none".into(),
            muted: true,
        }),
    );
    assert_eq!(
        first!(bench.take(alice), RequestResponse).reason(),
        Reason::NotFound
    );
}

#[test]
fn a_track_muted_before_it_is_negotiated_is_published_muted() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.says(
        alice,
        Request::AddTrack(request_for("mic", TrackSource::Microphone)),
    );
    let sid = first!(bench.take(alice), TrackPublished).track.unwrap().sid;
    bench.says(alice, Request::Mute(MuteTrackRequest { sid, muted: true }));
    bench.offers(alice, 1, &[data("0"), send_audio("1", "mic")]);
    assert!(published(&bench)[0].muted);
}

#[test]
fn own_tracks_can_be_described_anew() {
    let mut bench = Bench::new();
    let bob = bench.join_connected("bob");
    let alice = bench.join_connected("alice");
    let sid = bench.publish(alice, "cam", TrackSource::Camera).sid;
    bench.take(bob);
    let update = UpdateLocalVideoTrack {
        track_sid: sid,
        width: 640,
        height: 480,
    };
    bench.says(alice, Request::UpdateVideoTrack(update));
    let track = &updates(&bench.take(bob))[0].tracks[0];
    assert_eq!((track.width, track.height), (640, 480));
    let unknown = UpdateLocalAudioTrack {
        track_sid: "TR_none".into(),
        features: vec![],
    };
    bench.says(alice, Request::UpdateAudioTrack(unknown));
    assert_eq!(
        first!(bench.take(alice), RequestResponse).reason(),
        Reason::NotFound
    );
}

#[test]
fn the_publisher_hears_which_layers_are_wanted() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.says(
        alice,
        Request::AddTrack(request_for("cam", TrackSource::Camera)),
    );
    bench.offers(alice, 1, &[data("0"), simulcast("1", "cam")]);
    let sid = first!(bench.take(alice), TrackPublished).track.unwrap().sid;
    let (room, track) = (bench.room.key(), bench.track_of(&sid));
    bench.media(MediaEvent::DemandChanged {
        room,
        track,
        wanted: [true, false, false],
    });
    let update = first!(bench.take(alice), SubscribedQualityUpdate);
    let codec = &update.subscribed_codecs[0];
    assert_eq!(
        (update.track_sid.as_str(), codec.codec.as_str()),
        (sid.as_str(), "vp8")
    );
    let enabled: Vec<_> = codec.qualities.iter().map(|q| q.enabled).collect();
    assert_eq!(enabled, [true, false, false]);
    #[expect(deprecated, reason = "what older clients read")]
    let old = update.subscribed_qualities;
    assert_eq!(old, codec.qualities);
    bench.media(MediaEvent::TrackFlowing { room, track });
    assert_eq!(
        all!(bench.take(alice), SubscribedQualityUpdate).len(),
        1,
        "repeated"
    );
}

#[test]
fn a_single_encoding_is_wanted_when_any_layer_is() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let sid = bench.publish(alice, "cam", TrackSource::Camera).sid;
    let (room, track) = (bench.room.key(), bench.track_of(&sid));
    bench.media(MediaEvent::DemandChanged {
        room,
        track,
        wanted: [false, false, true],
    });
    let update = first!(bench.take(alice), SubscribedQualityUpdate);
    assert!(
        update.subscribed_codecs[0]
            .qualities
            .iter()
            .all(|q| q.enabled)
    );
}

#[test]
fn a_later_offer_leaves_published_tracks_alone() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.says(
        alice,
        Request::AddTrack(request_for("mic", TrackSource::Microphone)),
    );
    let sections = [data("0"), send_audio("1", "mic")];
    bench.offers(alice, 1, &sections);
    let before = bench.info("alice");
    bench.forget();
    bench.offers(alice, 2, &sections);
    bench.offers(
        alice,
        3,
        &[data("0"), send_audio("1", "mic"), send_audio("2", "mic")],
    );
    assert!(bench.events.is_empty() && published(&bench).is_empty());
    assert_eq!(bench.info("alice"), before);
}
