//! The whole process when descriptors run out (`reliability.md` §3): clients cannot take those
//! the box needs, and the kernel's refusal ends nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "tests"
)]

#[path = "support/daemon.rs"]
mod daemon;
#[path = "support/websocket.rs"]
mod websocket;

use daemon::{Daemon, ended, ringward};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use websocket::WebSocket;

/// The program with so many descriptors, hard and soft.
fn limited(descriptors: u32) -> Command {
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            &format!("ulimit -n {descriptors}; exec \"$0\" \"$@\""),
        ])
        .arg(ringward().get_program());
    command
}

/// Whether the box takes the connection: it answers instead of closing.
fn is_served(stream: &mut TcpStream) -> bool {
    let asked = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: box\r\n\r\n");
    let mut first = [0];
    asked.is_ok() && stream.read_exact(&mut first).is_ok()
}

#[test]
fn clients_cannot_take_the_descriptors_of_the_box() {
    let daemon = Daemon::by(limited(256), tempfile::tempdir().unwrap(), &[]);
    let mut session = WebSocket::join(&daemon, "ward", "bystander");
    let mut crowd: Vec<TcpStream> = (0..300).map(|_| daemon.connect()).collect();
    let mut held: Vec<TcpStream> = Vec::new();
    let mut closed = 0;
    for mut stream in crowd.drain(..) {
        if is_served(&mut stream) {
            held.push(stream);
        } else {
            closed += 1;
        }
    }
    assert!(
        !held.is_empty() && closed > 0,
        "{} held, {closed} closed",
        held.len()
    );
    // The session goes on, what it does is saved, an operator gets in.
    session.lives();
    let data = daemon.data().to_str().unwrap();
    let (status, events) = ended(ringward().args(["events", "--json", "--data", data]));
    assert!(
        status.success() && events.contains("room_created"),
        "{events}"
    );
    let open = std::fs::read_dir(format!("/proc/{}/fd", daemon.pid()))
        .unwrap()
        .count();
    assert!(open <= 256 - 64, "{open} of 256 descriptors are taken");
    drop(held);
    // Their places are free as soon as the box has seen them go.
    while !is_served(&mut daemon.connect()) {}
    let mut newcomer = WebSocket::join(&daemon, "ward", "newcomer");
    newcomer.lives();
    assert!(daemon.metric("ringward_http_refused_total") > 0.5);
}

#[test]
fn a_box_out_of_descriptors_goes_on_when_they_come_back() {
    let daemon = Daemon::start(&["--net", "portable"]);
    let mut session = WebSocket::join(&daemon, "ward", "bystander");
    let mut known = daemon.connect();
    assert!(is_served(&mut known));
    let pid = Pid::from_raw(i32::try_from(daemon.pid()).unwrap());
    let open = std::fs::read_dir(format!("/proc/{}/fd", daemon.pid()))
        .unwrap()
        .count() as u64;
    let before = prlimit(pid, Resource::Nofile, soft_limit(Some(open))).unwrap();
    // The kernel completes their handshakes; the box cannot accept them.
    let mut waiting: Vec<TcpStream> = (0..20).map(|_| daemon.connect()).collect();
    session.lives();
    assert!(is_served(&mut known), "who is in stays in");
    prlimit(pid, Resource::Nofile, before).unwrap();
    for stream in &mut waiting {
        assert!(is_served(stream));
    }
    let mut newcomer = WebSocket::join(&daemon, "ward", "newcomer");
    newcomer.lives();
    assert!(
        daemon.metric("cause=\"accept_error\"") > 0.5,
        "{}",
        daemon.get("/metrics")
    );
}

/// A limit that can be raised again: the hard one stays what the box has inherited from here.
fn soft_limit(current: Option<u64>) -> Rlimit {
    let maximum = getrlimit(Resource::Nofile).maximum;
    Rlimit { current, maximum }
}
