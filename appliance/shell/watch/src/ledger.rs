//! What of the alarms' coming and going is put on record, and when.
//!
//! The audit journal is never cut, so it must not be filled by an alarm that chatters. An alarm's
//! first changes are on record at once; one that goes on changing is on record every ten minutes,
//! with how often it was raised meanwhile. Where it stands last is always on record in the end.

use crate::board::News;
use alarm::Priority;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Alarms followed at once; beyond it news of further ones are counted and not on record. Twice
/// what the board holds: those that returned are followed for a while.
const MAX_FOLLOWED: usize = 2 * alarm::MAX_ALARMS;

/// Entries of one alarm that need not wait: raised and returned, twice.
const BURST: u32 = 4;

/// After that, one entry of an alarm per this.
const EVERY: Duration = Duration::from_mins(10);

/// Entries of all alarms that need not wait: a night in which everything fails.
const BURST_OF_ALL: u32 = 100;

/// After that, one entry per this: 200 MiB of journal in a year in which every alarm chatters.
const EVERY_OF_ALL: Duration = Duration::from_secs(30);

/// What is to be put on record: ids and counts only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which alarm.
    pub id: String,
    /// Whether its cause is there.
    pub stands: bool,
    /// How urgent.
    pub priority: Priority,
    /// How often it was raised since its entry before, this time included.
    pub raises: u32,
}

/// What is on record of alarms, and what is to be.
#[derive(Debug)]
pub struct Ledger {
    followed: BTreeMap<String, Followed>,
    budget: Budget,
    left_out: u64,
}

#[derive(Debug)]
struct Followed {
    priority: Priority,
    stands: bool,
    /// As the record has it.
    on_record: bool,
    raises: u32,
    budget: Budget,
}

impl Ledger {
    /// Nothing is on record.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            followed: BTreeMap::new(),
            budget: Budget::new(BURST_OF_ALL, EVERY_OF_ALL, now),
            left_out: 0,
        }
    }

    /// Takes what the board said.
    pub fn handle_news(&mut self, news: Vec<News>, now: Instant) {
        for news in news {
            match news {
                News::Raised { id, priority } => self.raised(id, priority, now),
                News::Gone { id } => {
                    if let Some(followed) = self.followed.get_mut(&id) {
                        followed.stands = false;
                    }
                }
            }
        }
    }

    fn raised(&mut self, id: String, priority: Priority, now: Instant) {
        if !self.followed.contains_key(&id) && self.followed.len() >= MAX_FOLLOWED {
            self.forget_calm(now);
        }
        if !self.followed.contains_key(&id) && self.followed.len() >= MAX_FOLLOWED {
            self.left_out += 1;
            return;
        }
        let followed = self.followed.entry(id).or_insert_with(|| Followed {
            priority,
            stands: false,
            on_record: false,
            raises: 0,
            budget: Budget::new(BURST, EVERY, now),
        });
        followed.stands = true;
        followed.raises = followed.raises.saturating_add(1);
    }

    /// Those of which everything is on record, and which may write as if they were new.
    fn forget_calm(&mut self, now: Instant) {
        self.followed.retain(|_, followed| {
            followed.stands || followed.owes() || !followed.budget.is_full(now)
        });
    }

    /// The next entry that may be written now. It comes again until [`Self::written`] is told.
    #[must_use]
    pub fn next(&self, now: Instant) -> Option<Entry> {
        if !self.budget.allows(now) {
            return None;
        }
        let due =
            |(_, followed): &(&String, &Followed)| followed.owes() && followed.budget.allows(now);
        let (id, followed) = self.followed.iter().find(due)?;
        Some(Entry {
            id: id.clone(),
            stands: followed.stands,
            priority: followed.priority,
            raises: followed.raises,
        })
    }

    /// The entry is on record.
    pub fn written(&mut self, entry: &Entry, now: Instant) {
        self.budget.take(now);
        if let Some(followed) = self.followed.get_mut(&entry.id) {
            followed.on_record = entry.stands;
            followed.raises = followed.raises.saturating_sub(entry.raises);
            followed.budget.take(now);
        }
    }

    /// News that found no place, since the start.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

impl Followed {
    fn owes(&self) -> bool {
        self.stands != self.on_record || self.raises > 0
    }
}

/// So many at once, then one per a time.
#[derive(Debug)]
struct Budget {
    burst: u32,
    every: Duration,
    /// When it is as if nothing had been taken.
    full_at: Instant,
}

impl Budget {
    fn new(burst: u32, every: Duration, now: Instant) -> Self {
        Self {
            burst,
            every,
            full_at: now,
        }
    }

    fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }

    fn allows(&self, now: Instant) -> bool {
        let missing = self.full_at.saturating_duration_since(now);
        missing + self.every <= self.every * self.burst
    }

    fn take(&mut self, now: Instant) {
        self.full_at = self.full_at.max(now) + self.every;
    }
}

#[cfg(test)]
mod tests;
