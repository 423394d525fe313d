//! Kernel settings that the profile wants.

use crate::finding::{Code, Finding};
use firmware_config::{Profile, Sysctl};
use std::fs;
use std::path::Path;

/// What the profile wants, and what it is; `None` where this kernel has no such setting.
pub(crate) fn measure(profile: &Profile) -> Vec<(Sysctl, Option<u64>)> {
    let now = |wanted: &Sysctl| {
        let path = Path::new("/proc/sys").join(wanted.name.replace('.', "/"));
        let text = fs::read_to_string(path).ok()?;
        text.trim().parse().ok()
    };
    let wanted = profile.tuning.sysctls.iter();
    wanted.map(|wanted| (wanted.clone(), now(wanted))).collect()
}

pub(crate) fn judge(settings: &[(Sysctl, Option<u64>)]) -> Vec<Finding> {
    settings
        .iter()
        .map(|(wanted, now)| one(wanted, *now))
        .collect()
}

fn one(wanted: &Sysctl, now: Option<u64>) -> Finding {
    let name = &wanted.name;
    match now {
        Some(now) if wanted.is_met_by(now) => {
            Finding::pass(Code::Sysctl, format!("{name} = {now}"))
        }
        Some(now) => Finding::warn(
            Code::Sysctl,
            format!(
                "{name} = {now}, wanted {}: {}",
                wanted.want(),
                wanted.reason
            ),
            format!(
                "`ringward check --apply`, or `sysctl -w {name}={}`",
                wanted.value
            ),
        ),
        None => Finding::warn(
            Code::Sysctl,
            format!("{name} cannot be read here: {}", wanted.reason),
            "look at it on the machine itself: a container shows only its own",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Grade;

    #[test]
    fn a_setting_is_judged_by_its_bound() {
        let profile = Profile::built_in("rack").unwrap();
        let least = profile
            .tuning
            .sysctls
            .iter()
            .find(|s| s.name == "net.core.rmem_max");
        let most = profile
            .tuning
            .sysctls
            .iter()
            .find(|s| s.name == "vm.swappiness");
        for (name, wanted, now, want) in [
            ("exactly the least", least, Some(8_388_608), Grade::Pass),
            ("one less", least, Some(8_388_607), Grade::Warn),
            ("more", least, Some(9_000_000), Grade::Pass),
            ("exactly the most", most, Some(10), Grade::Pass),
            ("one more", most, Some(11), Grade::Warn),
            ("unreadable", least, None, Grade::Warn),
        ] {
            assert_eq!(one(wanted.unwrap(), now).grade, want, "{name}");
        }
    }
}
