//! Lists what has grown long, for a reader to judge. Fails nothing.

use crate::root;
use anyhow::{Context, Result};
use std::path::Path;
use std::process::Command;

/// A file over this is usually two nouns.
const LONG_FILE: usize = 500;
/// A function over this should show at once why.
const LONG_FUNCTION: usize = 60;

/// Prints long files, long functions and the medians.
pub(crate) fn run() -> Result<()> {
    let mut files = Vec::new();
    let mut functions = Vec::new();
    for path in tracked()? {
        let text = std::fs::read_to_string(root().join(&path)).unwrap_or_default();
        files.push((text.lines().count(), path.clone()));
        functions.extend(
            lengths(&text)
                .into_iter()
                .map(|(n, name)| (n, format!("{path}: {name}"))),
        );
    }
    report("files", &mut files, LONG_FILE);
    report("functions", &mut functions, LONG_FUNCTION);
    Ok(())
}

fn tracked() -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "*.rs"])
        .current_dir(root())
        .output()
        .context("git ls-files could not be started")?;
    let is_test = |path: &str| path.contains("/tests/") || path.ends_with("tests.rs");
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|path| !is_test(path) && Path::new(path).extension().is_some())
        .map(str::to_owned)
        .collect())
}

/// Lengths of functions by indentation: rustfmt closes a function at the column it opened.
fn lengths(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let Some(rest) = trimmed.split("fn ").nth(1) else {
            continue;
        };
        if trimmed.starts_with("//") || !is_signature(trimmed) {
            continue;
        }
        let close = format!("{}}}", " ".repeat(line.len() - trimmed.len()));
        let length = lines.iter().skip(at).position(|l| *l == close).unwrap_or(0) + 1;
        let name = rest.split(['(', '<']).next().unwrap_or_default();
        found.push((length, name.to_owned()));
    }
    found
}

fn is_signature(line: &str) -> bool {
    ["fn ", "pub ", "pub(crate) ", "async ", "const ", "unsafe "]
        .iter()
        .any(|s| line.starts_with(s))
}

fn report(what: &str, rows: &mut [(usize, String)], long: usize) {
    rows.sort();
    let median = rows.get(rows.len() / 2).map_or(0, |(length, _)| *length);
    println!("{what}: {}, median {median} lines", rows.len());
    for (length, name) in rows.iter().rev().take_while(|(length, _)| *length > long) {
        println!("  {length:5}  {name}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_measured_from_its_name_to_its_brace() {
        let text = "fn one() {\n    1;\n}\n\nimpl X {\n    pub fn two() {\n    }\n}\n";
        assert_eq!(
            lengths(text),
            [(3, "one".to_owned()), (2, "two".to_owned())]
        );
    }
}
