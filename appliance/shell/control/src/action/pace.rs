//! How fast one operator may act: the audit journal is for ever, and each entry costs a sync.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Actions at once: every alarm of a bad night acknowledged in one go.
pub const ACTION_BURST: u32 = 100;

/// Actions per second after that, for one operator.
pub const ACTIONS_PER_SECOND: u32 = 5;

/// Most operators whose pace is remembered; beyond it who has acted least lately is forgotten.
const MAX_ACTORS: usize = 256;

/// Tokens as they were at some moment.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    at: Instant,
    /// In thousandths.
    tokens: u32,
}

/// One bucket per operator, and another for what cannot wait.
#[derive(Debug, Default)]
pub(super) struct Pace {
    buckets: HashMap<(String, bool), Bucket>,
}

impl Pace {
    /// Takes one action's worth; false when there is none. What is `urgent` is counted apart, so
    /// that a script that runs wild leaves its owner the means to stop somebody.
    pub(super) fn take(&mut self, actor: &str, urgent: bool, now: Instant) -> bool {
        let full = Bucket {
            at: now,
            tokens: ACTION_BURST * 1_000,
        };
        if self.buckets.len() >= MAX_ACTORS {
            self.forget_the_quietest();
        }
        let bucket = self
            .buckets
            .entry((actor.to_owned(), urgent))
            .or_insert(full);
        let since = now.saturating_duration_since(bucket.at);
        let earned = since.min(Duration::from_mins(1)).as_millis() as u32 * ACTIONS_PER_SECOND;
        bucket.tokens = bucket
            .tokens
            .saturating_add(earned)
            .min(ACTION_BURST * 1_000);
        bucket.at = now;
        let enough = bucket.tokens >= 1_000;
        if enough {
            bucket.tokens -= 1_000;
        }
        enough
    }

    fn forget_the_quietest(&mut self) {
        let quietest = self.buckets.iter().min_by_key(|(_, bucket)| bucket.at);
        if let Some(key) = quietest.map(|(key, _)| key.clone()) {
            self.buckets.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_commands_leave_a_hundred_and_five_per_second() {
        let (mut pace, began) = (Pace::default(), Instant::now());
        let taken = |pace: &mut Pace, actor: &str, after: Duration, of: u32| {
            (0..of)
                .filter(|_| pace.take(actor, false, began + after))
                .count()
        };
        assert_eq!(taken(&mut pace, "uid:0", Duration::ZERO, 1_000_000), 100);
        assert_eq!(taken(&mut pace, "uid:0", Duration::from_secs(2), 50), 10);
        assert_eq!(taken(&mut pace, "night", Duration::ZERO, 1), 1, "another");
        assert!(pace.take("uid:0", true, began), "what cannot wait");
        assert_eq!(taken(&mut pace, "uid:0", Duration::from_hours(9), 999), 100);
    }

    #[test]
    fn a_crowd_of_names_takes_no_memory() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        for n in 0..10_000 {
            assert!(pace.take(&n.to_string(), false, now));
        }
        assert!(pace.buckets.len() <= MAX_ACTORS);
    }
}
