//! Signed heads of the audit journal, from the box's log to a verification elsewhere.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "tests"
)]

#[path = "support/daemon.rs"]
mod daemon;

use daemon::{Daemon, ended, ringward};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Until a head is there; each takes a process.
const MOST_QUESTIONS: usize = 500;

/// A box that did something and was stopped, with what it told others.
struct Past {
    data: TempDir,
    log: PathBuf,
    key: String,
    _elsewhere: TempDir,
}

fn past() -> Past {
    let elsewhere = tempfile::tempdir().unwrap();
    let log = elsewhere.path().join("log");
    let mut program = Command::new("sh");
    program
        .args(["-c", "log=$1; shift; exec \"$@\" 2>\"$log\"", "sh"])
        .arg(&log)
        .arg(env!("CARGO_BIN_EXE_ringward"));
    let mut daemon = Daemon::by(program, tempfile::tempdir().unwrap(), &[]);
    asked(&daemon, &["undrain"]);
    let key = asked(&daemon, &["audit", "key"]);
    daemon.signal("TERM");
    assert!(daemon.wait().success());
    Past {
        data: daemon.into_data(),
        log,
        key,
        _elsewhere: elsewhere,
    }
}

fn asked(daemon: &Daemon, words: &[&str]) -> String {
    let (status, shown) = ended(ringward().args(words).arg("--data").arg(daemon.data()));
    assert!(status.success(), "{words:?}: {shown}");
    shown
}

/// What `store verify` says, and whether it found nothing.
fn verify(data: &Path, heads: &Path, key: &str) -> (bool, String) {
    let mut command = ringward();
    command.args(["store", "verify", "--data"]).arg(data);
    command.arg("--heads").arg(heads).args(["--key", key]);
    let (status, shown) = ended(&mut command);
    (status.success(), shown)
}

#[test]
fn a_box_made_anew_is_found_by_the_log_that_another_machine_kept() {
    let (real, forged) = (past(), past());
    let (whole, shown) = verify(real.data.path(), &real.log, &real.key);
    assert!(whole, "{shown}");
    assert!(shown.contains("each of an entry that is there"), "{shown}");

    // Somebody put another history in its place: its own files agree with each other.
    let own = forged.data.path().join("audit.heads");
    assert!(verify(forged.data.path(), &own, &forged.key).0);
    let (whole, shown) = verify(forged.data.path(), &real.log, &real.key);
    assert!(!whole && shown.contains("whose head was signed"), "{shown}");
    let (whole, shown) = verify(forged.data.path(), &own, &real.key);
    assert!(!whole && shown.contains("line 1"), "{shown}");
}

#[test]
fn a_restart_signs_what_a_kill_left_unsigned_and_shows_it() {
    let mut daemon = Daemon::start(&[]);
    asked(&daemon, &["undrain"]);
    daemon.signal("KILL");
    daemon.wait();
    let daemon = daemon.again();
    // The first head is signed right after the start; nobody says when.
    let ask = |words: &[&str]| Some(asked(&daemon, words)).filter(|shown| !shown.is_empty());
    let asking = std::iter::repeat_with(|| ask(&["audit", "heads"]));
    let heads = asking.take(MOST_QUESTIONS).flatten().next().unwrap();
    let parts: Vec<&str> = heads.lines().next().unwrap().split(':').collect();
    assert_eq!((parts[0], parts.len()), ("ringward-head-v1", 6), "{heads}");
    assert!(parts[2].parse::<u64>().unwrap() >= 2, "{heads}");
    let json = ask(&["audit", "heads", "--json"]).unwrap();
    assert!(json.contains(parts[5]), "{json}");
}

#[test]
fn the_key_is_the_boxs_own_and_never_in_its_log() {
    let past = past();
    let path = past.data.path().join("audit-key.pem");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = fs::read_to_string(&path).unwrap();
    let inside = key.lines().nth(1).unwrap();
    assert!(!fs::read_to_string(&past.log).unwrap().contains(inside));

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let mut serve = ringward();
    serve.args(["serve", "--data"]).arg(past.data.path());
    serve.args([
        "--http",
        "127.0.0.1:0",
        "--udp-port",
        &daemon::free_port().to_string(),
    ]);
    let (status, shown) = ended(&mut serve);
    assert!(!status.success());
    assert!(shown.contains("chmod 600"), "{shown}");
}
