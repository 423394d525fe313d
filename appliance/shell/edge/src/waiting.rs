//! What waits for a client that takes less than it is sent: voices go first, pictures are shed first.

use crate::framing::{self, HEAD_BYTES, MAX_DATAGRAM_BYTES};
use std::collections::{BTreeSet, VecDeque};

/// Pictures that wait: a third of a second at 1.5 Mbit/s. Older ones are shed; what they would have
/// shown is past.
const MAX_PICTURE_BYTES: usize = 64 * 1024;

/// Everything else that waits: two seconds of four voices at 64 kbit/s with redundancy. Nobody
/// listens to older ones.
const MAX_VOICE_BYTES: usize = 128 * 1024;

/// A stream of which one packet was as large is of pictures: voices with all their redundancy stay
/// below, and every keyframe is above.
const PICTURE_BYTES: usize = 900;

/// Streams of pictures remembered per client: 64 pictures with their retransmissions. Of further
/// ones only the large packets are known.
const MAX_STREAMS: usize = 128;

/// Datagrams of one client that wait to be written, as frames.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// Voices, and what keeps the path alive.
    voices: Lane,
    pictures: Lane,
    /// SSRCs.
    streams: BTreeSet<u32>,
}

/// What was shed for want of room, in datagrams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Shed {
    pub(crate) pictures: u64,
    pub(crate) voices: u64,
}

impl Waiting {
    /// Takes a datagram of at most [`MAX_DATAGRAM_BYTES`]; what has no room is shed, oldest first.
    pub(crate) fn push(&mut self, datagram: &[u8]) -> Shed {
        let mut shed = Shed::default();
        if self.is_picture(datagram) {
            shed.pictures = self.pictures.push(datagram, MAX_PICTURE_BYTES);
        } else {
            shed.voices = self.voices.push(datagram, MAX_VOICE_BYTES);
        }
        shed
    }

    /// Moves whole frames to `leaving` until it holds `bytes` or nothing waits.
    pub(crate) fn fill(&mut self, leaving: &mut Vec<u8>, bytes: usize) {
        while leaving.len() < bytes {
            let lane = if self.voices.is_empty() {
                &mut self.pictures
            } else {
                &mut self.voices
            };
            if !lane.pop(leaving) {
                return;
            }
        }
    }

    /// RTP (RFC 3550 §5.1) of a stream that has had a large packet.
    fn is_picture(&mut self, datagram: &[u8]) -> bool {
        let Some(stream) = stream(datagram) else {
            return false;
        };
        let is_large = datagram.len() >= PICTURE_BYTES;
        if is_large && self.streams.len() < MAX_STREAMS {
            self.streams.insert(stream);
        }
        is_large || self.streams.contains(&stream)
    }
}

/// The SSRC of an RTP packet; `None` for all else on the path (RFC 7983 §7, RFC 5761 §4).
fn stream(datagram: &[u8]) -> Option<u32> {
    let [first, second, ..] = datagram else {
        return None;
    };
    let is_rtp = (128..192).contains(first) && !(192..224).contains(second);
    let ssrc = datagram.get(8..12)?.first_chunk::<4>()?;
    is_rtp.then(|| u32::from_be_bytes(*ssrc))
}

/// Frames, oldest first.
#[derive(Debug, Default)]
struct Lane(VecDeque<u8>);

impl Lane {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many older ones had to go.
    fn push(&mut self, datagram: &[u8], most: usize) -> u64 {
        let mut shed = 0;
        while self.0.len() + HEAD_BYTES + datagram.len() > most {
            let length = self.first();
            self.0.drain(..length);
            shed += 1;
        }
        self.0.extend(framing::head(datagram.len()));
        self.0.extend(datagram);
        shed
    }

    /// The length of the first frame, its head included; 0: there is none.
    fn first(&self) -> usize {
        match (self.0.front(), self.0.get(1)) {
            (Some(high), Some(low)) => HEAD_BYTES + usize::from(u16::from_be_bytes([*high, *low])),
            _ => 0,
        }
    }

    fn pop(&mut self, to: &mut Vec<u8>) -> bool {
        let length = self.first();
        to.extend(self.0.drain(..length));
        length > 0
    }
}

const _: () = assert!(MAX_PICTURE_BYTES > MAX_DATAGRAM_BYTES + HEAD_BYTES);
const _: () = assert!(MAX_VOICE_BYTES > MAX_DATAGRAM_BYTES + HEAD_BYTES);

#[cfg(test)]
mod tests {
    use super::*;

    fn rtp(ssrc: u32, bytes: usize, mark: u8) -> Vec<u8> {
        let mut packet = vec![mark; bytes];
        packet[..2].copy_from_slice(&[0x80, 96]);
        packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
        packet
    }

    /// The last byte of each frame, in the order of leaving.
    fn marks(waiting: &mut Waiting) -> Vec<u8> {
        let mut leaving = Vec::new();
        waiting.fill(&mut leaving, usize::MAX);
        let (mut rest, mut marks) = (&leaving[..], Vec::new());
        while let Ok(Some((frame, after))) = framing::first(rest) {
            marks.extend(frame.last());
            rest = after;
        }
        assert!(rest.is_empty(), "whole frames");
        marks
    }

    #[test]
    fn voices_and_the_paths_own_leave_before_pictures() {
        let mut waiting = Waiting::default();
        let check = [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 0, 0, 0, 9];
        let mut report = rtp(1, 80, 8);
        report[1] = 200;
        for datagram in [
            &rtp(1, 1_100, 1)[..],
            &rtp(1, 300, 2),
            &rtp(2, 300, 7),
            &report,
            &check,
        ] {
            assert_eq!(waiting.push(datagram), Shed::default());
        }
        assert_eq!(marks(&mut waiting), [7, 8, 9, 1, 2]);
        assert_eq!(marks(&mut waiting), [0; 0]);
    }

    #[test]
    fn pictures_are_shed_oldest_first_and_voices_stay() {
        let mut waiting = Waiting::default();
        let fit = MAX_PICTURE_BYTES / (1_000 + HEAD_BYTES);
        let mut shed = Shed::default();
        for n in 0..fit + 3 {
            let pictures = waiting
                .push(&rtp(1, 1_000, u8::try_from(n).unwrap()))
                .pictures;
            shed.pictures += pictures;
            shed.voices += waiting.push(&rtp(2, 100, 255)).voices;
        }
        assert_eq!(
            shed,
            Shed {
                pictures: 3,
                voices: 0
            }
        );
        let marks = marks(&mut waiting);
        assert_eq!(marks[..fit + 3], vec![255; fit + 3]);
        assert_eq!(marks[fit + 3], 3, "the three oldest went");
        assert_eq!(marks.len(), fit + 3 + fit);
    }

    #[test]
    fn even_voices_are_bounded() {
        let mut waiting = Waiting::default();
        let fit = MAX_VOICE_BYTES / (100 + HEAD_BYTES);
        let shed: u64 = (0..fit + 2)
            .map(|_| waiting.push(&rtp(2, 100, 1)).voices)
            .sum();
        assert_eq!(shed, 2);
    }

    #[test]
    fn a_client_of_endless_streams_costs_a_bounded_memory() {
        let mut waiting = Waiting::default();
        for ssrc in 0..10_000 {
            let _ = waiting.push(&rtp(ssrc, 1_000, 1));
        }
        assert_eq!(waiting.streams.len(), MAX_STREAMS);
        assert!(waiting.pictures.0.len() <= MAX_PICTURE_BYTES);
    }
}
