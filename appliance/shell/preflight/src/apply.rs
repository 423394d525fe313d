//! Writing what the profile wants: kernel settings and limits, as files that the system reads at
//! every start.

use firmware_config::Profile;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Read by `systemd-sysctl` at every start, after the distribution's own (`10-` to `50-`).
const SYSCTL: &str = "etc/sysctl.d/60-ringward.conf";

/// Read with the unit; `systemctl edit` writes `override.conf`, which comes after it.
const UNIT: &str = "etc/systemd/system/ringward.service.d/50-profile.conf";

/// What became of one file or setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrote {
    /// The file is new or different now.
    File(PathBuf),
    /// It already said so.
    Unchanged(PathBuf),
    /// The running kernel has this value now.
    Set(String, u64),
    /// The running kernel refused; it has it after the next start.
    Later(String, String),
}

/// Why nothing, or not all, was written.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Not root.
    #[error("only root may write {SYSCTL} and the unit's limits: `sudo ringward check --apply`")]
    NotRoot,
    /// The disk or a right.
    #[error("{path} could not be written: {source}", path = .path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Writes the files below `root` (`/`, or an image being made). On the running machine the kernel
/// settings are set at once, too; the unit's limits hold from the service's next start.
///
/// # Errors
/// [`ApplyError`]; files already written stay.
pub fn apply(profile: &Profile, root: &Path) -> Result<Vec<Wrote>, ApplyError> {
    let is_live = root == Path::new("/");
    if is_live && !rustix::process::geteuid().is_root() {
        return Err(ApplyError::NotRoot);
    }
    let mut wrote = vec![
        put(&root.join(SYSCTL), &sysctl_file(profile))?,
        put(&root.join(UNIT), &unit_file(profile))?,
    ];
    if is_live {
        wrote.extend(profile.tuning.sysctls.iter().filter_map(set));
    }
    Ok(wrote)
}

/// Sets one value in the running kernel, unless it is met already.
fn set(sysctl: &firmware_config::Sysctl) -> Option<Wrote> {
    let path = Path::new("/proc/sys").join(sysctl.name.replace('.', "/"));
    let now = fs::read_to_string(&path)
        .ok()
        .and_then(|text| text.trim().parse().ok());
    if now.is_some_and(|now| sysctl.is_met_by(now)) {
        return None;
    }
    Some(match fs::write(&path, sysctl.value.to_string()) {
        Ok(()) => Wrote::Set(sysctl.name.clone(), sysctl.value),
        Err(error) => Wrote::Later(sysctl.name.clone(), error.to_string()),
    })
}

fn sysctl_file(profile: &Profile) -> String {
    let mut text = head(profile);
    for sysctl in &profile.tuning.sysctls {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n# {}\n{} = {}\n",
            sysctl.reason, sysctl.name, sysctl.value
        );
    }
    text
}

fn unit_file(profile: &Profile) -> String {
    let mut text = head(profile);
    let files = &profile.tuning.open_files;
    let _ = write!(
        text,
        "[Service]\n# {}\nLimitNOFILE={}\n",
        files.reason, files.value
    );
    if profile.pin {
        text.push_str(
            "# Media threads keep their cores. Exposure 1.1 instead of 1.0 (systemd.md).\n\
             SystemCallFilter=sched_setaffinity\n",
        );
    }
    text
}

fn head(profile: &Profile) -> String {
    format!(
        "# Written by `ringward check --apply` for the profile {}; written again the next time.\n",
        profile.name
    )
}

/// Replaces the file whole, or leaves it.
fn put(path: &Path, text: &str) -> Result<Wrote, ApplyError> {
    if fs::read_to_string(path).is_ok_and(|now| now == text) {
        return Ok(Wrote::Unchanged(path.to_owned()));
    }
    let half = path.with_extension("conf.new");
    let write = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&half, text)?;
        fs::rename(&half, path)
    };
    write().map_err(|source| ApplyError::Write {
        path: path.to_owned(),
        source,
    })?;
    Ok(Wrote::File(path.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_written_is_what_the_profile_wants_and_only_once() {
        let root = tempfile::tempdir().unwrap();
        let profile = Profile::built_in("rack").unwrap();
        let first = apply(&profile, root.path()).unwrap();
        let paths = [root.path().join(SYSCTL), root.path().join(UNIT)];
        assert_eq!(first, paths.clone().map(Wrote::File));
        let sysctl = fs::read_to_string(&paths[0]).unwrap();
        assert!(sysctl.contains("net.core.rmem_max = 8388608\n"), "{sysctl}");
        let unit = fs::read_to_string(&paths[1]).unwrap();
        assert!(
            unit.contains("[Service]") && unit.contains("LimitNOFILE=65536"),
            "{unit}"
        );
        assert!(
            unit.contains("SystemCallFilter=sched_setaffinity"),
            "{unit}"
        );
        assert_eq!(
            apply(&profile, root.path()).unwrap(),
            paths.map(Wrote::Unchanged)
        );
    }

    #[test]
    fn a_profile_that_pins_nothing_asks_for_no_right() {
        let profile = Profile::built_in("development").unwrap();
        assert!(!unit_file(&profile).contains("SystemCallFilter"));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("etc"), "").unwrap();
        let profile = Profile::built_in("rack").unwrap();
        let error = apply(&profile, root.path()).unwrap_err().to_string();
        assert!(error.contains("etc/sysctl.d/60-ringward.conf"), "{error}");
    }
}
