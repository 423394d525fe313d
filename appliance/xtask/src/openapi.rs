//! Writes `appliance/openapi/v1.json`, or says that it is not what it should be.

use crate::root;
use anyhow::{Context, Result, bail};
use std::process::Command;

const PLACE: &str = "appliance/openapi/v1.json";

/// Writes the document; with `--check` compares it only.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let output = Command::new("cargo")
        .args([
            "run",
            "--quiet",
            "--package",
            "ringward-api",
            "--example",
            "openapi",
        ])
        .current_dir(root())
        .output()
        .context("cargo could not be started")?;
    if !output.status.success() {
        bail!(
            "the document could not be made:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let path = root().join(PLACE);
    let committed = std::fs::read(&path).unwrap_or_default();
    let is_same = committed == output.stdout;
    match arguments {
        [] if is_same => println!("openapi: {PLACE} is as it should be"),
        [] => {
            std::fs::write(&path, &output.stdout)
                .with_context(|| format!("{PLACE} cannot be written"))?;
            println!("openapi: {PLACE} written; commit it");
        }
        [flag] if flag == "--check" && is_same => println!("openapi: {PLACE} is as it should be"),
        [flag] if flag == "--check" => {
            bail!("{PLACE} is not what it should be: run `cargo xtask openapi`")
        }
        _ => bail!("usage: cargo xtask openapi [--check]"),
    }
    Ok(())
}
