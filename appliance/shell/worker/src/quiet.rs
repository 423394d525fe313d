//! When nothing urgent is to be expected yet.
//!
//! Every client reports twenty times a second, and each report wakes the thread alone: on a
//! virtual machine 10 to 16 µs, more than reading it costs. Media comes in a rhythm. Behind a burst
//! of it, for most of the time until the next, reports may gather.

use std::time::{Duration, Instant};

/// Reports gather for this long at most: who asks for a packet again, or shakes hands, waits no
/// longer.
const MAX_WINDOW: Duration = Duration::from_millis(2);

/// A window in which fewer datagrams are to be expected wakes the thread as often as they would.
const WORTHWHILE: f64 = 1.5;

/// What follows sooner belongs to the same burst: real publishers spread a frame over 0.35 ms.
const BURST: Duration = Duration::from_millis(1);

/// A rhythm slower than this is none.
const MAX_GAP: Duration = Duration::from_millis(100);

/// Arrivals are counted over this.
const COUNTED: Duration = Duration::from_millis(250);

/// The rhythm of what one worker receives.
#[derive(Debug)]
pub(crate) struct Quiet {
    /// Media came in this turn.
    is_heard: bool,
    heard: Instant,
    /// The shortest gap between bursts of late; grows by an eighth with each that is longer, so
    /// that a second stream that came between is forgotten when it ends.
    gap: Duration,
    arrived: u32,
    counted: Instant,
    /// Datagrams per second.
    rate: f64,
}

impl Quiet {
    /// Nothing was heard yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            is_heard: false,
            heard: now,
            gap: Duration::ZERO,
            arrived: 0,
            counted: now,
            rate: 0.0,
        }
    }

    /// A datagram came.
    pub(crate) fn arrive(&mut self) {
        self.arrived += 1;
    }

    /// It was media, or another worker spoke.
    pub(crate) fn hear(&mut self) {
        self.is_heard = true;
    }

    /// How long the next wait may let reports gather; zero: what comes is to be heard at once.
    pub(crate) fn end_turn(&mut self, now: Instant) -> Duration {
        self.count(now);
        if std::mem::take(&mut self.is_heard) {
            self.note(now);
        }
        self.window(now)
    }

    fn count(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted);
        if passed >= COUNTED {
            self.rate = f64::from(self.arrived) / passed.as_secs_f64();
            (self.arrived, self.counted) = (0, now);
        }
    }

    fn note(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.heard);
        self.heard = now;
        if passed > BURST {
            let grown = self.gap + (self.gap / 8).max(BURST);
            self.gap = passed.min(grown).min(MAX_GAP);
        }
    }

    /// The first millisecond is the burst's own, and in the last third the next may come.
    fn window(&self, now: Instant) -> Duration {
        let since = now.saturating_duration_since(self.heard);
        let window = (self.gap * 2 / 3).saturating_sub(since).min(MAX_WINDOW);
        let is_worthwhile = window.as_secs_f64() * self.rate >= WORTHWHILE;
        if since < BURST || !is_worthwhile {
            return Duration::ZERO;
        }
        window
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests begin somewhere")]

    use super::*;

    fn at(start: Instant, micros: u64) -> Instant {
        start + Duration::from_micros(micros)
    }

    /// 40 frames of 10 packets, 30 a second, and a thousand reports a second.
    fn busy(start: Instant) -> (Quiet, Instant) {
        let mut quiet = Quiet::new(start);
        let mut last = start;
        for frame in 1..40 {
            (0..33).for_each(|_| quiet.arrive());
            for packet in 0..10 {
                last = at(start, frame * 33_000 + packet * 30);
                quiet.hear();
                quiet.end_turn(last);
            }
        }
        (quiet, last)
    }

    #[test]
    fn behind_a_frame_reports_gather_until_the_next_is_near() {
        let (mut quiet, last) = busy(Instant::now());
        for (micros, want) in [
            (0, 0),
            (900, 0),
            (1_100, 2_000),
            (17_000, 2_000),
            (19_000, 2_000),
            (20_500, 0),
            (33_000, 0),
        ] {
            let window = quiet.end_turn(at(last, micros));
            let want = Duration::from_micros(want);
            let off = window.abs_diff(want);
            assert!(
                off < Duration::from_micros(200),
                "{micros} µs: {window:?}, not {want:?}"
            );
        }
    }

    #[test]
    fn a_second_rhythm_is_heard_at_once_and_forgotten_when_it_ends() {
        let (mut quiet, last) = busy(Instant::now());
        quiet.hear();
        quiet.end_turn(at(last, 4_000));
        assert_eq!(
            quiet.end_turn(at(last, 7_500)),
            Duration::ZERO,
            "it came between"
        );
        for frame in 1..30 {
            quiet.hear();
            quiet.end_turn(at(last, frame * 33_000));
            (0..33).for_each(|_| quiet.arrive());
        }
        assert_eq!(quiet.end_turn(at(last, 29 * 33_000 + 2_000)), MAX_WINDOW);
    }

    #[test]
    fn a_few_reports_do_not_wait() {
        let (mut quiet, last) = busy(Instant::now());
        for frame in 1..30 {
            (0..5).for_each(|_| quiet.arrive());
            quiet.hear();
            quiet.end_turn(at(last, frame * 33_000));
        }
        assert_eq!(
            quiet.end_turn(at(last, 29 * 33_000 + 2_000)),
            Duration::ZERO
        );
    }

    #[test]
    fn without_media_nothing_is_quiet() {
        let start = Instant::now();
        let mut quiet = Quiet::new(start);
        (0..1_000).for_each(|_| quiet.arrive());
        assert_eq!(quiet.end_turn(at(start, 500_000)), Duration::ZERO);
    }
}
