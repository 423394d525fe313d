//! What the terminal can show.

use crate::finding::Grade;
use std::env;

/// Narrowest and widest text: below it nothing fits, beyond it eyes lose the line.
const COLUMNS: std::ops::RangeInclusive<usize> = 60..=120;

/// Columns where nobody says.
const USUAL: usize = 100;

/// How a report is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    /// With ANSI colours.
    pub colour: bool,
    /// With marks beyond ASCII.
    pub unicode: bool,
    /// Where lines break.
    pub columns: usize,
}

impl Style {
    /// For a file or a pipe.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            colour: false,
            unicode: false,
            columns: USUAL,
        }
    }

    /// By what the environment says (`NO_COLOR`, `TERM`, the locale); plain where the output is no
    /// terminal.
    #[must_use]
    pub fn of_terminal(is_terminal: bool, columns: Option<usize>) -> Self {
        let set = |name: &str| env::var(name).ok().filter(|text| !text.is_empty());
        Self::chosen(is_terminal, columns, &set)
    }

    fn chosen(
        is_terminal: bool,
        columns: Option<usize>,
        set: &dyn Fn(&str) -> Option<String>,
    ) -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
        let term = set("TERM").unwrap_or_default();
        let locale = locale.unwrap_or_default().to_lowercase();
        Self {
            colour: is_terminal && set("NO_COLOR").is_none() && term != "dumb",
            unicode: (locale.ends_with("utf-8") || locale.ends_with("utf8")) && term != "linux",
            columns: columns
                .unwrap_or(USUAL)
                .clamp(*COLUMNS.start(), *COLUMNS.end()),
        }
    }

    /// A mark and a word: colour alone says nothing to one man in twelve.
    pub(super) fn mark(&self, grade: Grade) -> (&'static str, &'static str) {
        match (grade, self.unicode) {
            (Grade::Pass, true) => ("✔", "PASS"),
            (Grade::Warn, true) => ("▲", "WARN"),
            (Grade::Fail, true) => ("✘", "FAIL"),
            (Grade::Pass, false) => (" ", "PASS"),
            (Grade::Warn, false) => ("!", "WARN"),
            (Grade::Fail, false) => ("X", "FAIL"),
        }
    }

    pub(super) fn arrow(&self) -> &'static str {
        if self.unicode { "→" } else { "->" }
    }

    pub(super) fn paint(&self, grade: Grade, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let colour = match grade {
            Grade::Pass => "32",
            Grade::Warn => "33",
            Grade::Fail => "1;31",
        };
        format!("\x1b[{colour}m{text}\x1b[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_chooses() {
        for (name, is_terminal, set, colour, unicode) in [
            (
                "a terminal",
                true,
                &[("LANG", "de_DE.UTF-8"), ("TERM", "xterm")][..],
                true,
                true,
            ),
            (
                "NO_COLOR",
                true,
                &[("LANG", "C.utf8"), ("NO_COLOR", "1")],
                false,
                true,
            ),
            ("a pipe", false, &[("LANG", "en_US.UTF-8")], false, true),
            ("the C locale", true, &[("LANG", "C")], true, false),
            (
                "LC_ALL wins",
                true,
                &[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")],
                true,
                false,
            ),
            (
                "a text console",
                true,
                &[("LANG", "en_US.UTF-8"), ("TERM", "linux")],
                true,
                false,
            ),
            ("a dumb one", true, &[("TERM", "dumb")], false, false),
        ] {
            let asked = |wanted: &str| {
                let found = set.iter().find(|(name, _)| *name == wanted);
                found.map(|(_, value)| (*value).to_owned())
            };
            let style = Style::chosen(is_terminal, None, &asked);
            assert_eq!((style.colour, style.unicode), (colour, unicode), "{name}");
        }
    }
}
