//! How many files a process may have open here. The service's own limit is in its unit.

use crate::finding::{Code, Finding};
use firmware_config::Profile;
use rustix::process::{Resource, getrlimit};

/// Below this the daemon does not start (`ringward`: descriptors).
const LEAST: u64 = 256;

/// The hard limit; the box raises the soft one to it by itself.
pub(crate) fn measure() -> u64 {
    getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

pub(crate) fn judge(allowed: u64, profile: &Profile) -> Finding {
    let wanted = profile.tuning.open_files.value;
    let evidence = format!("{allowed} files may be open");
    let remedy = format!(
        "`ringward check --apply` writes LimitNOFILE={wanted} for the service; for this shell \
         `ulimit -Hn {wanted}` as root"
    );
    if allowed < LEAST {
        let evidence = format!("{evidence}; the box does not start with fewer than {LEAST}");
        Finding::fail(Code::Nofile, evidence, remedy)
    } else if allowed < wanted {
        let evidence = format!(
            "{evidence}, {wanted} are wanted: {}",
            profile.tuning.open_files.reason
        );
        Finding::warn(Code::Nofile, evidence, remedy)
    } else {
        Finding::pass(Code::Nofile, evidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Grade;

    #[test]
    fn open_files_are_judged_by_the_profile_and_the_daemons_own_least() {
        let profile = Profile::built_in("rack").unwrap();
        let wanted = profile.tuning.open_files.value;
        for (allowed, want) in [
            (wanted, Grade::Pass),
            (wanted - 1, Grade::Warn),
            (LEAST, Grade::Warn),
            (LEAST - 1, Grade::Fail),
        ] {
            assert_eq!(judge(allowed, &profile).grade, want, "{allowed}");
        }
    }
}
