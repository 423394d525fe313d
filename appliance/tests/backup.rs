//! Backups of the whole process under load, and data folders of released boxes.
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
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tempfile::TempDir;

/// Rooms that are made before, and at least while, a backup is taken.
const ROOMS: u64 = 200;

/// Makes a room by LiveKit's server API; true when the box says that it is made, which is when it
/// is on disk.
fn create_room(port: u16, token: &str, name: &str) -> bool {
    let body = format!("{{\"name\":\"{name}\"}}");
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let sent = write!(
        stream,
        "POST /twirp/livekit.RoomService/CreateRoom HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         \r\n{body}",
        body.len()
    );
    let mut answer = String::new();
    sent.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}

fn token() -> String {
    let (status, token) = ended(ringward().args([
        "token",
        "create",
        "--room",
        "any",
        "--identity",
        "load",
        "--admin",
    ]));
    assert!(status.success(), "{token}");
    token.trim().to_owned()
}

/// What a command about the running box says.
fn asked(daemon: &Daemon, words: &[&str]) -> String {
    let mut command = ringward();
    command.args(words).arg("--data").arg(daemon.data());
    let (status, shown) = ended(&mut command);
    assert!(status.success(), "{words:?}: {shown}");
    shown
}

/// The names of rooms whose making a folder's journal holds.
fn made(data: &Path) -> std::collections::HashSet<String> {
    let (status, lines) = ended(ringward().args(["store", "export", "--data"]).arg(data));
    assert!(status.success(), "{lines}");
    let names = lines.lines().filter_map(|line| {
        let event: serde_json::Value = serde_json::from_str(line).ok()?;
        event["event"]["room_name"].as_str().map(str::to_owned)
    });
    names.collect()
}

#[test]
fn a_backup_under_load_survives_the_kill_of_its_box() {
    let mut daemon = Daemon::start(&[]);
    let (port, token) = (daemon.port(), token());
    for n in 0..ROOMS {
        assert!(create_room(port, &token, &format!("before-{n}")));
    }
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let (stop, made_meanwhile) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0.. {
                if stop.load(Ordering::Relaxed) || !create_room(port, &token, &format!("while-{n}"))
                {
                    break;
                }
                made_meanwhile.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut backup = ringward();
        backup
            .arg("backup")
            .arg(&copy)
            .arg("--data")
            .arg(daemon.data());
        let (status, shown) = ended(&mut backup);
        // The load goes on when the box is killed.
        daemon.signal("KILL");
        stop.store(true, Ordering::Relaxed);
        assert!(status.success(), "{shown}");
        assert!(shown.contains("whole and chained"), "{shown}");
    });
    daemon.wait();
    assert!(
        made_meanwhile.load(Ordering::Relaxed) > 0,
        "there was no load"
    );

    let again = folder.path().join("again");
    let mut restore = ringward();
    restore.arg("restore").arg(&copy).arg("--data").arg(&again);
    let (status, shown) = ended(&mut restore);
    assert!(status.success(), "{shown}");
    let restored = made(&again);
    for n in 0..ROOMS {
        assert!(
            restored.contains(&format!("before-{n}")),
            "before-{n} is lost"
        );
    }
    let (status, shown) = ended(ringward().args(["store", "verify", "--data"]).arg(&again));
    assert!(status.success(), "{shown}");
    // A box runs on it.
    let moved = TempDir::new_in(folder.path()).unwrap();
    std::fs::remove_dir(moved.path()).unwrap();
    std::fs::rename(&again, moved.path()).unwrap();
    let daemon = Daemon::by(ringward(), moved, &[]);
    assert!(daemon.get("/readyz").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_restore_over_a_box_is_refused_with_what_to_do() {
    let daemon = Daemon::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let mut backup = ringward();
    backup
        .arg("backup")
        .arg(&copy)
        .arg("--data")
        .arg(daemon.data());
    assert!(ended(&mut backup).0.success());
    let mut restore = ringward();
    restore
        .arg("restore")
        .arg(&copy)
        .arg("--data")
        .arg(daemon.data());
    let (status, shown) = ended(&mut restore);
    assert!(!status.success());
    assert!(
        shown.contains("is not empty") && shown.contains("another folder"),
        "{shown}"
    );
    assert!(daemon.get("/readyz").starts_with("HTTP/1.1 200"));
}

#[test]
fn the_data_of_every_released_box_is_opened_and_kept() {
    let released = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut folders = 0;
    for entry in std::fs::read_dir(&released).unwrap() {
        let version = entry.unwrap().path();
        if !version.is_dir() {
            continue;
        }
        let name = version.display().to_string();
        folders += 1;
        let data = tempfile::tempdir().unwrap();
        let mut copy = Command::new("cp");
        copy.arg("-a").arg(version.join(".")).arg(data.path());
        assert!(copy.status().unwrap().success());
        // A repository keeps no modes; a data folder is its box's own.
        let mut closed = Command::new("chmod");
        closed.args(["-R", "go="]).arg(data.path());
        assert!(closed.status().unwrap().success());
        let before = made(data.path());
        assert!(
            before.contains("kept-1") && before.contains("kept-2"),
            "{name}"
        );
        let mut daemon = Daemon::by(ringward(), data, &[]);
        assert!(daemon.get("/readyz").starts_with("HTTP/1.1 200"), "{name}");
        assert!(create_room(daemon.port(), &token(), "new"), "{name}");
        let audited = asked(&daemon, &["audit"]);
        for done in ["account_add_operator", "undrain"] {
            assert!(audited.contains(done), "{name}: no {done} in {audited}");
        }
        let accounts = asked(&daemon, &["account", "list"]);
        assert!(accounts.contains("night"), "{name}: {accounts}");
        daemon.signal("TERM");
        assert!(daemon.wait().success());
        let (status, shown) = ended(
            ringward()
                .args(["store", "verify", "--data"])
                .arg(daemon.data()),
        );
        assert!(status.success(), "{name}: {shown}");
        let after = made(daemon.data());
        assert!(
            after.is_superset(&before) && after.contains("new"),
            "{name}"
        );
    }
    assert!(folders > 0, "no released data");
}
