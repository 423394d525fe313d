//! The disk under the data folder, and when it will be full.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

/// A disk that is full within less is to be seen to.
pub const DISK_DAYS_LOW: u32 = 7;

/// A disk with less free, in thousandths, is to be seen to, whatever the forecast.
pub const DISK_PERMILLE_LOW: u64 = 50;

/// Time between remembered samples.
const SAMPLE: Duration = Duration::from_mins(1);
/// Remembered: a day, so that a busy hour is not the whole story.
const MAX_SAMPLES: usize = 24 * 60;
/// What less than this tells is no trend: one backup fills more than a week of calls.
const MIN_HISTORY: Duration = Duration::from_hours(1);
/// A forecast further ahead says nothing.
const MAX_DAYS: u64 = 365;
const DAY_SECONDS: u64 = 24 * 3_600;

/// Size and free bytes, both as an ordinary user has them.
pub(super) fn space(folder: &Path) -> Option<(u64, u64)> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    let blocks = [disk.f_blocks, disk.f_bfree, disk.f_bavail];
    Some(of_user(blocks, disk.f_frsize))
}

/// Of all blocks, those free, and those free for ordinary users: what the latter could ever fill,
/// and what they still can. Blocks kept for root (5 % of an ext4) are neither used nor to be had, as
/// `df` counts.
///
/// Source: statvfs(3); coreutils `df.c`, `get_dev`.
fn of_user([all, free, available]: [u64; 3], block_bytes: u64) -> (u64, u64) {
    let total = all.saturating_sub(free).saturating_add(available);
    let bytes = |blocks: u64| blocks.saturating_mul(block_bytes);
    (bytes(total), bytes(available))
}

/// The free space of the last day.
#[derive(Debug, Default)]
pub(super) struct Forecast {
    samples: VecDeque<(Instant, u64)>,
}

impl Forecast {
    /// Takes note, and says in how many days the disk is full at the rate of what is remembered.
    pub(super) fn look(&mut self, free: u64, now: Instant) -> Option<u32> {
        let is_due = |(at, _): &(Instant, u64)| now.saturating_duration_since(*at) >= SAMPLE;
        if self.samples.back().is_none_or(is_due) {
            if self.samples.len() >= MAX_SAMPLES {
                self.samples.pop_front();
            }
            self.samples.push_back((now, free));
        }
        let (since, before) = *self.samples.front()?;
        let passed = now.saturating_duration_since(since);
        if passed < MIN_HISTORY {
            return None;
        }
        let used = before.checked_sub(free).filter(|used| *used > 0)?;
        let seconds = u128::from(free) * u128::from(passed.as_secs()) / u128::from(used);
        let days = u64::try_from(seconds).ok()? / DAY_SECONDS;
        u32::try_from(days).ok().filter(|_| days <= MAX_DAYS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1024 * 1024 * 1024;

    #[test]
    fn what_root_keeps_is_neither_used_nor_free() {
        for (name, blocks, want) in [
            ("empty, 5 % for root", [1_000, 1_000, 950], (950, 950)),
            ("half full", [1_000, 525, 475], (950, 475)),
            ("full for users", [1_000, 50, 0], (950, 0)),
            ("full for root, too", [1_000, 0, 0], (1_000, 0)),
            ("nothing is kept", [1_000, 400, 400], (1_000, 400)),
            ("a file system that lies", [10, 20, 5], (5, 5)),
        ] {
            let (total, free) = of_user(blocks, 4_096);
            assert_eq!((total / 4_096, free / 4_096), want, "{name}");
        }
    }

    #[test]
    fn a_disk_is_full_when_its_rate_says_so() {
        for (name, used_per_hour, want) in [
            ("one per hour of 240", GIB, Some(10)),
            ("nothing is used", 0, None),
            ("more than a year", GIB / 100, None),
        ] {
            let (mut forecast, start) = (Forecast::default(), Instant::now());
            assert_eq!(forecast.look(241 * GIB, start), None, "{name}: no history");
            let early = start + Duration::from_secs(3_599);
            assert_eq!(
                forecast.look(240 * GIB, early),
                None,
                "{name}: a trend takes longer"
            );
            let free = 241 * GIB - used_per_hour;
            let full = forecast.look(free, start + MIN_HISTORY);
            assert_eq!(full, want, "{name}");
        }
    }

    #[test]
    fn a_day_is_remembered_and_no_more() {
        let (mut forecast, start) = (Forecast::default(), Instant::now());
        // A day that fills the disk fast, then a day of calm.
        for minute in 0..2 * 24 * 60_u32 {
            let used = u64::from(minute.min(24 * 60)) * GIB / 60;
            let free = 100 * GIB - used;
            let full = forecast.look(free, start + SAMPLE * minute);
            if minute == 24 * 60 {
                assert_eq!(full, Some(3));
            }
            if minute == 2 * 24 * 60 - 1 {
                assert_eq!(full, None, "the fast day is past");
            }
        }
        assert_eq!(forecast.samples.len(), MAX_SAMPLES);
    }
}
