//! Text that came from outside: what may be shown, what must not be logged.

use std::fmt;

/// Longest text shown to a person, in characters; longer ones end in `…`.
pub const MAX_DISPLAY_CHARS: usize = 120;

/// Text made safe for a terminal, a log line or a page: no control character, no
/// bidirectional override, no zero-width character, bounded length (RFC 9839 gives the classes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayText(String);

impl DisplayText {
    /// Sanitises `raw`; forbidden characters become `�`, the length is bounded.
    pub fn new(raw: &str) -> Self {
        Self::up_to(MAX_DISPLAY_CHARS, raw)
    }

    /// The same for sentences, which may be longer than a name: at most `max` characters.
    pub fn up_to(max: usize, raw: &str) -> Self {
        let mut shown: String = raw
            .chars()
            .take(max)
            .map(|c| if is_forbidden(c) { '\u{FFFD}' } else { c })
            .collect();
        if raw.chars().nth(max).is_some() {
            shown.push('…');
        }
        Self(shown)
    }

    /// The safe text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DisplayText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Controls, C1, zero-width, bidirectional marks and overrides, line and paragraph separators,
/// combining marks that stack without limit, noncharacters.
fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{0300}'..='\u{036F}' | '\u{061C}' | '\u{115F}' | '\u{1160}'
            | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180E}'
            | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{20D0}'..='\u{20FF}' | '\u{FE00}'..='\u{FE0F}' | '\u{FE20}'..='\u{FE2F}'
            | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{FFFE}' | '\u{FFFF}'
            | '\u{E0000}'..='\u{E0FFF}')
}

/// A value that is personal or secret: it can be used, but `Debug` and `Display` hide it.
#[derive(Clone, PartialEq, Eq)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Hides `value` from logs.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one place that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hostile_names_lose_what_a_terminal_would_obey() {
        for (name, raw, want) in [
            ("an escape sequence", "a\u{1b}[2Jb", "a\u{FFFD}[2Jb"),
            (
                "a right-to-left override",
                "abc\u{202E}def",
                "abc\u{FFFD}def",
            ),
            ("a C1 control", "x\u{9b}31m", "x\u{FFFD}31m"),
            ("plain accents", "Zoé Müller", "Zoé Müller"),
        ] {
            assert_eq!(DisplayText::new(raw).as_str(), want, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_forbidden_character_survives(raw in ".{0,300}") {
            let shown = DisplayText::new(&raw);
            prop_assert!(!shown.as_str().chars().any(is_forbidden));
            prop_assert!(shown.as_str().chars().count() <= MAX_DISPLAY_CHARS + 1);
        }
    }

    #[test]
    fn redacted_values_do_not_print() {
        assert_eq!(
            format!("{:?} {}", Redacted::new("s"), Redacted::new(1)),
            "[redacted] [redacted]"
        );
    }
}
