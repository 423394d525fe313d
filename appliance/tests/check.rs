//! `ringward check` on the machine that runs the tests: real probes, real faults.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "tests"
)]

#[path = "support/daemon.rs"]
mod daemon;

use daemon::{Daemon, free_port, ringward};
use preflight::Code;
use serde_json::Value;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;

/// Settings of a box on loopback ports of its own.
fn settings(folder: &Path, http: u16, more: &str) -> String {
    let file = folder.join("ringward.toml");
    let text = format!(
        "development = true\nhttp = \"127.0.0.1:{http}\"\nudp-port = {}\nworkers = 1\n\
         data = \"{}\"\n{more}",
        free_port(),
        folder.join("data").display(),
    );
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

fn check(arguments: &[&str]) -> Output {
    ringward().arg("check").args(arguments).output().unwrap()
}

/// The findings of one code: grade, evidence, remedy.
fn findings(output: &Output, code: Code) -> Vec<(String, String, String)> {
    let report: Value = serde_json::from_slice(&output.stdout).expect("no JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = report["findings"].as_array().unwrap();
    all.iter()
        .filter(|finding| finding["code"] == code.word())
        .map(|f| (text(&f["grade"]), text(&f["evidence"]), text(&f["remedy"])))
        .collect()
}

#[test]
fn every_check_has_its_page_in_the_runbook() {
    let runbook = include_str!("../docs/runbook.md");
    let checks = runbook
        .split("\n## ")
        .find(|part| part.starts_with("Checks\n"));
    let checks = checks.expect("no section Checks");
    for code in Code::ALL {
        let heading = format!("\n### {}\n", code.word());
        assert!(checks.contains(&heading), "no page for {}", code.word());
    }
}

#[test]
fn everything_is_looked_at_and_the_exit_code_is_the_worst() {
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path(), free_port(), "");
    let output = check(&["--json", "--config", &config]);
    for code in Code::ALL {
        // A box without TLS has no certificate; a machine may show no sysctl.
        if code != Code::Certificate {
            assert!(!findings(&output, code).is_empty(), "no {}", code.word());
        }
    }
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let grades: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| &f["grade"])
        .collect();
    let has = |grade: &str| grades.iter().any(|g| *g == grade);
    let worst = if has("FAIL") {
        2
    } else {
        i32::from(has("WARN"))
    };
    assert_eq!(output.status.code(), Some(worst));
}

#[test]
fn a_port_that_another_program_holds_fails_and_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = settings(folder.path(), other.local_addr().unwrap().port(), "");
    let output = check(&["--json", "--config", &config]);
    assert_eq!(output.status.code(), Some(2));
    let ports = findings(&output, Code::Port);
    let (_, evidence, remedy) = ports.iter().find(|(grade, ..)| grade == "FAIL").unwrap();
    assert!(
        evidence.contains(&std::process::id().to_string()),
        "{evidence}"
    );
    assert!(remedy.contains("http ="), "{remedy}");
}

#[test]
fn a_port_that_a_box_holds_is_as_it_should_be() {
    let daemon = Daemon::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path(), daemon.port(), "");
    let output = check(&["--json", "--config", &config]);
    let ports = findings(&output, Code::Port);
    let held = ports
        .iter()
        .find(|(_, evidence, _)| evidence.contains("held by ringward"));
    assert_eq!(held.expect("not seen").0, "PASS");
}

#[test]
fn wrong_settings_are_shown_where_they_stand_and_the_rest_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path(), free_port(), "colour = \"red\"\n");
    let output = check(&["--json", "--config", &config]);
    assert_eq!(output.status.code(), Some(2));
    let (grade, evidence, _) = findings(&output, Code::Settings).remove(0);
    assert_eq!(grade, "FAIL");
    assert!(evidence.contains("ringward.toml:6:1"), "{evidence}");
    assert!(!findings(&output, Code::Kernel).is_empty());
}

#[test]
fn a_report_is_kept_for_people_and_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path(), free_port(), "");
    let kept = folder.path().join("report");
    let output = check(&["--config", &config, "--report", kept.to_str().unwrap()]);
    let text = std::fs::read_to_string(&kept).unwrap();
    assert!(text.is_ascii() && text.contains("KERNEL"), "{text}");
    let json = std::fs::read(folder.path().join("report.json")).unwrap();
    assert!(serde_json::from_slice::<Value>(&json).unwrap()["findings"].is_array());
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        shown.contains("KERNEL") && !shown.contains('\u{1b}'),
        "{shown}"
    );
}

#[test]
fn what_the_profile_wants_is_written_below_a_folder_and_said() {
    let root: TempDir = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path(), free_port(), "profile = \"rack\"\n");
    let at = root.path().to_str().unwrap();
    let arguments = ["--config", &*config, "--apply", "--root", at];
    let first = String::from_utf8(check(&arguments).stdout).unwrap();
    let second = String::from_utf8(check(&arguments).stdout).unwrap();
    assert_eq!(first.matches("written").count(), 2, "{first}");
    assert_eq!(second.matches("unchanged").count(), 2, "{second}");
    assert!(root.path().join("etc/sysctl.d/60-ringward.conf").exists());
}
