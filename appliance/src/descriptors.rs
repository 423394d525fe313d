//! How many files and sockets the process may have open, and what of it clients may take.
//!
//! A box that lets connections take the last descriptor cannot open its next journal segment:
//! clients would end what is promised to be on disk. So connections are counted against what is
//! left after everything else, and the kernel's own refusal (EMFILE) is the second line only.

use anyhow::{Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The least to start with: the box itself takes some 40, [`KEPT`] are not for clients.
const MIN_DESCRIPTORS: u64 = 256;

/// Kept beyond what is open when the box begins to serve: 64 admin connections, and as much for
/// journal segments, the index' files, webhooks and interpreting the names of their receivers.
const KEPT: u64 = 128;

/// What clients get however little there is.
const MIN_CONNECTIONS: usize = 32;

/// Raises the soft limit to the hard one; returns what is allowed now. Many systems give 1,024
/// out of habit (`select`) where the hard limit is half a million.
///
/// # Errors
/// Fewer than [`MIN_DESCRIPTORS`] are allowed.
pub(crate) fn raise() -> Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Refused (by a sandbox, say), the soft limit holds.
    let _ = setrlimit(Resource::Nofile, raised);
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if allowed < MIN_DESCRIPTORS {
        bail!(
            "only {allowed} files may be open here and the box needs {MIN_DESCRIPTORS}: raise it \
             with `ulimit -n` or LimitNOFILE="
        );
    }
    Ok(allowed)
}

/// How many client connections fit beside what is open now.
pub(crate) fn connections(allowed: u64) -> usize {
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count) as u64;
    let left = allowed.saturating_sub(open).saturating_sub(KEPT);
    usize::try_from(left)
        .unwrap_or(usize::MAX)
        .max(MIN_CONNECTIONS)
}
