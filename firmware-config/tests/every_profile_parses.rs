//! Every shipped profile is usable, and every rule refuses what breaks it.
#![allow(clippy::unwrap_used, reason = "tests")]

use ringward_firmware_config::Profile;

#[test]
fn every_built_in_profile_parses_and_bears_its_own_name() {
    for name in Profile::names() {
        assert_eq!(Profile::built_in(name).unwrap().name, name);
    }
}

#[test]
fn every_file_in_the_folder_is_built_in() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
    let files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    assert_eq!(files.len(), Profile::names().len());
    for file in files {
        let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(Profile::names().contains(&stem.as_str()), "{stem}");
    }
}

const GOOD: &str = "\
name = 'x'
pin = true
rooms-max = 1
participants-per-room-max = 1
tuning.open-files = { value = 256, reason = 'the least' }
[[tuning.sysctl]]
name = 'net.core.rmem_max'
at-least = 1
reason = 'x'
";

#[test]
fn a_broken_rule_is_named() {
    assert!(Profile::parse(GOOD).is_ok());
    for (name, was, is, want) in [
        (
            "an unknown field",
            "pin",
            "colour = 'red'\npin",
            "unknown field `colour`",
        ),
        ("no core", "pin", "media-cores = 0\npin", "media-cores = 0"),
        (
            "too many cores",
            "pin",
            "media-cores = 65\npin",
            "media-cores = 65",
        ),
        (
            "no rooms",
            "rooms-max = 1",
            "rooms-max = 0",
            "rooms-max = 0",
        ),
        (
            "a text for a number",
            "rooms-max = 1",
            "rooms-max = 'many'",
            "line 3, column 13",
        ),
        ("no tuning", "tuning", "other", "unknown field `other`"),
        (
            "too few files",
            "value = 256",
            "value = 255",
            "line 5, column 31: write a number from 256",
        ),
        (
            "no reason",
            "'the least'",
            "' '",
            "line 5, column 45: say why",
        ),
        (
            "a reason of two lines",
            "reason = 'x'",
            "reason = \"x\\ny\"",
            "line 9, column 10: say why",
        ),
        (
            "both bounds",
            "at-least = 1",
            "at-least = 1\nat-most = 2",
            "line 7, column 8: write either",
        ),
        (
            "a setting that is none of ours",
            "net.core.rmem_max",
            "kernel.core_pattern",
            "line 7, column 8: write a kernel setting of net.",
        ),
        (
            "a way out of the folder",
            "net.core.rmem_max",
            "net./../kernel.x",
            "line 7, column 8",
        ),
    ] {
        assert!(GOOD.contains(was), "{name}");
        let error = Profile::parse(&GOOD.replacen(was, is, 1))
            .unwrap_err()
            .to_string();
        assert!(error.contains(want), "{name}: {error}");
    }
}

#[test]
fn an_unknown_profile_is_answered_with_the_known_ones() {
    let error = Profile::built_in("laptop").unwrap_err().to_string();
    assert!(
        error.contains("development") && error.contains("rack"),
        "{error}"
    );
}
