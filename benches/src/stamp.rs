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

/// What a packet says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The publishing participant's number.
    pub publisher: u32,
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
            .chain(self.publisher.to_be_bytes())
            .chain(self.sequence.to_be_bytes())
            .chain(nanos.to_be_bytes());
        for (place, byte) in payload[start..].iter_mut().zip(bytes) {
            *place = byte;
        }
        true
    }

    /// The stamp at the end of a payload, if there is one.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let stamp = payload.last_chunk::<STAMP_BYTES>()?;
        let (magic, rest) = stamp.split_first_chunk::<4>()?;
        let (publisher, rest) = rest.split_first_chunk::<4>()?;
        let (sequence, rest) = rest.split_first_chunk::<8>()?;
        let nanos = rest.first_chunk::<8>()?;
        (*magic == MAGIC).then(|| Self {
            publisher: u32::from_be_bytes(*publisher),
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
            publisher: 7,
            sequence: 1 << 40,
            sent_at: Duration::from_nanos(123_456_789),
        };
        let mut payload = vec![0xAA; 100];
        assert!(stamp.write(&mut payload));
        assert_eq!(Stamp::read(&payload), Some(stamp));
        assert_eq!(payload[..76], [0xAA; 76]);
        assert_eq!(Stamp::read(&[0; 100]), None);
        assert_eq!(Stamp::read(&payload[77..]), None);
        assert!(!stamp.write(&mut [0; 23]));
    }
}
