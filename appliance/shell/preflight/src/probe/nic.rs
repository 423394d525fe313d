//! Network interfaces: speed, queues, what the hardware does by itself, what it dropped.

use crate::finding::{Code, Finding};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Where the kernel lists them.
const INTERFACES: &str = "/sys/class/net";

/// A hospital's edge switch; below it a few cameras fill the line.
const MBITS: i64 = 1_000;

/// Of everything received: what the driver dropped for lack of ring space or memory.
const DROPPED_PERMILLE: u64 = 1;

#[derive(Debug, Clone, Default)]
pub(crate) struct Nic {
    name: String,
    is_up: bool,
    /// Mbit/s; unknown for virtual ones.
    mbits: Option<i64>,
    queues: usize,
    received: u64,
    dropped: u64,
    /// `ethtool`: features that are off and could be on.
    off: Vec<&'static str>,
    /// `ethtool`: the receive ring, now and at most.
    ring: Option<(u32, u32)>,
}

/// Every interface but loopback and what is made of software only (bridges, tunnels).
pub(crate) fn measure() -> Vec<Nic> {
    let Ok(entries) = fs::read_dir(INTERFACES) else {
        return Vec::new();
    };
    let mut nics: Vec<Nic> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| Path::new(INTERFACES).join(name).join("device").exists())
        .map(one)
        .collect();
    nics.sort_by(|a, b| a.name.cmp(&b.name));
    nics
}

fn one(name: String) -> Nic {
    let folder = Path::new(INTERFACES).join(&name);
    let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
    let number = |file: &str| text(file).trim().parse().unwrap_or_default();
    let queues = fs::read_dir(folder.join("queues")).into_iter().flatten();
    let receive = queues.filter_map(|queue| queue.ok()?.file_name().into_string().ok());
    Nic {
        is_up: text("operstate").trim() == "up",
        mbits: text("speed").trim().parse().ok().filter(|speed| *speed > 0),
        queues: receive.filter(|queue| queue.starts_with("rx-")).count(),
        received: number("statistics/rx_packets"),
        dropped: number("statistics/rx_dropped") + number("statistics/rx_missed_errors"),
        off: ethtool(&["-k", &name]).map_or_else(Vec::new, |shown| features_off(&shown)),
        ring: ethtool(&["-g", &name]).and_then(|shown| receive_ring(&shown)),
        name,
    }
}

fn ethtool(arguments: &[&str]) -> Option<String> {
    let output = Command::new("ethtool").args(arguments).output().ok()?;
    let is_well = output.status.success();
    is_well.then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What trains need: segmentation out, coalescing in, checksums.
const FEATURES: [&str; 3] = [
    "generic-receive-offload",
    "tx-udp-segmentation",
    "tx-checksumming",
];

fn features_off(shown: &str) -> Vec<&'static str> {
    let is_off = |feature: &&str| {
        let line = shown.lines().find_map(|line| {
            let (name, value) = line.trim().split_once(": ")?;
            (name == *feature).then_some(value)
        });
        // `off [fixed]`: the hardware cannot.
        line == Some("off")
    };
    FEATURES.into_iter().filter(is_off).collect()
}

/// `RX:` stands twice: what is possible, then what is.
fn receive_ring(shown: &str) -> Option<(u32, u32)> {
    let mut sizes = shown.lines().filter_map(|line| {
        let size = line.strip_prefix("RX:")?;
        size.trim().parse::<u32>().ok()
    });
    let most = sizes.next()?;
    Some((sizes.next()?, most))
}

pub(crate) fn judge(nics: &[Nic], workers: usize) -> Vec<Finding> {
    if nics.is_empty() {
        let evidence = "no network interface with hardware behind it is to be seen";
        let remedy = "look at it on the machine itself: a container shows only its own";
        return vec![Finding::warn(Code::Nic, evidence, remedy)];
    }
    nics.iter()
        .flat_map(|nic| judge_one(nic, workers))
        .collect()
}

fn judge_one(nic: &Nic, workers: usize) -> Vec<Finding> {
    let name = &nic.name;
    if !nic.is_up {
        return vec![Finding::pass(Code::Nic, format!("{name}: down, not used"))];
    }
    let mut findings = Vec::new();
    let mut warn = |evidence: String, remedy: String| {
        findings.push(Finding::warn(
            Code::Nic,
            format!("{name}: {evidence}"),
            remedy,
        ));
    };
    if let Some(mbits) = nic.mbits.filter(|mbits| *mbits < MBITS) {
        warn(
            format!("{mbits} Mbit/s"),
            "use a port and a cable for 1 Gbit/s; see `ethtool` for what both ends offer"
                .to_owned(),
        );
    }
    if nic.queues < workers {
        warn(
            format!("{} receive queues for {workers} media threads", nic.queues),
            format!(
                "`ethtool -L {name} combined {workers}`; on a virtual machine enable multiqueue"
            ),
        );
    }
    for feature in &nic.off {
        warn(
            format!("{feature} is off"),
            format!("`ethtool -K {name} {feature} on`"),
        );
    }
    let dropped = nic.dropped * 1_000 / nic.received.max(1);
    if dropped >= DROPPED_PERMILLE && nic.dropped > 1_000 {
        let remedy = match nic.ring {
            Some((now, most)) if now < most => format!("`ethtool -G {name} rx {most}` (now {now})"),
            _ => {
                "see which with `ethtool -S`; spread interrupts over cores (irqbalance)".to_owned()
            }
        };
        warn(
            format!("{} of {} packets were dropped", nic.dropped, nic.received),
            remedy,
        );
    }
    if findings.is_empty() {
        let speed = nic
            .mbits
            .map_or_else(String::new, |mbits| format!(", {mbits} Mbit/s"));
        let evidence = format!("{name}{speed}, receive queues: {}", nic.queues);
        findings.push(Finding::pass(Code::Nic, evidence));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Grade;

    fn good() -> Nic {
        Nic {
            name: "eno1".to_owned(),
            is_up: true,
            mbits: Some(1_000),
            queues: 3,
            received: 1_000_000_000,
            ..Nic::default()
        }
    }

    #[test]
    fn an_interface_is_judged_by_what_slows_media() {
        let warnings = |nic: Nic| {
            let found = judge_one(&nic, 3);
            found.iter().filter(|f| f.grade == Grade::Warn).count()
        };
        for (name, nic, want) in [
            ("as it should be", good(), 0),
            (
                "slow",
                Nic {
                    mbits: Some(100),
                    ..good()
                },
                1,
            ),
            (
                "virtual, of no speed",
                Nic {
                    mbits: None,
                    ..good()
                },
                0,
            ),
            (
                "one queue too few",
                Nic {
                    queues: 2,
                    ..good()
                },
                1,
            ),
            (
                "an offload off",
                Nic {
                    off: vec!["tx-checksumming"],
                    ..good()
                },
                1,
            ),
            (
                "one in a thousand dropped",
                Nic {
                    dropped: 1_000_000,
                    ..good()
                },
                1,
            ),
            (
                "fewer",
                Nic {
                    dropped: 999_999,
                    ..good()
                },
                0,
            ),
            (
                "down",
                Nic {
                    is_up: false,
                    mbits: Some(10),
                    ..good()
                },
                0,
            ),
        ] {
            assert_eq!(warnings(nic), want, "{name}");
        }
    }

    #[test]
    fn what_ethtool_prints_is_read() {
        let shown = "Features for eno1:\ntx-checksumming: on\n\ttx-checksum-ipv4: off [fixed]\n\
                     tx-udp-segmentation: off [fixed]\ngeneric-receive-offload: off\n";
        assert_eq!(features_off(shown), ["generic-receive-offload"]);
        let shown =
            "Pre-set maximums:\nRX:\t\t4096\nTX:\t\t4096\nCurrent hardware settings:\nRX:\t\t256\n";
        assert_eq!(receive_ring(shown), Some((256, 4_096)));
        assert_eq!(receive_ring("no ring"), None);
    }
}
