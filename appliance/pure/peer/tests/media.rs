//! Media between a peer and a client, sent by str0m.

#![allow(clippy::indexing_slicing, reason = "tests")]

#[path = "support/link.rs"]
mod link;
#[path = "suite/media.rs"]
mod suite;

use media::{Codec, Kind};
use std::time::Duration;

/// Who writes RTP.
const EGRESS: ringward_peer::EgressKind = ringward_peer::EgressKind::Plain;

#[test]
fn nothing_joins_a_queue_that_is_late() {
    let (mut link, mids) = suite::subscriber(&[Kind::Video]);
    for sequence in 0..900 {
        link.write(mids[0], Codec::Vp8, sequence, &[0x10; 1_000]);
    }
    link.run(Duration::from_millis(500));
    link.write(mids[0], Codec::Vp8, 900, &[0x10; 1_000]);
    assert_eq!(link.peer.take_counters().congested_out, 0);
    link.run(Duration::from_millis(600));
    link.write(mids[0], Codec::Vp8, 901, &[0x10; 1_000]);
    assert_eq!(link.peer.take_counters().congested_out, 1);
    link.run(Duration::from_secs(5));
    link.write(mids[0], Codec::Vp8, 902, &[0x10; 1_000]);
    link.run(Duration::from_millis(100));
    let counters = link.peer.take_counters();
    assert_eq!((counters.congested_out, counters.packets_out), (0, 1));
}
