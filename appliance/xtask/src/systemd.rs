//! The units as systemd itself judges them.

use crate::root;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// Highest exposure that `systemd-analyze security` may find, in tenths (`reliability.md` G15).
const THRESHOLD: &str = "--threshold=10";

/// The program as installed, and one that stands in for it: `verify` looks whether it is there.
const INSTALLED: &str = "/usr/bin/ringward";
const STAND_IN: &str = "/usr/bin/true";

/// Fails when a unit is wrong or exposes more than it may.
pub(crate) fn run() -> Result<()> {
    let units = root().join("systemd");
    let folder = root().join("target/systemd");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("{} could not be made", folder.display()))?;
    let mut copies = Vec::new();
    for unit in ["ringward.service", "ringward.socket"] {
        let text = std::fs::read_to_string(units.join(unit)).context(unit)?;
        let copy = folder.join(unit);
        std::fs::write(&copy, text.replace(INSTALLED, STAND_IN)).context(unit)?;
        copies.push(copy);
    }
    let mut verify = analyze(&["verify", "--man=no"]);
    verify.args(&copies);
    silently(&mut verify)?;
    let mut security = analyze(&["security", "--offline=true", "--no-pager", THRESHOLD]);
    security.arg(units.join("ringward.service"));
    let shown = silently(&mut security)?;
    println!("systemd:{}", shown.lines().last().unwrap_or_default());
    every_line_is_explained(&units)
}

/// Each setting of the service stands in the README.
fn every_line_is_explained(units: &Path) -> Result<()> {
    let service = std::fs::read_to_string(units.join("ringward.service"))?;
    let readme = std::fs::read_to_string(units.join("README.md"))?;
    let missing = unexplained(&service, &readme);
    if missing.is_empty() {
        return Ok(());
    }
    bail!("systemd/README.md does not explain {}", missing.join(", "));
}

/// Settings that the readme does not name; what says itself is not asked for.
fn unexplained<'a>(service: &'a str, readme: &str) -> Vec<&'a str> {
    const PLAIN: [&str; 5] = [
        "Description",
        "Documentation",
        "ExecStart",
        "WantedBy",
        "WorkingDirectory",
    ];
    let settings = service.lines().filter(|line| !line.starts_with('#'));
    settings
        .filter_map(|line| line.split_once('=').map(|(name, _)| name))
        .filter(|name| !PLAIN.contains(name))
        .filter(|name| {
            // `ProtectKernelModules=` is written `…Modules=` beside its siblings.
            let short = name.trim_start_matches("ProtectKernel");
            let mode = name.trim_end_matches("Mode");
            ![name, short, mode]
                .iter()
                .any(|name| readme.contains(&format!("{name}=")))
        })
        .collect()
}

fn analyze(arguments: &[&str]) -> Command {
    let mut command = Command::new("systemd-analyze");
    command.args(arguments);
    command
}

/// Standard output; with everything that was said when it failed.
fn silently(command: &mut Command) -> Result<String> {
    let output = command.output().context(
        "systemd-analyze could not be started: install it with `apt-get install systemd`",
    )?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let more = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} failed\n{said}{more}");
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_a_reason_is_found() {
        let service = "# UMask=\n[Service]\nUser=x\nProtectKernelLogs=yes\nUMask=0077\n";
        assert_eq!(unexplained(service, "`User=`, `…Logs=`"), ["UMask"]);
    }
}
