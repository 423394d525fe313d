//! Listening sockets that the service manager opened for us: a port below 1024 without any right.

use std::net::TcpListener;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// The first descriptor passed on (`SD_LISTEN_FDS_START`, `sd_listen_fds(3)`).
const FIRST: RawFd = 3;

/// More sockets than any box listens on; a larger number is not from a service manager.
const MAX_INHERITED: RawFd = 64;

/// The TCP listeners that the service manager passed on (`LISTEN_PID`, `LISTEN_FDS`), in its order;
/// other sockets among them are closed. Only the first call returns any.
///
/// To be called before anything else opens descriptors.
///
/// Source: `sd_listen_fds(3)`.
pub fn inherited_listeners() -> Vec<TcpListener> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let text = |name| std::env::var(name).ok();
    let count = passed_on(text("LISTEN_PID"), text("LISTEN_FDS"), std::process::id());
    if count == 0 || TAKEN.swap(true, Ordering::Relaxed) {
        return Vec::new();
    }
    (FIRST..FIRST + count).filter_map(listener).collect()
}

/// How many descriptors are meant for this process.
fn passed_on(pid: Option<String>, count: Option<String>, own: u32) -> RawFd {
    let is_ours = pid.and_then(|pid| pid.parse().ok()) == Some(own);
    let count = count.and_then(|count| count.parse::<RawFd>().ok());
    match count {
        Some(count) if is_ours && (1..=MAX_INHERITED).contains(&count) => count,
        _ => 0,
    }
}

fn listener(fd: RawFd) -> Option<TcpListener> {
    // SAFETY: reads the descriptor's flags; a number that is no descriptor answers EBADF.
    if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
        return None;
    }
    // SAFETY: the descriptor is open, was given to this process by number (sd_listen_fds(3)) and
    // nobody else knows of it; `TAKEN` makes this the only place that ever owns it.
    // JUSTIFICATION: the standard library has no safe way from a number to an owner.
    let socket = socket2::Socket::from(unsafe { OwnedFd::from_raw_fd(fd) });
    socket.set_cloexec(true).ok()?;
    let is_tcp = socket.r#type().ok()? == socket2::Type::STREAM
        && socket.local_addr().ok()?.as_socket().is_some()
        && socket.is_listener().ok()?;
    is_tcp.then(|| socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_manager_that_means_this_process_passes_sockets_on() {
        let text = |text: &str| Some(text.to_owned());
        for (name, pid, count, want) in [
            ("nobody", None, None, 0),
            ("ours", text("7"), text("2"), 2),
            (
                "a parent's, left in the environment",
                text("6"),
                text("2"),
                0,
            ),
            ("no number", text("7"), text("two"), 0),
            ("none", text("7"), text("0"), 0),
            ("less than none", text("7"), text("-1"), 0),
            ("the most", text("7"), text("64"), 64),
            ("one more", text("7"), text("65"), 0),
            ("without a process", None, text("1"), 0),
        ] {
            assert_eq!(passed_on(pid, count, 7), want, "{name}");
        }
    }
}
