//! The project's own checks: `cargo xtask check` is what CI runs.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command speaks to its terminal"
)]

mod arrows;
mod check;
mod dist;
mod e2e;
mod openapi;
mod package_test;
mod systemd;
mod tidy;

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask <command>

  check    fmt, clippy, arrows, units, tests, docs, deny: everything but real clients
  arrows   compares the crates' dependencies with the house's arrows
  systemd  verifies the units and judges their exposure (needs systemd-analyze)
  openapi  writes appliance/openapi/v1.json; --check compares only
  tidy     lists long files and functions; fails nothing
  e2e      real clients against the real daemon (installs what it needs and says so)
  dist     the Debian package in target/dist (needs binutils; installs cargo-deb into target)
  package-test
           the package on a real Debian under a real systemd (root; debootstrap, systemd-container)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("", [].as_slice()),
    };
    let outcome = match command {
        "check" => check::run(),
        "arrows" => arrows::run(),
        "systemd" => systemd::run(),
        "tidy" => tidy::run(),
        "openapi" => openapi::run(rest),
        "e2e" => e2e::run(rest),
        "dist" => dist::run().map(drop),
        "package-test" => package_test::run(),
        _ => Err(anyhow::anyhow!("{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map(Path::to_owned)
        .unwrap_or_default()
}

/// The programs that are shipped.
const PROGRAMS: [&str; 2] = ["ringward", "ringward-console"];

/// Builds them, for real clients and for the package alike. Together: one by one Cargo would build
/// what they share once for the features of each.
fn build_programs() -> Result<()> {
    let mut words = vec!["build", "--release", "--locked"];
    for program in PROGRAMS {
        words.extend(["--package", program]);
    }
    run("cargo", &words)
}

/// Runs a command in the workspace's folder, showing what runs.
fn run(program: &str, arguments: &[&str]) -> Result<()> {
    println!("\n$ {program} {}", arguments.join(" "));
    let status = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .status()
        .with_context(|| format!("{program} could not be started; is it installed?"))?;
    if !status.success() {
        bail!("`{program} {}` failed ({status})", arguments.join(" "));
    }
    Ok(())
}
