//! Real clients against the real daemon: prepares Python, npm and Chromium, builds, runs pytest.
//!
//! What it installs it says, and installs nothing twice. Python and npm packages stay below the
//! target folder (`target/e2e`); only Debian packages go to the system, and only as root.

use crate::root;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The scenarios and their pinned requirements.
const SCENARIOS: &str = "appliance/tests/e2e";

/// Debian packages, the program that shows each is there, and how it is asked for its version.
const DEBIAN: [(&str, &str, &str); 8] = [
    ("python3", "python3", "--version"),
    ("nodejs", "node", "--version"),
    ("npm", "npm", "--version"),
    ("chromium", "/usr/bin/chromium", "--version"),
    ("iproute2", "tc", "-V"),
    ("nftables", "nft", "--version"),
    ("strace", "strace", "-V"),
    ("faketime", "faketime", "--version"),
];

/// Runs the scenarios; `arguments` go to pytest (`-k mute`, `--backend portable`,
/// `--update-screenshots`).
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let target = target_folder();
    let place = target.join("e2e");
    std::fs::create_dir_all(&place)
        .with_context(|| format!("{} could not be made", place.display()))?;
    debian_packages()?;
    let python = python_packages(&place)?;
    npm_packages(&place)?;
    crate::build_programs()?;

    println!("\n$ pytest {SCENARIOS} {}", arguments.join(" "));
    let status = Command::new(&python)
        .args(["-m", "pytest", "-p", "no:cacheprovider", "--color=no"])
        .args(arguments)
        .current_dir(root().join(SCENARIOS))
        .env("RINGWARD_BIN", target.join("release/ringward"))
        .env(
            "RINGWARD_CONSOLE_BIN",
            target.join("release/ringward-console"),
        )
        .env("RINGWARD_E2E", &place)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .status()
        .context("pytest could not be started")?;
    if !status.success() {
        bail!("real clients found something wrong ({status}); pytest says what above");
    }
    Ok(())
}

/// Where Cargo builds.
fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn debian_packages() -> Result<()> {
    let mut missing: Vec<&str> = DEBIAN
        .iter()
        .filter(|(_, program, version)| !answers(program, &[version]))
        .map(|(package, ..)| *package)
        .collect();
    if !answers("python3", &["-c", "import venv, ensurepip"]) {
        missing.push("python3-venv");
    }
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    println!("installing Debian packages: {list}");
    let privileged: &[&str] = if is_root() {
        &["env"]
    } else if answers("sudo", &["-n", "true"]) {
        &["sudo", "-n", "env"]
    } else {
        bail!("{list} missing; install them with `sudo apt-get install {list}` and start again");
    };
    for words in [
        &["apt-get", "update", "-qq"][..],
        &["apt-get", "install", "-y", "-qq", "--no-install-recommends"][..],
    ] {
        let packages = if words.contains(&"install") {
            missing.as_slice()
        } else {
            &[]
        };
        let (program, rest) = privileged.split_first().context("no command")?;
        let mut command = Command::new(program);
        command
            .args(rest)
            .arg("DEBIAN_FRONTEND=noninteractive")
            .args(words)
            .args(packages)
            .stdout(Stdio::null());
        quietly(&mut command)?;
    }
    Ok(())
}

/// The virtual environment's Python.
fn python_packages(place: &Path) -> Result<PathBuf> {
    let wanted = root().join(SCENARIOS).join("requirements.txt");
    let venv = place.join("venv");
    let python = venv.join("bin/python");
    let done = Stamp::of(&wanted, place.join("venv.installed"))?;
    if done.holds() && python.exists() {
        return Ok(python);
    }
    println!("installing Python packages into {}:", venv.display());
    print_lines(&done.text, |line| {
        !line.starts_with('#') && !line.is_empty()
    });
    quietly(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    quietly(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet"])
            .arg("--disable-pip-version-check")
            .arg("--requirement")
            .arg(&wanted),
    )?;
    done.set()?;
    Ok(python)
}

fn npm_packages(place: &Path) -> Result<()> {
    let wanted = root().join(SCENARIOS).join("js/package.json");
    let done = Stamp::of(&wanted, place.join("npm.installed"))?;
    if done.holds() && place.join("node_modules").exists() {
        return Ok(());
    }
    println!(
        "installing npm packages into {}/node_modules:",
        place.display()
    );
    print_lines(&done.text, |line| {
        line.trim_start()
            .split_once(": \"")
            .is_some_and(|(_, version)| version.starts_with(|c: char| c.is_ascii_digit()))
    });
    std::fs::copy(&wanted, place.join("package.json"))
        .with_context(|| format!("{} could not be copied", wanted.display()))?;
    quietly(
        Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(place),
    )?;
    done.set()
}

/// Remembers what was installed, so that it is installed again only when that changes.
struct Stamp {
    text: String,
    path: PathBuf,
}

impl Stamp {
    fn of(wanted: &Path, path: PathBuf) -> Result<Self> {
        let text = std::fs::read_to_string(wanted)
            .with_context(|| format!("{} could not be read", wanted.display()))?;
        Ok(Self { text, path })
    }

    fn holds(&self) -> bool {
        std::fs::read_to_string(&self.path).is_ok_and(|done| done == self.text)
    }

    fn set(&self) -> Result<()> {
        std::fs::write(&self.path, &self.text)
            .with_context(|| format!("{} could not be written", self.path.display()))
    }
}

fn print_lines(text: &str, wanted: impl Fn(&str) -> bool) {
    for line in text.lines().filter(|line| wanted(line)) {
        println!("  {}", line.trim().trim_end_matches(','));
    }
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout == b"0\n")
}

/// Whether a program is there and ends well.
fn answers(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn quietly(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("{command:?} could not be started"))?;
    if !status.success() {
        bail!("{command:?} failed ({status})");
    }
    Ok(())
}
