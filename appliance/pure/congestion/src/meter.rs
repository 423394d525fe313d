//! Bytes per second over the last moments, in fixed memory.

use crate::clock::Micros;

/// Finer than a frame interval, coarse enough for a second in [`BUCKETS`].
const BUCKET: Micros = 25_000;

/// One second.
const BUCKETS: usize = 40;

/// Less than this tells more about a burst than about a rate.
const MIN_BUCKETS: i64 = 4;

/// Bytes by time, of which the last second is known.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    buckets: [u32; BUCKETS],
    first: i64,
    newest: i64,
    used: bool,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            buckets: [0; BUCKETS],
            first: 0,
            newest: 0,
            used: false,
        }
    }

    /// Times may come out of order by less than a second; older ones are ignored.
    pub(crate) fn add(&mut self, at: Micros, bytes: usize) {
        let bucket = at.div_euclid(BUCKET);
        if !self.used {
            (self.first, self.newest, self.used) = (bucket, bucket, true);
        }
        self.advance(bucket);
        if bucket <= self.newest - BUCKETS as i64 {
            return;
        }
        if let Some(sum) = self.buckets.get_mut(slot(bucket)) {
            *sum = sum.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        }
    }

    /// Bits per second over `window` up to the newest bytes; the newest bucket may still fill
    /// and is left out. `None` until 100 ms are known.
    pub(crate) fn rate(&self, window: Micros) -> Option<f64> {
        self.rate_before(self.newest, window)
    }

    /// Bits per second over `window` up to `now`, silence counted.
    pub(crate) fn rate_until(&mut self, now: Micros, window: Micros) -> Option<f64> {
        if !self.used {
            return None;
        }
        self.advance(now.div_euclid(BUCKET));
        self.rate_before(self.newest, window)
    }

    fn rate_before(&self, end: i64, window: Micros) -> Option<f64> {
        let wanted = (window / BUCKET).clamp(MIN_BUCKETS, BUCKETS as i64 - 1);
        let known = wanted.min(end - self.first);
        if !self.used || known < MIN_BUCKETS {
            return None;
        }
        let bytes: u64 = (end - known..end)
            .filter_map(|bucket| self.buckets.get(slot(bucket)))
            .map(|sum| u64::from(*sum))
            .sum();
        Some(bytes as f64 * 8.0 * 1e6 / (known * BUCKET) as f64)
    }

    fn advance(&mut self, bucket: i64) {
        if bucket <= self.newest {
            return;
        }
        let fresh = (bucket - self.newest).min(BUCKETS as i64);
        for cleared in bucket - fresh + 1..=bucket {
            if let Some(sum) = self.buckets.get_mut(slot(cleared)) {
                *sum = 0;
            }
        }
        self.newest = bucket;
    }
}

fn slot(bucket: i64) -> usize {
    bucket.rem_euclid(BUCKETS as i64).unsigned_abs() as usize
}
