//! Both egresses, the same packets in: the same media arrives.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

#[path = "support/link.rs"]
mod link;

use link::{Link, client_config, spec};
use media::packet::{Extensions, Vp8Rewrite};
use media::plane::{NewSection, OfferChange, PeerRole};
use media::{Codec, Kind, Mid, Outgoing};
use proptest::prelude::*;
use ringward_peer::EgressKind;
use std::sync::Arc;
use std::time::Duration;

/// Whatever is not said otherwise.
const EGRESS: EgressKind = EgressKind::Own;

/// One packet of a run, and what happens before it.
#[derive(Debug, Clone)]
struct Step {
    is_audio: bool,
    length: usize,
    marker: bool,
    /// The publisher's numbers skip this many.
    skip: u64,
    /// Another subscription takes the section over.
    restarts: bool,
    picture: Option<u16>,
    level: Option<u8>,
    orientation: Option<u8>,
}

fn step() -> impl Strategy<Value = Step> {
    (
        any::<bool>(),
        20_usize..1_100,
        any::<bool>(),
        prop_oneof![9 => Just(0_u64), 1 => 1_u64..4],
        proptest::bool::weighted(0.03),
        proptest::option::of(0_u16..0x7fff),
        proptest::option::of(0_u8..127),
        proptest::option::of(0_u8..4),
    )
        .prop_map(
            |(is_audio, length, marker, skip, restarts, picture, level, orientation)| Step {
                is_audio,
                length: if is_audio { length.min(200) } else { length },
                marker,
                skip,
                restarts,
                picture,
                level,
                orientation,
            },
        )
}

/// What a client was given of one section, numbers from the first on.
#[derive(Debug, PartialEq, Eq)]
struct Received {
    number: u64,
    timestamp: u32,
    marker: bool,
    payload: Vec<u8>,
    level: Option<i8>,
    orientation: Option<u8>,
}

fn run(egress: EgressKind, steps: &[Step]) -> [Vec<Received>; 2] {
    let mut link = Link::over(egress, spec(PeerRole::Subscriber), client_config());
    let add = [Kind::Audio, Kind::Video].map(|kind| NewSection {
        kind,
        stream: "PA_a|TR_b".into(),
        track: "TR_b".into(),
    });
    let mids = link.box_offers(&OfferChange {
        add: add.into(),
        ..OfferChange::default()
    });
    link.connect();
    let mut next = [100_u64, 200];
    for (place, step) in steps.iter().enumerate() {
        let section = usize::from(!step.is_audio);
        if step.restarts {
            link.peer.restart_section(mids[section]);
            next[section] = 50 + place as u64;
        }
        next[section] += 1 + step.skip;
        write(&mut link, mids[section], next[section], place as u32, step);
        link.run(Duration::from_millis(10));
    }
    link.run(Duration::from_secs(1));
    [true, false].map(|is_audio| received(&link, is_audio))
}

fn write(link: &mut Link, mid: Mid, sequence: u64, place: u32, step: &Step) {
    let mut payload = vec![place as u8; step.length];
    // A VP8 descriptor with a 15-bit picture id and TL0PICIDX (RFC 7741 §4.2).
    payload[..7].copy_from_slice(&[0x90, 0xe0, 0x80, place as u8, 9, 0x20, 1]);
    let payload: Arc<[u8]> = payload.into();
    let extensions = Extensions {
        audio_level: step.level.filter(|_| step.is_audio),
        voice_activity: step.level.filter(|_| step.is_audio).map(|_| true),
        video_orientation: step.orientation.filter(|_| !step.is_audio),
        ..Extensions::default()
    };
    let vp8 = step.picture.filter(|_| !step.is_audio);
    let packet = Outgoing {
        mid,
        sequence,
        timestamp: place * 960,
        marker: step.marker,
        starts_keyframe: false,
        codec: if step.is_audio {
            Codec::Opus
        } else {
            Codec::Vp8
        },
        payload: &payload,
        vp8: vp8.map(|id| Vp8Rewrite {
            picture_id: Some(id),
            tl0_pic_idx: Some(place as u8),
        }),
        extensions: &extensions,
        arrival: link.now,
    };
    link.peer.write(&packet, link.now);
}

fn received(link: &Link, is_audio: bool) -> Vec<Received> {
    // Opus payloads here are at most 200 bytes; the payload type tells them apart for certain.
    let params = link.client.codec_config();
    let opus = params.find(|p| p.spec().codec == str0m::format::Codec::Opus);
    let opus = opus.unwrap().pt();
    let mut first = None;
    link.client_packets()
        .filter(|packet| (packet.header.payload_type == opus) == is_audio)
        .filter(|packet| !packet.payload.is_empty())
        .map(|packet| {
            let first = *first.get_or_insert(*packet.seq_no);
            let values = &packet.header.ext_vals;
            Received {
                number: packet.seq_no.wrapping_sub(first),
                timestamp: packet.header.timestamp,
                marker: packet.header.marker,
                payload: packet.payload.to_vec(),
                level: values.audio_level,
                orientation: values.video_orientation.map(|o| o as u8),
            }
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_same_media_arrives_over_both(steps in proptest::collection::vec(step(), 1..150)) {
        let (plain, own) = (run(EgressKind::Plain, &steps), run(EgressKind::Own, &steps));
        for (plain, own) in plain.into_iter().zip(own) {
            prop_assert_eq!(plain, own);
        }
        let video = steps.iter().filter(|step| !step.is_audio).count();
        prop_assert!(video == 0 || run(EgressKind::Own, &steps)[1].len() == video);
    }
}
