//! Whether somebody set the clock.

use alarm::Moment;
use std::time::Duration;

/// A clock that differs by more from what has passed was set: time services move it by less than
/// a thousandth of the time.
pub const STEP: Duration = Duration::from_secs(1);

/// Compares the clock that can be set with the one that cannot.
#[derive(Debug, Default)]
pub struct Steps {
    last: Option<Moment>,
}

impl Steps {
    /// By how much the clock was set since the last look, in milliseconds; `None`: it was not.
    pub fn look(&mut self, now: Moment) -> Option<i64> {
        let last = self.last.replace(now)?;
        let passed = now.instant.saturating_duration_since(last.instant);
        let expected = last.after(passed).unix.0;
        let step = i128::from(now.unix.0) - i128::from(expected);
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        (step.unsigned_abs() > STEP.as_millis() as u64).then_some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;
    use vocab::UnixMillis;

    #[test]
    fn a_clock_that_was_set_is_told_once_and_by_how_much() {
        let start = Moment {
            instant: Instant::now(),
            unix: UnixMillis(1_700_000_000_000),
        };
        let set = |moment: Moment, ms: i64| Moment {
            unix: UnixMillis(moment.unix.0.saturating_add_signed(ms)),
            ..moment
        };
        let second = Duration::from_secs(1);
        for (name, by, want) in [
            ("a second slow", -1_000, None),
            ("an hour ahead", 3_600_000, Some(3_600_000)),
            ("a year back", -31_536_000_000, Some(-31_536_000_000)),
            ("before 1970", -1_700_000_000_000, Some(-1_700_000_001_000)),
        ] {
            let mut steps = Steps::default();
            assert_eq!(steps.look(start), None, "{name}: nothing to compare with");
            let later = start.after(second);
            let shown = if name == "before 1970" {
                Moment {
                    unix: UnixMillis(0),
                    ..later
                }
            } else {
                set(later, by)
            };
            assert_eq!(steps.look(shown), want, "{name}");
            assert_eq!(steps.look(shown.after(second)), None, "{name}: told once");
        }
    }
}
