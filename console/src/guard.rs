//! A small parent that gives the terminal back when the console itself no longer can: killed with
//! SIGKILL, or out of memory.
//!
//! The parent notes how the terminal was, starts the console as its child and waits. When the
//! child ends without having cleaned up, the parent does. When the parent ends, the kernel tells
//! the child to (`PR_SET_PDEATHSIG`). Only both at once leave work to `reset`; the parent bears
//! another name, so that `pkill ringward-console` does not find both.

use crate::terminal;
use rustix::process::Signal;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use std::ffi::{CStr, OsString};
use std::io::{self, IsTerminal, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus};

/// Set for the child.
const CHILD: &str = "RINGWARD_CONSOLE_GUARDED";

/// What `ps` and `pkill` call the parent; at most 15 bytes.
const NAME: &CStr = c"ringward-guard";

/// Runs the console below a guard; `None` where this is already the child, or where there is no
/// terminal to be guarded.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    if std::env::var_os(CHILD).is_some() {
        // Without a guard the console just runs: it gives the terminal back in every other case.
        let _ = rustix::process::set_parent_process_death_signal(Some(Signal::TERM));
        return None;
    }
    if !io::stdin().is_terminal() {
        return None;
    }
    let before = tcgetattr(io::stdin()).ok()?;
    let program = std::env::current_exe().ok()?;
    let _ = rustix::thread::set_name(NAME);
    let mut child = Command::new(program)
        .args(arguments)
        .env(CHILD, "1")
        .spawn()
        .ok()?;
    let status = child.wait().ok()?;
    Some(ended(status, &before))
}

fn ended(status: ExitStatus, before: &Termios) -> ExitCode {
    if let Some(code) = status.code() {
        return ExitCode::from(u8::try_from(code).unwrap_or(1));
    }
    let _ = terminal::restore(&mut io::stdout());
    let _ = tcsetattr(io::stdin(), OptionalActions::Flush, before);
    let signal = status.signal().unwrap_or_default();
    let _ = writeln!(
        io::stderr(),
        "ringward-console was ended by signal {signal}; the terminal is as it was before.\n\
         Nothing was done on any box by this."
    );
    ExitCode::from(128_u8.saturating_add(u8::try_from(signal).unwrap_or(0)))
}
