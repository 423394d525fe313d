//! Transport-wide feedback: which numbered packets arrived, and when.

mod chunk;
mod writer;

use std::time::Duration;

/// Packets one feedback may tell of. A client reports every 50 to 250 ms; at 8,192 packets per
/// report it would receive more than 300 Mbit/s. The format allows 65,535.
pub const MAX_PACKETS: usize = 8_192;

/// One unit of an arrival delta (draft-holmer §3.1.5).
pub const TICK: Duration = Duration::from_micros(250);

/// Ticks in one unit of the reference time, 64 ms (draft-holmer §3.1).
const TICKS_PER_REFERENCE: i64 = 256;

/// Ticks after which the 24-bit reference time starts again: 12 days, 10 h.
const TICKS_PER_EPOCH: i64 = TICKS_PER_REFERENCE << 24;

/// After this long the arrival times of feedback start again at zero.
pub const EPOCH: Duration = Duration::from_millis(64 << 24);

/// Base number, packet count, reference time, feedback count.
const HEADER_BYTES: usize = 8;

/// The feedback control information of one RTPFB packet with FMT 15, parsed.
///
/// Source: draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    base: u16,
    count: u8,
    reference: u32,
    /// Ticks since the reference time's zero, modulo [`TICKS_PER_EPOCH`]; `None`: not received.
    arrivals: Vec<Option<u64>>,
}

/// Why a feedback was not believed. Counted per variant, never logged per packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FeedbackRefusal {
    /// The eight bytes before the chunks are not there.
    #[error("transport-wide feedback ends within its header")]
    Header,
    /// It tells of no packet; the format knows no such feedback.
    #[error("transport-wide feedback tells of no packet")]
    Empty,
    /// It tells of more than [`MAX_PACKETS`].
    #[error("transport-wide feedback tells of too many packets")]
    TooMany,
    /// The chunks end before every packet has a status.
    #[error("transport-wide feedback ends within its chunks")]
    Chunks,
    /// The deltas end before every received packet has one.
    #[error("transport-wide feedback ends within its deltas")]
    Deltas,
    /// A packet has the status that is reserved.
    #[error("transport-wide feedback has a reserved packet status")]
    Status,
}

impl Feedback {
    /// Parses what follows the two SSRCs of the RTPFB packet. Bytes after the last delta are
    /// padding and ignored.
    pub fn parse(fci: &[u8]) -> Result<Self, FeedbackRefusal> {
        let (header, rest) = fci
            .split_first_chunk::<HEADER_BYTES>()
            .ok_or(FeedbackRefusal::Header)?;
        let [b0, b1, p0, p1, r0, r1, r2, count] = *header;
        let packets = usize::from(u16::from_be_bytes([p0, p1]));
        if packets == 0 {
            return Err(FeedbackRefusal::Empty);
        }
        if packets > MAX_PACKETS {
            return Err(FeedbackRefusal::TooMany);
        }
        let reference = u32::from_be_bytes([0, r0, r1, r2]);
        let (mut arrivals, deltas) = chunk::statuses(rest, packets)?;
        chunk::apply_deltas(
            &mut arrivals,
            deltas,
            i64::from(reference) * TICKS_PER_REFERENCE,
        )?;
        Ok(Self {
            base: u16::from_be_bytes([b0, b1]),
            count,
            reference,
            arrivals,
        })
    }

    /// A feedback that tells of the packets from `base` on, as a receiver would write it.
    ///
    /// Arrivals are rounded down to [`TICK`] and taken modulo [`EPOCH`]. Told are at most
    /// [`MAX_PACKETS`], and no packet whose distance in time from the one before does not fit
    /// the format (8.19 s): a receiver starts another feedback there, see [`Self::packets`].
    /// `None` if no packet is left to tell of or none of them was received.
    pub fn from_arrivals(base: u16, count: u8, arrivals: &[Option<Duration>]) -> Option<Self> {
        writer::collect(base, count, arrivals)
    }

    /// Appends the feedback control information, padded with zeros to four bytes.
    pub fn write(&self, fci: &mut Vec<u8>) {
        writer::write(self, fci);
    }

    /// The transport-wide number of the first packet told of.
    pub fn base(&self) -> u16 {
        self.base
    }

    /// Rises by one per feedback; a gap tells of feedback that was lost.
    pub fn count(&self) -> u8 {
        self.count
    }

    /// How many packets it tells of, received or not: 1 to [`MAX_PACKETS`].
    pub fn packets(&self) -> usize {
        self.arrivals.len()
    }

    /// The numbers told of in rising order, each with its arrival on the receiver's clock
    /// (below [`EPOCH`], where it starts again) or `None` if it has not been received.
    pub fn arrivals(&self) -> impl Iterator<Item = (u16, Option<Duration>)> {
        self.arrivals.iter().enumerate().map(|(offset, ticks)| {
            (
                self.base.wrapping_add(offset as u16),
                ticks.map(|ticks| Duration::from_micros(ticks * 250)),
            )
        })
    }
}

#[cfg(test)]
mod tests;
