//! `cargo xtask package-test`: the package on a real Debian under a real systemd.

use crate::{dist, root, run as step};
use anyhow::{Result, bail};
use std::fs;

/// Builds the package twice, under this version and the next, and lets `package.sh` use both.
pub(crate) fn run() -> Result<()> {
    dist::stage()?;
    let version = env!("CARGO_PKG_VERSION");
    let old = dist::package(version)?;
    let first = fs::read(&old)?;
    if fs::read(dist::package(version)?)? != first {
        bail!("{} packed twice is not the same file", old.display());
    }
    let new = dist::package(&next(version))?;
    let script = root().join("appliance/tests/package.sh");
    let cache = dist::folder().join("test");
    let words = [&script, &old, &new, &cache].map(|path| path.display().to_string());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    step("bash", &words)
}

/// The version after this one.
fn next(version: &str) -> String {
    match version.rsplit_once('.') {
        Some((head, last)) => {
            let last: u64 = last.parse().unwrap_or_default();
            format!("{head}.{}", last + 1)
        }
        None => format!("{version}.1"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_version_is_one_later() {
        assert_eq!(next("0.1.0"), "0.1.1");
        assert_eq!(next("1.9.9"), "1.9.10");
    }
}
