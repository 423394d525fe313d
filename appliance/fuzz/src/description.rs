//! Session descriptions, candidates and datagrams, down to str0m.

use crate::text;
use media::plane::{PeerRole, PeerSpec};
use peer::{Certificate, EgressKind, Output, Peer, PeerConfig};
use signal::fragment::Fragment;
use signal::sdp::Description;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use vocab::{ParticipantKey, PeerKey};

const BOX: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7882);
const CLIENT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 50_000);

/// What the peers of the datagrams have been offered.
const OFFER: &str = include_str!("../../pure/peer/tests/fixtures/ffmpeg-8.1-whip-offer.sdp");

/// The room's own reading of a session description.
pub fn sdp(bytes: &[u8]) {
    if let Ok(description) = Description::parse(&text(bytes)) {
        assert!(description.sections().len() <= signal::limits::MAX_SECTIONS);
    }
}

/// The body of a WHIP or WHEP PATCH.
pub fn fragment(bytes: &[u8]) {
    // Each refusal is fine.
    let _ = Fragment::parse(&text(bytes));
}

/// An offer, through str0m to an answer that the room reads.
pub fn offer(bytes: &[u8]) {
    let (Some(mut peer), now) = new_peer() else {
        return;
    };
    if let Ok(answer) = peer.accept_offer(&text(bytes), now) {
        // What it repeats of a strange offer may be refused here.
        sdp(answer.as_bytes());
    }
    drain(&mut peer);
}

/// A trickled candidate.
pub fn candidate(bytes: &[u8]) {
    let (Some(mut peer), now) = new_peer() else {
        return;
    };
    // Each refusal is fine.
    let _ = peer.add_candidate(&text(bytes), now);
    drain(&mut peer);
}

/// Datagrams of an ICE-validated address, cut by a length byte each: STUN, DTLS, RTP and RTCP.
pub fn datagram(bytes: &[u8]) {
    let (Some(mut peer), now) = new_peer() else {
        return;
    };
    // The offer is a captured one.
    let _ = peer.accept_offer(OFFER, now);
    let mut rest = bytes;
    while let Some((length, tail)) = rest.split_first() {
        let (datagram, tail) = tail.split_at(tail.len().min(usize::from(*length)));
        if peer.accepts(BOX, CLIENT, datagram, now) || datagram.len() % 2 == 0 {
            peer.handle_datagram(BOX, CLIENT, datagram, now);
        }
        rest = tail;
    }
    peer.handle_timeout(now + Duration::from_secs(1));
    drain(&mut peer);
}

fn new_peer() -> (Option<Peer>, Instant) {
    static CERTIFICATE: OnceLock<Option<Certificate>> = OnceLock::new();
    let now = Instant::now();
    let certificate = CERTIFICATE.get_or_init(|| Certificate::generate().ok());
    let peer = certificate.clone().map(|certificate| {
        let spec = PeerSpec {
            key: PeerKey(1),
            participant: ParticipantKey(1),
            role: PeerRole::Single,
            ice_lite: true,
            negotiated_channels: false,
        };
        let candidates = vec![BOX];
        Peer::new(
            &PeerConfig {
                spec,
                candidates,
                certificate,
                egress: EgressKind::Own,
                seed: 1,
                epoch: now,
            },
            now,
        )
    });
    (peer, now)
}

/// Nothing is asserted of what a peer says.
fn drain(peer: &mut Peer) {
    while !matches!(peer.poll_output(), Output::Wait(_)) {}
}
