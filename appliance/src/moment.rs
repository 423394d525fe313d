//! A moment as people read it.

/// `2026-11-21T08:30:00.123Z` (RFC 3339), by the civil-from-days rule of the proleptic Gregorian
/// calendar.
pub(crate) fn text(at_ms: u64) -> String {
    let (days, in_day) = ((at_ms / 86_400_000).cast_signed(), at_ms % 86_400_000);
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (seconds, millis) = (in_day / 1_000, in_day % 1_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// `2026-11-21T08:30Z`: a forecast is not better than that.
pub(crate) fn minute(at_ms: u64) -> String {
    let text = text(at_ms);
    let minute = text.rsplit_once(':').map_or(&*text, |(minute, _)| minute);
    format!("{minute}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_read_them() {
        for (at, want) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_219_200_123, "2026-11-21T00:00:00.123Z"),
        ] {
            assert_eq!(text(at), want);
        }
        assert_eq!(minute(1_795_219_259_999), "2026-11-21T00:00Z");
    }
}
