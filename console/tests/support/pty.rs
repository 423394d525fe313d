//! A real terminal: a pty, and what a screen shows after the bytes.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Nothing takes so long unless it never comes; loaded machines included.
const LONG: Duration = Duration::from_secs(20);

/// A person needs so long from one key to the next.
const KEY: Duration = Duration::from_millis(90);

struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    ended: bool,
}

/// A console in a terminal.
pub(crate) struct Pty {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    before: String,
}

impl Pty {
    /// Starts the console in a terminal of this size.
    pub(crate) fn start(
        arguments: &[&str],
        variables: &[(&str, &str)],
        (columns, rows): (u16, u16),
    ) -> Self {
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).expect("a pty");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_ringward-console"));
        command.args(arguments);
        command.env_clear();
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("TZ", "UTC");
        command.cwd(std::env::temp_dir());
        for (name, value) in variables {
            command.env(name, value);
        }
        let before = termios(&*pair.master);
        let child = pair.slave.spawn_command(command).expect("the console");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let writer = pair.master.take_writer().expect("a writer");
        let parser = vt100::Parser::new(rows, columns, 0);
        let seen = Arc::new((
            Mutex::new(Seen {
                parser,
                bytes: Vec::new(),
                ended: false,
            }),
            Condvar::new(),
        ));
        let filled = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut chunk = [0; 8_192];
            loop {
                // The kernel says EIO once nobody holds the other end.
                let read = reader.read(&mut chunk).unwrap_or(0);
                let mut seen = filled.0.lock().expect("seen");
                seen.parser.process(&chunk[..read]);
                seen.bytes.extend_from_slice(&chunk[..read]);
                seen.ended = read == 0;
                filled.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self {
            master: pair.master,
            writer,
            child,
            seen,
            before,
        }
    }

    /// Waits until the screen is as wanted; says what it shows if it never is.
    pub(crate) fn until(&self, what: &str, so: impl Fn(&vt100::Screen) -> bool) {
        let began = Instant::now();
        let mut seen = self.seen.0.lock().expect("seen");
        while !so(seen.parser.screen()) {
            let left = LONG.saturating_sub(began.elapsed());
            assert!(
                !left.is_zero(),
                "never: {what}\n{}",
                seen.parser.screen().contents()
            );
            seen = self.seen.1.wait_timeout(seen, left).expect("seen").0;
        }
    }

    /// Waits until a text is on the screen.
    pub(crate) fn until_shown(&self, text: &str) {
        self.until(text, |screen| screen.contents().contains(text));
    }

    /// Presses keys as a person does.
    pub(crate) fn keys(&mut self, keys: &[&str]) {
        for key in keys {
            self.writer.write_all(key.as_bytes()).expect("typed");
            self.writer.flush().expect("typed");
            std::thread::sleep(KEY);
        }
    }

    /// Everything that was ever written to the terminal.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.seen.0.lock().expect("seen").bytes.clone()
    }

    /// The guard's process; the console is its child.
    pub(crate) fn guard(&self) -> u32 {
        self.child.process_id().expect("a process")
    }

    /// The console's own process.
    pub(crate) fn console(&self) -> u32 {
        let guard = self.guard();
        let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
        let found = processes
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
            .find(|pid| {
                let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                let parent = stat
                    .rsplit(')')
                    .next()
                    .and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
                parent == Some(guard)
            });
        found.expect("a child of the guard")
    }

    /// Waits for the end; says the exit code.
    pub(crate) fn end(&mut self) -> u32 {
        let began = Instant::now();
        while began.elapsed() < LONG {
            if let Some(status) = self.child.try_wait().expect("waited") {
                return status.exit_code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the console never ended");
    }

    /// The terminal is as it was: cooked, the ordinary screen, a cursor, no modes left on.
    pub(crate) fn assert_restored(&self) {
        assert_eq!(termios(&*self.master), self.before, "termios");
        self.until("the ordinary screen with a cursor", |screen| {
            !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
        });
    }
}

fn termios(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().expect("termios"))
}
