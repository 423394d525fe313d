//! The whole process as monitoring and operators see it.
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

use daemon::{Daemon, ringward};
use livekit_protocol::{LeaveRequest, signal_request};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use websocket::WebSocket;
use wire::EventView;
use wire::admin::{
    AlarmState, AlarmView, AuditEntry, AuditPhase, BoxView, Change, Frame, LiveRoom, RoomDetail,
};

/// An alarm has its delays: this is longer than any that is tested here.
const ALARM_WITHIN: Duration = Duration::from_mins(2);

/// Exit code and output of a command about this box.
fn asked(daemon: &Daemon, words: &[&str]) -> (i32, String) {
    let data = daemon.data().to_str().unwrap();
    let output = ringward()
        .args(words)
        .args(["--data", data])
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().unwrap(), shown)
}

fn alarms(daemon: &Daemon) -> Vec<AlarmView> {
    lines(&asked(daemon, &["alarms", "--json"]).1)
}

/// A JSON value per line.
fn lines<T: serde::de::DeserializeOwned>(shown: &str) -> Vec<T> {
    let values = shown.lines().map(serde_json::from_str);
    values.collect::<Result<_, _>>().unwrap()
}

#[test]
fn monitoring_reads_exit_codes() {
    let daemon = Daemon::start(&["--net", "portable"]);
    let mut session = WebSocket::join(&daemon, "ward-3", "nurse");
    session.lives();
    let (code, line) = asked(&daemon, &["status"]);
    assert_eq!(code, 0, "{line}");
    assert!(
        line.starts_with("OK: newcomers are admitted | rooms=1 "),
        "{line}"
    );
    let (code, shown) = asked(&daemon, &["rooms", "--json"]);
    let room: LiveRoom = serde_json::from_str(shown.lines().next().unwrap()).unwrap();
    assert_eq!((code, room.name.as_str(), room.people), (0, "ward-3", 1));
    assert_eq!(room.ward.as_deref(), Some("ward"));
    let (code, shown) = asked(&daemon, &["room", &room.sid, "--json"]);
    let detail: RoomDetail = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (code, detail.participants[0].identity.as_str()),
        (0, "nurse")
    );
    assert_eq!(
        asked(&daemon, &["room", "nobody"]).0,
        3,
        "there is no such room"
    );

    let health = loop {
        let (code, shown) = asked(&daemon, &["health", "--json"]);
        // Before the first look nothing is known; what stands on this machine is no matter.
        if code != 3 {
            break serde_json::from_str::<BoxView>(&shown).unwrap();
        }
    };
    assert!(
        health.ready && health.memory_bytes > 0 && health.descriptors > 0,
        "{health:?}"
    );
    assert!(
        health.disk.is_some() && !health.cores.is_empty(),
        "{health:?}"
    );
    assert!(
        health
            .ports
            .iter()
            .any(|port| *port == format!("{}/tcp", daemon.port()))
    );

    let mut daemon = daemon;
    daemon.signal("TERM");
    daemon.wait();
    for words in [
        &["status"][..],
        &["rooms"],
        &["room", "ward"],
        &["alarms"],
        &["health"],
    ] {
        assert_eq!(asked(&daemon, words).0, 3, "nobody answers {words:?}");
    }
}

#[test]
fn programs_read_what_happened_and_who_did_it() {
    let daemon = Daemon::start(&["--net", "portable"]);
    let mut session = WebSocket::join(&daemon, "ward-3", "nurse");
    session.lives();
    let (code, shown) = asked(&daemon, &["events", "--json"]);
    let events: Vec<EventView> = lines(&shown);
    let is_begin = |event: &EventView| event.event_type == "room_created" && event.room == "ward-3";
    assert!(code == 0 && events.iter().any(is_begin), "{events:?}");

    assert_eq!(asked(&daemon, &["drain"]).0, 0);
    let (code, shown) = asked(&daemon, &["audit", "--json"]);
    let entries: Vec<AuditEntry> = lines(&shown);
    let drain = entries.iter().filter(|entry| entry.act == "drain");
    let phases: Vec<_> = drain.map(|entry| entry.phase).collect();
    assert_eq!(
        (code, phases),
        (0, vec![AuditPhase::Intent, AuditPhase::Outcome])
    );
}

#[test]
fn the_stream_on_the_socket_follows_a_room_through_its_life() {
    let daemon = Daemon::start(&["--net", "portable"]);
    let stream = console(&daemon);
    let mut frames = BufReader::new(stream)
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| {
            line.starts_with('{')
                .then(|| serde_json::from_str::<Frame>(&line).unwrap())
        });
    let first = frames.next().unwrap();
    assert!(matches!(first.change, Change::Snapshot { .. }), "{first:?}");
    let mut session = WebSocket::join(&daemon, "ward-3", "nurse");
    session.lives();
    let mut sequence = first.sequence;
    let mut until = |what: &str, is_it: &dyn Fn(&Change) -> bool| {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let frame = frames.next().unwrap();
            sequence += 1;
            assert_eq!(frame.sequence, sequence, "no gap");
            if is_it(&frame.change) {
                return;
            }
            assert!(Instant::now() < deadline, "{what}");
        }
    };
    until(
        "the room is told with somebody in it",
        &|change| matches!(change, Change::Room { room } if room.name == "ward-3" && room.people == 1),
    );
    until(
        "the box is told",
        &|change| matches!(change, Change::Box { health } if health.participants == 1),
    );
}

/// `ringward drain --follow` about this box, and what it says line by line.
fn follow_drain(daemon: &Daemon) -> (Child, impl Iterator<Item = String>) {
    let mut child = ringward()
        .args(["drain", "--follow", "--data"])
        .arg(daemon.data())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines.map_while(Result::ok))
}

#[test]
fn a_drain_says_who_is_left_until_nobody_is() {
    let daemon = Daemon::start(&["--net", "portable"]);
    let mut nurse = WebSocket::join(&daemon, "ward-3", "nurse");
    let mut doctor = WebSocket::join(&daemon, "ward-3", "doctor");
    wait_until(&daemon, || {
        asked(&daemon, &["rooms", "--json"])
            .1
            .contains("\"people\":2")
    });
    let (mut child, mut lines) = follow_drain(&daemon);
    let outcome = lines.next().unwrap();
    assert!(
        outcome.starts_with("done: nobody new is admitted"),
        "{outcome}"
    );
    let forecast = lines.next().unwrap();
    assert!(
        forecast.starts_with("1 room with 2 inside is open, the longest (ward-3) for"),
        "{forecast}"
    );
    assert!(forecast.contains("too few to foretell from"), "{forecast}");
    let goodbye = || signal_request::Message::Leave(LeaveRequest::default());
    nurse.request(goodbye()).unwrap();
    let one_left = lines.next().unwrap();
    assert!(one_left.starts_with("1 room with 1 inside"), "{one_left}");
    doctor.request(goodbye()).unwrap();
    let last = lines.next().unwrap();
    assert!(last.contains("can be stopped now"), "{last}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_drain_that_somebody_ends_is_not_followed_to_an_empty_box() {
    let daemon = Daemon::start(&["--net", "portable"]);
    let _nurse = WebSocket::join(&daemon, "ward-3", "nurse");
    let (child, mut lines) = follow_drain(&daemon);
    lines.next().unwrap();
    assert_eq!(asked(&daemon, &["undrain"]).0, 0);
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("somebody said `ringward undrain`"), "{said}");
}

/// The real fault: the kernel allows hardly more descriptors than are open.
#[test]
fn descriptors_that_run_out_are_an_alarm_and_return_when_they_are_there_again() {
    let daemon = Daemon::start(&["--net", "portable"]);
    // Connections that stay: what the commands below open and close weighs little beside them.
    let consoles: Vec<UnixStream> = (0..15).map(|_| console(&daemon)).collect();
    let pid = Pid::from_raw(i32::try_from(daemon.pid()).unwrap());
    let state = || {
        let alarms = alarms(&daemon);
        let low = alarms.into_iter().find(|alarm| alarm.id == "FDS-LOW");
        low.map(|alarm| alarm.state)
    };
    assert_eq!(state(), None);
    let before = prlimit(pid, Resource::Nofile, few(&daemon)).unwrap();
    let wait_for = |want: AlarmState| {
        let began = Instant::now();
        while state() != Some(want) {
            assert!(began.elapsed() < ALARM_WITHIN, "{:?}", alarms(&daemon));
            std::thread::sleep(Duration::from_millis(200));
            if want == AlarmState::Unacknowledged {
                // A start holds some for a moment: what is few then is not few later.
                prlimit(pid, Resource::Nofile, few(&daemon)).unwrap();
            }
        }
    };
    wait_for(AlarmState::Unacknowledged);
    assert_ne!(asked(&daemon, &["alarms"]).0, 0, "somebody is needed");
    prlimit(pid, Resource::Nofile, before).unwrap();
    // Nobody acknowledged it: it stays to be seen.
    wait_for(AlarmState::Returned);
    drop(consoles);
}

/// A backup was made, the next ones were not: what `ringward backup` leaves behind, a day and a
/// half old.
#[test]
fn a_backup_that_is_late_is_an_alarm_until_the_next_one() {
    let daemon = Daemon::start(&["--net", "portable"]);
    let age = |daemon: &Daemon| {
        let (code, shown) = asked(daemon, &["health", "--json"]);
        // Before the first look nothing is known.
        (code != 3).then(|| {
            serde_json::from_str::<BoxView>(&shown)
                .unwrap()
                .backup_at_ms
        })
    };
    wait_until(&daemon, || age(&daemon) == Some(None));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let late = now.checked_sub(Duration::from_hours(36)).unwrap();
    let noted = daemon.data().join("backup.newest");
    std::fs::write(&noted, late.as_millis().to_string()).unwrap();
    let state = || {
        let alarms = alarms(&daemon);
        let late = alarms.into_iter().find(|alarm| alarm.id == "BACKUP-LATE");
        late.map(|alarm| alarm.state)
    };
    wait_until(&daemon, || state() == Some(AlarmState::Unacknowledged));

    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    assert_eq!(asked(&daemon, &["backup", copy.to_str().unwrap()]).0, 0);
    wait_until(&daemon, || state() == Some(AlarmState::Returned));
    let made = age(&daemon).flatten().unwrap();
    assert!(u128::from(made) >= now.as_millis(), "{made}");
}

/// The box looks once a second, and an alarm has its delays.
fn wait_until(daemon: &Daemon, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < ALARM_WITHIN, "{:?}", alarms(daemon));
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Room for the questions themselves beside what is open now, and no more.
fn few(daemon: &Daemon) -> Rlimit {
    let open = std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap();
    Rlimit {
        current: Some(open.count() as u64 + 3),
        maximum: getrlimit(Resource::Nofile).maximum,
    }
}

/// A console that has subscribed and been answered.
fn console(daemon: &Daemon) -> UnixStream {
    let mut stream = UnixStream::connect(daemon.data().join("admin.sock")).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
        .write_all(b"GET /admin/stream HTTP/1.0\r\nHost: box\r\n\r\n")
        .unwrap();
    stream.read_exact(&mut [0]).unwrap();
    stream
}
