//! Text in columns: cut, padded, masked, and the few formats every screen shares.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What stands where a figure is too old to be shown.
pub(crate) const UNKNOWN: &str = "?";

/// What stands where there is nothing to know.
pub(crate) const NONE: &str = "-";

/// `text` in exactly `width` columns: cut with `…`, or padded on the right.
pub(crate) fn left(text: &str, width: usize) -> String {
    let mut fitted = cut(text, width);
    pad(&mut fitted, width);
    fitted
}

/// `text` in exactly `width` columns, padded on the left.
pub(crate) fn right(text: &str, width: usize) -> String {
    let fitted = cut(text, width);
    let gap = width.saturating_sub(fitted.width());
    format!("{}{fitted}", " ".repeat(gap))
}

/// `text` in at most `width` columns; what was cut is shown by `…`.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 0;
    let mut fitted = String::new();
    for c in text.chars() {
        let columns = c.width().unwrap_or(0);
        if used + columns + 1 > width {
            break;
        }
        used += columns;
        fitted.push(c);
    }
    if width > 0 {
        fitted.push('…');
    }
    fitted
}

fn pad(text: &mut String, width: usize) {
    let gap = width.saturating_sub(text.width());
    text.extend(std::iter::repeat_n(' ', gap));
}

/// `text` in lines of at most `width` columns, broken between words.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let word = cut(word, width);
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            *line = word;
        } else if line.width() + 1 + word.width() <= width {
            line.push(' ');
            line.push_str(&word);
        } else {
            lines.push(word);
        }
    }
    lines
}

/// Kinds of people that identities begin with. Any other word may be a name: `anna-4711`.
const KINDS: [&str; 9] = [
    "doc", "doctor", "dr", "guest", "nurse", "pat", "patient", "sip", "web",
];

/// An identity that does not say who it is: `pat-4711` is `pat-####`, `Maria` is `M####`.
///
/// What precedes the first `-` or `_` is kept where it is a kind of person.
pub(crate) fn masked(identity: &str) -> String {
    let kind = identity.split(['-', '_']).next().unwrap_or_default();
    if kind.len() < identity.len() && KINDS.contains(&kind.to_lowercase().as_str()) {
        return format!("{kind}-####");
    }
    initial(identity)
}

/// A room's name that does not say who is in it: places (`ICU-07`, `ER2`) stay, `visit-maria` is
/// `v####`.
///
/// A place is one to four capitals and one to three digits: what wards call their rooms, and too
/// little for a name or a number of a case.
pub(crate) fn masked_room(name: &str) -> String {
    let after = name.trim_start_matches(|c: char| c.is_ascii_uppercase());
    let digits = after.strip_prefix(['-', '_']).unwrap_or(after);
    let is_place = (1..=4).contains(&(name.len() - after.len()))
        && (1..=3).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_place {
        name.to_owned()
    } else {
        initial(name)
    }
}

fn initial(name: &str) -> String {
    name.chars()
        .next()
        .map_or_else(|| "####".to_owned(), |first| format!("{first}####"))
}

/// How long: `0.4s`, `12s`, `03:20` (minutes:seconds), `2h05`, `41d`.
pub(crate) fn span(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..=9 => format!("{}.{}s", seconds, ms % 1_000 / 100),
        10..=59 => format!("{seconds}s"),
        60..=3_599 => format!("{:02}:{:02}", seconds / 60, seconds % 60),
        3_600..=172_799 => format!("{}h{:02}", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Hours and minutes of an age, `00:42`, days beyond 99 h.
pub(crate) fn age(ms: u64) -> String {
    let minutes = ms / 60_000;
    if minutes >= 100 * 60 {
        return format!("{}d", minutes / 1_440);
    }
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Thousandths as percent: `0.4%`.
pub(crate) fn permille(value: u16) -> String {
    format!("{}.{}%", value / 10, value % 10)
}

/// Bytes with one unit: `640M`, `1.5G`.
pub(crate) fn bytes(value: u64) -> String {
    const UNITS: [(&str, u64); 4] = [
        ("T", 1 << 40),
        ("G", 1 << 30),
        ("M", 1 << 20),
        ("K", 1 << 10),
    ];
    for (unit, size) in UNITS {
        if value >= size {
            let tenths = value / (size / 10).max(1);
            return if tenths < 100 {
                format!("{}.{}{unit}", tenths / 10, tenths % 10)
            } else {
                format!("{}{unit}", value / size)
            };
        }
    }
    format!("{value}B")
}

/// The last four characters of an id, as they are typed to confirm.
pub(crate) fn last_four(id: &str) -> String {
    let count = id.chars().count();
    id.chars().skip(count.saturating_sub(4)).collect()
}

/// An id as a list shows it: its kind and its last four, `RM-7F3A`.
pub(crate) fn short_id(id: &str) -> String {
    match id.split_once('_') {
        Some((kind, rest)) if rest.chars().count() > 4 => format!("{kind}-{}", last_four(rest)),
        _ => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_character_is_never_halved() {
        assert_eq!(left("日本語", 5), "日本…");
        assert_eq!(left("日本語", 4), "日… ");
        assert_eq!(left("ab", 4), "ab  ");
        assert_eq!(right("12", 4), "  12");
    }

    #[test]
    fn a_mask_keeps_the_kind_and_nothing_else() {
        for (identity, want) in [
            ("pat-4711", "pat-####"),
            ("dr_house", "dr-####"),
            ("Maria Schmidt", "M####"),
            ("margarethe-schmidt", "m####"),
            ("anna-4711", "a####"),
            ("", "####"),
        ] {
            assert_eq!(masked(identity), want);
        }
    }

    #[test]
    fn a_room_that_is_a_place_keeps_its_name_and_no_other_does() {
        for (name, want) in [
            ("ICU-07", "ICU-07"),
            ("ER2", "ER2"),
            ("CONS_512", "CONS_512"),
            ("CONS-4711", "C####"),
            ("ANNA", "A####"),
            ("Anna-1", "A####"),
            ("visit-maria", "v####"),
            ("SURGERY-1", "S####"),
            ("ICU-07 Maria", "I####"),
            ("4711", "4####"),
            ("", "####"),
        ] {
            assert_eq!(masked_room(name), want, "{name}");
        }
    }

    #[test]
    fn spans_change_their_unit_at_the_boundary() {
        for (ms, want) in [
            (0, "0.0s"),
            (9_999, "9.9s"),
            (10_000, "10s"),
            (59_999, "59s"),
            (60_000, "01:00"),
            (3_600_000, "1h00"),
            (172_800_000, "2d"),
        ] {
            assert_eq!(span(ms), want);
        }
    }

    #[test]
    fn sentences_break_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("incomprehensible", 6), ["incom…"]);
        assert_eq!(wrap("", 6), [""]);
    }

    #[test]
    fn ids_are_known_by_their_end() {
        assert_eq!(short_id("RM_abcdefgh7F3A"), "RM-7F3A");
        assert_eq!(short_id("S-22B8"), "S-22B8");
        assert_eq!(last_four("ab"), "ab");
    }
}
