//! The end of every synthetic packet: who sent it, which one it is, and when.

use std::time::{Duration, Instant};

/// Bytes of a stamp: the last ones of the payload, where no server rewrites anything.
pub const STAMP_BYTES: usize = 24;

/// Tells our packets from whatever else a server sends (padding, probes).
const MAGIC: [u8; 4] = *b"rwld";

/// The instant that all stamps of one run count from.
#[derive(Debug, Clone, Copy)]
pub struct Epoch(Instant);

impl Epoch {
    /// An epoch that begins now.
    pub fn begin() -> Self {
        Self(Instant::now())
    }

    /// Time since the epoch began; zero before.
    pub fn at(self, now: Instant) -> Duration {
        now.saturating_duration_since(self.0)
    }
}

/// Which of a publisher's streams a packet belongs to, in one word.
///
/// Bits 0 to 23: the publisher's number. 24 to 27: simulcast layer, from the smallest. 28: audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The publishing participant's number, below 2^24.
    pub publisher: u32,
    /// Simulcast layer from 0, the smallest.
    pub layer: u8,
    /// Audio, not video.
    pub audio: bool,
}

/// The bits of a layer in a [`Source`]'s word.
const LAYER_BITS: u32 = 0x0F00_0000;

impl Source {
    /// As a stamp carries it.
    pub fn word(self) -> u32 {
        self.publisher | u32::from(self.layer) << 24 | u32::from(self.audio) << 28
    }

    /// From a stamp.
    pub fn of(word: u32) -> Self {
        Self {
            publisher: word & 0x00FF_FFFF,
            layer: ((word & LAYER_BITS) >> 24) as u8,
            audio: word >> 28 != 0,
        }
    }
}

/// What a packet says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The [`Source`] as a word.
    pub source: u32,
    /// Its packets, counted from 0.
    pub sequence: u64,
    /// When it was handed to the sender, since the run's [`Epoch`].
    pub sent_at: Duration,
}

impl Stamp {
    /// Writes the stamp over the end of a payload; false when the payload is too short.
    pub fn write(&self, payload: &mut [u8]) -> bool {
        let Some(start) = payload.len().checked_sub(STAMP_BYTES) else {
            return false;
        };
        let nanos = self.sent_at.as_nanos() as u64;
        let bytes = MAGIC
            .into_iter()
            .chain(self.source.to_be_bytes())
            .chain(self.sequence.to_be_bytes())
            .chain(nanos.to_be_bytes());
        for (place, byte) in payload[start..].iter_mut().zip(bytes) {
            *place = byte;
        }
        true
    }

    /// The track: the source without its layer.
    pub fn flow(&self) -> u32 {
        self.source & !LAYER_BITS
    }

    /// The stamp at the end of a payload, if there is one.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let stamp = payload.last_chunk::<STAMP_BYTES>()?;
        let (magic, rest) = stamp.split_first_chunk::<4>()?;
        let (source, rest) = rest.split_first_chunk::<4>()?;
        let (sequence, rest) = rest.split_first_chunk::<8>()?;
        let nanos = rest.first_chunk::<8>()?;
        (*magic == MAGIC).then(|| Self {
            source: u32::from_be_bytes(*source),
            sequence: u64::from_be_bytes(*sequence),
            sent_at: Duration::from_nanos(u64::from_be_bytes(*nanos)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_back_and_nothing_else_is_taken_for_one() {
        let stamp = Stamp {
            source: Source {
                publisher: 7,
                layer: 2,
                audio: true,
            }
            .word(),
            sequence: 1 << 40,
            sent_at: Duration::from_nanos(123_456_789),
        };
        let mut payload = vec![0xAA; 100];
        assert!(stamp.write(&mut payload));
        assert_eq!(Stamp::read(&payload), Some(stamp));
        assert_eq!(Source::of(stamp.source).word(), stamp.source);
        assert_eq!(stamp.flow(), 1 << 28 | 7, "layers of a track are one flow");
        assert_eq!(payload[..76], [0xAA; 76]);
        assert_eq!(Stamp::read(&[0; 100]), None);
        assert_eq!(Stamp::read(&payload[77..]), None);
        assert!(!stamp.write(&mut [0; 23]));
    }
}
