//! Days as names of files.

use std::fmt;
use vocab::UnixMillis;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// A day in UTC, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Day(pub(crate) u64);

impl Day {
    pub(crate) fn of(at: UnixMillis) -> Self {
        Self(at.0 / DAY_MS)
    }

    /// The day of a file name that [`fmt::Display`] made.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut fields = text.splitn(3, '-');
        let year: u64 = fields.next()?.parse().ok()?;
        let month: u64 = fields.next()?.parse().ok()?;
        let day: u64 = fields.next()?.parse().ok()?;
        if !(1970..=9_999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day)
        {
            return None;
        }
        // Days from civil, with March as the first month so that leap days come last.
        let (y, m) = if month > 2 {
            (year, month - 3)
        } else {
            (year - 1, month + 9)
        };
        let of_year = (153 * m + 2) / 5 + day - 1;
        let days = 365 * y + y / 4 - y / 100 + y / 400 + of_year;
        let found = Self(days.checked_sub(719_468)?);
        // 31 February is no day.
        (found.to_string() == text).then_some(found)
    }
}

impl fmt::Display for Day {
    /// `2026-11-27`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Civil from days, the inverse of the above; eras of 400 years.
        let days = self.0 + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let m = (5 * of_year + 2) / 153;
        let day = of_year - (153 * m + 2) / 5 + 1;
        let month = if m < 10 { m + 3 } else { m - 9 };
        let year = year + era * 400 + u64::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_the_calendars_name_and_is_found_by_it() {
        for (days, name) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_784, "2026-11-27"),
        ] {
            assert_eq!(Day(days).to_string(), name);
            assert_eq!(Day::parse(name), Some(Day(days)));
        }
        for day in (0..40_000).map(Day) {
            assert_eq!(Day::parse(&day.to_string()), Some(day));
        }
        for name in [
            "2026-02-31",
            "2026-13-01",
            "1969-12-31",
            "2026-1-1",
            "x",
            "2026-11-27.x",
        ] {
            assert_eq!(Day::parse(name), None, "{name}");
        }
    }
}
