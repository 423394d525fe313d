//! How figures are shown: with their unit, and a dash for what is not known.

/// What is known, or a dash.
pub(crate) fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Thousandths as per cent.
pub(crate) fn percent(permille: u16) -> String {
    format!("{}.{}%", permille / 10, permille % 10)
}

/// `0.3s`, `42s`, `01:10` (hours and minutes), `3d04h`.
pub(crate) fn age(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..10 => format!("{}.{}s", seconds, ms % 1_000 / 100),
        10..60 => format!("{seconds}s"),
        60..86_400 => format!("{:02}:{:02}", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// Kilobits per second.
pub(crate) fn kbps(kbps: u32) -> String {
    kbps.to_string()
}

/// `512 B`, `1.4 KiB`, `23.0 GiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in UNITS {
        if value < 1_024.0 {
            break;
        }
        (value, unit) = (value / 1_024.0, next);
    }
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_their_units() {
        for (ms, want) in [
            (300, "0.3s"),
            (9_999, "9.9s"),
            (10_000, "10s"),
            (60_000, "00:01"),
            (4_200_000, "01:10"),
            (86_400_000, "1d00h"),
        ] {
            assert_eq!(age(ms), want);
        }
        for (count, want) in [
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (24_696_061_952, "23.0 GiB"),
        ] {
            assert_eq!(bytes(count), want);
        }
        assert_eq!(percent(7), "0.7%");
        assert_eq!(or_dash(None::<u32>), "-");
    }
}
