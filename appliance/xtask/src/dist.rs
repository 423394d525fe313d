//! `cargo xtask dist`: the Debian package, from a fresh clone.

mod console;
mod control;
mod sbom;

use crate::{PROGRAMS, build_programs, root, run as step};
use anyhow::{Context, Result, bail};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where documentation lies.
const DOC: &str = "usr/share/doc/ringward";

/// Where manual pages lie.
const MAN: &str = "usr/share/man/man1";

/// Files that are installed as they are: from the workspace, to the machine.
const FILES: [(&str, &str); 10] = [
    (
        "systemd/ringward.service",
        "usr/lib/systemd/system/ringward.service",
    ),
    (
        "systemd/ringward.socket",
        "usr/lib/systemd/system/ringward.socket",
    ),
    (
        "systemd/ringward.sysusers",
        "usr/lib/sysusers.d/ringward.conf",
    ),
    (
        "systemd/ringward.tmpfiles",
        "usr/lib/tmpfiles.d/ringward.conf",
    ),
    ("systemd/ringward.toml", "etc/ringward/ringward.toml"),
    ("systemd/README.md", "usr/share/doc/ringward/systemd.md"),
    ("README.md", "usr/share/doc/ringward/README.md"),
    (
        "appliance/docs/runbook.md",
        "usr/share/doc/ringward/runbook.md",
    ),
    (
        "appliance/docs/promises.md",
        "usr/share/doc/ringward/promises.md",
    ),
    (
        "appliance/docs/architecture.md",
        "usr/share/doc/ringward/architecture.md",
    ),
];

/// Completions as the program writes them, and where each shell looks.
const COMPLETIONS: [(&str, &str); 3] = [
    (
        "ringward.bash",
        "usr/share/bash-completion/completions/ringward",
    ),
    ("_ringward", "usr/share/zsh/vendor-completions/_ringward"),
    (
        "ringward.fish",
        "usr/share/fish/vendor_completions.d/ringward.fish",
    ),
];

/// Builds `target/dist/ringward_VERSION_amd64.deb` and returns where it is.
pub(crate) fn run() -> Result<PathBuf> {
    stage()?;
    package(env!("CARGO_PKG_VERSION"))
}

/// Everything that goes onto the machine, built and gathered in one folder as it will lie there.
pub(crate) fn stage() -> Result<()> {
    let image = image();
    if image.exists() {
        fs::remove_dir_all(&image)?;
    }
    build_programs()?;
    for name in PROGRAMS {
        let program = image.join("usr/bin").join(name);
        copy(&target().join("release").join(name), &program)?;
        // Line tables are for whoever builds: they are nine tenths of the file.
        let program = program.display().to_string();
        step("strip", &["--strip-unneeded", program.as_str()])?;
    }
    for (from, to) in FILES {
        copy(&root().join(from), &image.join(to))?;
    }
    pages(&image)?;
    let bill = sbom::cyclonedx(&sbom::metadata()?, &PROGRAMS, env!("CARGO_PKG_VERSION"))?;
    put(&image.join(DOC).join("sbom.cdx.json"), &bill)?;
    put(&image.join(DOC).join("copyright"), control::COPYRIGHT)
}

/// Manual pages and completions, made by the programs themselves.
fn pages(image: &Path) -> Result<()> {
    let made = folder().join("pages");
    let program = image.join("usr/bin/ringward").display().to_string();
    step(&program, &["pages", &made.display().to_string()])?;
    let man = image.join(MAN);
    for page in fs::read_dir(made.join("man"))? {
        let page = page?;
        copy(&page.path(), &man.join(page.file_name()))?;
    }
    let console = image.join("usr/bin/ringward-console");
    let page = console::page(&said(Command::new(console).arg("--help"))?);
    put(&man.join("ringward-console.1"), &page)?;
    let pages = man.display().to_string();
    step("gzip", &["-9nr", pages.as_str()])?;
    for (from, to) in COMPLETIONS {
        copy(&made.join("completions").join(from), &image.join(to))?;
    }
    Ok(())
}

/// One package of what is staged, under this version.
pub(crate) fn package(version: &str) -> Result<PathBuf> {
    let image = image();
    let changelog = image.join(DOC).join("changelog");
    put(&changelog, &control::changelog(version, &date()?))?;
    step("gzip", &["-9nf", &changelog.display().to_string()])?;
    let scripts = image.join("DEBIAN");
    for name in ["preinst", "postinst", "prerm", "postrm"] {
        copy(
            &root().join("appliance/debian").join(name),
            &scripts.join(name),
        )?;
    }
    put(&scripts.join("conffiles"), "/etc/ringward/ringward.toml\n")?;
    let bytes = sizes(&image)?;
    put(&scripts.join("control"), &control::fields(version, bytes))?;
    set_modes(&image)?;
    let deb = folder().join(format!("ringward_{version}_amd64.deb"));
    let words = [&image, &deb].map(|path| path.display().to_string());
    let [image, out] = words.each_ref().map(String::as_str);
    step("dpkg-deb", &["--root-owner-group", "--build", image, out])?;
    depends_on_libc_only(&deb)?;
    println!("built: {out}");
    Ok(deb)
}

/// Programs and scripts may be run, everything may be read; nothing depends on this shell's umask.
fn set_modes(place: &Path) -> Result<()> {
    let is_folder = place.is_dir();
    let runs = place.parent().is_some_and(|folder| {
        folder.ends_with("usr/bin") || (folder.ends_with("DEBIAN") && is_script(place))
    });
    let mode = if is_folder || runs { 0o755 } else { 0o644 };
    fs::set_permissions(place, PermissionsExt::from_mode(mode))?;
    if is_folder {
        for inside in fs::read_dir(place)? {
            set_modes(&inside?.path())?;
        }
    }
    Ok(())
}

fn is_script(place: &Path) -> bool {
    fs::read(place).is_ok_and(|text| text.starts_with(b"#!"))
}

/// Bytes of all files below `place`.
fn sizes(place: &Path) -> Result<u64> {
    let mut bytes = 0;
    for inside in fs::read_dir(place)? {
        let inside = inside?;
        bytes += if inside.file_type()?.is_dir() {
            sizes(&inside.path())?
        } else {
            inside.metadata()?.len()
        };
    }
    Ok(bytes)
}

/// A hospital without internet has what Debian installs, and no more: every library that the
/// programs want is libc6's.
fn depends_on_libc_only(deb: &Path) -> Result<()> {
    for name in PROGRAMS {
        let program = image().join("usr/bin").join(name);
        let shown = said(Command::new("readelf").arg("--dynamic").arg(&program))?;
        let foreign = control::foreign(&shown);
        if !foreign.is_empty() {
            bail!(
                "{} needs more than libc6: {name} wants {}",
                deb.display(),
                foreign.join(", ")
            );
        }
    }
    Ok(())
}

/// When the commit was made, as Debian writes it (RFC 5322): the same commit makes the same file.
fn date() -> Result<String> {
    let mut git = Command::new("git");
    git.args(["log", "-1", "--format=%aD"]).current_dir(root());
    Ok(said(&mut git)?.trim().to_owned())
}

fn said(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("{command:?} could not be started"))?;
    if !output.status.success() {
        bail!("{command:?} failed ({})", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Where packages lie.
pub(crate) fn folder() -> PathBuf {
    target().join("dist")
}

/// The machine's `/`, as far as the package fills it.
fn image() -> PathBuf {
    folder().join("image")
}

/// Where Cargo builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    make_folder_of(to)?;
    fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("{} could not be copied to {}", from.display(), to.display()))
}

fn put(path: &Path, text: &str) -> Result<()> {
    make_folder_of(path)?;
    fs::write(path, text).with_context(|| format!("{} could not be written", path.display()))
}

fn make_folder_of(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).with_context(|| format!("{} could not be made", folder.display()))
}
