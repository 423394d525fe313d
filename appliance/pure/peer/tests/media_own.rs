//! Media between a peer and a client, sent by our own egress.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/link.rs"]
mod link;
#[path = "suite/media.rs"]
mod suite;

use link::{Link, client_address, client_config, spec};
use media::Codec;
use media::Mid;
use media::plane::PeerRole;
use std::net::SocketAddr;
use std::time::Duration;
use str0m::Candidate;
use str0m::media::{Direction, MediaKind};

/// Who writes RTP.
const EGRESS: ringward_peer::EgressKind = ringward_peer::EgressKind::Own;

#[test]
fn media_goes_where_ice_went_before_the_client_reports_from_there() {
    // Without data channels, whose traffic would show the way.
    let mut link = Link::new(spec(PeerRole::Whep), client_config());
    let mid = link.client_offers(|api| {
        api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None)
    });
    link.connect();
    assert_eq!(link.peer.path().unwrap().remote, client_address());
    let moved: SocketAddr = "192.0.2.99:40000".parse().unwrap();
    let old = Candidate::host(client_address(), "udp").unwrap();
    link.client.direct_api().invalidate_candidate(&old);
    link.client
        .add_local_candidate(Candidate::host(moved, "udp").unwrap());
    link.client_offers(|api| api.ice_restart(true));
    link.hush = true;
    link.run(Duration::from_millis(500));
    assert_eq!(link.peer.path().unwrap().remote, moved);
    link.hush = false;
    link.write(Mid::new(&mid).unwrap(), Codec::Vp8, 1, &[0x10; 40]);
    link.run(Duration::from_millis(50));
    assert_eq!(link.client_packets().count(), 1);
    assert_eq!(link.peer.take_counters().nonce_alarms, 0);
}

#[test]
fn every_answer_repeats_the_streams_of_the_one_before() {
    let mut link = Link::new(spec(PeerRole::Single), client_config());
    let streams = |link: &Link| -> Vec<String> {
        let lines = link.answer.lines().map(String::from);
        lines.filter(|line| line.starts_with("a=ssrc")).collect()
    };
    let add = |link: &mut Link| {
        link.client_offers(|api| {
            api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None)
        })
    };
    let first = add(&mut link);
    link.connect();
    let before = streams(&link);
    assert!(!before.is_empty());
    add(&mut link);
    let after = streams(&link);
    assert!(before.iter().all(|line| after.contains(line)));
    assert_eq!(after.len(), 2 * before.len());
    link.peer
        .vacate_section(Mid::new(&first).unwrap(), link.now);
    link.client_offers(|api| api.ice_restart(true));
    let vacated = streams(&link);
    assert!(!before.iter().any(|line| vacated.contains(line)));
    assert_eq!(vacated.len(), after.len());
}
