//! How many files a box may have open here.

use super::service::{Limit, Whose};
use crate::finding::{Code, Finding};
use firmware_config::Profile;

/// Below this the daemon does not start (`ringward`: descriptors).
const LEAST: u64 = 256;

pub(crate) fn judge(limit: &Limit, profile: &Profile) -> Finding {
    let wanted = profile.tuning.open_files.value;
    let Limit { allowed, whose } = limit;
    let evidence = format!("{allowed} files may be open in {whose}");
    let remedy = match whose {
        Whose::Process(_) | Whose::Unit(_) => {
            format!(
                "`ringward check --apply` writes LimitNOFILE={wanted}; then restart the service"
            )
        }
        Whose::Shell => {
            format!("`ulimit -Hn {wanted}` as root, in the shell that starts the box")
        }
    };
    let allowed = *allowed;
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
            let whose = Whose::Shell;
            let grade = judge(&Limit { allowed, whose }, &profile).grade;
            assert_eq!(grade, want, "{allowed}");
        }
    }
}
