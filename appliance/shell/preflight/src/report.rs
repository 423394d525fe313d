//! The findings as a person reads them, and as a program does.

mod style;

pub use style::Style;

use crate::finding::{Code, Finding, Grade};
use serde::Serialize;
use std::fmt::Write;

/// Columns before the evidence.
const INDENT: usize = 22;

/// Where the package puts the runbook.
const PAGES: &str = "/usr/share/doc/ringward/runbook.md\n";

/// Everything found on one machine at one time.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The machine's name.
    pub host: String,
    /// The program's version.
    pub version: String,
    /// When, as RFC 3339 writes it.
    pub at: String,
    /// The profile that it was judged by.
    pub profile: String,
    /// In order of [`Code::ALL`].
    pub findings: Vec<Finding>,
}

impl Report {
    /// The worst of it; a report without findings passes.
    #[must_use]
    pub fn grade(&self) -> Grade {
        let grades = self.findings.iter().map(|finding| finding.grade);
        grades.max().unwrap_or(Grade::Pass)
    }

    /// For a terminal or a file.
    #[must_use]
    pub fn text(&self, style: &Style) -> String {
        let mut text = format!(
            "Ringward {} on {}, {}, profile {}\n\n",
            self.version, self.host, self.at, self.profile
        );
        let mut last = None;
        for finding in &self.findings {
            let is_first = last.replace(finding.code) != Some(finding.code);
            row(&mut text, finding, is_first, style);
        }
        let count = |grade| self.findings.iter().filter(|f| f.grade == grade).count();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "\n{} looked at: {} {}, {} {}, {} {}",
            self.findings.len(),
            count(Grade::Pass),
            style.paint(Grade::Pass, "pass"),
            count(Grade::Warn),
            style.paint(Grade::Warn, "warn"),
            count(Grade::Fail),
            style.paint(Grade::Fail, "fail"),
        );
        text.push_str(match self.grade() {
            Grade::Pass => "This machine is ready.\n",
            Grade::Warn => "A box works here; what is marked would make it better.\n",
            Grade::Fail => "Before what failed is mended, no box serves here.\n",
        });
        if self.grade() != Grade::Pass {
            text.push_str("Each word in capitals has its page in\n");
            text.push_str(PAGES);
        }
        text
    }

    /// One object.
    #[must_use]
    pub fn json(&self) -> String {
        // Numbers and texts: writing them cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// One finding: mark, word, evidence, and below it what to do.
fn row(text: &mut String, finding: &Finding, is_first: bool, style: &Style) {
    let (mark, word) = style.mark(finding.grade);
    let code = if is_first || finding.grade != Grade::Pass {
        finding.code.word()
    } else {
        ""
    };
    let lead = format!("  {mark} {word} ");
    let _ = write!(text, "{}{code:<13}", style.paint(finding.grade, &lead));
    let width = style.columns.saturating_sub(INDENT);
    wrapped(text, &finding.evidence, INDENT, width);
    if let Some(remedy) = &finding.remedy {
        let _ = write!(
            text,
            "{:INDENT$}{} ",
            "",
            style.paint(finding.grade, style.arrow())
        );
        let indent = INDENT + style.arrow().chars().count() + 1;
        wrapped(text, remedy, indent, style.columns.saturating_sub(indent));
    }
}

/// Breaks between words, except inside backquotes: a command stays whole. Later lines are indented.
fn wrapped(text: &mut String, words: &str, indent: usize, width: usize) {
    let mut column = 0;
    for piece in pieces(words) {
        let length = piece.chars().count();
        if column > 0 && column + 1 + length > width {
            let _ = write!(text, "\n{:indent$}", "");
            column = 0;
        }
        if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(piece);
        column += length;
    }
    text.push('\n');
}

/// Words; what stands in backquotes is one.
fn pieces(words: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = words.trim();
    while !rest.is_empty() {
        let mut quoted = false;
        let end = rest
            .find(|c| {
                quoted ^= c == '`';
                c == ' ' && !quoted
            })
            .unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after.trim_start();
    }
    pieces
}

/// Codes in the report's order, for whoever adds findings of their own.
impl Report {
    /// Sorts by [`Code::ALL`]; equal ones stay as they came.
    pub fn sort(&mut self) {
        self.findings
            .sort_by_key(|f| Code::ALL.iter().position(|code| *code == f.code));
    }
}

#[cfg(test)]
mod tests;
