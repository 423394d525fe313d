//! How the alarm system itself does, against the figures usually quoted from ISA-18.2.

use crate::board::AlarmId;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Raises within ten minutes beyond which operators can no longer follow.
pub const FLOOD: u32 = 10;

/// An alarm raised as often within ten minutes chatters.
pub const CHATTER_RAISES: u32 = 3;

/// An alarm that stands longer is stale: nobody acts on it.
pub const STALE_AFTER: Duration = Duration::from_hours(24);

const TEN_MINUTES: Duration = Duration::from_mins(10);
const HOUR: Duration = Duration::from_hours(1);

/// Raises remembered. Beyond it the oldest is forgotten: by then the figures say "flood" anyway.
const MAX_RAISES: usize = 4_096;

/// How the alarm system does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Score {
    /// Raised in the last hour; about six are good.
    pub per_hour: u32,
    /// Raised in the last ten minutes; more than [`FLOOD`] are a flood.
    pub per_ten_minutes: u32,
    /// Alarms raised [`CHATTER_RAISES`] times or more in the last ten minutes; none is good.
    pub chattering: u32,
    /// Standing longer than [`STALE_AFTER`]; fewer than five are good.
    pub stale: u32,
}

/// The raises of the last hour.
#[derive(Debug, Default)]
pub(crate) struct Raises(VecDeque<(Instant, AlarmId)>);

impl Raises {
    pub(crate) fn note(&mut self, id: &AlarmId, now: Instant) {
        while self
            .0
            .front()
            .is_some_and(|(at, _)| now.saturating_duration_since(*at) >= HOUR)
        {
            self.0.pop_front();
        }
        if self.0.len() >= MAX_RAISES {
            self.0.pop_front();
        }
        self.0.push_back((now, id.clone()));
    }

    /// The figures but for what stands.
    pub(crate) fn score(&self, now: Instant) -> Score {
        let mut score = Score::default();
        let mut lately: HashMap<&AlarmId, u32> = HashMap::new();
        for (at, id) in &self.0 {
            let age = now.saturating_duration_since(*at);
            score.per_hour += u32::from(age < HOUR);
            if age < TEN_MINUTES {
                score.per_ten_minutes += 1;
                let times = lately.entry(id).or_default();
                *times += 1;
                score.chattering += u32::from(*times == CHATTER_RAISES);
            }
        }
        score
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests begin somewhere")]

    use super::*;
    use crate::Code;

    #[test]
    fn raises_count_for_an_hour_and_chatter_within_ten_minutes() {
        let (start, minute) = (Instant::now(), Duration::from_mins(1));
        let (loss, disk) = (
            AlarmId::new(Code::Loss, "a"),
            AlarmId::new(Code::DiskLow, ""),
        );
        let mut raises = Raises::default();
        for at in [0, 4, 9] {
            raises.note(&loss, start + minute * at);
        }
        raises.note(&disk, start + minute * 9);
        let at = |minutes: u32| raises.score(start + minute * minutes);
        let (nine, ten, sixty) = (at(9), at(10), at(60));
        assert_eq!(
            (nine.per_hour, nine.per_ten_minutes, nine.chattering),
            (4, 4, 1)
        );
        assert_eq!(
            (ten.per_hour, ten.per_ten_minutes, ten.chattering),
            (4, 3, 0)
        );
        assert_eq!((sixty.per_hour, sixty.per_ten_minutes), (3, 0));
    }

    #[test]
    fn a_storm_is_remembered_within_bounds() {
        let (start, id) = (Instant::now(), AlarmId::new(Code::Loss, "a"));
        let mut raises = Raises::default();
        for _ in 0..=MAX_RAISES {
            raises.note(&id, start);
        }
        assert_eq!(raises.score(start).per_hour as usize, MAX_RAISES);
    }
}
