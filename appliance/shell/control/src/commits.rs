//! How long the disk took lately.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Over how long.
const WINDOW: Duration = Duration::from_mins(1);

/// Commits remembered: seventeen a second. Beyond it the oldest of the minute are forgotten.
const MAX_COMMITS: usize = 1_024;

/// The last minute's group commits.
#[derive(Debug, Default)]
pub(crate) struct Commits(VecDeque<(Instant, Duration)>);

impl Commits {
    pub(crate) fn note(&mut self, took: Duration, now: Instant) {
        if self.0.len() >= MAX_COMMITS {
            self.0.pop_front();
        }
        self.0.push_back((now, took));
    }

    /// The 99th percentile of the last minute; `None`: nothing was written.
    pub(crate) fn p99(&self, now: Instant) -> Option<Duration> {
        let mut took: Vec<Duration> = self
            .0
            .iter()
            .filter(|(at, _)| now.saturating_duration_since(*at) <= WINDOW)
            .map(|(_, took)| *took)
            .collect();
        took.sort_unstable();
        let place = (took.len() * 99).div_ceil(100).checked_sub(1)?;
        took.get(place).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_commit_in_a_hundred_is_not_the_99th_percentile_and_two_are() {
        let (ms, now) = (Duration::from_millis, Instant::now());
        let mut commits = Commits::default();
        assert_eq!(commits.p99(now), None);
        for _ in 0..99 {
            commits.note(ms(5), now);
        }
        commits.note(ms(900), now);
        assert_eq!(commits.p99(now), Some(ms(5)));
        commits.note(ms(800), now);
        assert_eq!(commits.p99(now), Some(ms(800)));
        assert_eq!(commits.p99(now + WINDOW + ms(1)), None, "a minute ago");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let now = Instant::now();
        let mut commits = Commits::default();
        for _ in 0..3 * MAX_COMMITS {
            commits.note(Duration::from_millis(1), now);
        }
        assert_eq!(commits.0.len(), MAX_COMMITS);
    }
}
