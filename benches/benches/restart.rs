//! From `kill -9` to serving: a million events on disk, the index not even begun, and the box
//! started again. Needs `target/release/ringward` (or `RINGWARD_BIN`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark ends when something fails, and speaks to the terminal"
)]

use domain::event::{Actor, Event, EventData};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use store::Store;
use vocab::UnixMillis;

const EVENTS: u64 = 1_000_000;
/// Events per group commit.
const GROUP: u64 = 1_000;
const RUNS: usize = 5;
/// The variable that makes this program fill a folder and wait to be killed.
const FILL: &str = "RINGWARD_RESTART_FILL";
/// No start takes this long; one that does has failed.
const PATIENCE: Duration = Duration::from_mins(1);

fn main() {
    if let Ok(folder) = std::env::var(FILL) {
        fill(Path::new(&folder));
        return;
    }
    // `cargo test --benches` runs this too; the measurement is for `cargo bench`.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("killed");
    kill_a_filled_box(&source);
    back_up_and_restore(&source, folder.path());
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|run| {
            let data = folder.path().join(format!("run-{run}"));
            let copied = Command::new("cp").arg("-a").args([&source, &data]).status();
            assert!(copied.unwrap().success(), "the folder is copied");
            let taken = serving_after(&data);
            println!("run {}: /readyz after {taken:.0?}", run + 1);
            taken
        })
        .collect();
    times.sort();
    println!(
        "median {:.0?} (from {:.0?} to {:.0?}) from exec to /readyz 200, {EVENTS} events",
        times[RUNS / 2],
        times[0],
        times[RUNS - 1]
    );
}

/// A copy that is proved, and the copy put back and proved again (`reliability.md` G23).
fn back_up_and_restore(data: &Path, folder: &Path) {
    let (copy, again) = (folder.join("copy"), folder.join("again"));
    let began = Instant::now();
    let made = store::backup(data, &copy, UnixMillis(1_800_000_000_000)).unwrap();
    println!(
        "backup of {} events: {:.1?}",
        made.verified.records,
        began.elapsed()
    );
    let began = Instant::now();
    let restored = store::restore(&copy, &again).unwrap();
    println!(
        "restore of {} events: {:.1?}",
        restored.verified.records,
        began.elapsed()
    );
    std::fs::remove_dir_all(copy).unwrap();
    std::fs::remove_dir_all(again).unwrap();
}

fn fill(folder: &Path) {
    let (mut store, _) = Store::open(folder, UnixMillis(1_700_000_000_000)).unwrap();
    for number in 0..EVENTS {
        store.append(&event(number)).unwrap();
        if number % GROUP == GROUP - 1 {
            store.commit().unwrap();
        }
    }
    store.commit().unwrap();
    println!("filled");
    std::io::stdout().flush().unwrap();
    // Ends with the pipe, or by the kill.
    let _ = std::io::stdin().read(&mut [0]);
}

fn event(number: u64) -> Event {
    let room = number % 50;
    Event {
        at: UnixMillis(1_700_000_000_000 + number),
        room: format!("RM_0123456789{room:02}").into(),
        room_name: format!("ward-{room}").into(),
        actor: (number >= 50).then(|| Actor {
            identity: format!("nurse-{}", number % 7).into(),
            sid: format!("PA_0123456789{}", number % 7).into(),
        }),
        peer: None,
        data: if number < 50 {
            EventData::RoomCreated
        } else {
            EventData::MessageSent
        },
    }
}

fn kill_a_filled_box(folder: &Path) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(FILL, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line.trim(), "filled");
    child.kill().unwrap();
    child.wait().unwrap();
}

fn serving_after(data: &Path) -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let began = Instant::now();
    let mut daemon = Command::new(binary())
        .arg("serve")
        .arg("--data")
        .arg(data)
        .args(["--http", &address.to_string(), "--udp-port", "17882"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("target/release/ringward, or RINGWARD_BIN");
    while !is_ready(address) {
        assert!(began.elapsed() < PATIENCE, "the box did not start");
        std::thread::sleep(Duration::from_millis(2));
    }
    let taken = began.elapsed();
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    taken
}

fn is_ready(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return false;
    };
    let request = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

/// This program lies in `target/release/deps`.
fn binary() -> PathBuf {
    std::env::var_os("RINGWARD_BIN").map_or_else(
        || {
            let own = std::env::current_exe().unwrap();
            own.parent().unwrap().with_file_name("ringward")
        },
        PathBuf::from,
    )
}
