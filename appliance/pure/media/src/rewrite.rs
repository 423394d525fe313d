//! One continuous stream per subscriber section, whatever layers and pauses it is made of.
//!
//! The output is a row of *segments*. Within a segment every number is the publisher's plus a
//! constant, so a gap upstream stays a gap downstream, the receiver asks for it, and a packet
//! that arrives late finds its place. A layer switch, a pause or a restarted stream begins a new
//! segment directly after the highest number sent: nothing is reused and nothing steps back.
//! Padding, which a publisher sends to probe its path, takes numbers but is not forwarded: what
//! follows it moves up, so that no subscriber takes it for loss.
//! (SRTP forbids sending an index twice under one key, `egress.md` §4.)

mod skips;

pub use skips::MAX_SKIPPED_RUNS;

use crate::Layer;
use crate::packet::Vp8Rewrite;
use crate::vp8::{Descriptor, PictureId};
use skips::Skips;
use std::time::{Duration, Instant};

/// First sequence numbers lie in `1..=MAX_FIRST_SEQUENCE`: near 65,535 a receiver that misses the
/// first packets would guess the wrong rollover count and stay deaf (`egress.md` §5, trap 3).
pub const MAX_FIRST_SEQUENCE: u64 = 32_767;

/// A timestamp from a sender report is believed up to this far from the one that elapsed time
/// suggests; beyond it one of the reports is stale or wrong.
pub const MAX_CLOCK_DISAGREEMENT: Duration = Duration::from_secs(1);

/// Where a packet comes from; numbers are only comparable within one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The layer ([`Layer::Low`] for streams without layers).
    pub layer: Layer,
    /// Rises when the layer's stream begins anew.
    pub epoch: u32,
}

/// The publisher's numbers of one packet.
#[derive(Debug, Clone, Copy)]
pub struct Input {
    /// Where it comes from.
    pub source: Source,
    /// Extended.
    pub sequence: u64,
    /// In the codec's clock.
    pub timestamp: u32,
    /// When it was read.
    pub arrival: Instant,
    /// For VP8.
    pub vp8: Option<Descriptor>,
}

/// The subscriber's numbers of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewritten {
    /// Extended, unique for this section's life.
    pub sequence: u64,
    /// Continuous.
    pub timestamp: u32,
    /// Present when the VP8 descriptor must change.
    pub vp8: Option<Vp8Rewrite>,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    source: Source,
    first_in: u64,
    last_in: u64,
    first_out: u64,
    skips: Skips,
    timestamp_offset: u32,
    picture_offset: u16,
    tl0_offset: u8,
}

/// The highest numbers sent so far.
#[derive(Debug, Clone, Copy)]
struct Head {
    sequence: u64,
    timestamp: u32,
    arrival: Instant,
    picture: Option<PictureId>,
    tl0: Option<u8>,
}

/// Rewrites what one subscriber section is sent. About 800 bytes, no heap.
#[derive(Debug)]
pub struct Rewriter {
    clock_rate: u32,
    first_sequence: u64,
    first_timestamp_offset: u32,
    head: Option<Head>,
    current: Option<Segment>,
    /// The segment before, open for late packets only.
    previous: Option<Segment>,
}

impl Rewriter {
    /// A section that has sent nothing. `clock_rate` in Hz: 90,000 for video, 48,000 for audio.
    pub fn new(clock_rate: u32, random: &mut fastrand::Rng) -> Self {
        Self {
            clock_rate,
            first_sequence: random.u64(1..=MAX_FIRST_SEQUENCE),
            first_timestamp_offset: random.u32(..),
            head: None,
            current: None,
            previous: None,
        }
    }

    /// Ticks per second of the section's clock.
    pub fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    /// Whether a segment is open: [`Self::map`] can place its packets.
    pub fn is_open(&self) -> bool {
        self.current.is_some()
    }

    /// Ends the segment; late packets of it still find their places.
    pub fn pause(&mut self) {
        if let Some(closed) = self.current.take() {
            self.previous = Some(closed);
        }
    }

    /// The section will carry another track: nothing of the old one can be placed any more, the
    /// numbers go on.
    pub fn detach(&mut self) {
        self.current = None;
        self.previous = None;
    }

    /// The source whose clock [`Self::begin`]'s `aligned` refers to.
    pub fn last_source(&self) -> Option<Source> {
        self.current.or(self.previous).map(|segment| segment.source)
    }

    /// What is added to the timestamps of `source`; `None` while something else is shown.
    pub fn timestamp_offset(&self, source: Source) -> Option<u32> {
        self.current
            .filter(|segment| segment.source == source)
            .map(|segment| segment.timestamp_offset)
    }

    /// Begins a new segment with this packet: a keyframe's first packet for video.
    ///
    /// `aligned` is the packet's timestamp on the clock of [`Self::last_source`], from sender
    /// reports of both; without it elapsed time decides.
    pub fn begin(&mut self, input: &Input, aligned: Option<u32>) -> Rewritten {
        let last = self.current.or(self.previous);
        self.pause();
        let (first_out, timestamp) = match &self.head {
            None => (
                self.first_sequence,
                input.timestamp.wrapping_add(self.first_timestamp_offset),
            ),
            Some(head) => (
                head.sequence + 1,
                self.continued_timestamp(head, last.as_ref(), input, aligned),
            ),
        };
        let (picture_offset, tl0_offset) = self.picture_offsets(input);
        self.current = Some(Segment {
            source: input.source,
            first_in: input.sequence,
            last_in: input.sequence,
            first_out,
            skips: Skips::default(),
            timestamp_offset: timestamp.wrapping_sub(input.timestamp),
            picture_offset,
            tl0_offset,
        });
        let vp8 = rewrite_vp8(input.vp8, picture_offset, tl0_offset);
        let rewritten = Rewritten {
            sequence: first_out,
            timestamp,
            vp8,
        };
        self.raise_head(&rewritten, input);
        rewritten
    }

    /// The packet's place, or `None` when it has none: another source, or from a pause.
    pub fn map(&mut self, input: &Input) -> Option<Rewritten> {
        if let Some(current) = &mut self.current
            && let Some(rewritten) = place(current, input)
        {
            if input.sequence > current.last_in {
                current.last_in = input.sequence;
                self.raise_head(&rewritten, input);
            }
            return Some(rewritten);
        }
        let previous = self
            .previous
            .as_ref()
            .filter(|p| input.sequence <= p.last_in)?;
        place(previous, input)
    }

    /// The publisher's newest packet is padding: the numbers behind it move up by one.
    pub fn skip(&mut self, source: Source, sequence: u64) {
        let Some(current) = &mut self.current else {
            return;
        };
        if current.source != source || sequence <= current.last_in {
            return;
        }
        current.skips.skip(sequence - current.first_in);
    }

    fn continued_timestamp(
        &self,
        head: &Head,
        last: Option<&Segment>,
        input: &Input,
        aligned: Option<u32>,
    ) -> u32 {
        let elapsed = input.arrival.saturating_duration_since(head.arrival);
        let ticks = ticks(elapsed, self.clock_rate).max(1);
        let by_time = head.timestamp.wrapping_add(ticks as u32);
        let by_clock = last.and_then(|last| {
            let on_last_clock = if last.source == input.source {
                Some(input.timestamp)
            } else {
                aligned
            };
            on_last_clock.map(|t| t.wrapping_add(last.timestamp_offset))
        });
        let tolerance = ticks_u32(MAX_CLOCK_DISAGREEMENT, self.clock_rate);
        let chosen = by_clock
            .filter(|t| t.wrapping_sub(by_time).cast_signed().unsigned_abs() <= tolerance)
            .unwrap_or(by_time);
        let steps_back = ticks <= u64::from(2 * tolerance)
            && chosen.wrapping_sub(head.timestamp).cast_signed() <= 0;
        if steps_back {
            head.timestamp.wrapping_add(1)
        } else {
            chosen
        }
    }

    /// What makes the first picture of a segment the successor of the last one sent.
    fn picture_offsets(&self, input: &Input) -> (u16, u8) {
        let (Some(head), Some(vp8)) = (&self.head, input.vp8) else {
            return (0, 0);
        };
        let picture = match (head.picture, vp8.picture_id) {
            (Some(last), Some(next)) => last.value.wrapping_add(1).wrapping_sub(next.value),
            _ => 0,
        };
        let tl0 = match (head.tl0, vp8.tl0_pic_idx) {
            (Some(last), Some(next)) => last.wrapping_add(1).wrapping_sub(next),
            _ => 0,
        };
        (picture, tl0)
    }

    fn raise_head(&mut self, rewritten: &Rewritten, input: &Input) {
        let head = self.head.get_or_insert(Head {
            sequence: rewritten.sequence,
            timestamp: rewritten.timestamp,
            arrival: input.arrival,
            picture: None,
            tl0: None,
        });
        head.sequence = head.sequence.max(rewritten.sequence);
        if rewritten
            .timestamp
            .wrapping_sub(head.timestamp)
            .cast_signed()
            > 0
        {
            head.timestamp = rewritten.timestamp;
            head.arrival = input.arrival;
        }
        let Some(vp8) = input.vp8 else { return };
        if let Some(mut id) = vp8.picture_id {
            id.value = rewritten.vp8.and_then(|v| v.picture_id).unwrap_or(id.value);
            head.picture = Some(later_picture(head.picture, id));
        }
        if let Some(tl0) = vp8.tl0_pic_idx {
            let tl0 = rewritten.vp8.and_then(|v| v.tl0_pic_idx).unwrap_or(tl0);
            let older = head
                .tl0
                .is_some_and(|last| tl0.wrapping_sub(last).cast_signed() < 0);
            if !older {
                head.tl0 = Some(tl0);
            }
        }
    }
}

fn place(segment: &Segment, input: &Input) -> Option<Rewritten> {
    if segment.source != input.source {
        return None;
    }
    let distance = input.sequence.checked_sub(segment.first_in)?;
    let skipped = segment.skips.before(distance)?;
    Some(Rewritten {
        sequence: segment.first_out + distance - skipped,
        timestamp: input.timestamp.wrapping_add(segment.timestamp_offset),
        vp8: rewrite_vp8(input.vp8, segment.picture_offset, segment.tl0_offset),
    })
}

fn rewrite_vp8(vp8: Option<Descriptor>, picture_offset: u16, tl0_offset: u8) -> Option<Vp8Rewrite> {
    let vp8 = vp8?;
    if picture_offset == 0 && tl0_offset == 0 {
        return None;
    }
    let picture_id = vp8
        .picture_id
        .map(|id| id.value.wrapping_add(picture_offset) & id.mask());
    let tl0_pic_idx = vp8.tl0_pic_idx.map(|tl0| tl0.wrapping_add(tl0_offset));
    (picture_id.is_some() || tl0_pic_idx.is_some()).then_some(Vp8Rewrite {
        picture_id,
        tl0_pic_idx,
    })
}

/// The later of two pictures on the circle of the newer one's width.
fn later_picture(last: Option<PictureId>, next: PictureId) -> PictureId {
    match last {
        Some(last)
            if last.long == next.long
                && next.value.wrapping_sub(last.value) & next.mask() > next.mask() / 2 =>
        {
            last
        }
        _ => next,
    }
}

/// A duration in ticks, rounded down.
pub(crate) fn ticks(duration: Duration, clock_rate: u32) -> u64 {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    micros.saturating_mul(u64::from(clock_rate)) / 1_000_000
}

fn ticks_u32(duration: Duration, clock_rate: u32) -> u32 {
    u32::try_from(ticks(duration, clock_rate)).unwrap_or(u32::MAX / 4)
}

#[cfg(test)]
mod tests;
