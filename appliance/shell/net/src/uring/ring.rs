//! The ring itself: set up, restricted, entered.

use crate::reactor::{ReactorError, UringRefusal};
use crate::socket::MAX_BUFFERS;
use io_uring::register::{Probe, Restriction};
use io_uring::types::{SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};
use std::io;
use std::time::Duration;

/// Submission slots: every train that can be queued, and the reactor's own requests.
pub(super) const SUBMISSIONS: u32 = 2_048;

/// Completion slots: a burst into every receive buffer and a failure for every train, at once.
pub(super) const COMPLETIONS: u32 = 8_192;

/// Most that kernels count of one ring against `RLIMIT_MEMLOCK`: its entries (64 bytes per submission
/// and 4 for its place, 16 per completion: `io_uring.h`), and pages for its heads and its buffers'
/// descriptors. Some count none of it (Linux 5.12 to 6.12); 6.18 counts it for whoever has no
/// `CAP_IPC_LOCK`.
pub const LOCKED_BYTES: u64 = SUBMISSIONS as u64 * (64 + 4) + COMPLETIONS as u64 * 16 + LOCKED_ROOM;

/// Heads take a page or two, [`MAX_BUFFERS`] descriptors of 16 bytes sixteen.
const LOCKED_ROOM: u64 = 20 * 4_096;

const _: () = assert!(MAX_BUFFERS as u64 * 16 + 4 * 4_096 <= LOCKED_ROOM);

/// Waiting for a completion, or at least running the kernel's deferred work.
const GETEVENTS: u32 = 1;

/// The only operations this ring will ever run. An attacker who could write to the ring's memory
/// still cannot open a file or start a connection with it; a seccomp filter cannot see in here.
const OPERATIONS: [(u8, &str); 5] = [
    (opcode::RecvMsgMulti::CODE, "RECVMSG"),
    (opcode::SendMsg::CODE, "SENDMSG"),
    (opcode::Read::CODE, "READ"),
    (opcode::PollAdd::CODE, "POLL_ADD"),
    (opcode::AsyncCancel2::CODE, "ASYNC_CANCEL"),
];

/// How long an entry may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// Submit and come back.
    No,
    /// Until one completion is there, or this much time has passed.
    For(Duration),
    /// Until one completion is there.
    Forever,
}

/// A ring that is still disabled: buffers are registered now, then [`Self::enable`].
pub(super) struct DisabledRing {
    ring: IoUring,
    /// Which set-up the kernel took, for the status line.
    pub(super) mode: &'static str,
}

impl DisabledRing {
    /// Creates a ring and checks that everything the reactor needs is there.
    pub(super) fn new() -> Result<Self, UringRefusal> {
        let (ring, mode) = match build(true) {
            Ok(ring) => (ring, "single issuer, deferred task work"),
            // Linux 6.0 knows neither flag.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                (build(false).map_err(refusal)?, "cooperative task work")
            }
            Err(error) => return Err(refusal(error)),
        };
        check_features(&ring)?;
        Ok(Self { ring, mode })
    }

    pub(super) fn submitter(&self) -> io_uring::Submitter<'_> {
        self.ring.submitter()
    }

    /// Restricts the ring to [`OPERATIONS`], for good, and starts it.
    pub(super) fn enable(self) -> Result<Ring, UringRefusal> {
        let other = |call| move |source| UringRefusal::Other { call, source };
        let flags = squeue::Flags::BUFFER_SELECT | squeue::Flags::SKIP_SUCCESS;
        let mut restrictions: Vec<Restriction> = OPERATIONS
            .iter()
            .map(|(code, _)| Restriction::sqe_op(*code))
            .collect();
        restrictions.push(Restriction::sqe_flags_allowed(flags.bits()));
        let submitter = self.ring.submitter();
        submitter
            .register_restrictions(&mut restrictions)
            .map_err(other("IORING_REGISTER_RESTRICTIONS"))?;
        submitter
            .register_enable_rings()
            .map_err(other("IORING_REGISTER_ENABLE_RINGS"))?;
        Ok(Ring {
            ring: self.ring,
            entries: 0,
        })
    }
}

/// A running ring.
pub(super) struct Ring {
    ring: IoUring,
    /// Kernel entries so far.
    pub(super) entries: u64,
}

impl Ring {
    /// Queues a request; false when all slots are taken.
    ///
    /// # Safety
    /// All memory that the entry points to stays where it is, and valid for what the operation
    /// does with it, until its completion is reaped (or, for `SENDMSG` with `MSG_DONTWAIT`, until
    /// it has been submitted).
    pub(super) unsafe fn push(&mut self, entry: &squeue::Entry) -> bool {
        // SAFETY: the caller keeps the entry's memory alive, as this function demands. Needed
        // because the kernel follows the entry's pointers where no borrow checker looks.
        unsafe { self.ring.submission().push(entry) }.is_ok()
    }

    /// Requests queued and not yet taken by the kernel.
    pub(super) fn unsubmitted(&mut self) -> usize {
        self.ring.submission().len()
    }

    /// Submits everything and waits as told. A wait that ends without a completion is no error.
    pub(super) fn enter(&mut self, wait: Wait) -> Result<(), ReactorError> {
        self.entries += 1;
        let unsubmitted = self.unsubmitted() as u32;
        let submitter = self.ring.submitter();
        let result = match wait {
            // SAFETY: the count is that of the queue, and no argument is passed to be read. Needed
            // because the crate's safe calls leave out GETEVENTS when nothing is waited for, and
            // deferred work would then not run.
            Wait::No => unsafe {
                submitter.enter::<libc::sigset_t>(unsubmitted, 0, GETEVENTS, None)
            },
            Wait::For(timeout) => {
                let timeout = Timespec::from(timeout);
                submitter.submit_with_args(1, &SubmitArgs::new().timespec(&timeout))
            }
            Wait::Forever => submitter.submit_and_wait(1),
        };
        match result {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_os_error() {
                // Time over, a signal, completions to be reaped first, memory short for a moment:
                // the next entry goes on.
                Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => Ok(()),
                _ => Err(ReactorError::Kernel {
                    call: "io_uring_enter",
                    source: error,
                }),
            },
        }
    }

    /// The next completion, if there is one.
    pub(super) fn completion(&mut self) -> Option<cqueue::Entry> {
        self.ring.completion().next()
    }
}

fn build(deferred: bool) -> io::Result<IoUring> {
    let mut builder = IoUring::builder();
    builder
        .setup_r_disabled()
        .setup_submit_all()
        .setup_clamp()
        .setup_cqsize(COMPLETIONS);
    if deferred {
        builder.setup_single_issuer().setup_defer_taskrun();
    } else {
        builder.setup_coop_taskrun();
    }
    builder.build(SUBMISSIONS)
}

fn check_features(ring: &IoUring) -> Result<(), UringRefusal> {
    let features = ring.params();
    for (present, name) in [
        (
            features.is_feature_ext_arg(),
            "waiting with a timeout (EXT_ARG, Linux 5.11)",
        ),
        (
            features.is_feature_nodrop(),
            "completions that cannot be lost (NODROP, Linux 5.5)",
        ),
        (
            features.is_feature_skip_cqe_on_success(),
            "silent successes (CQE_SKIP, Linux 5.17)",
        ),
    ] {
        if !present {
            return Err(UringRefusal::Lacks(name));
        }
    }
    let mut probe = Probe::new();
    ring.submitter()
        .register_probe(&mut probe)
        .map_err(refusal)?;
    match OPERATIONS
        .iter()
        .find(|(code, _)| !probe.is_supported(*code))
    {
        Some((_, name)) => Err(UringRefusal::Lacks(name)),
        None => Ok(()),
    }
}

/// What a refused set-up call means.
pub(super) fn refusal(error: io::Error) -> UringRefusal {
    match error.raw_os_error() {
        Some(libc::ENOSYS) => UringRefusal::Missing,
        Some(libc::EPERM | libc::EACCES) => UringRefusal::Forbidden,
        Some(libc::ENOMEM) => UringRefusal::Memory,
        _ => UringRefusal::Other {
            call: "io_uring_setup",
            source: error,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do_about_it() {
        for (errno, part) in [
            (libc::ENOSYS, "ENOSYS"),
            (libc::EPERM, "kernel.io_uring_disabled"),
            (libc::EACCES, "seccomp"),
            (libc::ENOMEM, "LimitMEMLOCK"),
            (libc::EMFILE, "io_uring_setup"),
        ] {
            let text = refusal(io::Error::from_raw_os_error(errno)).to_string();
            assert!(text.contains(part), "{text}");
        }
    }
}
