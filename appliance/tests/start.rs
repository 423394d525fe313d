//! The whole process: how it starts, what it says when it cannot, how it stops.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "tests"
)]

#[path = "support/daemon.rs"]
mod daemon;

use daemon::{Daemon, LIMIT, ended, free_port, ringward};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

#[test]
fn a_started_box_says_where_it_is_and_answers_there() {
    let daemon = Daemon::start(&[]);
    let banner = daemon.banner();
    for want in [
        "development mode",
        &daemon.url(),
        "devkey",
        "secret",
        "workers",
        "token create",
    ] {
        assert!(banner.contains(want), "no {want:?} in\n{banner}");
    }
    assert!(daemon.get("/healthz").starts_with("HTTP/1.1 200"));
    assert!(daemon.get("/readyz").starts_with("HTTP/1.1 200"));
    assert!(daemon.get("/metrics").contains("ringward_worker_rooms"));
    assert!(daemon.get("/").ends_with("OK"));
}

#[test]
fn both_backends_say_which_they_are_and_why() {
    let daemon = Daemon::start(&["--net", "portable"]);
    assert!(
        daemon.banner().contains("epoll: chosen by configuration"),
        "{}",
        daemon.banner()
    );
}

#[test]
fn either_signal_ends_it_cleanly_within_two_seconds() {
    for signal in ["INT", "TERM"] {
        let mut daemon = Daemon::start(&[]);
        let began = Instant::now();
        daemon.signal(signal);
        let status = daemon.wait();
        assert!(status.success(), "SIG{signal}: {status}");
        assert!(
            began.elapsed() < LIMIT,
            "SIG{signal} took {:?}",
            began.elapsed()
        );
    }
}

#[test]
fn what_prevents_the_start_is_said_in_one_sentence_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken_tcp = tcp.local_addr().unwrap().to_string();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken_udp = udp.local_addr().unwrap().port().to_string();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    let config = folder.path().join("ringward.toml");
    std::fs::write(&config, "development = true\nworkers = 0\n").unwrap();
    let (http, udp_port) = (
        format!("127.0.0.1:{}", free_port()),
        free_port().to_string(),
    );
    for (name, arguments, wants) in [
        (
            "a taken HTTP port",
            vec!["--data", data, "--http", &taken_tcp],
            vec![&*taken_tcp, "--http"],
        ),
        (
            "a taken UDP port",
            vec!["--data", data, "--http", &http, "--udp-port", &taken_udp],
            vec![&*taken_udp, "port"],
        ),
        (
            "a data folder that is a file",
            vec![
                "--data",
                file.to_str().unwrap(),
                "--http",
                &http,
                "--udp-port",
                &udp_port,
            ],
            vec!["a-file"],
        ),
        (
            "a wrong value in the file",
            vec!["--config", config.to_str().unwrap()],
            vec!["ringward.toml:2:11", "from 1 to 64"],
        ),
        (
            "a missing file",
            vec!["--config", "/nonexistent.toml"],
            vec!["/nonexistent.toml"],
        ),
        (
            "an address of another machine",
            vec!["--data", data, "--http", "192.0.2.77:1"],
            vec!["--http"],
        ),
    ] {
        let began = Instant::now();
        let (status, shown) = ended(ringward().arg("serve").args(&arguments));
        assert!(!status.success(), "{name} was accepted");
        assert!(began.elapsed() < LIMIT, "{name} took {:?}", began.elapsed());
        for want in wants {
            assert!(shown.contains(want), "{name}: no {want:?} in\n{shown}");
        }
        assert!(
            !shown.contains("stack backtrace") && !shown.contains("panicked"),
            "{name}:\n{shown}"
        );
    }
}

#[test]
fn two_boxes_do_not_share_a_data_folder() {
    let first = Daemon::start(&[]);
    let data = first.data().to_str().unwrap().to_owned();
    let http = format!("127.0.0.1:{}", free_port());
    let port = free_port().to_string();
    let (status, shown) = ended(ringward().args([
        "serve",
        "--data",
        &data,
        "--http",
        &http,
        "--udp-port",
        &port,
    ]));
    assert!(!status.success(), "{shown}");
    assert!(shown.contains(&data), "{shown}");
}

#[test]
fn only_the_owner_may_open_the_admin_socket() {
    let daemon = Daemon::start(&[]);
    let mode = std::fs::metadata(daemon.data().join("admin.sock"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_commands_read_the_running_box() {
    let daemon = Daemon::start(&[]);
    let data = daemon.data().to_str().unwrap();
    let (status, rooms) = ended(ringward().args(["rooms", "--json", "--data", data]));
    assert!(status.success() && rooms.is_empty(), "{rooms}");
    let (status, shown) = ended(ringward().args(["rooms", "--data", data]));
    assert!(status.success() && shown.contains("ROOM"), "{shown}");
    let (status, events) = ended(ringward().args(["events", "--json", "--data", data]));
    assert!(status.success() && events.is_empty(), "{events}");
    let (status, shown) = ended(ringward().args(["events", "--type", "no_such", "--data", data]));
    assert!(!status.success() && shown.contains("type"), "{shown}");
}

#[test]
fn a_command_without_a_box_says_how_to_find_one() {
    let (status, shown) = ended(ringward().args(["rooms", "--data", "/nonexistent"]));
    assert!(!status.success());
    assert!(
        shown.contains("/nonexistent/admin.sock") && shown.contains("--socket"),
        "{shown}"
    );
}

#[test]
fn a_minted_token_opens_the_box_that_knows_its_key() {
    let daemon = Daemon::start(&[]);
    let (status, token) =
        ended(ringward().args(["token", "create", "--room", "ward", "--identity", "nurse"]));
    assert!(status.success(), "{token}");
    let path = format!("/rtc/validate?access_token={}", token.trim());
    let answer = daemon.get(&path);
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("success"),
        "{answer}"
    );
    assert!(
        daemon
            .get("/rtc/validate?access_token=wrong")
            .starts_with("HTTP/1.1 401")
    );
}

#[test]
fn a_killed_box_starts_again_with_the_same_data() {
    let mut daemon = Daemon::start(&[]);
    daemon.signal("KILL");
    daemon.wait();
    let again = daemon.again();
    assert!(again.get("/readyz").starts_with("HTTP/1.1 200"));
}
