//! The real console in a real terminal, against a box made of its admin API.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where something is not as it should be"
)]

#[path = "support/fake_box.rs"]
mod fake_box;
#[path = "support/pty.rs"]
mod pty;

use fake_box::{FakeBox, World, alarm, live_room};
use pty::Pty;
use std::process::Command;
use tempfile::TempDir;
use wire::admin::{Priority, Target, Verb};

const SIZE: (u16, u16) = (100, 30);

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn socket(&self) -> std::path::PathBuf {
        self.folder.path().join("admin.sock")
    }

    fn start(&self, world: World) -> FakeBox {
        FakeBox::start(&self.socket(), world)
    }

    fn argument(&self) -> String {
        format!("--box=BOX-1=unix:{}", self.socket().display())
    }

    fn console(&self, more: &[&str]) -> Pty {
        let argument = self.argument();
        let arguments: Vec<&str> = std::iter::once(argument.as_str())
            .chain(more.iter().copied())
            .collect();
        let home = self.folder.path().to_str().expect("a path");
        Pty::start(&arguments, &[("HOME", home)], SIZE)
    }

    fn plain(&self, words: &[&str]) -> (i32, String, String) {
        let out = Command::new(env!("CARGO_BIN_EXE_ringward-console"))
            .args([&self.argument(), "--plain"])
            .args(words)
            .env("HOME", self.folder.path())
            .output()
            .expect("the console");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (
            out.status.code().expect("a code"),
            text(out.stdout),
            text(out.stderr),
        )
    }
}

fn ward() -> World {
    let rooms = vec![
        live_room("RM_aaaaaaaa22B8", "CONS-5"),
        live_room("RM_aaaaaaaa7F3A", "ICU-07"),
    ];
    World {
        rooms,
        ..World::default()
    }
}

fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid as i32).expect("a pid");
    rustix::process::kill_process(pid, signal).expect("sent");
}

#[test]
fn an_operator_arms_ends_a_room_and_leaves_the_terminal_as_it_was() {
    let place = Place::new();
    let fake = place.start(ward());
    let mut pty = place.console(&[]);
    pty.until_shown("NOT A PATIENT ALARM SYSTEM");
    pty.keys(&["2"]);
    pty.until_shown("CONS-5");
    pty.keys(&["X"]);
    pty.until_shown("END room CONS-5");
    pty.keys(&["\u{1b}"]);
    pty.keys(&[":", "a", "r", "m", "\r"]);
    pty.until_shown("ARMED");
    pty.keys(&["X", "\r", "s", "\t", "\t", "2", "2", "b", "8"]);
    assert!(
        fake.acted().iter().all(|request| request.verb != Verb::End),
        "not before Ctrl-Y"
    );
    pty.keys(&["\u{19}"]);
    pty.until_shown("DONE in 3 ms");
    let ended: Vec<_> = fake
        .acted()
        .into_iter()
        .filter(|request| request.verb == Verb::End)
        .collect();
    assert_eq!(ended.len(), 1);
    assert_eq!(
        ended[0].target,
        Target::Room {
            sid: "RM_aaaaaaaa22B8".to_owned()
        }
    );
    pty.keys(&["\u{1b}", "5"]);
    pty.until_shown("END!");
    pty.keys(&["q", "y"]);
    assert_eq!(pty.end(), 0);
    pty.assert_restored();
}

#[test]
fn a_killed_console_leaves_the_terminal_as_it_was() {
    let place = Place::new();
    let _fake = place.start(ward());
    let mut pty = place.console(&["--mouse"]);
    pty.until_shown("READ-ONLY");
    signal(pty.console(), rustix::process::Signal::KILL);
    assert_eq!(pty.end(), 128 + 9);
    pty.assert_restored();
    pty.until_shown("the terminal is as it was before");
}

#[test]
fn a_console_whose_guard_is_killed_gives_the_terminal_back_itself() {
    let place = Place::new();
    let _fake = place.start(ward());
    let mut pty = place.console(&[]);
    pty.until_shown("READ-ONLY");
    signal(pty.guard(), rustix::process::Signal::KILL);
    pty.end();
    pty.until("the ordinary screen", |screen| {
        !screen.alternate_screen() && !screen.hide_cursor()
    });
    pty.assert_restored();
}

#[test]
fn a_console_never_leaves_by_itself_and_finds_a_box_that_comes_back() {
    let place = Place::new();
    let mut pty = place.console(&[]);
    pty.until_shown("LINK LOST");
    let fake = place.start(ward());
    pty.until_shown("NOT A PATIENT ALARM SYSTEM");
    drop(fake);
    pty.until_shown("LINK LOST");
    pty.keys(&["2", "X"]);
    pty.until_shown("nothing can be done there");
    let _fake = place.start(ward());
    pty.until("a live link", |screen| {
        !screen.contents().contains("LINK LOST")
    });
    pty.keys(&["q"]);
    assert_eq!(pty.end(), 0);
}

#[test]
fn five_hundred_hostile_names_put_no_control_on_the_wire() {
    let seeds = [
        "\u{1b}[2J",
        "\u{1b}]52;c;cm0=\u{7}",
        "\u{9b}6n",
        "\u{1b}[6n",
        "\u{202e}gnp",
        "a\u{200b}\u{feff}b",
        "\u{1b}P+q\u{1b}\\",
        "\r\n\u{8}\u{7f}",
        "\u{1b}[?1000h",
        "\u{2066}x\u{2069}",
    ];
    let mut rooms: Vec<_> = (0..500)
        .map(|n| {
            live_room(
                &format!("RM_{n:012}"),
                &format!("{}{n}", seeds[n % seeds.len()]),
            )
        })
        .collect();
    rooms[0].name = "\u{0301}".repeat(1 << 20);
    rooms[0].flags = vec![seeds[1].to_owned()];
    let hostile = wire::admin::AlarmView {
        cause: seeds.concat(),
        action: seeds.concat(),
        ..alarm(Priority::High)
    };
    let place = Place::new();
    let fake = place.start(World {
        rooms,
        alarms: vec![hostile],
        ..World::default()
    });
    let mut pty = place.console(&[]);
    pty.until_shown("DISK-LOW");
    pty.keys(&["2"]);
    pty.until_shown("ROOMS 500");
    for _ in 0..50 {
        pty.keys(&["\u{6}"]);
    }
    pty.keys(&["\r"]);
    pty.until_shown("pat-####");
    pty.keys(&["4", "5", "6", "1", "?", "\u{1b}", "H", "\u{1b}"]);
    drop(fake);
    pty.until_shown("LINK LOST");
    pty.keys(&["q"]);
    assert_eq!(pty.end(), 0);
    let bytes = pty.bytes();
    assert!(bytes.len() > 20_000, "it was drawn: {}", bytes.len());
    assert_eq!(
        not_ours(&String::from_utf8(bytes).expect("UTF-8")),
        Vec::<String>::new()
    );

    let (code, out, error) = place.plain(&["rooms"]);
    assert_eq!(code, 3, "{out}{error}");
    let _fake = place.start(World {
        rooms: vec![live_room("RM_x", seeds[1])],
        ..World::default()
    });
    let (code, out, error) = place.plain(&["rooms"]);
    assert_eq!(code, 0, "{out}{error}");
    assert_eq!(not_ours(&(out + &error)), Vec::<String>::new());
    let (_, out, error) = place.plain(&["\u{1b}]52;c;cm0=\u{7}"]);
    assert_eq!(not_ours(&(out + &error)), Vec::<String>::new());
    let out = Command::new(env!("CARGO_BIN_EXE_ringward-console"))
        .arg("--box=\u{1b}]0;x\u{7}")
        .output()
        .expect("ended");
    assert_eq!(
        not_ours(&String::from_utf8(out.stderr).expect("UTF-8")),
        Vec::<String>::new()
    );
}

/// What of the output the console itself never writes: controls other than its own few sequences,
/// bidirectional and zero-width characters.
fn not_ours(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            let mut sequence = String::new();
            for c in chars.by_ref() {
                sequence.push(c);
                if sequence.len() > 1 && ('@'..='~').contains(&c) {
                    break;
                }
            }
            let ours = sequence.starts_with('[') && sequence.ends_with(['m', 'H', 'J', 'h', 'l']);
            let paints = !sequence.ends_with(['h', 'l']) || sequence.starts_with("[?");
            if !ours || !paints {
                found.push(format!("ESC {sequence:?}"));
            }
        } else if (c.is_control() && !matches!(c, '\r' | '\n'))
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}'
                | '\u{FEFF}' | '\u{0300}'..='\u{036F}')
        {
            found.push(format!("{c:?}"));
        }
    }
    found
}

#[test]
fn plain_lines_have_exit_codes_for_monitoring() {
    let place = Place::new();
    assert_eq!(place.plain(&["overview"]).0, 3, "no box");
    for (priority, code) in [
        (None, 0),
        (Some(Priority::Low), 1),
        (Some(Priority::Medium), 1),
        (Some(Priority::High), 2),
    ] {
        let alarms = priority.into_iter().map(alarm).collect();
        let _fake = place.start(World { alarms, ..ward() });
        let (found, out, error) = place.plain(&["overview"]);
        assert_eq!(found, code, "{priority:?}: {out}{error}");
        assert_eq!(out.contains("DISK-LOW"), priority.is_some(), "{out}");
    }
    let _fake = place.start(ward());
    let (code, out, _) = place.plain(&["--json", "rooms", "room:ICU"]);
    assert_eq!(code, 0);
    let rooms: Vec<wire::admin::LiveRoom> = out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(rooms.len(), 1);
    assert_eq!(rooms[0].name, "ICU-07");
    for (words, why) in [
        (&["end", "RM_aaaaaaaa22B8", "TEST", "22B8"][..], "arm first"),
        (&["end", "CONS-5", "TEST", "22B8"], "is no id"),
        (&["block", "PA_aaaaaaaa4711", "TEST"], "MINUTES are missing"),
        (&["end", "RM_aaaaaaaa22B8", "BECAUSE", "22B8"], "arm first"),
        (&["rooms", "loss>"], "filter"),
        (&["fly"], "no command"),
    ] {
        let (code, out, error) = place.plain(words);
        assert_eq!(code, 1, "{words:?}: {out}{error}");
        assert!(error.contains(why), "{words:?}: {error}");
    }
}

#[test]
fn a_box_that_is_not_ready_is_critical_unless_it_was_told_to_drain() {
    let place = Place::new();
    for (not_ready, draining, code) in [(true, false, 2), (false, true, 0)] {
        let _fake = place.start(World {
            not_ready,
            draining,
            ..ward()
        });
        assert_eq!(place.plain(&["health"]).0, code, "{not_ready} {draining}");
    }
}

/// Each line of what a command prints, as JSON.
fn values(place: &Place, words: &[&str]) -> Vec<serde_json::Value> {
    let (code, out, error) = place.plain(&[&["--json"], words].concat());
    assert!(code <= 1, "{words:?}: {code} {error}");
    let lines = out.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{words:?}: {line}")))
        .collect()
}

#[test]
fn machines_read_every_screen() {
    let place = Place::new();
    let _fake = place.start(World {
        alarms: vec![alarm(Priority::Low)],
        acted: vec![wire::admin::ActionRequest {
            verb: Verb::Arm,
            target: Target::Box,
            reason: wire::admin::Reason::Requested,
            note: "by hand".to_owned(),
            deadline_ms: None,
            key: None,
            minutes: Some(10),
        }],
        ..ward()
    });
    for (words, field, want) in [
        (&["overview"][..], "/id", "DISK-LOW:box"),
        (&["rooms", "room:ICU"], "/name", "ICU-07"),
        (&["room", "RM_aaaaaaaa7F3A"], "/room/sid", "RM_aaaaaaaa7F3A"),
        (
            &["room", "ICU-07"],
            "/participants/0/sid",
            "PA_aaaaaaaa4711",
        ),
        (&["events"], "/act", "arm"),
        (&["health"], "/name", "fake"),
    ] {
        let shown = values(&place, words);
        assert_eq!(shown.len(), 1, "{words:?}: {shown:?}");
        let found = shown[0].pointer(field).and_then(|value| value.as_str());
        assert_eq!(found, Some(want), "{words:?}: {shown:?}");
    }
}

#[test]
fn plain_lines_say_alarms_as_they_come_and_go() {
    use std::io::{BufRead, BufReader};
    let place = Place::new();
    let fake = place.start(World {
        alarms: vec![alarm(Priority::High)],
        ..ward()
    });
    let mut console = Command::new(env!("CARGO_BIN_EXE_ringward-console"))
        .args([&place.argument(), "--plain"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the console");
    let stdout = BufReader::new(console.stdout.take().expect("stdout"));
    let (sender, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let lines = stdout.lines().map_while(Result::ok);
        lines.for_each(|line| drop(sender.send(line)));
    });
    // What is said up to a line with these words.
    let until = |what: &str| {
        let mut said = Vec::new();
        while !said.last().is_some_and(|line: &String| line.contains(what)) {
            let line = lines.recv_timeout(std::time::Duration::from_secs(20));
            said.push(line.unwrap_or_else(|_| panic!("never {what} after {said:?}")));
        }
        said
    };
    let came = until("ALARM high DISK-LOW");
    assert!(came.concat().contains("Do: free some"), "{came:?}");
    drop(fake);
    let _fake = place.start(ward());
    let went = until("ALARM gone DISK-LOW:box");
    assert!(!went.concat().contains("ALARM high"), "said once: {went:?}");
    drop(console.stdin.take());
    assert!(console.wait().expect("ended").success());
}

#[test]
fn plain_lines_can_do_what_screens_can() {
    use std::io::Write;
    let place = Place::new();
    let fake = place.start(ward());
    let mut console = Command::new(env!("CARGO_BIN_EXE_ringward-console"))
        .args([&place.argument(), "--plain"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the console");
    let lines = "rooms\narm\nend RM_aaaaaaaa22B8 test 9999 wrong\nend RM_aaaaaaaa22B8 test 22b8 by hand\naudit\nquit\n";
    console
        .stdin
        .take()
        .expect("stdin")
        .write_all(lines.as_bytes())
        .expect("typed");
    let out = console.wait_with_output().expect("ended");
    let (said, complained) = (
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr),
    );
    assert!(
        complained.contains("last four do not match"),
        "{said}\n{complained}"
    );
    let ended: Vec<_> = fake
        .acted()
        .into_iter()
        .filter(|request| request.verb == Verb::End)
        .collect();
    assert_eq!(ended.len(), 1, "{said}\n{complained}");
    assert_eq!(ended[0].note, "by hand");
    assert!(said.contains("RM_aaaaaaaa22B8 CONS-5"), "{said}");
    assert!(said.contains("END! "), "{said}");
}
