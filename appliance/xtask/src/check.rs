//! Everything that must hold before a change lands, cheapest first.

use crate::{arrows, openapi, run as step, systemd};
use anyhow::Result;

/// The steps in order; the first failure ends the run.
pub(crate) fn run() -> Result<()> {
    step("cargo", &["fmt", "--all", "--check"])?;
    arrows::run()?;
    systemd::run()?;
    step(
        "cargo",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    )?;
    openapi::run(&["--check".to_owned()])?;
    step("cargo", &["test", "--workspace"])?;
    documents()?;
    step(
        "cargo",
        &[
            "deny",
            "--log-level",
            "error",
            "check",
            "licenses",
            "bans",
            "sources",
        ],
    )
}

/// Documentation without warnings.
fn documents() -> Result<()> {
    step(
        "env",
        &[
            "RUSTDOCFLAGS=-D warnings",
            "cargo",
            "doc",
            "--workspace",
            "--no-deps",
            "--quiet",
        ],
    )
}
