//! Where a wrong value stands: file, line, column, the line itself.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Why the settings cannot be used. `Display` is the whole message for the person who typed them.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("{path}: {cause}; give a readable file with --config", path = .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A wrong value in the file.
    #[error("{0}")]
    Wrong(Place),
    /// A wrong value on the command line.
    #[error("--{flag}: {message}")]
    Flag {
        /// Without dashes.
        flag: &'static str,
        /// What is wrong and what would be right.
        message: String,
    },
}

/// A place in the settings file and what is wrong there.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    line: usize,
    column: usize,
    text: String,
    width: usize,
    message: String,
}

impl Place {
    /// The place of the bytes `span` in `text`.
    pub(crate) fn new(path: &Path, text: &str, span: Range<usize>, message: String) -> Self {
        let start = span.start.min(text.len());
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line_text = text
            .get(line_start..)
            .unwrap_or_default()
            .lines()
            .next()
            .unwrap_or_default();
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        let width = span
            .end
            .saturating_sub(span.start)
            .clamp(1, line_text.len().max(1));
        Self {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column,
            text: line_text.to_owned(),
            width,
            message,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gutter = " ".repeat(self.line.to_string().len());
        writeln!(
            f,
            "{}:{}:{}: {}",
            self.path.display(),
            self.line,
            self.column,
            self.message
        )?;
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{} | {}", self.line, self.text)?;
        write!(
            f,
            "{gutter} | {}{}",
            " ".repeat(self.column - 1),
            "^".repeat(self.width)
        )
    }
}
