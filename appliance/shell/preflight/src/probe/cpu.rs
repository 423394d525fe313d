//! Cores, what they can, and whether they may run at full speed.

use crate::finding::{Code, Finding};
use firmware_config::Profile;
use std::fs;
use std::num::NonZeroUsize;

/// One for media, one for everything else.
const CORES: usize = 2;

pub(crate) struct Cpu {
    /// Cores that this process may use.
    pub(crate) cores: usize,
    /// AES in hardware; unknown where `/proc/cpuinfo` has no flags (ARM names them otherwise).
    pub(crate) aes: Option<bool>,
    /// cpufreq's governor of the first core.
    pub(crate) governor: Option<String>,
}

pub(crate) fn measure() -> Cpu {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let features = info.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        ["flags", "Features"]
            .contains(&name.trim())
            .then_some(value)
    });
    let governor = fs::read_to_string("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    Cpu {
        cores: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        aes: features.map(|features| features.split_whitespace().any(|one| one == "aes")),
        governor: governor.ok().map(|text| text.trim().to_owned()),
    }
}

pub(crate) fn judge(cpu: &Cpu, profile: &Profile) -> Vec<Finding> {
    let wanted = profile.media_cores.map_or(CORES, |cores| cores.get() + 1);
    let cores = format!("{} cores", cpu.cores);
    let mut findings = vec![if cpu.cores >= wanted {
        Finding::pass(Code::Cpu, cores)
    } else {
        Finding::warn(
            Code::Cpu,
            format!("{cores}; the profile {} wants {wanted}", profile.name),
            "give the machine more cores: media and everything else share one",
        )
    }];
    if cpu.aes == Some(false) {
        findings.push(Finding::warn(
            Code::Cpu,
            "no AES instructions: encryption takes about ten times the time",
            "on a virtual machine pass the host's CPU through (`-cpu host`)",
        ));
    }
    if cpu.governor.as_deref() == Some("powersave") {
        findings.push(Finding::warn(
            Code::Cpu,
            "the frequency governor is powersave: packets wait while a core wakes up",
            "`cpupower frequency-set -g performance`, and in the firmware the performance profile",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Grade;

    #[test]
    fn cores_aes_and_governor_are_judged() {
        let profile = Profile::built_in("rack").unwrap();
        for (name, cores, aes, governor, want) in [
            ("the least", 2, Some(true), None, vec![Grade::Pass]),
            ("one core", 1, None, None, vec![Grade::Warn]),
            (
                "no AES",
                8,
                Some(false),
                None,
                vec![Grade::Pass, Grade::Warn],
            ),
            (
                "saving power",
                8,
                None,
                Some("powersave"),
                vec![Grade::Pass, Grade::Warn],
            ),
            (
                "at full speed",
                8,
                Some(true),
                Some("performance"),
                vec![Grade::Pass],
            ),
        ] {
            let cpu = Cpu {
                cores,
                aes,
                governor: governor.map(str::to_owned),
            };
            let grades: Vec<_> = judge(&cpu, &profile).iter().map(|f| f.grade).collect();
            assert_eq!(grades, want, "{name}");
        }
    }
}
