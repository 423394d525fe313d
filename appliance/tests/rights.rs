//! The whole process without a right: what it may not do is said at once, and nobody else may
//! speak to it.
//!
//! Run by root, these tests give the daemon to another user; run by anybody else, that user is
//! the one without the right.
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
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

/// `nobody` of every Linux; any user that is not root would do.
const NOBODY: u32 = 65_534;

/// `io_uring_setup`, `io_uring_enter`, `io_uring_register`: the same numbers on every
/// architecture (Linux 5.1).
const IO_URING: [i64; 3] = [425, 426, 427];

const EPERM: u32 = 1;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A folder that `nobody` may enter, and the program in it: the build folder may be root's alone.
struct Unprivileged {
    folder: TempDir,
    program: PathBuf,
}

impl Unprivileged {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        open_to_all(folder.path());
        let built = Path::new(env!("CARGO_BIN_EXE_ringward"));
        let program = folder.path().join("ringward");
        if std::fs::hard_link(built, &program).is_err() {
            std::fs::copy(built, &program).unwrap();
        }
        Self { folder, program }
    }

    /// The program as somebody who is not root.
    fn command(&self) -> Command {
        self.command_of(&self.program)
    }

    /// Any program as somebody who is not root.
    fn command_of(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .stdin(Stdio::null())
            .env("RUST_BACKTRACE", "1")
            .current_dir(self.folder.path());
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// A data folder that is that somebody's own.
    fn data(&self) -> TempDir {
        let data = tempfile::tempdir_in(self.folder.path()).unwrap();
        if is_root() {
            chown(data.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        data
    }
}

fn open_to_all(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_box_needs_no_root() {
    let somebody = Unprivileged::new();
    let daemon = Daemon::by(somebody.command(), somebody.data(), &[]);
    assert!(daemon.get("/readyz").starts_with("HTTP/1.1 200"));
}

/// Some kernels count rings for whoever is not root; on others any amount would do.
#[test]
fn a_ring_needs_no_more_locked_memory_than_the_check_says() {
    let somebody = Unprivileged::new();
    let program = somebody.program.to_str().unwrap();
    let mut limited = somebody.command_of("sh");
    let kib = net::LOCKED_BYTES / 1_024;
    let script = format!("ulimit -l {kib}; exec {program} \"$@\"");
    limited.args(["-c", &script, "sh"]);
    let arguments = ["--net", "uring", "--workers", "1"];
    let daemon = Daemon::by(limited, somebody.data(), &arguments);
    assert!(daemon.banner().contains("io_uring"), "{}", daemon.banner());
}

#[test]
fn a_missing_right_ends_the_start_with_one_sentence_and_its_remedy() {
    let somebody = Unprivileged::new();
    let locked = tempfile::tempdir_in(somebody.folder.path()).unwrap();
    // Root's folder, or one's own that may be read and not written.
    std::fs::set_permissions(locked.path(), std::fs::Permissions::from_mode(0o555)).unwrap();
    let inside = locked.path().join("data");
    let closed = tempfile::tempdir_in(somebody.folder.path()).unwrap();
    std::fs::set_permissions(closed.path(), std::fs::Permissions::from_mode(0o000)).unwrap();
    let own = somebody.data();
    let http = format!("127.0.0.1:{}", free_port());
    let udp = free_port().to_string();
    let mut cases = vec![
        (
            "a folder that may not be written",
            locked.path(),
            &*http,
            "give this user",
        ),
        (
            "a folder that cannot be made",
            &inside,
            &http,
            "give this user",
        ),
        (
            "a folder that may not be entered",
            closed.path(),
            &http,
            "give this user",
        ),
    ];
    let first: u16 = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    // A machine may leave every port to everybody.
    if first > 1 {
        cases.push(("a port below 1024", own.path(), "127.0.0.1:1", "--http"));
    }
    for (name, data, http, want) in cases {
        let began = Instant::now();
        let (status, shown) = ended(somebody.command().args([
            "serve",
            "--data",
            data.to_str().unwrap(),
            "--http",
            http,
            "--udp-port",
            &udp,
        ]));
        assert!(!status.success(), "{name} was accepted");
        assert!(began.elapsed() < LIMIT, "{name} took {:?}", began.elapsed());
        let said: Vec<&str> = shown
            .lines()
            .filter(|l| l.starts_with("ringward:"))
            .collect();
        assert_eq!(said.len(), 1, "{name}: not one sentence:\n{shown}");
        assert!(said[0].contains(want), "{name}: no {want:?} in\n{shown}");
        let is_named = said[0].contains(data.to_str().unwrap()) || said[0].contains(http);
        assert!(is_named, "{name}: nothing is named in\n{shown}");
        assert!(
            !shown.contains("backtrace") && !shown.contains("panicked"),
            "{name}:\n{shown}"
        );
    }
    std::fs::set_permissions(closed.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_box_without_descriptors_says_how_many_it_needs() {
    let began = Instant::now();
    let (status, shown) = ended(limited(64).args(["serve", "--data", "/nonexistent/data"]));
    assert!(!status.success());
    assert!(began.elapsed() < LIMIT);
    assert!(
        shown.contains("only 64 files") && shown.contains("LimitNOFILE="),
        "{shown}"
    );
}

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

/// Starts a box on a thread whose children the kernel forbids `io_uring` to.
fn start_without_io_uring(arguments: &'static [&'static str]) -> Daemon {
    let in_jail = move || {
        let refused = IO_URING.map(|number| (number, Vec::new()));
        let filter: BpfProgram = SeccompFilter::new(
            BTreeMap::from(refused),
            SeccompAction::Allow,
            SeccompAction::Errno(EPERM),
            std::env::consts::ARCH.try_into().unwrap(),
        )
        .unwrap()
        .try_into()
        .unwrap();
        seccompiler::apply_filter(&filter).unwrap();
        Daemon::start(arguments)
    };
    std::thread::spawn(in_jail).join().unwrap()
}

#[test]
fn a_forbidden_io_uring_is_replaced_by_epoll_and_said() {
    let daemon = start_without_io_uring(&["--net", "auto"]);
    let banner = daemon.banner();
    assert!(
        banner.contains("epoll: io_uring is forbidden here (EPERM)"),
        "{banner}"
    );
    assert!(daemon.get("/readyz").starts_with("HTTP/1.1 200"));
    let status = admin_get(&daemon.data().join("admin.sock"), "/admin/status").unwrap();
    assert!(status.contains("io_uring is forbidden here"), "{status}");
    // It is looked at within a second of the start.
    let alarms = || admin_get(&daemon.data().join("admin.sock"), "/admin/alarms").unwrap();
    let began = Instant::now();
    while !alarms().contains("RING-FALLBACK") {
        assert!(began.elapsed().as_secs() < 20, "{}", alarms());
    }
}

#[test]
fn a_demanded_io_uring_that_is_forbidden_ends_the_start() {
    let shown = std::thread::spawn(|| {
        let daemon = start_without_io_uring(&["--net", "uring"]);
        daemon.banner().to_owned()
    })
    .join()
    .unwrap();
    assert!(shown.is_empty(), "{shown}");
}

#[test]
fn another_user_may_not_use_the_admin_socket() {
    let daemon = Daemon::start(&[]);
    let socket = daemon.data().join("admin.sock");
    assert!(admin_get(&socket, "/admin/status").is_ok_and(|s| s.contains("version")));
    if !is_root() {
        // Nobody else's process can be had: then the file must keep them out by itself.
        let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
        return;
    }
    let somebody = Unprivileged::new();
    let ask = || {
        let at = socket.to_str().unwrap();
        ended(somebody.command().args(["rooms", "--socket", at]))
    };
    open_to_all(daemon.data());
    let (status, shown) = ask();
    assert!(!status.success(), "in spite of the mode: {shown}");
    // Were the file open by mistake, the peer's credentials still are not.
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666)).unwrap();
    let (status, shown) = ask();
    assert!(!status.success(), "in spite of its credentials: {shown}");
    assert!(!shown.contains("PARTICIPANTS"), "{shown}");
    let metrics = daemon.get("/metrics");
    let refused = metrics
        .lines()
        .find(|line| line.starts_with("ringward_admin_refused"))
        .unwrap_or_default();
    assert!(!refused.is_empty() && !refused.ends_with(" 0"), "{refused}");
}

/// The whole answer on the admin socket.
fn admin_get(socket: &Path, path: &str) -> std::io::Result<String> {
    use std::io::{Read, Write};
    let mut stream = std::os::unix::net::UnixStream::connect(socket)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
