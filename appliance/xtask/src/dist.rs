//! `cargo xtask dist`: the Debian package, from a fresh clone.

mod sbom;

use crate::{root, run as step};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The packager and the version that is known to work.
const CARGO_DEB: (&str, &str) = ("cargo-deb", "3.8.0");

/// Binaries that belong into the package, as far as the workspace has them.
const BINARIES: [&str; 2] = ["ringward", "ringward-console"];

/// Files that are installed as they are: from the workspace, into the stage.
const FILES: [(&str, &str); 10] = [
    ("systemd/ringward.service", "units/ringward.service"),
    ("systemd/ringward.socket", "units/ringward.socket"),
    ("systemd/ringward.sysusers", "sysusers/ringward.conf"),
    ("systemd/ringward.tmpfiles", "tmpfiles/ringward.conf"),
    ("systemd/ringward.toml", "config/ringward.toml"),
    ("systemd/README.md", "doc/systemd.md"),
    ("README.md", "doc/README.md"),
    ("appliance/docs/runbook.md", "doc/runbook.md"),
    ("appliance/docs/promises.md", "doc/promises.md"),
    ("appliance/docs/architecture.md", "doc/architecture.md"),
];

/// Builds `target/dist/ringward_VERSION_amd64.deb` and returns where it is.
pub(crate) fn run() -> Result<PathBuf> {
    let version = env!("CARGO_PKG_VERSION");
    stage()?;
    package(version)
}

/// Everything that goes into the package, built and gathered in one folder.
pub(crate) fn stage() -> Result<()> {
    tool()?;
    let stage = folder().join("stage");
    if stage.exists() {
        std::fs::remove_dir_all(&stage)?;
    }
    let metadata = sbom::metadata()?;
    let present: Vec<&str> = BINARIES
        .into_iter()
        .filter(|name| sbom::has_package(&metadata, name))
        .collect();
    let mut build = vec!["build", "--release", "--locked"];
    for name in &present {
        build.extend(["--package", *name]);
    }
    step("cargo", &build)?;
    for name in &present {
        let program = stage.join("bin").join(name);
        copy(&target().join("release").join(name), &program)?;
        // Line tables are for whoever builds: they are nine tenths of the file.
        let program = program.display().to_string();
        step("strip", &["--strip-unneeded", program.as_str()])?;
    }
    for (from, to) in FILES {
        copy(&root().join(from), &stage.join(to))?;
    }
    let program = stage.join("bin/ringward");
    let out = stage.display().to_string();
    step(&program.display().to_string(), &["pages", out.as_str()])?;
    let bill = sbom::cyclonedx(&metadata, &present, env!("CARGO_PKG_VERSION"))?;
    put(&stage.join("doc/sbom.cdx.json"), &bill)
}

/// One package of what is staged, under this version.
pub(crate) fn package(version: &str) -> Result<PathBuf> {
    let deb = folder().join(format!("ringward_{version}_amd64.deb"));
    let out = deb.display().to_string();
    let arguments = [
        "deb",
        "--package=ringward",
        "--no-build",
        "--locked",
        "--deb-version",
        version,
        "--output",
        out.as_str(),
    ];
    step("cargo", &arguments)?;
    depends_on_libc_only(&deb)?;
    println!("built: {}", deb.display());
    Ok(deb)
}

/// A hospital without internet has what Debian installs, and no more.
fn depends_on_libc_only(deb: &Path) -> Result<()> {
    let output = Command::new("dpkg-deb")
        .arg("--field")
        .arg(deb)
        .args(["Depends", "Pre-Depends"])
        .output()
        .context("dpkg-deb could not be started")?;
    let fields = String::from_utf8_lossy(&output.stdout);
    let packages = fields
        .lines()
        .filter_map(|line| line.split_once(':').map(|(_, packages)| packages))
        .flat_map(|packages| packages.split(','));
    let foreign: Vec<&str> = packages
        .map(|package| package.split_whitespace().next().unwrap_or_default())
        .filter(|name| *name != "libc6")
        .collect();
    if foreign.is_empty() {
        return Ok(());
    }
    bail!(
        "the package depends on more than libc6: {}",
        foreign.join(", ")
    )
}

/// cargo-deb, installed by name where it is missing.
fn tool() -> Result<()> {
    let (name, version) = CARGO_DEB;
    let known = Command::new(name)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if known.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    println!("installing {name} {version}");
    step(
        "cargo",
        &["install", "--quiet", "--locked", name, "--version", version],
    )
}

/// Where packages lie.
pub(crate) fn folder() -> PathBuf {
    target().join("dist")
}

/// Where Cargo builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("{} could not be copied to {}", from.display(), to.display()))
}

fn put(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("{} could not be written", path.display()))
}
