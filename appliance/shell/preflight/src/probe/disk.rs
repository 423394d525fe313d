//! Space on the disk under the data folder.

use crate::finding::{Code, Finding};
use std::path::{Path, PathBuf};

/// The journal's ballast (64 MiB) and a day of events and recordings.
const LEAST_MIB: u64 = 1_024;

/// Below this somebody should order a disk.
const WANTED_MIB: u64 = 10 * 1_024;

/// As alarms have it: less than this share is little, whatever the size.
const WANTED_PERCENT: u64 = 5;

pub(crate) struct Space {
    total_mib: u64,
    /// For users other than root.
    free_mib: u64,
    read_only: bool,
}

/// The folder itself, or the nearest one above that exists.
pub(crate) fn existing(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut folders = absolute.ancestors();
    folders
        .find(|folder| folder.is_dir())
        .unwrap_or(Path::new("/"))
        .to_owned()
}

pub(crate) fn measure(data: &Path) -> Result<Space, String> {
    let stat = rustix::fs::statvfs(existing(data)).map_err(|error| error.to_string())?;
    Ok(Space {
        total_mib: (stat.f_blocks * stat.f_frsize) >> 20,
        free_mib: (stat.f_bavail * stat.f_frsize) >> 20,
        read_only: stat.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
    })
}

pub(crate) fn judge(space: &Result<Space, String>) -> Finding {
    let space = match space {
        Ok(space) => space,
        Err(why) => {
            let remedy = "check the mount of the data folder: `findmnt`";
            return Finding::fail(Code::Disk, why.clone(), remedy);
        }
    };
    let percent = space.free_mib * 100 / space.total_mib.max(1);
    let evidence = format!(
        "{} of {} MiB free ({percent} %)",
        space.free_mib, space.total_mib
    );
    if space.read_only {
        Finding::fail(
            Code::Disk,
            "the disk is mounted read-only",
            "`mount -o remount,rw`; if it came so by itself, the disk is failing: see `dmesg`",
        )
    } else if space.free_mib < LEAST_MIB {
        let evidence = format!("{evidence}: too little to keep events and audit");
        Finding::fail(Code::Disk, evidence, "free at least 1 GiB, better 10")
    } else if space.free_mib < WANTED_MIB || percent < WANTED_PERCENT {
        Finding::warn(
            Code::Disk,
            evidence,
            "free 10 GiB and 5 % of the disk, or give it a larger one",
        )
    } else {
        Finding::pass(Code::Disk, evidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Grade;

    #[test]
    fn space_is_judged_in_bytes_and_as_a_share() {
        for (name, total_mib, free_mib, read_only, want) in [
            ("exactly enough", 20_480, 10_240, false, Grade::Pass),
            ("a MiB less", 20_480, 10_239, false, Grade::Warn),
            (
                "enough, and a twentieth",
                204_800,
                10_240,
                false,
                Grade::Pass,
            ),
            (
                "enough, and less than that",
                1_000_000,
                20_000,
                false,
                Grade::Warn,
            ),
            ("the least", 20_480, 1_024, false, Grade::Warn),
            ("less", 20_480, 1_023, false, Grade::Fail),
            ("read-only", 20_480, 20_000, true, Grade::Fail),
        ] {
            let space = Ok(Space {
                total_mib,
                free_mib,
                read_only,
            });
            assert_eq!(judge(&space).grade, want, "{name}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_judged_by_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(existing(&folder.path().join("a/b")), folder.path());
        assert!(measure(&folder.path().join("a/b")).unwrap().total_mib > 0);
    }
}
