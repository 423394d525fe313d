//! What the binaries are made of, as `CycloneDX` 1.5: the graph that Cargo itself resolved for them.

use crate::root;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Only what is compiled for this machine.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// `cargo metadata` of the workspace with its resolved graph.
pub(super) fn metadata() -> Result<Value> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version=1", "--locked"])
        .args(["--filter-platform", PLATFORM])
        .current_dir(root())
        .output()
        .context("cargo metadata could not be started")?;
    serde_json::from_slice(&output.stdout).context("cargo metadata")
}

/// The bill of materials of these packages' binaries.
pub(super) fn cyclonedx(metadata: &Value, binaries: &[&str], version: &str) -> Result<String> {
    let edges = edges(metadata);
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<&str> = packages(metadata)
        .filter(|package| binaries.iter().any(|name| package["name"] == *name))
        .filter_map(|package| package["id"].as_str())
        .collect();
    while let Some(id) = open.pop() {
        if reached.insert(id) {
            open.extend(edges.get(id).into_iter().flatten());
        }
    }
    let components: Vec<Value> = packages(metadata)
        .filter(|package| {
            package["id"]
                .as_str()
                .is_some_and(|id| reached.contains(id))
        })
        .map(component)
        .collect();
    let dependencies: Vec<Value> = reached
        .iter()
        .map(|id| json!({ "ref": id, "dependsOn": edges.get(id).cloned().unwrap_or_default() }))
        .collect();
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": {
            "type": "application", "name": "ringward", "version": version,
        } },
        "components": components,
        "dependencies": dependencies,
    });
    Ok(serde_json::to_string_pretty(&bill)? + "\n")
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().into_iter().flatten()
}

/// What is linked into what: tests and build scripts are not in the binary.
fn edges(metadata: &Value) -> BTreeMap<&str, Vec<&str>> {
    let nodes = metadata["resolve"]["nodes"].as_array();
    nodes
        .into_iter()
        .flatten()
        .filter_map(|node| Some((node["id"].as_str()?, linked(node))))
        .collect()
}

fn linked(node: &Value) -> Vec<&str> {
    let all = node["deps"].as_array().into_iter().flatten();
    all.filter(|dependency| {
        let mut kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
        kinds.any(|kind| kind["kind"].is_null())
    })
    .filter_map(|dependency| dependency["pkg"].as_str())
    .collect()
}

fn component(package: &Value) -> Value {
    let text = |field: &str| package[field].as_str().unwrap_or_default();
    let (name, version) = (text("name"), text("version"));
    let mut component = json!({
        "type": "library",
        "bom-ref": text("id"),
        "name": name,
        "version": version,
        "licenses": [{ "expression": text("license").replace('/', " OR ") }],
    });
    // The house's own crates are in no registry.
    if package["source"].is_string() {
        component["purl"] = json!(format!("pkg:cargo/{name}@{version}"));
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_is_in_the_bill_and_what_only_builds_or_tests_is_not() {
        let dependency =
            |id: &str, kind: Value| json!({ "pkg": id, "dep_kinds": [{ "kind": kind }] });
        let package = |id: &str| json!({ "id": id, "name": id, "version": "1.0.0", "license": "MIT/Apache-2.0", "source": "registry" });
        let metadata = json!({
            "packages": [package("box"), package("linked"), package("deep"), package("test"), package("build")],
            "resolve": { "nodes": [
                { "id": "box", "deps": [
                    dependency("linked", Value::Null),
                    dependency("test", json!("dev")),
                    dependency("build", json!("build")),
                ] },
                { "id": "linked", "deps": [dependency("deep", Value::Null)] },
            ] },
        });
        let bill: Value =
            serde_json::from_str(&cyclonedx(&metadata, &["box"], "1.0.0").unwrap()).unwrap();
        let names: Vec<_> = bill["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["box", "linked", "deep"]);
        assert_eq!(bill["components"][1]["purl"], "pkg:cargo/linked@1.0.0");
        assert_eq!(
            bill["components"][1]["licenses"][0]["expression"],
            "MIT OR Apache-2.0"
        );
    }
}
