//! Every alarm has its page, and the page says what the table says.

use ringward_alarm::{Code, Priority};
use std::time::Duration;

const RUNBOOK: &str = include_str!("../../../docs/runbook.md");

/// The page of that name: from its heading to the next.
fn page(name: &str) -> Option<&'static str> {
    let heading = format!("### {name}\n");
    let (_, page) = RUNBOOK.split_once(&heading)?;
    page.split("\n## ").next()?.split("\n### ").next()
}

fn time(allowed: Duration) -> String {
    let minutes = allowed.as_secs() / 60;
    match minutes {
        0..60 => format!("{minutes} min"),
        60..1_440 => format!("{} h", minutes / 60),
        1_440 => "1 day".to_owned(),
        _ => format!("{} days", minutes / 1_440),
    }
}

#[test]
fn every_alarm_has_a_page_that_says_how_urgent_it_is() {
    for code in Code::ALL {
        let definition = code.definition();
        let name = definition.name;
        let page = page(name);
        assert!(page.is_some(), "docs/runbook.md has no page `### {name}`");
        let page = page.unwrap_or_default();
        let mark = match definition.priority {
            Priority::High => "***",
            Priority::Medium => "**",
            Priority::Low => "*",
        };
        let head = format!("\n`{mark}`, act within {}.", time(definition.time_allowed));
        assert!(
            page.starts_with(&head),
            "{name}: its page begins otherwise than {head:?}"
        );
        for part in ["Seen when", "Then", "Do"] {
            assert!(
                page.contains(&format!("\n- {part}: ")),
                "{name}: its page lacks {part:?}"
            );
        }
    }
}

#[test]
fn no_page_is_about_an_alarm_that_is_none() {
    let alarms = RUNBOOK.split("\n## Alarms\n").nth(1).unwrap_or_default();
    let alarms = alarms.split("\n## ").next().unwrap_or_default();
    for heading in alarms.lines().filter_map(|line| line.strip_prefix("### ")) {
        assert!(Code::from_name(heading).is_some(), "{heading}");
    }
}
