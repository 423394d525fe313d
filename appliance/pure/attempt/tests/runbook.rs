//! Whoever is told a cause finds its page.
#![allow(clippy::unwrap_used, reason = "tests")]

use ringward_attempt::Code;
use std::collections::BTreeSet;

/// The causes' part of the runbook, from its heading to the next.
fn causes() -> &'static str {
    let (_, rest) = include_str!("../../../docs/runbook.md")
        .split_once("\n## Causes\n")
        .unwrap();
    rest.split_once("\n## ").map_or(rest, |(causes, _)| causes)
}

#[test]
fn every_cause_has_its_page_and_every_page_its_cause() {
    let mut pages = BTreeSet::new();
    for page in causes().split("\n### ").skip(1) {
        let (code, text) = page.split_once('\n').unwrap();
        assert!(pages.insert(code), "{code} has two pages");
        assert!(text.trim().len() > 80, "{code} says nothing");
    }
    let codes: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(pages, codes);
}
