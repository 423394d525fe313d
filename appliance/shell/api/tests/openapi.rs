//! The committed document says what the box does.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

extern crate ringward_api as api;

#[path = "../openapi/document.rs"]
mod document;

use std::collections::BTreeSet;

/// Where routes are made.
const ROUTERS: &[(&str, &str)] = &[
    ("router.rs", include_str!("../src/router.rs")),
    ("admin.rs", include_str!("../src/admin.rs")),
];

/// One path that stands for many: each is in [`api::access::ROUTES`].
const STANDS_FOR_MANY: &str = "/twirp/{*method}";

/// Of the development mode only.
const DEVELOPMENT: &str = "/dev/token";

/// Whom they answer is tested beside them: two are for who has no session yet or no longer, and the
/// third's answer never ends.
const WITHOUT_A_ROW: &[&str] = &[
    "POST /admin/login",
    "POST /admin/logout",
    "GET /admin/stream",
];

#[test]
fn the_committed_document_is_what_the_table_and_the_schemas_say() {
    let committed = include_str!("../../../openapi/v1.json");
    assert!(
        committed == document::text(),
        "appliance/openapi/v1.json is not what it should be: run `cargo xtask openapi`"
    );
}

#[test]
fn every_route_of_the_routers_is_in_the_document() {
    let documented: BTreeSet<String> = document::operations().into_iter().collect();
    let mut seen = 0;
    for (file, source) in ROUTERS {
        // As text: axum does not tell what a router holds.
        for call in source.split(".route(").skip(1) {
            let path = call
                .split('"')
                .nth(1)
                .unwrap_or_else(|| panic!("{file}: {call}"));
            if [STANDS_FOR_MANY, DEVELOPMENT].contains(&path) {
                continue;
            }
            let handlers = call.split(".route(").next().unwrap_or_default();
            for method in methods(handlers) {
                let operation = format!("{method} {path}");
                seen += 1;
                assert!(
                    documented.contains(&operation),
                    "{file} serves `{operation}`, and appliance/shell/api/openapi/operations.rs lacks it"
                );
            }
        }
    }
    assert!(
        seen > 25,
        "only {seen} routes were found: are routes made elsewhere?"
    );
}

/// The methods of one `.route(…)`, as far as it is written like the others.
fn methods(call: &str) -> Vec<&'static str> {
    // What follows the route is not its own.
    let own = call.split("\n        .").next().unwrap_or_default();
    let all = [
        ("get(", "GET"),
        ("post(", "POST"),
        ("put(", "PUT"),
        ("delete(", "DELETE"),
        ("patch(", "PATCH"),
        ("head(", "HEAD"),
    ];
    let mut found: Vec<&str> = all
        .iter()
        .filter(|(word, _)| own.contains(word))
        .map(|(_, method)| *method)
        .collect();
    if own.contains("whip::resource()") {
        found.extend(["GET", "PATCH", "DELETE"]);
    }
    assert!(!found.is_empty(), "no method in {own:?}");
    found
}

#[test]
fn every_route_with_a_right_is_in_the_document_and_the_other_way_round() {
    let documented: BTreeSet<String> = document::operations().into_iter().collect();
    let routes = api::access::ROUTES.iter();
    let routes = routes.map(|route| format!("{} {}", route.method, route.path));
    let admin = api::access::ADMIN_ROUTES.iter();
    let admin = admin.map(|route| format!("{} {}", route.method, route.path));
    let known: BTreeSet<String> = routes.chain(admin).collect();
    let missing: Vec<_> = known.difference(&documented).collect();
    assert_eq!(missing, [""; 0], "not in the document");
    let unknown: Vec<_> = documented
        .difference(&known)
        .filter(|operation| !operation.starts_with("HEAD "))
        .filter(|operation| !WITHOUT_A_ROW.contains(&operation.as_str()))
        .collect();
    assert_eq!(unknown, [""; 0], "not in the tables of access.rs");
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let text = document::text();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut references = 0;
    for part in text.split("\"$ref\": \"#").skip(1) {
        let pointer = part.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
        references += 1;
    }
    assert!(references > 30, "{references}");
    let ids: Vec<&str> = text
        .split("\"operationId\": \"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    let unique: BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(
        unique.len(),
        ids.len(),
        "every operation has an id of its own"
    );
}
