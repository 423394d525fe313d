//! The kernel's version.

use crate::finding::{Code, Finding};

/// From here on the kernel has all that the ring needs: multishot receive, provided buffers,
/// deferred task work (`io_uring_setup(2)`).
const WANTED: (u32, u32) = (6, 1);

/// UDP segmentation and coalescing (`UDP_SEGMENT` 4.18, `UDP_GRO` 5.0): without them neither
/// backend can send trains.
const LEAST: (u32, u32) = (5, 0);

pub(crate) fn measure() -> String {
    let release = rustix::system::uname();
    release.release().to_string_lossy().into_owned()
}

pub(crate) fn judge(release: &str) -> Finding {
    let evidence = format!("Linux {release}");
    match version(release) {
        Some(version) if version >= WANTED => Finding::pass(Code::Kernel, evidence),
        Some(version) if version >= LEAST => Finding::warn(
            Code::Kernel,
            format!("{evidence}: before 6.1 there is no io_uring for the box; it uses epoll"),
            "install a newer kernel: `apt install linux-image-amd64` on Debian 12 or later",
        ),
        _ => Finding::fail(
            Code::Kernel,
            format!("{evidence}: the box needs 5.0 at least, 6.1 for io_uring"),
            "install Debian 12 or later, or its kernel",
        ),
    }
}

/// Major and minor.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(['.', '-', '+']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Grade;

    #[test]
    fn the_kernel_is_judged_by_what_its_version_brings() {
        for (release, want) in [
            ("6.1.0-28-amd64", Grade::Pass),
            ("7.0-rc1", Grade::Pass),
            ("6.0.19", Grade::Warn),
            ("5.0.0", Grade::Warn),
            ("4.19.0-27-amd64", Grade::Fail),
            ("unknown", Grade::Fail),
        ] {
            assert_eq!(judge(release).grade, want, "{release}");
        }
    }
}
