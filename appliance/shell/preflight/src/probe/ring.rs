//! A ring is really opened, with sockets, as a media thread opens it.

use crate::finding::{Code, Finding};
use net::{BackendChoice, OpenReactorError, UringRefusal};
use std::net::{Ipv4Addr, SocketAddr};

/// The reason why there is none.
pub(crate) fn measure() -> Result<(), OpenReactorError> {
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    // On a thread of its own: a ring belongs to the thread that opens it.
    std::thread::spawn(move || net::open(BackendChoice::Uring, &[any_port]).map(drop))
        .join()
        .unwrap_or_else(|_| {
            let source = std::io::Error::other("it panicked");
            Err(OpenReactorError::Kernel {
                call: "opening a ring",
                source,
            })
        })
}

pub(crate) fn judge(opened: &Result<(), OpenReactorError>) -> Finding {
    match opened {
        Ok(()) => Finding::pass(
            Code::IoUring,
            "a ring was opened as media threads open theirs",
        ),
        Err(OpenReactorError::Uring(refusal)) => Finding::warn(
            Code::IoUring,
            format!("{refusal}; the box uses epoll instead, at more CPU per packet"),
            remedy(refusal),
        ),
        Err(error) => Finding::fail(
            Code::IoUring,
            format!("no media socket on 127.0.0.1: {error}"),
            "bring the loopback interface up: `ip link set lo up`",
        ),
    }
}

fn remedy(refusal: &UringRefusal) -> &'static str {
    match refusal {
        UringRefusal::Missing | UringRefusal::Lacks(_) => {
            "install a kernel of 6.1 or later with CONFIG_IO_URING"
        }
        UringRefusal::Forbidden => {
            "`sysctl kernel.io_uring_disabled=0`, and allow io_uring_setup in the container's \
             seccomp profile"
        }
        UringRefusal::Memory => "raise LimitMEMLOCK= with `systemctl edit ringward`",
        UringRefusal::Other { .. } => "look at `dmesg`; the box works without it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Grade;

    #[test]
    fn a_forbidden_ring_is_a_warning_with_its_sysctl() {
        let found = judge(&Err(OpenReactorError::Uring(UringRefusal::Forbidden)));
        assert_eq!(found.grade, Grade::Warn);
        assert!(found.remedy.unwrap().contains("kernel.io_uring_disabled=0"));
        assert_eq!(judge(&Ok(())).grade, Grade::Pass);
    }
}
