//! How long to wait before trying a receiver again.

use std::time::Duration;

/// Doubling waits with jitter, so that boxes that lost the same receiver do not return as one.
pub(crate) struct Backoff {
    first: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    /// The first wait, and the longest.
    pub(crate) fn new(first: Duration, max: Duration) -> Self {
        Self {
            first,
            max,
            failures: 0,
        }
    }

    /// The receiver answered: the next failure begins at the first wait again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait after one more failure: between half of the doubled wait and all of it.
    pub(crate) fn next(&mut self, rng: &mut fastrand::Rng) -> Duration {
        let doubled = 2_u32
            .checked_pow(self.failures)
            .and_then(|n| self.first.checked_mul(n));
        let full = doubled.map_or(self.max, |wait| wait.min(self.max));
        self.failures = self.failures.saturating_add(1);
        full.mul_f64(0.5 + rng.f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_again_after_success() {
        let (first, max) = (Duration::from_millis(100), Duration::from_secs(1));
        let mut rng = fastrand::Rng::with_seed(1);
        let mut backoff = Backoff::new(first, max);
        for full in [100, 200, 400, 800, 1_000, 1_000] {
            let wait = backoff.next(&mut rng).as_millis();
            assert!((full / 2..=full).contains(&wait), "{wait} of {full}");
        }
        for _ in 0..100 {
            assert!(backoff.next(&mut rng) <= max);
        }
        backoff.reset();
        assert!(backoff.next(&mut rng) <= first);
    }
}
