//! A daemon of the test's own: free ports, a temporary data folder.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// What a start, a refusal and a stop may take (`promises.md`, P3 and P4).
pub(crate) const LIMIT: Duration = Duration::from_secs(2);

pub(crate) fn ringward() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringward"));
    command.env("RUST_BACKTRACE", "1").stdin(Stdio::null());
    command
}

/// Runs to the end; output of both streams.
pub(crate) fn ended(command: &mut Command) -> (ExitStatus, String) {
    let output = command.output().unwrap();
    let mut shown = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        shown.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    (output.status, shown)
}

/// A port that is free for TCP and UDP on loopback right now.
pub(crate) fn free_port() -> u16 {
    loop {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        if port < 60_000 && UdpSocket::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}

pub(crate) struct Daemon {
    child: Child,
    port: u16,
    banner: String,
    data: TempDir,
}

impl Daemon {
    /// Starts one and waits for its banner, which it prints when everything is open.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::over(tempfile::tempdir().unwrap(), arguments)
    }

    fn over(data: TempDir, arguments: &[&str]) -> Self {
        Self::by(ringward(), data, arguments)
    }

    /// The same, run by a command that ends in the program: another user, a narrower limit.
    pub(crate) fn by(mut program: Command, data: TempDir, arguments: &[&str]) -> Self {
        let port = free_port();
        let mut child = program
            .arg("serve")
            .args(["--data", data.path().to_str().unwrap()])
            .args(["--http", &format!("127.0.0.1:{port}")])
            .args(["--udp-port", &free_port().to_string()])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let banner = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .take_while(|line| !line.contains("meeting"))
            .collect::<Vec<_>>()
            .join("\n");
        Self {
            child,
            port,
            banner,
            data,
        }
    }

    /// The same data, a new process.
    pub(crate) fn again(mut self) -> Self {
        let data = std::mem::replace(&mut self.data, tempfile::tempdir().unwrap());
        Self::over(data, &[])
    }

    /// What it leaves behind.
    pub(crate) fn into_data(mut self) -> TempDir {
        std::mem::replace(&mut self.data, tempfile::tempdir().unwrap())
    }

    pub(crate) fn banner(&self) -> &str {
        &self.banner
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A connection to its HTTP port; a read that takes 20 s fails.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
    }

    /// The whole answer to a plain GET.
    pub(crate) fn get(&self, path: &str) -> String {
        Self::get_from(&format!("127.0.0.1:{}", self.port), path)
    }

    /// The same from that address.
    pub(crate) fn get_from(address: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        let patience = Duration::from_secs(20);
        stream.set_read_timeout(Some(patience)).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The sum of the metrics whose line holds these words; zero if there is none.
    pub(crate) fn metric(&self, words: &str) -> f64 {
        self.get("/metrics")
            .lines()
            .filter(|line| !line.starts_with('#') && line.contains(words))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
