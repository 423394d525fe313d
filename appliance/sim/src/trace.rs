//! What happened, as one number: equal seeds must give equal traces.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// A running hash over the shapes of events: times, places, numbers; never ciphertext, SSRCs or
/// the random names that str0m gives to sections.
#[derive(Debug, Default)]
pub struct Trace {
    hasher: DefaultHasher,
    events: u64,
}

impl Trace {
    /// Something happened at this time of the simulation.
    pub fn note(&mut self, at: Duration, what: impl Hash) {
        self.events += 1;
        at.hash(&mut self.hasher);
        what.hash(&mut self.hasher);
    }

    /// The hash so far, and how many events are in it.
    pub fn sum(&self) -> (u64, u64) {
        (self.hasher.finish(), self.events)
    }
}
