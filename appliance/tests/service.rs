//! The whole process under a service manager: what it is told, what it passes on.
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

use daemon::{Daemon, LIMIT, ringward};
use livekit_protocol::{LeaveRequest, signal_request, signal_response};
use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use websocket::{WebSocket, joins};

/// Long enough for the threads' turn per second, short enough for a test.
const WATCHDOG: Duration = Duration::from_secs(4);

/// Nothing of this takes longer on the slowest machine; then the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// A service manager's end of the notification socket.
struct Manager {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, folder }
    }

    fn start(&self) -> Daemon {
        self.start_with(&[])
    }

    fn start_with(&self, arguments: &[&str]) -> Daemon {
        let mut program = ringward();
        program
            .env("NOTIFY_SOCKET", self.folder.path().join("notify"))
            .env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
        let arguments = [&["--workers", "2"], arguments].concat();
        Daemon::by(program, tempfile::tempdir().unwrap(), &arguments)
    }

    /// The next news.
    fn hear(&self) -> String {
        let mut news = [0; 4_096];
        let length = self.socket.recv(&mut news).expect("no news in time");
        String::from_utf8_lossy(&news[..length]).into_owned()
    }

    /// Waits for news with these words.
    fn hear_of(&self, words: &str) -> String {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let news = self.hear();
            if news.contains(words) {
                return news;
            }
        }
        panic!("no {words:?} within {PATIENCE:?}");
    }

    /// Everything that comes within `time`.
    fn hear_for(&self, time: Duration) -> Vec<String> {
        let until = Instant::now() + time;
        let mut heard = Vec::new();
        let mut news = [0; 4_096];
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            let left = left.max(Duration::from_millis(1));
            self.socket.set_read_timeout(Some(left)).unwrap();
            if let Ok(length) = self.socket.recv(&mut news) {
                heard.push(String::from_utf8_lossy(&news[..length]).into_owned());
            }
        }
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        heard
    }
}

/// One thread of another process, held by its debugger: it does not run, the others do.
struct Held(Pid);

impl Held {
    fn hold(process: u32, name: &str) -> Self {
        let thread = std::fs::read_dir(format!("/proc/{process}/task"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|task| std::fs::read_to_string(task.join("comm")).unwrap().trim() == name)
            .unwrap_or_else(|| panic!("no thread {name}"));
        let number = thread.file_name().unwrap().to_str().unwrap();
        let thread = Pid::from_raw(number.parse().unwrap());
        ptrace::seize(thread, ptrace::Options::empty()).unwrap();
        ptrace::interrupt(thread).unwrap();
        waitpid(thread, Some(WaitPidFlag::__WALL)).unwrap();
        Self(thread)
    }
}

impl Drop for Held {
    /// Whoever is held cannot be buried: a test that fails would wait for its box for ever.
    fn drop(&mut self) {
        let _ = ptrace::detach(self.0, None);
    }
}

#[test]
fn ready_is_said_when_it_serves_and_stopping_when_it_stops() {
    let manager = Manager::new();
    let mut daemon = manager.start();
    let ready = manager.hear();
    assert!(ready.contains("READY=1"), "{ready}");
    assert!(
        ready.contains("STATUS=Serving: 0 rooms, 0 participants"),
        "{ready}"
    );
    assert!(daemon.get("/readyz").starts_with("HTTP/1.1 200"));
    manager.hear_of("WATCHDOG=1");
    daemon.signal("TERM");
    manager.hear_of("STOPPING=1");
    assert!(daemon.wait().success());
}

#[test]
fn a_thread_that_stands_still_ends_the_feeding_of_the_watchdog() {
    let manager = Manager::new();
    let daemon = manager.start();
    for (thread, name) in [
        ("media-0", "media thread 0"),
        ("media-1", "media thread 1"),
        ("control", "the control thread"),
    ] {
        manager.hear_of("WATCHDOG=1");
        let held = Held::hold(daemon.pid(), thread);
        let news = manager.hear_of("STATUS=Stuck");
        assert!(news.contains(name), "{thread}: {news}");
        let heard = manager.hear_for(WATCHDOG);
        assert!(
            !heard.iter().any(|news| news.contains("WATCHDOG")),
            "{thread}: the watchdog was fed: {heard:?}"
        );
        drop(held);
        manager.hear_of("STATUS=Serving");
    }
}

#[test]
fn a_socket_of_the_service_manager_is_served_and_not_opened_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut program = Command::new("sh");
    program
        .args([
            "-c",
            "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" \"$@\"",
        ])
        .arg(ringward().get_program());
    let passed_on = OwnedFd::from(listener.try_clone().unwrap());
    program.stdin(std::process::Stdio::from(passed_on));
    let daemon = Daemon::by(program, tempfile::tempdir().unwrap(), &["--http", &address]);
    assert!(daemon.banner().contains(&address), "{}", daemon.banner());
    assert!(daemon.get("/readyz").starts_with("HTTP/1.1 200"));
    let answer = Daemon::get_from(&address, "/readyz");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let manager = Manager::new();
    let mut daemon = manager.start();
    // Half a request: the first signal waits a moment and a half for its other half.
    let mut half = daemon.connect();
    std::io::Write::write_all(&mut half, b"GET /healthz HTTP/1.1\r\n").unwrap();
    assert!(daemon.get("/healthz").starts_with("HTTP/1.1 200"));
    let began = Instant::now();
    daemon.signal("TERM");
    manager.hear_of("STOPPING=1");
    daemon.signal("TERM");
    assert!(daemon.wait().success());
    let took = began.elapsed();
    assert!(took < Duration::from_millis(1_400), "{took:?}");
}

/// More than any of these tests takes: whoever waits for it fails.
const LONG_DRAIN: &[&str] = &["--drain-seconds", "60"];

fn leave(session: &mut WebSocket) {
    let goodbye = signal_request::Message::Leave(LeaveRequest::default());
    session.request(goodbye).unwrap();
}

#[test]
fn a_stop_lets_calls_come_to_their_end_and_admits_nobody_new() {
    let manager = Manager::new();
    let mut daemon = manager.start_with(LONG_DRAIN);
    let mut nurse = WebSocket::join(&daemon, "ward", "nurse");
    let _left_behind = WebSocket::join(&daemon, "ward", "doctor");
    daemon.signal("TERM");
    let news = manager.hear_of("STOPPING=1");
    let patience = news
        .lines()
        .find_map(|line| line.strip_prefix("EXTEND_TIMEOUT_USEC="));
    assert!(
        patience.unwrap().parse::<u64>().unwrap() > 60_000_000,
        "{news}"
    );
    manager.hear_of("STATUS=Draining: 1 rooms");
    let refused = daemon.get(&format!(
        "/rtc/validate?access_token={}",
        joins("ward", "visitor")
    ));
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(daemon.get("/readyz").starts_with("HTTP/1.1 503"));
    nurse.lives();
    leave(&mut nurse);
    nurse.close_code();
    // Whoever is inside and starts over is not new.
    let mut doctor = WebSocket::join(&daemon, "ward", "doctor");
    doctor.lives();
    leave(&mut doctor);
    assert!(daemon.wait().success());

    let daemon = daemon.again();
    assert!(
        daemon.get("/readyz").starts_with("HTTP/1.1 200"),
        "a stop is no drain"
    );
}

#[test]
fn calls_that_outlast_the_drain_are_told_to_come_back() {
    let manager = Manager::new();
    let mut daemon = manager.start_with(&["--drain-seconds", "1"]);
    let mut session = WebSocket::join(&daemon, "ward", "nurse");
    let began = Instant::now();
    daemon.signal("TERM");
    session.until(|said| matches!(said, signal_response::Message::Leave(_)).then_some(()));
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert!(daemon.wait().success());
}

#[test]
fn the_impatient_do_not_wait_for_calls() {
    for (name, signals) in [("told twice", &["TERM", "TERM"][..]), ("Ctrl-C", &["INT"])] {
        let manager = Manager::new();
        let mut daemon = manager.start_with(LONG_DRAIN);
        let mut session = WebSocket::join(&daemon, "ward", "nurse");
        let began = Instant::now();
        for signal in signals {
            daemon.signal(signal);
            manager.hear_of("STOPPING=1");
        }
        session.until(|said| matches!(said, signal_response::Message::Leave(_)).then_some(()));
        assert!(daemon.wait().success());
        assert!(began.elapsed() < LIMIT, "{name}: {:?}", began.elapsed());
    }
}

#[test]
fn a_stop_without_calls_waits_for_nobody() {
    let manager = Manager::new();
    let mut daemon = manager.start_with(LONG_DRAIN);
    let mut session = WebSocket::join(&daemon, "ward", "nurse");
    leave(&mut session);
    session.close_code();
    let began = Instant::now();
    daemon.signal("TERM");
    assert!(daemon.wait().success());
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
}
