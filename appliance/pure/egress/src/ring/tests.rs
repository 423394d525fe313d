#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

use super::*;
use crate::payload::Body;
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

fn packet(number: u64) -> Packet {
    let payload: Arc<[u8]> = number.to_be_bytes().into();
    let body = Body::Video {
        orientation: None,
        vp8: None,
    };
    Packet {
        payload,
        descriptor: None,
        timestamp: 0,
        body,
        pt: 0,
        rtx_pt: None,
        marker: false,
        starts_keyframe: false,
    }
}

proptest! {
    /// Against a map that keeps everything: what is young, and among the newest, is there; what
    /// is there is right.
    #[test]
    fn young_packets_are_found_and_are_the_right_ones(
        first in 1_u64..200_000,
        steps in proptest::collection::vec((1_u64..5, 0_u64..60), 1..900),
    ) {
        let (mut ring, mut all) = (Ring::default(), HashMap::new());
        let epoch = Instant::now();
        let mut now = epoch;
        let mut number = first;
        for (ahead, pause) in steps {
            number += ahead;
            now += Duration::from_millis(pause);
            ring.insert(number, packet(number), Moment::new(epoch, now));
            all.insert(number, now);
            prop_assert!(ring.slots.len() <= MAX_PACKETS);
        }
        for asked in number.saturating_sub(3_000)..=number + 3 {
            let found = ring.get(asked, Moment::new(epoch, now)).map(|sent| sent.packet.payload().to_vec());
            let young = all.get(&asked).filter(|at| now.duration_since(**at) <= MAX_AGE);
            let near = number - asked.min(number) < MAX_PACKETS as u64;
            if young.is_some() && near {
                prop_assert_eq!(found, Some(asked.to_be_bytes().to_vec()));
            } else if let Some(found) = found {
                prop_assert!(young.is_some());
                prop_assert_eq!(found, asked.to_be_bytes().to_vec());
            }
        }
    }
}

#[test]
fn a_slow_stream_needs_a_small_ring() {
    let mut ring = Ring::default();
    let start = Instant::now();
    for number in 0..1_000 {
        ring.insert(
            number,
            packet(number),
            Moment::new(start, start + Duration::from_millis(200) * number as u32),
        );
    }
    assert_eq!(ring.slots.len(), FIRST_PACKETS);
}
