//! What a queued packet holds on to: the shared payload and what its header says.

use media::packet::Vp8Rewrite;
use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::Instant;

/// A packet as it leaves, first or again; the payload is shared. Small, because every viewer
/// remembers 512 of them (`ring`).
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) payload: Arc<[u8]>,
    pub(crate) descriptor: Option<Arc<[u8]>>,
    pub(crate) timestamp: u32,
    pub(crate) body: Body,
    pub(crate) pt: u8,
    /// Payload type of its retransmission; 0 is PCMU's alone (RFC 3551 §6).
    pub(crate) rtx_pt: Option<NonZeroU8>,
    pub(crate) marker: bool,
    pub(crate) starts_keyframe: bool,
}

/// What only one kind of packet has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Body {
    Audio {
        /// Where the payload starts: behind redundancy (RFC 2198) the client does not read.
        start: u16,
        /// The byte of RFC 6464: voice activity and level.
        level: Option<u8>,
    },
    Video {
        orientation: Option<u8>,
        vp8: Option<Vp8Rewrite>,
    },
}

/// A packet that has not left yet.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) packet: Packet,
    /// SRTP index: rollover counter and sequence number.
    pub(crate) number: u64,
    /// When the publisher's packet came.
    pub(crate) arrival: Instant,
    /// When it was queued.
    pub(crate) written: Instant,
}

impl Packet {
    pub(crate) fn payload(&self) -> &[u8] {
        let start = match self.body {
            Body::Audio { start, .. } => usize::from(start),
            Body::Video { .. } => 0,
        };
        self.payload.get(start..).unwrap_or_default()
    }

    /// The picture's running numbers, where they change.
    pub(crate) fn vp8(&self) -> Option<Vp8Rewrite> {
        match self.body {
            Body::Audio { .. } => None,
            Body::Video { vp8, .. } => vp8,
        }
    }
}

/// Where the Opus frame starts behind its redundancy (RFC 2198 §3); `None` when there is none.
pub(crate) fn primary(payload: &[u8]) -> Option<usize> {
    let (mut at, mut redundant) = (0, 0);
    loop {
        let first = *payload.get(at)?;
        if first & 0x80 == 0 {
            break;
        }
        let [_, _, high, low] = payload.get(at..)?.first_chunk::<4>()?;
        redundant += usize::from(*high & 0x03) << 8 | usize::from(*low);
        at += 4;
    }
    let start = at + 1 + redundant;
    (start < payload.len()).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_primary_stands_behind_its_redundancy() {
        assert_eq!(primary(&[111, 1, 2]), Some(1), "no redundancy");
        let one = [0xef, 0x03, 0xc0, 2, 111, 9, 9, 5];
        assert_eq!(primary(&one), Some(7));
        assert_eq!(primary(one.get(..7).unwrap_or_default()), None, "empty");
        assert_eq!(primary(&[0xef, 0]), None, "cut off");
        assert_eq!(primary(&[]), None);
    }
}
