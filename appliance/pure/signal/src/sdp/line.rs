//! One line of a session description, kept as it came.

use std::fmt;

/// A line and how it ended, so that printing gives back every byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    text: String,
    ending: Ending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    CrLf,
    Lf,
    /// The last line of a text that does not end in a line end.
    None,
}

impl Line {
    /// Reads a line with its ending. An empty line is kept; any other is `x=…` without control
    /// characters except a tab.
    pub(super) fn read(raw: &str) -> Option<Self> {
        let (text, ending) = if let Some(text) = raw.strip_suffix("\r\n") {
            (text, Ending::CrLf)
        } else if let Some(text) = raw.strip_suffix('\n') {
            (text, Ending::Lf)
        } else {
            (raw, Ending::None)
        };
        let well_formed = text.is_empty()
            || matches!(text.as_bytes(), [kind, b'=', ..] if kind.is_ascii_lowercase());
        let clean = text
            .bytes()
            .all(|byte| byte == b'\t' || !byte.is_ascii_control());
        (well_formed && clean).then(|| Self {
            text: text.to_owned(),
            ending,
        })
    }

    /// A new line; RFC 8866 ends lines with CRLF.
    pub(super) fn new(text: String) -> Self {
        Self {
            text,
            ending: Ending::CrLf,
        }
    }

    /// The line without its ending.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Replaces the text, keeps the ending.
    pub(super) fn set_text(&mut self, text: String) {
        self.text = text;
    }

    /// Gives a line that ended the text an ending, so that another can follow.
    pub(super) fn close(&mut self) {
        if self.ending == Ending::None {
            self.ending = Ending::CrLf;
        }
    }

    /// The letter before `=`; `None` for an empty line.
    pub(super) fn kind(&self) -> Option<char> {
        self.text.chars().next()
    }

    /// What follows `x=` if the letter is `kind`.
    pub(super) fn value(&self, kind: char) -> Option<&str> {
        self.text.strip_prefix(kind)?.strip_prefix('=')
    }

    /// The value of `a=name:value`, `""` for the flag `a=name`, `None` for another line.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let rest = self.value('a')?.strip_prefix(name)?;
        if rest.is_empty() {
            Some(rest)
        } else {
            rest.strip_prefix(':')
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        f.write_str(match self.ending {
            Ending::CrLf => "\r\n",
            Ending::Lf => "\n",
            Ending::None => "",
        })
    }
}
