//! What a queued packet holds on to: the shared payload and what its header says.

use media::packet::{Extensions, Vp8Rewrite};
use std::sync::Arc;
use std::time::Instant;

/// A packet as it leaves, first or again. About 80 bytes; the payload is shared.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    payload: Arc<[u8]>,
    /// Where its payload starts: behind redundancy (RFC 2198) the client does not read.
    start: u16,
    pub(crate) pt: u8,
    /// Payload type of its retransmission.
    pub(crate) rtx_pt: Option<u8>,
    pub(crate) marker: bool,
    pub(crate) starts_keyframe: bool,
    /// The byte of RFC 6464: voice activity and level.
    pub(crate) audio_level: Option<u8>,
    pub(crate) video_orientation: Option<u8>,
    pub(crate) descriptor: Option<Arc<[u8]>>,
    pub(crate) vp8: Option<Vp8Rewrite>,
    pub(crate) timestamp: u32,
    /// SRTP index: rollover counter and sequence number.
    pub(crate) number: u64,
}

/// A packet that has not left yet.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) packet: Packet,
    /// When the publisher's packet came.
    pub(crate) arrival: Instant,
    /// When it was queued.
    pub(crate) written: Instant,
}

impl Packet {
    pub(crate) fn new(payload: &Arc<[u8]>, start: usize, extensions: &Extensions) -> Self {
        let voice = u8::from(extensions.voice_activity.unwrap_or_default()) << 7;
        Self {
            payload: Arc::clone(payload),
            start: start as u16,
            pt: 0,
            rtx_pt: None,
            marker: false,
            starts_keyframe: false,
            audio_level: extensions.audio_level.map(|level| level & 0x7f | voice),
            video_orientation: extensions.video_orientation,
            descriptor: None,
            vp8: None,
            timestamp: 0,
            number: 0,
        }
    }

    pub(crate) fn payload(&self) -> &[u8] {
        self.payload
            .get(usize::from(self.start)..)
            .unwrap_or_default()
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
