#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;

fn report() -> Report {
    Report {
        host: "box-7".to_owned(),
        version: "0.1.0".to_owned(),
        at: "2026-11-27T10:06:00Z".to_owned(),
        profile: "rack".to_owned(),
        findings: vec![
            Finding::pass(Code::Kernel, "Linux 6.1.0-28-amd64"),
            Finding::warn(
                Code::Sysctl,
                "net.core.rmem_max = 212992, wanted at least 8388608: a second of one full core",
                "`ringward check --apply`, or `sysctl -w net.core.rmem_max=8388608`",
            ),
            Finding::pass(Code::Port, "udp 10.0.0.5:7882 is free"),
            Finding::pass(Code::Port, "udp 10.0.0.5:7883 is free"),
            Finding::fail(
                Code::Port,
                "tcp 0.0.0.0:443 is held by apache2 (process 812)",
                "stop apache2, or choose another port with https = in the settings",
            ),
        ],
    }
}

#[test]
fn a_report_reads_well_in_a_terminal() {
    let style = Style {
        colour: false,
        unicode: true,
        columns: 80,
    };
    insta::assert_snapshot!(report().text(&style));
}

#[test]
fn a_report_without_colour_and_unicode_says_the_same() {
    let style = Style {
        columns: 60,
        ..Style::plain()
    };
    let text = report().text(&style);
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn no_line_is_longer_than_the_terminal_but_a_commands() {
    for columns in [60, 80, 120] {
        let style = Style {
            columns,
            ..Style::plain()
        };
        for line in report().text(&style).lines().filter(|l| !l.contains('`')) {
            assert!(line.chars().count() <= columns, "{columns}: {line}");
        }
    }
}

#[test]
fn the_worst_grade_is_the_reports() {
    let mut report = report();
    assert_eq!(report.grade(), Grade::Fail);
    report.findings.retain(|f| f.grade != Grade::Fail);
    assert_eq!(report.grade(), Grade::Warn);
    report.findings.clear();
    assert_eq!(report.grade(), Grade::Pass);
}

#[test]
fn programs_read_the_same_as_people() {
    let read: serde_json::Value = serde_json::from_str(&report().json()).unwrap();
    assert_eq!(read["findings"][1]["code"], "SYSCTL");
    assert_eq!(read["findings"][1]["grade"], "WARN");
    assert!(read["findings"][0].get("remedy").is_none());
}

#[test]
fn a_command_is_never_broken() {
    assert_eq!(
        pieces("run `a b c`, then go"),
        ["run", "`a b c`,", "then", "go"]
    );
    assert_eq!(pieces("an `open one"), ["an", "`open one"]);
}
