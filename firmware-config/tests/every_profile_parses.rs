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

#[test]
fn a_broken_rule_is_named() {
    const GOOD: &str = "name = 'x'\npin = true\nrooms-max = 1\nparticipants-per-room-max = 1\n";
    assert!(Profile::parse(GOOD).is_ok());
    for (name, text, want) in [
        (
            "an unknown field",
            format!("{GOOD}colour = 'red'"),
            "unknown field `colour`",
        ),
        (
            "no core",
            format!("{GOOD}media-cores = 0"),
            "media-cores = 0",
        ),
        (
            "too many cores",
            format!("{GOOD}media-cores = 65"),
            "media-cores = 65",
        ),
        (
            "no rooms",
            GOOD.replace("rooms-max = 1", "rooms-max = 0"),
            "rooms-max = 0",
        ),
        (
            "a text for a number",
            GOOD.replace("rooms-max = 1", "rooms-max = 'many'"),
            "line 3",
        ),
    ] {
        let error = Profile::parse(&text).unwrap_err().to_string();
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
