//! When clients' reports are heard.
//!
//! Reports gather in sockets that wake nobody ([`net::Reactor::hear_reports`]): every client sends
//! twenty a second, and waking the thread for each costs 10 to 16 µs on a virtual machine, more
//! than reading it.

use std::time::{Duration, Instant};

/// While media flows: whoever asks for a packet again waits no longer for it to be heard.
const SOON: Duration = Duration::from_millis(5);

/// While none flows there is nothing to ask for again.
const LATE: Duration = Duration::from_millis(20);

/// A turn that began for another reason hears reports too if the last time is this long ago: the
/// thread is awake anyway.
const ALONG: Duration = Duration::from_millis(2);

/// Media that pauses for longer than this does not flow: twice the frame interval of slow video.
const FLOWS: Duration = Duration::from_millis(200);

/// For so long after media, frames are held and paced.
const RESTS: Duration = Duration::from_millis(50);

/// What follows sooner belongs to the same frame.
const BURST: Duration = Duration::from_millis(1);

/// When one worker heard reports, and media.
#[derive(Debug)]
pub(crate) struct Hearing {
    reports: Instant,
    media: Instant,
    /// The last pause between two packets that was one.
    pause: Duration,
}

impl Hearing {
    /// Nothing was heard yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            reports: now,
            media: now,
            pause: FLOWS,
        }
    }

    /// Media came, or another worker spoke.
    pub(crate) fn media(&mut self, now: Instant) {
        let pause = now.saturating_duration_since(self.media);
        if pause > BURST {
            self.pause = pause;
        }
        self.media = now;
    }

    /// Reports were heard.
    pub(crate) fn reports(&mut self, now: Instant) {
        self.reports = now;
    }

    /// When the thread should wake to hear reports.
    pub(crate) fn due(&self) -> Instant {
        self.reports + if self.flows() { SOON } else { LATE }
    }

    /// When the thread should wake for a peer's deadline: while nothing flows, deadlines (repeated
    /// handshakes, checks, statistics) wait for the reports.
    pub(crate) fn wake(&self, deadline: Instant) -> Instant {
        let rests = !self.flows() && deadline.saturating_duration_since(self.media) > RESTS;
        if rests {
            return deadline.max(self.due());
        }
        deadline
    }

    fn flows(&self) -> bool {
        let since = self.reports.saturating_duration_since(self.media);
        since < FLOWS && self.pause < FLOWS
    }

    /// Whether a turn at `now`, whatever began it, hears them.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now >= self.reports + ALONG
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests begin somewhere")]

    use super::*;

    fn after(moment: Instant, millis: u64) -> Instant {
        moment + Duration::from_millis(millis)
    }

    #[test]
    fn the_thread_wakes_for_reports_soon_while_media_flows_and_late_when_it_does_not() {
        let start = Instant::now();
        let mut hearing = Hearing::new(start);
        for (name, frames, pause, want) in [
            ("30 frames a second", 5, 33, SOON),
            ("2 frames a second", 3, 500, LATE),
            ("6 frames a second", 3, 160, SOON),
        ] {
            for frame in 0..frames {
                let now = after(hearing.media.max(start), pause);
                hearing.media(now);
                hearing.media(now + BURST / 2);
                hearing.reports(now + BURST);
                assert!(
                    frame == 0 || hearing.due() == hearing.reports + want,
                    "{name}"
                );
            }
        }
        hearing.reports(after(hearing.media, 200));
        assert_eq!(hearing.due(), hearing.reports + LATE, "it has ended");
    }

    #[test]
    fn deadlines_wait_for_reports_when_nothing_flows() {
        let start = Instant::now();
        let mut hearing = Hearing::new(start);
        hearing.media(start);
        let soon = after(start, 10);
        assert_eq!(hearing.wake(soon), soon, "of a frame that came alone");
        hearing.reports(after(start, 55));
        assert_eq!(hearing.wake(after(start, 60)), hearing.due());
        assert_eq!(hearing.wake(after(start, 90)), after(start, 90));
        hearing.media(after(start, 150));
        assert_eq!(
            hearing.wake(after(start, 210)),
            after(start, 210),
            "it flows"
        );
    }

    #[test]
    fn a_turn_hears_what_has_gathered_for_a_while() {
        let start = Instant::now();
        let mut hearing = Hearing::new(start);
        assert!(!hearing.is_due(start + ALONG / 2));
        assert!(hearing.is_due(start + ALONG));
        hearing.reports(start + ALONG);
        assert!(!hearing.is_due(start + ALONG), "they were just heard");
    }
}
