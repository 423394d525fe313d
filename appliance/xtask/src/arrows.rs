//! Compares what the crates depend on with the house's arrows (`docs/architecture.md`).

use crate::root;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Who may know whom. A crate that is missing here may know nobody.
const ARROWS: &[(&str, &[&str])] = &[
    ("vocab", &[]),
    ("domain", &["vocab"]),
    ("media", &["vocab"]),
    ("congestion", &["vocab"]),
    ("egress", &["congestion", "media", "vocab"]),
    ("peer", &["egress", "congestion", "media", "vocab"]),
    ("alarm", &["vocab"]),
    ("auth", &["domain", "vocab"]),
    ("attempt", &["vocab"]),
    ("signal", &["auth", "domain", "media", "vocab"]),
    ("net", &["vocab"]),
    ("worker", &["net", "media", "peer", "telemetry", "vocab"]),
    ("store", &["domain", "vocab"]),
    ("logbook", &["attempt", "vocab"]),
    (
        "control",
        &[
            "attempt", "logbook", "domain", "auth", "signal", "media", "store", "watch", "vocab",
        ],
    ),
    (
        "api",
        &[
            "accounts",
            "edge",
            "heads",
            "control",
            "wire",
            "auth",
            "domain",
            "signal",
            "attempt",
            "logbook",
            "store",
            "telemetry",
            "watch",
            "vocab",
        ],
    ),
    ("watch", &["alarm", "media", "wire", "vocab"]),
    ("webhooks", &["store", "auth", "vocab"]),
    ("telemetry", &["vocab"]),
    ("safe", &["vocab"]),
    ("heads", &["safe", "domain", "vocab"]),
    ("edge", &["telemetry", "vocab"]),
    ("accounts", &["safe", "vocab", "wire"]),
    ("tls", &["safe", "vocab"]),
    ("settings", &["firmware-config", "vocab"]),
    ("preflight", &["firmware-config", "net"]),
    ("firmware-config", &["vocab"]),
    ("wire", &["domain", "vocab"]),
    ("console", &["wire", "vocab"]),
    (
        "sim",
        &[
            "vocab",
            "domain",
            "media",
            "congestion",
            "egress",
            "peer",
            "auth",
            "signal",
            "worker",
            "net",
        ],
    ),
    (
        "fuzz",
        &[
            "auth",
            "congestion",
            "egress",
            "media",
            "peer",
            "settings",
            "signal",
            "store",
            "vocab",
        ],
    ),
    (
        "benches",
        &[
            "wire", "sim", "media", "net", "store", "domain", "auth", "vocab",
        ],
    ),
];

/// The daemon composes everything; the checks know nobody.
const COMPOSES: &str = "ringward";

/// Crates that a pure crate may never reach, directly.
const SHELL_LIBRARIES: &[&str] = &[
    "tokio",
    "axum",
    "hyper",
    "sled",
    "socket2",
    "io-uring",
    "libc",
    "reqwest",
    "crossbeam-channel",
];

const PURE: &[&str] = &[
    "vocab",
    "domain",
    "media",
    "congestion",
    "egress",
    "peer",
    "signal",
    "auth",
    "attempt",
    "alarm",
];

/// Fails with every arrow that points where it must not.
pub(crate) fn run() -> Result<()> {
    let found = dependencies()?;
    let wrong = violations(&found);
    if wrong.is_empty() {
        println!("arrows: {} crates, every arrow allowed", found.len());
        return Ok(());
    }
    bail!(
        "arrows point where they must not:\n  {}",
        wrong.join("\n  ")
    );
}

/// Short crate name → short names of its shipped dependencies, own and foreign.
fn dependencies() -> Result<BTreeMap<String, BTreeSet<String>>> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version=1", "--no-deps"])
        .current_dir(root())
        .output()
        .context("cargo metadata could not be started")?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata has no packages")?;
    Ok(packages
        .iter()
        .map(|package| (short(&package["name"]), shipped(package)))
        .collect())
}

fn shipped(package: &Value) -> BTreeSet<String> {
    package["dependencies"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|dependency| dependency["kind"] != "dev")
        .map(|dependency| short(&dependency["name"]))
        .collect()
}

fn short(name: &Value) -> String {
    let name = name.as_str().unwrap_or_default();
    name.strip_prefix("ringward-").unwrap_or(name).to_owned()
}

fn violations(found: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, dependencies) in found {
        if name == COMPOSES || name == "xtask" {
            continue;
        }
        let allowed = ARROWS
            .iter()
            .find(|(from, _)| from == name)
            .map_or(&[][..], |(_, to)| to);
        for to in dependencies {
            if found.contains_key(to) && !allowed.contains(&to.as_str()) {
                wrong.push(format!("{name} -> {to}"));
            }
            if PURE.contains(&name.as_str()) && SHELL_LIBRARIES.contains(&to.as_str()) {
                wrong.push(format!(
                    "{name} -> {to} (pure crates know no shell library)"
                ));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rows: &[(&str, &[&str])]) -> BTreeMap<String, BTreeSet<String>> {
        rows.iter()
            .map(|(name, to)| {
                (
                    (*name).to_owned(),
                    to.iter().map(|t| (*t).to_owned()).collect(),
                )
            })
            .collect()
    }

    #[test]
    fn an_arrow_from_media_to_domain_is_refused() {
        let rows = found(&[
            ("media", &["domain", "vocab"]),
            ("domain", &["vocab"]),
            ("vocab", &[]),
        ]);
        assert_eq!(violations(&rows), ["media -> domain"]);
    }

    #[test]
    fn a_pure_crate_may_not_know_tokio() {
        let rows = found(&[("signal", &["tokio", "prost"])]);
        assert_eq!(violations(&rows).len(), 1);
    }

    #[test]
    fn the_daemon_may_know_everyone() {
        let rows = found(&[
            ("ringward", &["store", "tokio"]),
            ("store", &["vocab"]),
            ("vocab", &[]),
        ]);
        assert!(violations(&rows).is_empty());
    }
}
