//! Media in both directions between a peer and a client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests"
)]

use crate::link::{Link, client_config, spec};
use media::packet::{Extensions, Vp8Rewrite};
use media::plane::{NewSection, OfferChange, PeerRole};
use media::{Codec, Kind, Mid, Outgoing};
use ringward_peer::Output;
use std::sync::Arc;
use std::time::Duration;
use str0m::Event;
use str0m::format::Codec as RtcCodec;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind};
use str0m::rtp::{ExtensionValues, RtpWrite};
use vocab::Bitrate;

/// A VP8 keyframe's first bytes: 15-bit picture id 5, TL0PICIDX 9.
const VP8_KEYFRAME: [u8; 8] = [0x90, 0xe0, 0x80, 0x05, 0x09, 0x20, 0x00, 0x9d];
/// The same of a delta frame.
const VP8_DELTA: [u8; 8] = [0x90, 0xe0, 0x80, 0x06, 0x0a, 0x20, 0x01, 0x9d];

fn publisher() -> (Link, str0m::media::Mid) {
    let (link, _, video) = publisher_of_both();
    (link, video)
}

fn publisher_of_both() -> (Link, str0m::media::Mid, str0m::media::Mid) {
    let mut link = Link::new(spec(PeerRole::Publisher), client_config());
    let [audio, video] = link.client_offers(|api| {
        [MediaKind::Audio, MediaKind::Video]
            .map(|kind| api.add_media(kind, Direction::SendOnly, None, None, None))
    });
    link.connect();
    (link, audio, video)
}

fn client_writes(
    link: &mut Link,
    mid: str0m::media::Mid,
    codec: RtcCodec,
    seq: u64,
    payload: &[u8],
) {
    client_writes_at(link, mid, codec, seq, seq as u32 * 3_000, payload);
}

fn client_writes_at(
    link: &mut Link,
    mid: str0m::media::Mid,
    codec: RtcCodec,
    seq: u64,
    timestamp: u32,
    payload: &[u8],
) {
    let params = link.client.codec_config();
    let pt = params.find(|p| p.spec().codec == codec).unwrap().pt();
    let now = link.now;
    let mut direct = link.client.direct_api();
    let write = RtpWrite::new(pt, seq.into(), timestamp, now, payload)
        .nackable(true)
        .ext_vals(ExtensionValues {
            audio_level: Some(-37),
            voice_activity: Some(true),
            ..ExtensionValues::default()
        });
    direct.stream_tx_by_mid(mid, None).unwrap().write_rtp(write);
    link.run(Duration::from_millis(20));
}

pub(crate) fn subscriber(kinds: &[Kind]) -> (Link, Vec<Mid>) {
    let mut link = Link::new(spec(PeerRole::Subscriber), client_config());
    let add = kinds.iter().map(|kind| NewSection {
        kind: *kind,
        stream: "PA_a|TR_b".into(),
        track: "TR_b".into(),
    });
    let change = OfferChange {
        add: add.collect(),
        ..OfferChange::default()
    };
    let mids = link.box_offers(&change);
    link.connect();
    for mid in &mids {
        link.publisher_reports(*mid);
    }
    (link, mids)
}

#[test]
fn a_published_packet_arrives_with_its_meaning() {
    let (mut link, mid) = publisher();
    assert!(link.outputs.iter().any(|o| matches!(o, Output::Connected)));
    client_writes(&mut link, mid, RtcCodec::Vp8, 100, &VP8_KEYFRAME);
    client_writes(&mut link, mid, RtcCodec::Vp8, 101, &VP8_DELTA);

    let packets: Vec<_> = link.packets().collect();
    assert_eq!(packets.len(), 2);
    let first = packets[0];
    assert_eq!(first.mid.as_str(), &*mid);
    assert_eq!(first.rid, None);
    assert_eq!(first.codec, Codec::Vp8);
    assert_eq!(first.sequence, 100);
    assert_eq!(first.timestamp, 300_000);
    assert!(first.starts_keyframe);
    assert_eq!(&*first.payload, VP8_KEYFRAME);
    assert!(!packets[1].starts_keyframe);
}

#[test]
fn an_h264_keyframe_begins_once() {
    let (mut link, mid) = publisher();
    for (seq, timestamp, nal) in [(1, 3_000, 0x67), (2, 3_000, 0x65), (3, 6_000, 0x65)] {
        client_writes_at(&mut link, mid, RtcCodec::H264, seq, timestamp, &[nal, 1, 2]);
    }
    let starts = link.packets().map(|packet| packet.starts_keyframe);
    assert!(starts.eq([true, false, true]));
}

#[test]
fn a_publisher_has_its_loss_measured() {
    let (mut link, mid) = publisher();
    for seq in (1..400).filter(|seq| seq % 4 != 0) {
        client_writes(&mut link, mid, RtcCodec::Opus, seq, &[0xfc, 1, 2, 3]);
    }
    let lost = link.outputs.iter().filter_map(|output| match output {
        Output::Loss(report) if report.mid.as_str() == &*mid => Some(report.fraction_lost),
        _ => None,
    });
    let worst = lost.fold(0.0, f32::max);
    assert!((0.15..0.35).contains(&worst), "{worst}");
}

#[test]
fn wanting_more_finds_more() {
    let best_estimate = |desired: Option<u64>| {
        let (mut link, mids) = subscriber(&[Kind::Video]);
        if let Some(kbps) = desired {
            link.peer.set_desired_bitrate(Bitrate::kbps(kbps), link.now);
        }
        for sequence in 0..500 {
            link.write(mids[0], Codec::Vp8, sequence, &[0x10; 1_000]);
            link.run(Duration::from_millis(20));
        }
        let estimates = link.outputs.iter().filter_map(|output| match output {
            Output::Estimate(estimate) => Some(*estimate),
            _ => None,
        });
        estimates.max().unwrap()
    };
    let (modest, ambitious) = (best_estimate(None), best_estimate(Some(8_000)));
    assert!(
        ambitious >= Bitrate::kbps(4_000),
        "{ambitious:?}, {modest:?}"
    );
}

#[test]
fn audio_levels_arrive() {
    let (mut link, audio, _) = publisher_of_both();
    client_writes(&mut link, audio, RtcCodec::Opus, 7, &[0xfc, 1, 2, 3]);
    let packet = link.packets().next().unwrap();
    assert_eq!(packet.codec, Codec::Opus);
    assert_eq!(packet.extensions.audio_level, Some(37));
    assert_eq!(packet.extensions.voice_activity, Some(true));
}

#[test]
fn a_subscriber_gets_the_packet_that_was_written() {
    let (mut link, mids) = subscriber(&[Kind::Audio, Kind::Video]);
    let payload: Arc<[u8]> = VP8_KEYFRAME.into();
    let extensions = Extensions {
        video_orientation: Some(3),
        ..Extensions::default()
    };
    let packet = Outgoing {
        mid: mids[1],
        sequence: 500,
        timestamp: 90_000,
        marker: true,
        starts_keyframe: false,
        codec: Codec::Vp8,
        payload: &payload,
        vp8: Some(Vp8Rewrite {
            picture_id: Some(0x1234),
            tl0_pic_idx: Some(77),
        }),
        extensions: &extensions,
        arrival: link.now,
    };
    link.peer.write(&packet, link.now);
    link.run(Duration::from_millis(50));

    let got = link.client_packets().next().unwrap();
    assert_eq!(*got.seq_no, 500);
    assert_eq!(got.header.timestamp, 90_000);
    assert!(got.header.marker);
    assert_eq!(
        &got.payload[2..5],
        [0x80 | 0x12, 0x34, 77],
        "picture id and TL0PICIDX"
    );
    assert_eq!(got.payload[5..], VP8_KEYFRAME[5..]);
    assert_eq!(
        got.header.ext_vals.video_orientation.map(|o| o as u8),
        Some(3)
    );
}

#[test]
fn lost_video_is_sent_again() {
    let (mut link, mids) = subscriber(&[Kind::Video]);
    link.lose_every = Some(10);
    for sequence in 0..200 {
        link.write(mids[0], Codec::Vp8, sequence, &VP8_DELTA);
        link.run(Duration::from_millis(10));
    }
    link.lose_every = None;
    link.run(Duration::from_millis(500));
    let mut got: Vec<u64> = link.client_packets().map(|packet| *packet.seq_no).collect();
    got.sort_unstable();
    got.dedup();
    assert!(link.peer.take_counters().retransmissions >= 10);
    assert!(got.len() >= 199, "{} of 200", got.len());
}

#[test]
fn probing_is_padding_and_no_retransmission() {
    let (mut link, mids) = subscriber(&[Kind::Video]);
    link.peer
        .set_desired_bitrate(Bitrate::kbps(8_000), link.now);
    for sequence in 0..600 {
        link.write(mids[0], Codec::Vp8, sequence, &[0x10; 1_000]);
        link.run(Duration::from_millis(10));
    }
    let counters = link.peer.take_counters();
    assert_eq!(counters.retransmissions, 0, "nothing was lost");
    assert!(counters.padding_out >= 20, "{}", counters.padding_out);
    assert!(counters.rtcp_out > 0 && counters.stun_out > 0 && counters.dtls_out > 0);
}

#[test]
fn keyframe_requests_travel_both_ways() {
    let (mut link, mids) = subscriber(&[Kind::Video]);
    link.write(mids[0], Codec::Vp8, 1, &VP8_KEYFRAME);
    link.run(Duration::from_millis(50));
    let ssrc = link.client_packets().next().unwrap().header.ssrc;
    let mut direct = link.client.direct_api();
    direct
        .stream_rx(&ssrc)
        .unwrap()
        .request_keyframe(KeyframeRequestKind::Pli);
    link.run(Duration::from_millis(50));
    assert!(
        link.outputs
            .iter()
            .any(|output| matches!(output, Output::KeyframeRequest { mid } if *mid == mids[0]))
    );

    let (mut link, mid) = publisher();
    client_writes(&mut link, mid, RtcCodec::Vp8, 1, &VP8_KEYFRAME);
    link.peer
        .request_keyframe(Mid::new(&mid).unwrap(), None, link.now);
    link.run(Duration::from_millis(50));
    assert!(
        link.events
            .iter()
            .any(|event| matches!(event, Event::KeyframeRequest(_)))
    );
}

#[test]
fn sender_reports_arrive() {
    let (mut link, mid) = publisher();
    client_writes(&mut link, mid, RtcCodec::Vp8, 1, &VP8_KEYFRAME);
    link.run(Duration::from_secs(3));
    assert!(link.outputs.iter().any(
        |output| matches!(output, Output::SenderReport(report) if report.mid.as_str() == &*mid)
    ));
}

#[test]
fn loss_is_reported() {
    let (mut link, mids) = subscriber(&[Kind::Video]);
    for sequence in 0..300 {
        link.write(mids[0], Codec::Vp8, sequence, &VP8_DELTA);
        link.run(Duration::from_millis(20));
    }
    assert!(
        link.outputs
            .iter()
            .any(|output| matches!(output, Output::Loss(r) if r.mid == mids[0]))
    );
    assert!(
        link.outputs
            .iter()
            .any(|output| matches!(output, Output::Estimate(_)))
    );
}

#[test]
fn a_client_without_red_hears_the_opus_in_it() {
    let config = client_config().enable_opus(true, false);
    let mut link = Link::new(spec(PeerRole::Subscriber), config);
    let section = NewSection {
        kind: Kind::Audio,
        stream: "s".into(),
        track: "t".into(),
    };
    let mids = link.box_offers(&OfferChange {
        add: vec![section],
        ..OfferChange::default()
    });
    link.connect();
    // RFC 2198: one redundant block (PT 0x6f, offset 960, 2 bytes), then the primary.
    let red = [0xef, 0x0f, 0x00, 0x02, 0x6f, 0xaa, 0xbb, 0xfc, 0x01];
    link.write(mids[0], Codec::Red, 1, &red);
    link.run(Duration::from_millis(50));
    let got = link.client_packets().next().unwrap();
    assert_eq!(&*got.payload, [0xfc, 0x01]);
}

#[test]
fn what_the_client_cannot_take_is_counted() {
    let config = client_config().enable_av1(false);
    let mut link = Link::new(spec(PeerRole::Subscriber), config);
    let section = NewSection {
        kind: Kind::Video,
        stream: "s".into(),
        track: "t".into(),
    };
    let mids = link.box_offers(&OfferChange {
        add: vec![section],
        ..OfferChange::default()
    });
    link.connect();
    link.write(mids[0], Codec::Av1, 1, &[0x18, 1, 2]);
    link.write(Mid::new("nope").unwrap(), Codec::Vp8, 1, &VP8_DELTA);
    link.write(mids[0], Codec::Vp8, 1, &[0; 4_000]);
    link.write(mids[0], Codec::Vp8, 2, &VP8_DELTA);
    link.write(mids[0], Codec::Vp8, 2, &VP8_DELTA);
    let counters = link.peer.take_counters();
    assert_eq!(counters.codec_out, 1);
    assert_eq!(counters.unsendable_out, 2);
    assert_eq!(counters.repeated_out, 1);
    assert_eq!(counters.packets_out, 1);
}

#[test]
fn nothing_is_written_before_the_transport_is_up() {
    let mut link = Link::new(spec(PeerRole::Single), client_config());
    let mut changes = link.client.sdp_api();
    let mid = changes.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
    let (offer, _) = changes.apply().unwrap();
    link.peer
        .accept_offer(&offer.to_sdp_string(), link.now)
        .unwrap();
    link.write(Mid::new(&mid).unwrap(), Codec::Vp8, 1, &VP8_DELTA);
    assert_eq!(link.peer.take_counters().unsendable_out, 1);
}

#[test]
fn a_section_shows_a_second_track_without_a_break() {
    let (mut link, mids) = subscriber(&[Kind::Video]);
    link.write(mids[0], Codec::Vp8, 100, &VP8_KEYFRAME);
    link.run(Duration::from_millis(50));
    link.peer.restart_section(mids[0]);
    link.write(mids[0], Codec::Vp8, 20, &VP8_KEYFRAME);
    link.run(Duration::from_millis(50));
    let got: Vec<u64> = link.client_packets().map(|packet| *packet.seq_no).collect();
    assert_eq!(got, [100, 101]);
}

#[test]
fn sections_are_silenced_and_used_again() {
    let (mut link, mids) = subscriber(&[Kind::Video]);
    link.box_offers(&OfferChange {
        deactivate: mids.clone(),
        ..OfferChange::default()
    });
    link.write(mids[0], Codec::Vp8, 1, &VP8_KEYFRAME);
    assert_eq!(link.peer.take_counters().unsendable_out, 1);
    link.box_offers(&OfferChange {
        reactivate: mids.clone(),
        ..OfferChange::default()
    });
    link.peer.restart_section(mids[0]);
    link.write(mids[0], Codec::Vp8, 2, &VP8_KEYFRAME);
    link.run(Duration::from_millis(50));
    assert_eq!(link.client_packets().count(), 1);
}

#[test]
fn a_vacated_section_comes_back_as_a_new_stream_that_is_repaired() {
    let (mut link, mids) = subscriber(&[Kind::Video]);
    link.write(mids[0], Codec::Vp8, 1, &VP8_KEYFRAME);
    link.run(Duration::from_millis(50));
    let before = link.client_packets().next().unwrap().header.ssrc;
    link.peer.vacate_section(mids[0], link.now);
    link.box_offers(&OfferChange {
        deactivate: mids.clone(),
        ..OfferChange::default()
    });
    link.box_offers(&OfferChange {
        reactivate: mids.clone(),
        ..OfferChange::default()
    });
    link.events.clear();
    link.lose_every = Some(10);
    for sequence in 0..200 {
        link.write(mids[0], Codec::Vp8, sequence, &VP8_DELTA);
        link.run(Duration::from_millis(10));
    }
    link.lose_every = None;
    link.run(Duration::from_millis(500));
    assert!(
        link.client_packets()
            .all(|packet| packet.header.ssrc != before)
    );
    let mut got: Vec<u64> = link.client_packets().map(|packet| *packet.seq_no).collect();
    got.sort_unstable();
    got.dedup();
    assert!(got.len() >= 199, "{} of 200", got.len());
}

#[test]
fn one_peer_carries_both_directions() {
    let mut link = Link::new(spec(PeerRole::Single), client_config());
    let (up, down) = link.client_offers(|api| {
        let up = api.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
        let down = api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        (up, down)
    });
    link.connect();
    client_writes(&mut link, up, RtcCodec::Vp8, 1, &VP8_KEYFRAME);
    assert_eq!(link.packets().count(), 1);
    link.write(Mid::new(&down).unwrap(), Codec::Vp8, 1, &VP8_KEYFRAME);
    link.run(Duration::from_millis(50));
    assert_eq!(link.client_packets().count(), 1);
    assert_eq!(
        &*link.client_packets().next().unwrap().payload,
        VP8_KEYFRAME
    );
}

#[test]
fn a_forwarded_packet_leaves_with_its_arrival() {
    let (mut link, mids) = subscriber(&[Kind::Audio]);
    link.write(mids[0], Codec::Opus, 1, &[1, 2, 3]);
    let arrival = link.now;
    let left = link.departing();
    assert!(
        left.iter()
            .any(|departed| departed.arrival == Some(arrival))
    );
}

#[test]
fn ice_restarts_from_either_side() {
    let (mut link, mids) = subscriber(&[Kind::Video]);
    let before = link.peer.local_ufrag();
    link.box_offers(&OfferChange {
        ice_restart: true,
        ..OfferChange::default()
    });
    assert_ne!(link.peer.local_ufrag(), before);
    link.run(Duration::from_secs(1));
    link.write(mids[0], Codec::Vp8, 1, &VP8_KEYFRAME);
    link.run(Duration::from_millis(50));
    assert_eq!(link.client_packets().count(), 1);

    let (mut link, mid) = publisher();
    let before = link.peer.local_ufrag();
    link.client_offers(|api| api.ice_restart(true));
    assert_ne!(link.peer.local_ufrag(), before);
    link.run(Duration::from_secs(1));
    client_writes(&mut link, mid, RtcCodec::Vp8, 1, &VP8_KEYFRAME);
    assert_eq!(link.packets().count(), 1);
}
