//! The receiver's clock and numbering, unwrapped across reports.

use crate::clock::{Micros, SECOND, micros};
use crate::feedback::{EPOCH, Feedback};
use std::time::Duration;

/// The receiver's clock may run this much apart from ours between two reports (libwebrtc
/// `kArrivalTimeOffsetThreshold`); beyond, it jumped.
const MAX_JUMP: Micros = 3 * SECOND;

/// A report with a count this much behind is an old one, not one after many missing.
const REORDERED: u8 = 128;

#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// The newest arrival, and when the report about it came.
    newest: Option<(Micros, Micros)>,
    count: Option<u8>,
    /// The first number not told of.
    end: Option<u64>,
    skipped: bool,
}

impl Arrivals {
    /// Whether there was ever a report.
    pub(super) fn any(&self) -> bool {
        self.count.is_some()
    }

    /// Prepares for a report's arrivals; answers whether the receiver's clock jumped.
    pub(super) fn begin(&mut self, feedback: &Feedback, now: Micros) -> bool {
        let ahead = self
            .count
            .map_or(1, |count| feedback.count().wrapping_sub(count));
        self.skipped = ahead > 1 && ahead < REORDERED;
        if ahead < REORDERED {
            self.count = Some(feedback.count());
        }
        let last = feedback
            .arrivals()
            .filter_map(|(_, arrival)| arrival)
            .last();
        let Some(last) = last else { return false };
        let unwrapped = self.unwrap(last);
        let Some((newest, at)) = self.newest else {
            self.newest = Some((unwrapped, now));
            return false;
        };
        let jumped = ((unwrapped - newest) - (now - at)).abs() > MAX_JUMP;
        if jumped || unwrapped > newest {
            self.newest = Some((unwrapped, now));
        }
        jumped
    }

    /// The arrival nearest to the newest one.
    pub(super) fn unwrap(&self, arrival: Duration) -> Micros {
        let (arrival, epoch) = (micros(arrival), micros(EPOCH));
        let Some((newest, _)) = self.newest else {
            return arrival;
        };
        let ahead = (arrival - newest).rem_euclid(epoch);
        newest
            + if ahead > epoch / 2 {
                ahead - epoch
            } else {
                ahead
            }
    }

    /// The first number that no report told of, if reports before the one that starts at
    /// `base` went missing.
    pub(super) fn missing_from(&self, base: u64) -> Option<u64> {
        self.end.filter(|end| self.skipped && *end < base)
    }

    pub(super) fn end(&mut self, end: u64) {
        self.end = self.end.max(Some(end));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::Arrivals;
    use crate::feedback::{EPOCH, Feedback};
    use std::time::Duration;

    #[test]
    fn arrivals_go_on_rising_when_the_reference_time_rolls_over() {
        let mut arrivals = Arrivals::default();
        let before = EPOCH.checked_sub(Duration::from_millis(30)).unwrap();
        let after = Duration::from_millis(20);
        let first = Feedback::from_arrivals(0, 0, &[Some(before)]).unwrap();
        let second = Feedback::from_arrivals(1, 1, &[Some(after)]).unwrap();
        assert!(!arrivals.begin(&first, 0));
        assert!(!arrivals.begin(&second, 50_000), "read as a jump");
        let [before, after] = [before, after].map(|arrival| arrivals.unwrap(arrival));
        assert_eq!(after - before, 50_000);
    }
}
