//! `cargo xtask dist`: the Debian package, from a fresh clone.

mod debian;
mod sbom;

use crate::{PROGRAMS, build_programs, root, run as step};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What packs: the package itself is described in `appliance/Cargo.toml`.
const CARGO_DEB: &str = "3.8.0";

/// Builds `target/dist/ringward_VERSION_amd64.deb` and returns where it is.
pub(crate) fn run() -> Result<PathBuf> {
    stage()?;
    package(env!("CARGO_PKG_VERSION"))
}

/// The programs, and what they and Cargo say of them.
pub(crate) fn stage() -> Result<()> {
    let made = made();
    if made.exists() {
        fs::remove_dir_all(&made)?;
    }
    build_programs()?;
    depends_on_libc_only()?;
    pages(&made)?;
    let bill = sbom::cyclonedx(&sbom::metadata()?, &PROGRAMS, env!("CARGO_PKG_VERSION"))?;
    put(&made.join("sbom.cdx.json"), &bill)
}

/// Manual pages and completions, made by the programs themselves.
fn pages(made: &Path) -> Result<()> {
    let folder = made.display().to_string();
    for (program, word) in [("ringward", "pages"), ("ringward-console", "--pages")] {
        let program = release().join(program).display().to_string();
        step(&program, &[word, &folder])?;
    }
    step("gzip", &["-9nr", &made.join("man").display().to_string()])
}

/// One package of what is staged, under this version.
pub(crate) fn package(version: &str) -> Result<PathBuf> {
    let cargo_deb = cargo_deb()?;
    let changelog = made().join("changelog");
    put(&changelog, &debian::changelog(version, &commit("%aD")?))?;
    step("gzip", &["-9nf", &changelog.display().to_string()])?;
    let deb = folder().join(format!("ringward_{version}_amd64.deb"));
    make_folder_of(&deb)?;
    let mut pack = Command::new(cargo_deb);
    pack.args(["--package", "ringward", "--no-build", "--locked"])
        // Line tables are for whoever builds: they are nine tenths of the file.
        .args(["--strip", "--deb-version", version, "--output"])
        .arg(&deb)
        // The same commit makes the same file.
        .env("SOURCE_DATE_EPOCH", commit("%at")?)
        .current_dir(root());
    said(&mut pack)?;
    println!("built: {}", deb.display());
    Ok(deb)
}

/// Where cargo-deb is; the first time it is installed there, which takes about a minute.
fn cargo_deb() -> Result<PathBuf> {
    let tools = target().join(format!("tools/cargo-deb-{CARGO_DEB}"));
    let program = tools.join("bin/cargo-deb");
    if !program.exists() {
        println!("cargo-deb {CARGO_DEB} is not there yet: installing it (once)");
        let tools = tools.display().to_string();
        let words = ["install", "--quiet", "--locked", "cargo-deb", "--version"];
        step(
            "cargo",
            &[&words[..], &[CARGO_DEB, "--root", &tools]].concat(),
        )?;
    }
    Ok(program)
}

/// A hospital without internet has what Debian installs, and no more: every library that the
/// programs want is libc6's.
fn depends_on_libc_only() -> Result<()> {
    for name in PROGRAMS {
        let program = release().join(name);
        let shown = said(Command::new("readelf").arg("--dynamic").arg(&program))?;
        let foreign = debian::foreign(&shown);
        if !foreign.is_empty() {
            let foreign = foreign.join(", ");
            bail!("the package needs more than libc6: {name} wants {foreign}");
        }
    }
    Ok(())
}

/// When the commit was made, in one of git's formats.
fn commit(format: &str) -> Result<String> {
    let mut git = Command::new("git");
    git.args(["log", "-1", &format!("--format={format}")])
        .current_dir(root());
    Ok(said(&mut git)?.trim().to_owned())
}

fn said(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("{command:?} could not be started"))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} failed ({}): {why}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Where packages lie.
pub(crate) fn folder() -> PathBuf {
    target().join("dist")
}

/// What is made for the package; Cargo.toml names it `target/release/dist`.
fn made() -> PathBuf {
    release().join("dist")
}

/// Where the programs are built.
fn release() -> PathBuf {
    target().join("release")
}

/// Where Cargo builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn put(path: &Path, text: &str) -> Result<()> {
    make_folder_of(path)?;
    fs::write(path, text).with_context(|| format!("{} could not be written", path.display()))
}

fn make_folder_of(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).with_context(|| format!("{} could not be made", folder.display()))
}
