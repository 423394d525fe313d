//! The publisher's numbers that a subscriber is not shown: padding.

/// Runs of padding remembered per segment. A publisher that probes pads behind every frame, so
/// this is a second of 30 frames; a packet that comes later than that finds no place.
pub const MAX_SKIPPED_RUNS: usize = 32;

/// Runs of skipped numbers, as distances from the first number of the segment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Skips {
    total: u64,
    /// A ring; `newest` is where the last run stands.
    runs: [Run; MAX_SKIPPED_RUNS],
    newest: usize,
    /// Distances before this one cannot be placed any more.
    forgotten: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Run {
    start: u32,
    length: u32,
}

impl Run {
    fn end(self) -> u64 {
        u64::from(self.start) + u64::from(self.length)
    }
}

impl Skips {
    /// Skips the number at `distance`, which is ahead of every number forwarded so far. One that
    /// is not ahead of what was skipped is ignored.
    pub(super) fn skip(&mut self, distance: u64) {
        // Four thousand million packets are a year of 100 Mbit/s.
        let Ok(start) = u32::try_from(distance) else {
            return;
        };
        let has_one = self.total > 0;
        let Some(newest) = self.runs.get_mut(self.newest) else {
            return;
        };
        if has_one && distance < newest.end() {
            return;
        }
        self.total += 1;
        if has_one && newest.end() == distance {
            newest.length += 1;
            return;
        }
        self.newest = (self.newest + 1) % MAX_SKIPPED_RUNS;
        if let Some(oldest) = self.runs.get_mut(self.newest) {
            self.forgotten = self.forgotten.max(oldest.end());
            *oldest = Run { start, length: 1 };
        }
    }

    /// How many numbers before `distance` were skipped; `None` when that is forgotten, or the
    /// number was skipped itself.
    pub(super) fn before(&self, distance: u64) -> Option<u64> {
        if distance < self.forgotten {
            return None;
        }
        let mut skipped = self.total;
        for back in 0..MAX_SKIPPED_RUNS {
            let place = (self.newest + MAX_SKIPPED_RUNS - back) % MAX_SKIPPED_RUNS;
            let run = self.runs.get(place)?;
            if distance >= run.end() {
                break;
            }
            if distance >= u64::from(run.start) {
                return None;
            }
            skipped -= u64::from(run.length);
        }
        Some(skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_moved_by_the_padding_before_it() {
        let mut skips = Skips::default();
        for distance in [3, 4, 7] {
            skips.skip(distance);
        }
        let before: Vec<_> = (0..10).map(|distance| skips.before(distance)).collect();
        let (none, moved) = (None, Some);
        assert_eq!(
            before,
            [
                moved(0),
                moved(0),
                moved(0),
                none,
                none,
                moved(2),
                moved(2),
                none,
                moved(3),
                moved(3)
            ]
        );
    }

    #[test]
    fn what_lies_before_the_oldest_remembered_run_has_no_place() {
        let mut skips = Skips::default();
        let runs = MAX_SKIPPED_RUNS as u64 + 1;
        for run in 0..runs {
            skips.skip(run * 2 + 1);
        }
        assert_eq!(skips.before(0), None, "before the run that is forgotten");
        assert_eq!(skips.before(2), Some(1));
        assert_eq!(skips.before(runs * 2), Some(runs));
    }
}
