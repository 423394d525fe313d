//! How much memory a process may lock here: some kernels count rings against it. The service's own
//! limit is in its unit.

use crate::finding::{Code, Finding};
use net::LOCKED_BYTES;
use rustix::process::{Resource, getrlimit};

/// The hard limit; `u64::MAX`: none.
pub(crate) fn measure() -> u64 {
    getrlimit(Resource::Memlock).maximum.unwrap_or(u64::MAX)
}

pub(crate) fn judge(allowed: u64, workers: usize) -> Finding {
    let wanted = LOCKED_BYTES.saturating_mul(workers as u64);
    let (allowed_kib, wanted_kib) = (allowed >> 10, wanted.div_ceil(1_024));
    if allowed == u64::MAX {
        return Finding::pass(Code::Memlock, "any amount of memory may be locked");
    }
    let evidence =
        format!("{allowed_kib} KiB may be locked; {workers} rings take {wanted_kib} KiB");
    if allowed >= wanted {
        return Finding::pass(Code::Memlock, evidence);
    }
    Finding::warn(
        Code::Memlock,
        format!("{evidence}: where the kernel counts rings, the box uses epoll instead"),
        format!(
            "the unit has its own LimitMEMLOCK= (`systemctl show -P LimitMEMLOCK ringward`); for this \
             shell `ulimit -Hl {wanted_kib}` as root"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Grade;

    #[test]
    fn locked_memory_is_judged_by_what_the_rings_take() {
        for (name, allowed, workers, want) in [
            ("exactly one ring", LOCKED_BYTES, 1, Grade::Pass),
            ("a byte less", LOCKED_BYTES - 1, 1, Grade::Warn),
            ("one ring for two", LOCKED_BYTES, 2, Grade::Warn),
            ("no limit", u64::MAX, 64, Grade::Pass),
            ("nothing", 0, 1, Grade::Warn),
        ] {
            assert_eq!(judge(allowed, workers).grade, want, "{name}");
        }
    }

    #[test]
    fn the_units_limit_is_enough_for_every_media_thread() {
        let unit = include_str!("../../../../../systemd/ringward.service");
        let limit = unit
            .lines()
            .find_map(|line| line.strip_prefix("LimitMEMLOCK="));
        let mib: u64 = limit
            .and_then(|text| text.strip_suffix('M'))
            .and_then(|text| text.parse().ok())
            .expect("LimitMEMLOCK= in MiB");
        assert_eq!(judge(mib << 20, MOST_WORKERS).grade, Grade::Pass);
    }

    /// As many as the settings take.
    const MOST_WORKERS: usize = 64;
}
