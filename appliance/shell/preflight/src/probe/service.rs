//! Whose limits a box here has: those of the service that runs, those its unit gives it, or, where
//! none is installed, those of this shell.

use procfs::process::{LimitValue, Process, all_processes};
use rustix::process::{Resource, getrlimit};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// The unit's name, and of the group its processes are in.
const UNIT: &str = "ringward.service";

/// Where units lie, from the least to the most telling (`systemd.unit(5)`, system units).
const FOLDERS: [&str; 3] = [
    "usr/lib/systemd/system",
    "run/systemd/system",
    "etc/systemd/system",
];

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limited {
    /// Open files.
    Files,
    /// Bytes of locked memory.
    Locked,
}

/// Who has a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The service that runs.
    Process(i32),
    /// The service as it would start: where its unit says so.
    Unit(PathBuf),
    /// Whoever runs the check.
    Shell,
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(id) => write!(f, "the running service (process {id})"),
            Self::Unit(path) => write!(f, "the service ({})", path.display()),
            Self::Shell => f.write_str("this shell (no service is installed)"),
        }
    }
}

/// A hard limit, to which the box raises the soft one by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limit {
    /// `u64::MAX`: none.
    pub(crate) allowed: u64,
    pub(crate) whose: Whose,
}

/// The limit that counts for a box on this machine.
pub(crate) fn limit(of: Limited) -> Limit {
    running(of)
        .or_else(|| installed(Path::new("/"), of))
        .unwrap_or_else(|| shell(of))
}

fn running(of: Limited) -> Option<Limit> {
    let process = all_processes().ok()?.flatten().find(is_the_service)?;
    let limits = process.limits().ok()?;
    let limit = match of {
        Limited::Files => limits.max_open_files,
        Limited::Locked => limits.max_locked_memory,
    };
    Some(Limit {
        allowed: match limit.hard_limit {
            LimitValue::Unlimited => u64::MAX,
            LimitValue::Value(allowed) => allowed,
        },
        whose: Whose::Process(process.pid()),
    })
}

/// The box starts no other process: the service's only one is its main one.
fn is_the_service(process: &Process) -> bool {
    let groups = process.cgroups().into_iter().flatten();
    groups
        .into_iter()
        .any(|group| Path::new(&group.pathname).ends_with(UNIT))
}

/// What the unit and its drop-ins below `root` say last.
fn installed(root: &Path, of: Limited) -> Option<Limit> {
    let name = match of {
        Limited::Files => "LimitNOFILE",
        Limited::Locked => "LimitMEMLOCK",
    };
    files(root).into_iter().rev().find_map(|path| {
        let text = fs::read_to_string(&path).ok()?;
        let lines = text.lines().rev();
        let mut said = lines.filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='));
        let allowed = hard(said.next()?)?;
        let whose = Whose::Unit(path);
        Some(Limit { allowed, whose })
    })
}

/// The unit, then its drop-ins by name; one of `/etc` hides the others of its name.
fn files(root: &Path) -> Vec<PathBuf> {
    let folders = || FOLDERS.iter().map(|folder| root.join(folder));
    let mut units = folders().rev().map(|folder| folder.join(UNIT));
    let unit = units.find(|path| path.exists());
    let mut changes = std::collections::BTreeMap::new();
    for folder in folders() {
        let entries = fs::read_dir(folder.join(format!("{UNIT}.d")));
        for entry in entries.into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|end| end == "conf") {
                changes.insert(entry.file_name(), entry.path());
            }
        }
    }
    unit.into_iter().chain(changes.into_values()).collect()
}

/// `infinity`, bytes, `32M`, or `soft:hard` of these (`systemd.exec(5)`).
fn hard(text: &str) -> Option<u64> {
    let text = text.rsplit(':').next().unwrap_or(text).trim();
    if text == "infinity" {
        return Some(u64::MAX);
    }
    let digits = text.trim_end_matches(['K', 'M', 'G', 'T']);
    let shift = match text.get(digits.len()..)? {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

fn shell(of: Limited) -> Limit {
    let resource = match of {
        Limited::Files => Resource::Nofile,
        Limited::Locked => Resource::Memlock,
    };
    Limit {
        allowed: getrlimit(resource).maximum.unwrap_or(u64::MAX),
        whose: Whose::Shell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_read_as_systemd_writes_it() {
        for (text, want) in [
            ("infinity", Some(u64::MAX)),
            ("8192", Some(8_192)),
            ("340K", Some(340 << 10)),
            ("32M", Some(32 << 20)),
            ("8M:64M", Some(64 << 20)),
            ("", None),
            ("32MM", None),
            ("99999999999T", None),
        ] {
            assert_eq!(hard(text), want, "{text}");
        }
    }

    #[test]
    fn the_last_word_of_the_unit_counts() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(installed(root.path(), Limited::Locked), None);
        let steps = [
            ("usr/lib/systemd/system/ringward.service", "32M", 32),
            (
                "usr/lib/systemd/system/ringward.service.d/90-last.conf",
                "1M",
                1,
            ),
            (
                "etc/systemd/system/ringward.service.d/50-profile.conf",
                "2M",
                1,
            ),
            (
                "etc/systemd/system/ringward.service.d/90-last.conf",
                "3M",
                3,
            ),
            ("etc/systemd/system/ringward.service", "4M", 3),
        ];
        for (place, said, mib) in steps {
            let path = root.path().join(place);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let text = format!("[Service]\nLimitMEMLOCK=7M\nLimitMEMLOCK={said}\nLimitNOFILE=9\n");
            fs::write(&path, text).unwrap();
            let limit = installed(root.path(), Limited::Locked).unwrap();
            assert_eq!(limit.allowed, mib << 20, "{place}");
        }
        let files = installed(root.path(), Limited::Files).unwrap();
        assert_eq!(files.allowed, 9);
    }

    #[test]
    fn without_a_service_it_is_this_shells_limit() {
        let limit = shell(Limited::Files);
        assert!(limit.allowed >= 1);
        assert!(limit.whose.to_string().contains("this shell"));
    }
}
