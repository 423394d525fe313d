//! What a lean subscriber knows of one stream from its headers.

use crate::feedback::ReportBlock;
use crate::lean::{MARKER_SAMPLE, SAMPLE};
use crate::subscriber::{Numbers, Seen};
use std::time::{Duration, Instant};

/// The most packets that are asked for at a time; what is older is given up.
const MAX_WANTED: usize = 256;

/// How long a gap may be reordering, and how long an answer takes at most (libwebrtc asks after
/// 20 ms at the latest and again after a round trip).
const PATIENCE: Duration = Duration::from_millis(20);
const RETRY: Duration = Duration::from_millis(100);

/// How often a packet is asked for (libwebrtc: 10).
const MAX_REQUESTS: u8 = 10;

/// A packet that did not come.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    index: u64,
    requests: u8,
    due: Instant,
}

/// One SSRC.
#[derive(Debug)]
pub struct Stream {
    /// Its name.
    pub ssrc: u32,
    /// Whose track it carries; known from the first opened packet.
    pub flow: Option<u32>,
    /// Carries nothing but retransmissions and probes.
    pub is_retransmission: bool,
    /// Numbers of the measured window.
    pub window: Numbers,
    seen: Seen,
    first: u64,
    highest: u64,
    received: u64,
    wanted: Vec<Wanted>,
    packets: u64,
    markers: u64,
    clock: u32,
    /// Arrival minus media time in ticks, and its smoothed change × 16 (RFC 3550 §6.4.1).
    transit: Option<(Instant, u32)>,
    jitter: u64,
    sender_report: Option<(u32, Instant)>,
    /// Expected and received at the last report.
    reported: (u64, u64),
}

impl Stream {
    /// A stream that begins with this number; `clock` in ticks per second.
    pub fn new(ssrc: u32, first: u16, clock: u32) -> Self {
        Self {
            ssrc,
            flow: None,
            is_retransmission: false,
            window: Numbers::default(),
            seen: Seen::default(),
            first: first.into(),
            highest: first.into(),
            received: 0,
            wanted: Vec::new(),
            packets: 0,
            markers: 0,
            clock,
            transit: None,
            jitter: 0,
            sender_report: None,
            reported: (0, 0),
        }
    }

    /// The 48-bit index of a sequence number: the nearest one to the highest so far (RFC 3711
    /// §3.3.1).
    pub fn extend(&self, sequence: u16) -> u64 {
        let step = i64::from(sequence.wrapping_sub(self.highest as u16) as i16);
        self.highest.saturating_add_signed(step)
    }

    /// A packet came. False: again.
    pub fn insert(&mut self, index: u64, measured: bool, now: Instant) -> bool {
        if !self.seen.insert(index) {
            return false;
        }
        self.received += 1;
        if measured {
            self.window.note(index);
        }
        // Nobody asks twice: what is lost of a retransmission is asked for where it belongs.
        if index > self.highest + 1 && !self.is_retransmission {
            let gap = (self.highest + 1).max(index.saturating_sub(MAX_WANTED as u64))..index;
            self.wanted.extend(gap.map(|index| Wanted {
                index,
                requests: 0,
                due: now + PATIENCE,
            }));
            let excess = self.wanted.len().saturating_sub(MAX_WANTED);
            self.wanted.drain(..excess);
        } else if index < self.highest {
            self.wanted.retain(|wanted| wanted.index != index);
        }
        self.highest = self.highest.max(index);
        true
    }

    /// A retransmission of this number came. False: nobody missed it.
    pub fn recover(&mut self, sequence: u16, measured: bool) -> bool {
        let index = self.extend(sequence);
        self.wanted.retain(|wanted| wanted.index != index);
        if index < self.first || !self.seen.insert(index) {
            return false;
        }
        if measured {
            self.window.note(index);
        }
        true
    }

    /// Whether this packet is one of those that are opened.
    pub fn is_sampled(&mut self, marker: bool) -> bool {
        let turn = self.packets.is_multiple_of(SAMPLE);
        self.packets += 1;
        let frame = marker && self.markers.is_multiple_of(MARKER_SAMPLE);
        self.markers += u64::from(marker);
        turn || frame
    }

    /// For the jitter.
    pub fn note_timing(&mut self, timestamp: u32, now: Instant) {
        let Some((at, before)) = self.transit.replace((now, timestamp)) else {
            return;
        };
        let passed = now.saturating_duration_since(at).as_micros() as i64;
        let ticks = passed * i64::from(self.clock) / 1_000_000;
        let moved = ticks - i64::from(timestamp.wrapping_sub(before) as i32);
        let decay = (self.jitter + 8) >> 4;
        self.jitter = self.jitter - decay + moved.unsigned_abs();
    }

    /// The middle of its NTP time.
    pub fn note_sender_report(&mut self, middle: u32, now: Instant) {
        self.sender_report = Some((middle, now));
    }

    /// What is to be asked for now.
    pub fn take_wanted(&mut self, now: Instant) -> Vec<u16> {
        let mut due = Vec::new();
        for wanted in self.wanted.iter_mut().filter(|wanted| wanted.due <= now) {
            due.push(wanted.index as u16);
            wanted.requests += 1;
            wanted.due = now + RETRY;
        }
        self.wanted.retain(|wanted| wanted.requests < MAX_REQUESTS);
        due
    }

    /// A receiver report; what was lost is counted from the last one on.
    pub fn report(&mut self, now: Instant) -> ReportBlock {
        let expected = self.highest - self.first + 1;
        let (expected_before, received_before) =
            std::mem::replace(&mut self.reported, (expected, self.received));
        let (wanted, came) = (expected - expected_before, self.received - received_before);
        let fraction = (wanted.saturating_sub(came) << 8) / wanted.max(1);
        let (last_report, delay) = self.sender_report.map_or((0, 0), |(middle, at)| {
            let passed = now.saturating_duration_since(at);
            (middle, (passed.as_secs_f64() * 65_536.0) as u32)
        });
        ReportBlock {
            ssrc: self.ssrc,
            fraction: fraction.min(255) as u8,
            lost: expected.saturating_sub(self.received).min(0x7F_FFFF) as u32,
            highest: self.highest as u32,
            jitter: (self.jitter >> 4) as u32,
            last_report,
            delay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_asked_for_until_it_is_filled_and_no_longer() {
        let begun = Instant::now();
        let at = |millis| begun + Duration::from_millis(millis);
        let mut stream = Stream::new(1, 65_534, 90_000);
        for sequence in [65_534, 65_535, 2, 3] {
            let index = stream.extend(sequence);
            assert!(stream.insert(index, true, at(0)));
        }
        assert!(
            stream.take_wanted(at(10)).is_empty(),
            "it may be reordering"
        );
        assert_eq!(stream.take_wanted(at(50)), [0, 1]);
        assert!(
            stream.take_wanted(at(100)).is_empty(),
            "an answer takes time"
        );
        assert!(stream.recover(0, true) && !stream.recover(0, true));
        let report = stream.report(at(120));
        assert_eq!((report.lost, report.highest), (2, 65_539));
        assert_eq!(report.fraction, 85, "as RFC 3550: repairs do not count");
        for round in 2..=MAX_REQUESTS {
            assert_eq!(stream.take_wanted(at(u64::from(round) * 1_000)), [1]);
        }
        assert!(stream.take_wanted(at(60_000)).is_empty(), "given up");
        assert_eq!(stream.window.missing(), 1);
    }

    #[test]
    fn sampling_meets_every_place_in_a_frame() {
        let mut stream = Stream::new(1, 0, 90_000);
        let mut places = [0; 10];
        let mut markers = 0;
        for packet in 0..17_000 {
            let place = packet % 10;
            if stream.is_sampled(place == 9) {
                places[place] += 1;
                markers += u32::from(place == 9);
            }
        }
        assert!(places[..9].iter().all(|count| *count == 100), "{places:?}");
        assert!(markers >= 1_700 / 4, "{markers}");
    }
}
