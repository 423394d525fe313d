//! Claims about a track alone.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use livekit_protocol::{SimulcastCodec, VideoLayer};
use media::{Layer, Rid};

fn camera(request: AddTrackRequest) -> Track {
    let codecs: Vec<String> = ["video/VP8", "video/VP9"].map(String::from).into();
    let request = AddTrackRequest {
        r#type: TrackType::Video.into(),
        ..request
    };
    Track::new(TrackKey(1), "TR_VC1".into(), Kind::Video, request, &codecs)
}

fn layer(quality: VideoQuality, height: u32) -> VideoLayer {
    VideoLayer {
        quality: quality.into(),
        height,
        ..VideoLayer::default()
    }
}

#[test]
fn layers_go_by_the_names_of_the_rids_whatever_their_order() {
    let layers = vec![
        layer(VideoQuality::High, 720),
        layer(VideoQuality::Low, 180),
    ];
    let track = camera(AddTrackRequest {
        layers,
        ..AddTrackRequest::default()
    });
    for (name, rids, want) in [
        (
            "native order",
            vec!["f", "h", "q"],
            vec![(Layer::Low, 180), (Layer::Medium, 0), (Layer::High, 720)],
        ),
        (
            "two layers",
            vec!["q", "h"],
            vec![(Layer::Low, 180), (Layer::Medium, 0)],
        ),
        ("one stream", vec![], vec![(Layer::High, 720)]),
        ("one rid", vec!["q"], vec![(Layer::High, 720)]),
    ] {
        let rids: Vec<Rid> = rids.into_iter().map(|rid| Rid::new(rid).unwrap()).collect();
        let specs = layer_specs(Kind::Video, &track.info, &rids);
        let got: Vec<_> = specs.iter().map(|spec| (spec.layer, spec.height)).collect();
        assert_eq!(got, want, "{name}");
    }
}

#[test]
fn a_scalable_codec_in_one_stream_has_its_layers_within() {
    use livekit_protocol::video_layer::Mode;
    for (name, mime, rids, want) in [
        (
            "VP9 alone",
            "video/VP9",
            0,
            Mode::MultipleSpatialLayersPerStream,
        ),
        (
            "VP9 in three",
            "video/VP9",
            3,
            Mode::OneSpatialLayerPerStream,
        ),
        ("VP8", "video/VP8", 3, Mode::OneSpatialLayerPerStream),
    ] {
        let mut track = camera(AddTrackRequest::default());
        let mid = Mid::new("1").unwrap();
        track.negotiated(PeerKey(1), mid, mime.into(), rids);
        assert_eq!(track.info.codecs[0].video_layer_mode(), want, "{name}");
        assert_eq!(track.info.codecs[0].mime_type, mime, "{name}");
    }
}

#[test]
fn a_section_may_be_named_after_a_codec_of_the_track() {
    let track = camera(AddTrackRequest {
        cid: "track".into(),
        simulcast_codecs: vec![SimulcastCodec {
            cid: "codec".into(),
            ..SimulcastCodec::default()
        }],
        ..AddTrackRequest::default()
    });
    assert!(track.is_called("track") && track.is_called("codec"));
    assert!(!track.is_called("") && !track.is_called("other"));
}
