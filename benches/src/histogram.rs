//! Latencies, counted in buckets of constant relative width.

use std::time::Duration;

/// Buckets per doubling: a percentile is at most 1/32 (3 %) above the truth.
const STEPS: u32 = 32;

/// Doublings above 1 µs: up to 36 minutes.
const DOUBLINGS: u32 = 31;

/// Counts of durations from 1 µs (everything below counts as that) upwards.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; (STEPS * DOUBLINGS) as usize],
            total: 0,
            max: Duration::ZERO,
        }
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let index = bucket(duration).min(self.counts.len() - 1);
        self.counts[index] += 1;
        self.total += 1;
        self.max = self.max.max(duration);
    }

    /// Adds another histogram's counts.
    pub fn merge(&mut self, other: &Self) {
        for (count, added) in self.counts.iter_mut().zip(&other.counts) {
            *count += added;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// How many durations were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The longest one.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The duration that `permille` of 1,000 do not exceed, rounded up by at most 3 %; `None`
    /// while nothing is counted.
    pub fn percentile(&self, permille: u64) -> Option<Duration> {
        let wanted = (self.total * permille).div_ceil(1_000).max(1);
        let mut seen = 0;
        let index = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        Some(upper_bound(index).min(self.max))
    }
}

/// Nanoseconds split into doubling and step.
fn bucket(duration: Duration) -> usize {
    let nanos = u64::try_from(duration.as_nanos())
        .unwrap_or(u64::MAX)
        .max(1_024);
    let doubling = nanos.ilog2();
    let step = (nanos >> (doubling - STEPS.ilog2())) as u32 & (STEPS - 1);
    ((doubling - 10) * STEPS + step) as usize
}

fn upper_bound(index: usize) -> Duration {
    let (doubling, step) = (index as u32 / STEPS + 10, index as u64 % u64::from(STEPS));
    let width = 1_u64 << (doubling - STEPS.ilog2());
    Duration::from_nanos((u64::from(STEPS) + step + 1) * width - 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_percentile_is_at_most_three_percent_above_the_truth() {
        let mut histogram = Histogram::default();
        for micros in 1..=10_000 {
            histogram.record(Duration::from_micros(micros));
        }
        for (permille, truth) in [
            (1, 10),
            (500, 5_000),
            (990, 9_900),
            (999, 9_990),
            (1_000, 10_000),
        ] {
            let got = histogram.percentile(permille).unwrap().as_secs_f64() * 1e6;
            assert!(
                got >= f64::from(truth) && got <= f64::from(truth) * 1.032,
                "{permille}: {got}"
            );
        }
        assert_eq!(histogram.percentile(1_000), Some(Duration::from_millis(10)));
    }

    #[test]
    fn every_bucket_holds_its_own_upper_bound() {
        for index in 0..(STEPS * DOUBLINGS) as usize {
            assert_eq!(bucket(upper_bound(index)), index);
        }
    }

    #[test]
    fn merging_counts_everything_once() {
        let mut one = Histogram::default();
        one.record(Duration::from_millis(1));
        let mut two = Histogram::default();
        two.record(Duration::from_secs(2));
        one.merge(&two);
        assert_eq!((one.total(), one.max()), (2, Duration::from_secs(2)));
        assert_eq!(Histogram::default().percentile(500), None);
    }
}
