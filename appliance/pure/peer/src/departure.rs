//! What leaves, by kind: media, retransmissions, padding, and what holds the transport together.

use crate::codec::PayloadTypes;
use crate::counters::Counters;
use crate::ssrc::{of_rtp, payload_type};
use media::Mid;
use std::time::Instant;

/// RTP's padding bit (RFC 3550 §5.1), which is not encrypted.
const PADDING_BIT: u8 = 0x20;

/// One datagram that leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Departure {
    /// STUN (RFC 7983 §7, first byte 0 to 3).
    Stun,
    /// DTLS (20 to 63).
    Dtls,
    /// RTCP (RFC 5761 §4).
    Rtcp,
    /// A media packet, sent for the first time, with its payload type.
    Media(u8),
    /// A media packet sent again: asked for, or to probe the path with.
    Repeat,
    /// Nothing but padding.
    Padding,
}

impl Departure {
    pub(crate) fn of(bytes: &[u8], types: &PayloadTypes) -> Self {
        let Some(pt) = payload_type(bytes) else {
            return match bytes.first() {
                Some(0..=3) => Self::Stun,
                Some(20..=63) => Self::Dtls,
                _ => Self::Rtcp,
            };
        };
        let is_padded = bytes.first().is_some_and(|first| first & PADDING_BIT != 0);
        if of_rtp(bytes) == Some(0) || is_padded {
            Self::Padding
        } else if types.is_resend(pt) {
            Self::Repeat
        } else {
            Self::Media(pt)
        }
    }
}

/// Tells retransmissions from repeats that only probe the path. On the wire they are alike;
/// str0m's statistics count what was asked for, together with first transmissions.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    /// Sent for the first time and, by payload type, again.
    media: u64,
    repeated: u64,
    /// What str0m last said of each section, and the sum of what it said ever.
    streams: Vec<(Mid, u64)>,
    sent: u64,
    /// Sent again because somebody asked; the rest of `repeated` is padding.
    asked: u64,
    padding: u64,
    /// `repeated` when the statistics in hand were taken.
    settled: u64,
    taken: Option<Instant>,
}

impl Repeats {
    pub(crate) fn count(&mut self, departure: Departure, counters: &mut Counters) {
        match departure {
            Departure::Stun => counters.stun_out += 1,
            Departure::Dtls => counters.dtls_out += 1,
            Departure::Rtcp => counters.rtcp_out += 1,
            Departure::Padding => counters.padding_out += 1,
            Departure::Media(_) => self.media += 1,
            Departure::Repeat => self.repeated += 1,
        }
    }

    /// `packets`: sent in this section by str0m's count, retransmissions included, padding not.
    pub(crate) fn settle(
        &mut self,
        mid: Mid,
        packets: u64,
        taken: Instant,
        counters: &mut Counters,
    ) {
        if self.taken != Some(taken) {
            // The statistics before these are complete now.
            let padding = self.settled.saturating_sub(self.asked).max(self.padding);
            counters.padding_out += padding - self.padding;
            self.padding = padding;
            self.settled = self.repeated;
            self.taken = Some(taken);
        }
        let place = self.streams.iter_mut().find(|stream| stream.0 == mid);
        let before = if let Some(stream) = place {
            std::mem::replace(&mut stream.1, packets)
        } else {
            self.streams.push((mid, packets));
            0
        };
        // A section that was given a new stream counts from zero again.
        self.sent += packets.checked_sub(before).unwrap_or(packets);
        let asked = self.sent.saturating_sub(self.media).max(self.asked);
        counters.retransmissions += asked - self.asked;
        self.asked = asked;
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::disallowed_methods,
        reason = "tests begin somewhere"
    )]
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_leaves_is_told_apart_by_its_first_bytes() {
        let types = PayloadTypes::none();
        let rtp = |first: u8, ssrc: u8| {
            let mut bytes = [0; 12];
            (bytes[0], bytes[1], bytes[11]) = (first, 96, ssrc);
            Departure::of(&bytes, &types)
        };
        assert_eq!(rtp(0x80, 7), Departure::Media(96));
        assert_eq!(rtp(0xa0, 7), Departure::Padding);
        assert_eq!(rtp(0x80, 0), Departure::Padding, "a probe before any media");
        for (bytes, want) in [
            ([0, 1], Departure::Stun),
            ([22, 254], Departure::Dtls),
            ([0x80, 200], Departure::Rtcp),
        ] {
            assert_eq!(Departure::of(&bytes, &types), want);
        }
    }

    #[test]
    fn only_what_was_asked_for_counts_as_retransmitted() {
        let (mut repeats, mut counters) = (Repeats::default(), Counters::default());
        let start = Instant::now();
        let [first, second] = ["0", "1"].map(|mid| Mid::new(mid).unwrap());
        // 10 and 20 media packets, 3 of them asked for again, and 5 repeats as probes.
        for _ in 0..30 {
            repeats.count(Departure::Media(96), &mut counters);
        }
        for _ in 0..8 {
            repeats.count(Departure::Repeat, &mut counters);
        }
        repeats.settle(first, 11, start, &mut counters);
        repeats.settle(second, 22, start, &mut counters);
        assert_eq!((counters.retransmissions, counters.padding_out), (3, 0));
        repeats.settle(first, 11, start + Duration::from_secs(2), &mut counters);
        assert_eq!((counters.retransmissions, counters.padding_out), (3, 5));
        // The first section gets a new stream: four packets, one of them again.
        for _ in 0..3 {
            repeats.count(Departure::Media(96), &mut counters);
        }
        repeats.count(Departure::Repeat, &mut counters);
        for seconds in [4, 6] {
            let at = start + Duration::from_secs(seconds);
            repeats.settle(first, 4, at, &mut counters);
        }
        assert_eq!((counters.retransmissions, counters.padding_out), (4, 5));
    }
}
