//! No nonce twice: SRTP derives it from key, SSRC and index, so on the wire of one transport no
//! SSRC may show two packets under one index (`egress.md` §4).
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
use media::plane::{NewSection, OfferChange, PeerRole};
use media::{Codec, Kind, Mid};
use ringward_peer::{EgressKind, Profile};
use std::collections::HashMap;
use std::time::Duration;
use str0m::media::{Direction, MediaKind};
use str0m::rtp::RtpWrite;

/// Who writes RTP.
const EGRESS: EgressKind = EgressKind::Own;

const VIDEO: [u8; 40] = [0x10; 40];

/// The wire of one transport, judged.
struct Wire {
    rtp: usize,
    rtcp: usize,
    repeated: Vec<String>,
}

impl Wire {
    /// Under AEAD profiles SRTCP's index is the last word (RFC 7714 §9.2). No stream here sends
    /// enough for its sequence numbers to wrap.
    fn of(datagrams: &[Vec<u8>]) -> Self {
        let mut seen: HashMap<(bool, u32, u32), &[u8]> = HashMap::new();
        let mut wire = Self {
            rtp: 0,
            rtcp: 0,
            repeated: Vec::new(),
        };
        let word = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
        for bytes in datagrams.iter().filter(|b| (128..192).contains(&b[0])) {
            let is_rtcp = (192..224).contains(&bytes[1]);
            let (ssrc, index) = if is_rtcp {
                wire.rtcp += 1;
                (word(&bytes[4..8]), word(&bytes[bytes.len() - 4..]))
            } else {
                wire.rtp += 1;
                (word(&bytes[8..12]), word(&[0, 0, bytes[2], bytes[3]]))
            };
            if let Some(before) = seen.insert((is_rtcp, ssrc, index), bytes)
                && before != bytes
            {
                let kind = if is_rtcp { "RTCP" } else { "RTP" };
                wire.repeated.push(format!("{kind} {ssrc} {index}"));
            }
        }
        wire
    }
}

fn judge(mut link: Link) {
    assert_eq!(link.peer.profile(), Some(Profile::AeadAes256Gcm));
    let wire = Wire::of(&link.wire);
    assert!(wire.repeated.is_empty(), "{:?}", wire.repeated);
    assert!(
        wire.rtp > 500 && wire.rtcp > 10,
        "{} {}",
        wire.rtp,
        wire.rtcp
    );
    assert_eq!(link.peer.take_counters().nonce_alarms, 0);
}

fn section(kind: Kind) -> NewSection {
    NewSection {
        kind,
        stream: "PA_a|TR_b".into(),
        track: "TR_b".into(),
    }
}

/// Two seconds of sound and picture, of which a part is lost.
fn talk(link: &mut Link, audio: Mid, videos: &[Mid], first: u64) {
    for mid in videos.iter().chain([&audio]) {
        link.publisher_reports(*mid);
    }
    link.lose_every = Some(9);
    for step in 0..100 {
        link.write(audio, Codec::Opus, first + step, &[0xfc, 1, 2]);
        for video in videos {
            link.write(*video, Codec::Vp8, first + step, &VIDEO);
        }
        link.run(Duration::from_millis(20));
    }
    link.lose_every = None;
    link.run(Duration::from_millis(300));
}

#[test]
fn a_subscriber_sees_no_nonce_twice_whatever_is_negotiated() {
    let mut link = Link::new(spec(PeerRole::Subscriber), client_config());
    let offer = |add: &[Kind]| OfferChange {
        add: add.iter().map(|kind| section(*kind)).collect(),
        ..OfferChange::default()
    };
    let mids = link.box_offers(&offer(&[Kind::Audio, Kind::Video]));
    link.connect();
    let (audio, first) = (mids[0], mids[1]);
    talk(&mut link, audio, &[first], 100);
    // A late track.
    let second = link.box_offers(&offer(&[Kind::Video]))[0];
    talk(&mut link, audio, &[first, second], 200);
    // New ICE credentials: the keys stay.
    link.box_offers(&OfferChange {
        ice_restart: true,
        ..OfferChange::default()
    });
    link.run(Duration::from_secs(1));
    talk(&mut link, audio, &[first, second], 300);
    // Another subscription in the same section, whose numbers begin anew.
    link.peer.restart_section(first);
    talk(&mut link, audio, &[first, second], 50);
    // The section is vacated, silenced and used again.
    link.peer.vacate_section(first, link.now);
    link.box_offers(&OfferChange {
        deactivate: vec![first],
        ..OfferChange::default()
    });
    talk(&mut link, audio, &[second], 400);
    link.box_offers(&OfferChange {
        reactivate: vec![first],
        ..OfferChange::default()
    });
    link.peer.restart_section(first);
    talk(&mut link, audio, &[first, second], 1);
    // Silenced and used again without being vacated.
    link.box_offers(&OfferChange {
        deactivate: vec![second],
        ..OfferChange::default()
    });
    link.box_offers(&OfferChange {
        reactivate: vec![second],
        ..OfferChange::default()
    });
    link.peer.restart_section(second);
    talk(&mut link, audio, &[first, second], 1);
    judge(link);
}

#[test]
fn a_single_transport_sees_no_nonce_twice_with_slots_and_reports() {
    let mut link = Link::new(spec(PeerRole::Single), client_config());
    let (up, audio, video, _spare) = link.client_offers(|api| {
        let mut add = |kind, direction| api.add_media(kind, direction, None, None, None);
        (
            add(MediaKind::Video, Direction::SendOnly),
            add(MediaKind::Audio, Direction::RecvOnly),
            add(MediaKind::Video, Direction::RecvOnly),
            add(MediaKind::Video, Direction::RecvOnly),
        )
    });
    link.connect();
    let mids = [audio, video].map(|mid| Mid::new(&mid).unwrap());
    for round in 0..4 {
        // What it publishes keeps str0m reporting.
        for step in 0..50 {
            let pt = link.client.codec_config();
            let vp8 = pt.find(|p| p.spec().codec == str0m::format::Codec::Vp8);
            let (pt, now) = (vp8.unwrap().pt(), link.now);
            let number = round * 50 + step + 1;
            let write = RtpWrite::new(pt, number.into(), number as u32 * 900, now, &VIDEO[..]);
            let mut direct = link.client.direct_api();
            direct.stream_tx_by_mid(up, None).unwrap().write_rtp(write);
            link.run(Duration::from_millis(20));
        }
        talk(&mut link, mids[0], &[mids[1]], 100 * (round + 1));
        match round {
            0 => drop(link.client_offers(|api| api.ice_restart(true))),
            1 => {
                link.client_offers(|api| {
                    api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None)
                });
            }
            _ => {
                link.client_offers(|api| api.set_direction(video, Direction::Inactive));
                link.client_offers(|api| api.set_direction(video, Direction::RecvOnly));
            }
        }
        link.run(Duration::from_secs(1));
    }
    judge(link);
}
