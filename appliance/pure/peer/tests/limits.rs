//! Real clients' descriptions, hostile ones, limits, data channels and the end of a peer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "support/link.rs"]
mod link;

use link::{Link, box_address, client_address, client_config, new_peer, spec};
use media::Channel;
use media::plane::{NegotiationFailure, OfferChange, PeerFailure, PeerRole, PeerSpec};
use proptest::prelude::*;
use ringward_peer::{CandidateRefusal, EgressKind, MAX_CANDIDATES, MAX_SDP_BYTES, Output, Peer};
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use str0m::channel::{ChannelConfig, Reliability};
use str0m::media::{Direction, MediaKind};
use str0m::{Candidate, Event};

/// Who writes RTP.
const EGRESS: EgressKind = EgressKind::Own;

const OFFERS: [(&str, &str); 6] = [
    (
        "aiortc",
        include_str!("fixtures/aiortc-1.16-whip-offer.sdp"),
    ),
    (
        "chromium, dual",
        include_str!("fixtures/chromium-156-livekit-2.23-dual-pc-publisher-offer.sdp"),
    ),
    (
        "chromium, joining",
        include_str!("fixtures/chromium-156-livekit-2.23-single-pc-join-offer.sdp"),
    ),
    (
        "chromium, publishing",
        include_str!("fixtures/chromium-156-livekit-2.23-single-pc-publishing-offer.sdp"),
    ),
    ("ffmpeg", include_str!("fixtures/ffmpeg-8.1-whip-offer.sdp")),
    (
        "python",
        include_str!("fixtures/python-livekit-1.2.0-single-pc-publishing-offer.sdp"),
    ),
];

fn peer() -> (Peer, Instant) {
    let now = Instant::now();
    (new_peer(spec(PeerRole::Single), now), now)
}

fn drain(peer: &mut Peer) -> Vec<Output> {
    let outputs = std::iter::from_fn(|| match peer.poll_output() {
        Output::Wait(_) => None,
        output => Some(output),
    });
    outputs.collect()
}

fn failure(outputs: &[Output]) -> Option<PeerFailure> {
    outputs.iter().find_map(|output| match output {
        Output::Failed(cause) => Some(*cause),
        _ => None,
    })
}

#[test]
fn every_captured_offer_is_answered() {
    for (name, offer) in OFFERS {
        let (mut peer, now) = peer();
        let answer = peer
            .accept_offer(offer, now)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let count = |sdp: &str| sdp.lines().filter(|line| line.starts_with("m=")).count();
        assert_eq!(count(&answer), count(offer), "{name}");
        assert!(answer.contains("a=ice-lite"), "{name}");
        assert!(answer.contains("192.0.2.1 7882"), "{name}");
        let setup = if name == "ffmpeg" {
            "a=setup:active"
        } else {
            "a=setup:passive"
        };
        assert!(answer.contains(setup), "{name}");
        assert!(
            !answer.contains("\r\nm=audio 0 ") && !answer.contains("\r\nm=video 0 "),
            "{name}"
        );
        // The same offer again is a re-offer without changes.
        peer.accept_offer(offer, now)
            .unwrap_or_else(|e| panic!("{name}, again: {e}"));
        assert_eq!(failure(&drain(&mut peer)), None, "{name}");
    }
}

#[test]
fn captured_offers_keep_red_and_descriptors() {
    for (name, offer) in OFFERS
        .iter()
        .filter(|(name, _)| name.starts_with("chromium, pub"))
    {
        let (mut peer, now) = peer();
        let answer = peer.accept_offer(offer, now).unwrap();
        assert!(answer.contains("red/48000"), "{name}");
        assert!(answer.contains("dependency-descriptor"), "{name}");
        assert!(answer.contains("a=simulcast:recv"), "{name}");
    }
}

#[test]
fn an_answer_of_another_session_is_refused() {
    let (mut peer, now) = peer();
    let answer = include_str!("fixtures/chromium-156-subscriber-answer.sdp");
    assert_eq!(
        peer.accept_answer(answer, now),
        Err(NegotiationFailure::NoPendingOffer)
    );
    let change = OfferChange {
        ice_restart: true,
        ..OfferChange::default()
    };
    let mut subscriber = new_peer(spec(PeerRole::Subscriber), now);
    subscriber.make_offer(&change, now).unwrap();
    assert!(subscriber.accept_answer(answer, now).is_err());
    assert_eq!(
        subscriber.accept_answer(answer, now),
        Err(NegotiationFailure::NoPendingOffer),
        "the offer was used up"
    );
}

#[test]
fn nothing_to_change_is_no_offer() {
    let (mut peer, now) = peer();
    assert_eq!(
        peer.make_offer(&OfferChange::default(), now),
        Err(NegotiationFailure::Malformed)
    );
}

#[test]
fn oversized_descriptions_are_refused_unparsed() {
    let (mut peer, now) = peer();
    let huge = "v=0\r\n".repeat(MAX_SDP_BYTES / 5 + 1);
    assert_eq!(
        peer.accept_offer(&huge, now),
        Err(NegotiationFailure::TooLarge)
    );
    let many = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(65);
    assert_eq!(
        peer.accept_offer(&many, now),
        Err(NegotiationFailure::TooLarge)
    );
    for sdp in [
        "",
        "hello",
        "v=0\r\n",
        "m=audio 9 UDP/TLS/RTP/SAVPF 300\r\n",
    ] {
        assert_eq!(
            peer.accept_offer(sdp, now),
            Err(NegotiationFailure::Malformed)
        );
    }
    assert!(peer.is_alive());
    assert!(
        peer.accept_offer(OFFERS[2].1, now).is_ok(),
        "and it still works"
    );
}

#[test]
fn candidates_beyond_the_limit_are_counted() {
    let (mut peer, now) = peer();
    let line = |port: usize| format!("candidate:1 1 udp 2122260223 192.0.2.9 {port} typ host");
    for port in 1..=MAX_CANDIDATES {
        assert_eq!(peer.add_candidate(&line(port), now), Ok(()));
    }
    assert_eq!(
        peer.add_candidate(&line(9_999), now),
        Err(CandidateRefusal::TooMany)
    );
    assert_eq!(peer.add_candidate("", now), Err(CandidateRefusal::Empty));
    assert_eq!(peer.take_counters().candidates_refused, 2);
    let (mut other, now) = self::peer();
    let mut offer = OFFERS[4].1.to_owned();
    for port in 1..=10_000 {
        let _ = write!(offer, "a={}\r\n", line(port));
    }
    // 10,000 candidates do not fit the size limit; the ones that fit are cut to 32.
    offer.truncate(MAX_SDP_BYTES - 100);
    offer.truncate(offer.rfind('\n').unwrap() + 1);
    assert!(other.accept_offer(&offer, now).is_ok());
    assert_eq!(
        other.add_candidate(&line(60_001), now),
        Err(CandidateRefusal::TooMany)
    );
    let restarted = OFFERS[4].1.replace("82841680", "restarted");
    assert!(other.accept_offer(&restarted, now).is_ok());
    assert_eq!(other.add_candidate(&line(60_001), now), Ok(()));
}

fn data_link(spec: PeerSpec) -> Link {
    let mut link = Link::new(spec, client_config());
    link.client_offers(|api| {
        for (label, ordered) in [("_reliable", true), ("_lossy", false)] {
            api.add_channel_with_config(ChannelConfig {
                label: label.into(),
                ordered,
                reliability: if ordered {
                    Reliability::Reliable
                } else {
                    Reliability::MaxRetransmits { retransmits: 0 }
                },
                ..ChannelConfig::default()
            });
        }
        api.add_channel("something".into());
    });
    link.connect();
    link.run(Duration::from_secs(1));
    link
}

fn client_channel(link: &Link, wanted: &str) -> str0m::channel::ChannelId {
    let found = link.events.iter().find_map(|event| match event {
        Event::ChannelOpen(id, label) if label == wanted => Some(*id),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{wanted} did not open"))
}

#[test]
fn data_flows_on_channels_of_known_name() {
    let mut link = data_link(spec(PeerRole::Single));
    let opened = |link: &Link, channel| {
        link.outputs
            .iter()
            .any(|o| matches!(o, Output::ChannelOpen(c) if *c == channel))
    };
    assert!(opened(&link, Channel::Reliable) && opened(&link, Channel::Lossy));
    assert!(!opened(&link, Channel::DataTrack));

    for (label, text) in [("_reliable", "up"), ("something", "lost")] {
        let id = client_channel(&link, label);
        let mut channel = link.client.channel(id).unwrap();
        assert!(channel.write(true, text.as_bytes()).unwrap());
        link.run(Duration::from_millis(100));
    }
    let data = link.outputs.iter().filter_map(|output| match output {
        Output::Data { channel, payload } => Some((*channel, payload.clone())),
        _ => None,
    });
    let data: Vec<_> = data.into_iter().collect();
    assert_eq!(data, [(Channel::Reliable, b"up".to_vec())]);
    assert_eq!(link.peer.take_counters().data_unknown, 1);

    assert!(link.peer.send_data(Channel::Lossy, b"down", link.now));
    assert!(!link.peer.send_data(Channel::DataTrack, b"nobody", link.now));
    link.run(Duration::from_millis(100));
    assert!(
        link.events
            .iter()
            .any(|e| matches!(e, Event::ChannelData(d) if d.data == b"down"))
    );
}

#[test]
fn a_subscriber_peer_opens_the_three_channels() {
    let mut link = Link::new(spec(PeerRole::Subscriber), client_config());
    link.box_offers(&OfferChange::default());
    link.connect();
    link.run(Duration::from_secs(1));
    for label in ["_reliable", "_lossy", "_data_track"] {
        client_channel(&link, label);
    }
}

#[test]
fn negotiated_channels_need_no_opening() {
    let mut spec = spec(PeerRole::Single);
    spec.negotiated_channels = true;
    let mut link = Link::new(spec, client_config());
    link.client_offers(|api| {
        for (label, id) in [("_reliable", 100), ("_lossy", 101), ("_data_track", 102)] {
            api.add_channel_with_config(ChannelConfig {
                label: label.into(),
                negotiated: Some(id),
                ..ChannelConfig::default()
            });
        }
    });
    link.connect();
    link.run(Duration::from_secs(1));
    for channel in [Channel::Reliable, Channel::Lossy, Channel::DataTrack] {
        assert!(link.peer.send_data(channel, b"x", link.now), "{channel:?}");
    }
    link.run(Duration::from_millis(200));
    let received = link
        .events
        .iter()
        .filter(|e| matches!(e, Event::ChannelData(_)));
    assert_eq!(received.count(), 3);
}

#[test]
fn reliable_data_waits_in_order_up_to_the_limit() {
    let mut link = data_link(spec(PeerRole::Single));
    let message = |n: u32| {
        let mut message = vec![0; 60_000];
        message[..4].copy_from_slice(&n.to_be_bytes());
        message
    };
    let mut accepted = 0;
    while link
        .peer
        .send_data(Channel::Reliable, &message(accepted), link.now)
    {
        accepted += 1;
        assert!(accepted < 1_000, "no limit");
    }
    // 256 KiB in str0m, 1 MiB here.
    assert!((18..=22).contains(&accepted), "{accepted}");
    assert_eq!(link.peer.take_counters().data_refused, 1);
    let rest = link.peer.data_rest(link.now).unwrap();
    assert!(
        rest > Duration::from_millis(400),
        "who sends more is slowed"
    );
    let stalled = link.now + Duration::from_millis(1_001);
    assert_eq!(link.peer.data_rest(stalled), None, "it takes nothing");
    // str0m has room for a short one, but its turn has not come.
    assert!(
        link.peer
            .send_data(Channel::Reliable, &accepted.to_be_bytes(), link.now)
    );
    accepted += 1;
    link.run(Duration::from_secs(20));
    let got = link.events.iter().filter_map(|event| match event {
        Event::ChannelData(data) => Some(u32::from_be_bytes(data.data[..4].try_into().unwrap())),
        _ => None,
    });
    assert!(got.eq(0..accepted));
    assert_eq!(link.peer.data_rest(link.now), None);
    assert!(link.peer.send_data(Channel::Reliable, b"again", link.now));
    assert!(
        !link
            .peer
            .send_data(Channel::Reliable, &vec![0; 70_000], link.now),
        "too long"
    );
}

#[test]
fn foreign_datagrams_are_not_accepted() {
    let link = data_link(spec(PeerRole::Single));
    let foreign = "198.51.100.9:4000".parse().unwrap();
    let hello = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];
    let rtp = [0x80, 0x60, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3];
    for bytes in [&hello[..], &rtp[..], &[0; 20][..], &[][..]] {
        assert!(!link.peer.accepts(box_address(), foreign, bytes, link.now));
    }
    assert!(
        link.peer
            .accepts(box_address(), client_address(), &rtp, link.now)
    );
}

#[test]
fn junk_from_the_client_ends_nothing() {
    let mut link = data_link(spec(PeerRole::Single));
    for n in 0..2_000_u32 {
        let mut rtp = vec![0x80, 0x60, 0, 1, 0, 0, 0, 0];
        rtp.extend(n.to_be_bytes());
        rtp.extend([7; 100]);
        link.peer
            .handle_datagram(box_address(), client_address(), &rtp, link.now);
        let dtls = [22, 254, 253, 0, 1, 0, 0, 0, 0, 0, n as u8, 0, 1, 9];
        link.peer
            .handle_datagram(box_address(), client_address(), &dtls, link.now);
    }
    let nonsense = [5; 30];
    link.peer
        .handle_datagram(box_address(), client_address(), &nonsense, link.now);
    assert!(link.peer.is_connected());
    let counters = link.peer.take_counters();
    assert!(counters.excess_ssrc >= 2_000 - 64);
    assert!(counters.malformed_in >= 1);
    assert!(
        link.peer
            .send_data(Channel::Reliable, b"still here", link.now)
    );
}

#[test]
fn a_client_that_never_comes_is_given_up() {
    let (mut peer, now) = peer();
    peer.accept_offer(OFFERS[2].1, now).unwrap();
    drain(&mut peer);
    peer.handle_timeout(now + Duration::from_secs(14));
    assert_eq!(failure(&drain(&mut peer)), None);
    peer.handle_timeout(now + Duration::from_secs(15));
    assert_eq!(failure(&drain(&mut peer)), Some(PeerFailure::IceTimeout));
    assert!(matches!(peer.poll_output(), Output::Wait(None)));
    assert_eq!(
        peer.accept_offer(OFFERS[2].1, now),
        Err(NegotiationFailure::Closed)
    );
}

#[test]
fn a_path_that_dies_is_given_up_later() {
    let mut link = data_link(spec(PeerRole::Single));
    let mut now = link.now;
    let mut outputs = Vec::new();
    for _ in 0..60 {
        now += Duration::from_secs(1);
        link.peer.handle_timeout(now);
        outputs.extend(drain(&mut link.peer));
    }
    assert_eq!(failure(&outputs), Some(PeerFailure::IceDisconnected));
}

#[test]
fn a_client_that_closes_is_noticed() {
    let mut link = data_link(spec(PeerRole::Single));
    link.client.close().unwrap();
    link.run(Duration::from_millis(200));
    assert_eq!(failure(&link.outputs), Some(PeerFailure::ClosedByPeer));
    assert!(!link.peer.is_alive());
}

#[test]
fn closing_tells_the_client() {
    let mut link = data_link(spec(PeerRole::Single));
    link.peer.close(link.now);
    link.run(Duration::from_millis(200));
    assert!(
        link.events
            .iter()
            .any(|event| matches!(event, Event::Closed))
    );
    assert_eq!(failure(&link.outputs), None);
}

#[test]
fn a_foreign_certificate_is_refused() {
    let now = Instant::now();
    let mut link = Link::new(spec(PeerRole::Publisher), client_config());
    let mut changes = link.client.sdp_api();
    changes.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
    let (offer, pending) = changes.apply().unwrap();
    let offer = offer.to_sdp_string();
    let (before, fingerprint) = offer.split_once("a=fingerprint:sha-256 ").unwrap();
    let flipped = if fingerprint.starts_with('0') {
        "1"
    } else {
        "0"
    };
    let forged = format!(
        "{before}a=fingerprint:sha-256 {flipped}{}",
        &fingerprint[1..]
    );
    let answer = link.peer.accept_offer(&forged, now).unwrap();
    let answer = str0m::change::SdpAnswer::from_sdp_string(&answer).unwrap();
    link.client
        .sdp_api()
        .accept_answer(pending, answer)
        .unwrap();
    link.run(Duration::from_secs(1));
    assert_eq!(failure(&link.outputs), Some(PeerFailure::Dtls));
}

#[test]
fn a_certificate_that_is_not_the_clients_own_ends_the_handshake_at_once() {
    let provider = str0m::crypto::from_feature_flags().dtls_provider;
    let [mut certificate, other] = [(); 2].map(|()| provider.generate_certificate().unwrap());
    certificate.private_key = other.private_key;
    let config = client_config().set_dtls_cert(certificate);
    let mut link = Link::new(spec(PeerRole::Publisher), config);
    link.client_offers(|api| {
        api.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
    });
    link.run(Duration::from_secs(1));
    assert_eq!(failure(&link.outputs), Some(PeerFailure::Dtls));
}

#[test]
fn junk_during_the_handshake_ends_nothing() {
    let mut link = Link::new(spec(PeerRole::Single), client_config());
    let junk = |link: &mut Link| {
        for n in 0..200 {
            for kind in 20..24 {
                let dtls = [kind, 254, 253, 0, 0, 0, 0, 0, 0, 1, n, 0, 1, 9];
                let (from, to) = (client_address(), box_address());
                link.peer.handle_datagram(to, from, &dtls, link.now);
            }
        }
    };
    link.client_offers(|api| {
        api.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
    });
    junk(&mut link);
    for _ in 0..20 {
        link.run(Duration::from_millis(2));
        junk(&mut link);
    }
    link.connect();
}

#[test]
fn the_box_can_be_the_dtls_client() {
    let mut link = Link::new(spec(PeerRole::Whip), client_config());
    let mut changes = link.client.sdp_api();
    changes.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
    let (offer, pending) = changes.apply().unwrap();
    let offer = offer
        .to_sdp_string()
        .replace("a=setup:actpass", "a=setup:passive");
    let answer = link.peer.accept_offer(&offer, link.now).unwrap();
    assert!(answer.contains("a=setup:active"));
    let answer = str0m::change::SdpAnswer::from_sdp_string(&answer).unwrap();
    link.client
        .sdp_api()
        .accept_answer(pending, answer)
        .unwrap();
    link.connect();
}

#[test]
fn a_full_ice_agent_connects_too() {
    let mut spec = spec(PeerRole::Single);
    spec.ice_lite = false;
    let mut link = data_link(spec);
    let candidate = Candidate::host(client_address(), "udp")
        .unwrap()
        .to_sdp_string();
    assert_eq!(link.peer.add_candidate(&candidate, link.now), Ok(()));
}

#[cfg(feature = "test-hook")]
#[test]
fn a_panic_inside_ends_the_peer_and_nothing_else() {
    let mut link = data_link(spec(PeerRole::Single));
    let _ = link.peer.add_candidate("test-hook:panic", link.now);
    assert_eq!(failure(&drain(&mut link.peer)), Some(PeerFailure::Fault));
    assert!(!link.peer.is_alive());
    link.peer
        .handle_datagram(box_address(), client_address(), &[0x80; 40], link.now);
    link.peer.handle_timeout(link.now);
    link.peer.close(link.now);
    assert!(!link.peer.send_data(Channel::Reliable, b"x", link.now));
    assert!(matches!(link.peer.poll_output(), Output::Wait(None)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_datagrams_never_escape(
        datagrams in proptest::collection::vec(
            (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..200)), 1..20)
    ) {
        let (mut peer, now) = peer();
        peer.accept_offer(OFFERS[3].1, now).unwrap();
        for (first, mut bytes) in datagrams {
            // Half of them begin like something: STUN, DTLS, RTP, RTCP.
            let starts: [&[u8]; 8] = [
                &[0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42], &[22, 254, 253], &[0x80, 0x60], &[0x80, 200],
                &[], &[], &[], &[],
            ];
            let start = starts[usize::from(first) % starts.len()];
            let len = start.len().min(bytes.len());
            bytes[..len].copy_from_slice(&start[..len]);
            peer.handle_datagram(box_address(), client_address(), &bytes, now);
            drain(&mut peer);
        }
        peer.handle_timeout(now + Duration::from_secs(1));
        prop_assert!(peer.is_alive());
    }

    #[test]
    fn damaged_offers_never_escape(
        which in 0_usize..6, at in any::<prop::sample::Index>(), junk in "[ -~\r\n]{0,12}"
    ) {
        let (mut peer, now) = peer();
        let mut offer = OFFERS[which].1.to_owned();
        let at = at.index(offer.len());
        offer.replace_range(at..(at + junk.len()).min(offer.len()), &junk);
        let _ = peer.accept_offer(&offer, now);
        drain(&mut peer);
        peer.handle_timeout(now + Duration::from_secs(1));
        drain(&mut peer);
    }
}
