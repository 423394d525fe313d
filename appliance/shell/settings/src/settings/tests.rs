#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use std::path::Path;

fn parse(text: &str) -> Result<Settings, SettingsError> {
    FileSettings::parse(Path::new("ringward.toml"), text)
        .and_then(|file| Settings::merge(file, Flags::default()))
}

#[test]
fn without_a_file_the_box_is_in_development_mode() {
    let settings = Settings::load(Flags::default()).unwrap();
    assert!(settings.development);
    assert_eq!(settings.keys["devkey"].expose(), "secret");
    assert_eq!(settings.udp_port, 7882);
    assert!(
        settings
            .http
            .iter()
            .all(|addr| addr.port() == 7880 && addr.ip().is_loopback())
    );
    assert_eq!(settings.data, Path::new("ringward-data"));
}

#[test]
fn flags_win_over_the_file() {
    let path = Path::new("ringward.toml");
    let file = FileSettings::parse(
        path,
        "development = true\nworkers = 3\nudp-port = 9000\nnet.backend = 'uring'\nhttp = '0.0.0.0:80'",
    )
    .unwrap();
    let flags = Flags {
        workers: Some(2),
        net: Some(Backend::Portable),
        http: vec!["127.0.0.1:1".parse().unwrap()],
        ..Flags::default()
    };
    let settings = Settings::merge(file, flags).unwrap();
    assert_eq!(settings.workers, Some(2));
    assert_eq!(settings.net, Backend::Portable);
    assert_eq!(settings.udp_port, 9000);
    assert_eq!(settings.http, vec!["127.0.0.1:1".parse().unwrap()]);
}

#[test]
fn the_reactor_is_named_in_either_spelling() {
    for text in [
        "development = true\nnet = 'uring'",
        "development = true\n[net]\nbackend = 'uring'",
    ] {
        assert_eq!(parse(text).unwrap().net, Backend::Uring, "{text}");
    }
}

#[test]
fn the_egress_is_chosen_beside_the_reactor() {
    let text = "development = true\n[net]\nbackend = 'uring'\negress = 'own'";
    let settings = parse(text).unwrap();
    assert_eq!(
        (settings.net, settings.egress),
        (Backend::Uring, Egress::Own)
    );
    let path = Path::new("ringward.toml");
    let flags = Flags {
        egress: Some(Egress::Plain),
        ..Flags::default()
    };
    let settings = Settings::merge(FileSettings::parse(path, text).unwrap(), flags).unwrap();
    assert_eq!(settings.egress, Egress::Plain, "the flag wins");
}

#[test]
fn a_wrong_value_is_shown_where_it_stands_with_what_would_be_right() {
    for (name, text, wants) in [
        (
            "no worker",
            "workers = 0",
            &["ringward.toml:1:11", "from 1 to 64", "^"][..],
        ),
        (
            "a text",
            "\nworkers = 'two'",
            &["ringward.toml:2:11", "expected"],
        ),
        (
            "a backend",
            "net = 'dpdk'",
            &["ringward.toml:1:7", "auto, uring or portable"],
        ),
        (
            "a nested backend",
            "[net]\nbackend = 'x'",
            &["ringward.toml:2:11", "auto, uring"],
        ),
        (
            "an egress",
            "[net]\negress = 'x'",
            &["ringward.toml:2:10", "own", "plain"],
        ),
        (
            "an unknown word",
            "wrokers = 2",
            &["ringward.toml:1:1", "wrokers", "workers"],
        ),
        (
            "an address",
            "http = 'here'",
            &["ringward.toml:1:8", "ADDRESS:PORT"],
        ),
        (
            "an announced address",
            "announce = ['300.1.1.1']",
            &["ringward.toml:1:", "192.168.1.20"],
        ),
        ("a port", "udp-port = 80", &["ringward.toml:1:12", "1024"]),
        (
            "a profile",
            "profile = 'laptop'",
            &["ringward.toml:1:11", "development, rack"],
        ),
        (
            "a short secret",
            "[keys]\nk = 'short'",
            &["ringward.toml:1:1", "32 characters"],
        ),
        ("half a file", "[keys", &["ringward.toml:1:"]),
        (
            "a webhook to nowhere",
            "development = true\n[webhook]\nkey = 'devkey'\nurls = ['ftp://x']",
            &["ringward.toml:4:9", "http://"],
        ),
        (
            "a webhook signed by nobody",
            "development = true\n[webhook]\nkey = 'other'\nurls = ['http://x']",
            &["ringward.toml:3:7", "[keys]"],
        ),
    ] {
        let shown = parse(text).unwrap_err().to_string();
        for want in wants {
            assert!(shown.contains(want), "{name}: wanted {want:?} in\n{shown}");
        }
        assert!(
            !shown.contains("short'") || name != "a short secret",
            "a secret was printed"
        );
    }
}

#[test]
fn a_production_file_without_keys_is_refused() {
    let shown = parse("workers = 1").unwrap_err().to_string();
    assert!(shown.contains("[keys]"), "{shown}");
}

#[test]
fn wrong_flags_name_the_flag() {
    for (flags, want) in [
        (
            Flags {
                workers: Some(0),
                ..Flags::default()
            },
            "--workers: write a number",
        ),
        (
            Flags {
                udp_port: Some(1),
                ..Flags::default()
            },
            "--udp-port: write a port",
        ),
    ] {
        let shown = Settings::load(flags).unwrap_err().to_string();
        assert!(shown.starts_with(want), "{shown}");
    }
}

#[test]
fn an_unreadable_file_says_what_to_give() {
    let flags = Flags {
        config: Some("/nonexistent/x.toml".into()),
        ..Flags::default()
    };
    let shown = Settings::load(flags).unwrap_err().to_string();
    assert!(
        shown.contains("/nonexistent/x.toml") && shown.contains("--config"),
        "{shown}"
    );
}
