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
            "a drain",
            "drain-seconds = 3601",
            &["ringward.toml:1:17", "3600", "ringward drain"],
        ),
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
        (
            "the development key",
            "[keys]\ndevkey = 'abcdefghijklmnopqrstuvwxyz0123456789'",
            &["ringward.toml:1:1", "everybody knows"],
        ),
        (
            "https without a certificate",
            "https = '0.0.0.0:443'",
            &["ringward.toml:1:9", "internal-ca"],
        ),
        (
            "half a pair",
            "[tls]\ncertificate = 'a.pem'",
            &["ringward.toml:2:15", "key ="],
        ),
        (
            "the other half",
            "[tls]\nkey = 'a.pem'",
            &["ringward.toml:2:7", "certificate ="],
        ),
        (
            "two certificates",
            "[tls]\ncertificate = 'a'\nkey = 'b'\ninternal-ca = true",
            &["ringward.toml:4:15", "not both"],
        ),
        (
            "no certificate",
            "[tls]\ninternal-ca = false",
            &["ringward.toml:1:1", "internal-ca = true"],
        ),
        (
            "names of a foreign certificate",
            "[tls]\ncertificate = 'a'\nkey = 'b'\nnames = ['box']",
            &["ringward.toml:4:9", "stand in the certificate"],
        ),
        (
            "a name",
            "[tls]\ninternal-ca = true\nnames = ['https://box']",
            &["ringward.toml:3:", "ringward.hospital.example"],
        ),
        (
            "a word of tls",
            "[tls]\ncert = 'a'",
            &["ringward.toml:2:1", "certificate"],
        ),
        (
            "plain http",
            "plain-http = 'yes'",
            &["ringward.toml:1:14", "redirect", "serve"],
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
fn a_production_file_without_keys_leaves_them_to_the_box() {
    let settings = parse("webhook.key = 'box'\nwebhook.urls = ['http://x']").unwrap();
    assert!(settings.keys.is_empty() && !settings.development);
    assert_eq!(settings.webhook.unwrap().key, GENERATED_KEY);
}

#[test]
fn where_the_box_listens_follows_from_its_certificate() {
    let shown = |addresses: &[SocketAddr]| {
        let texts: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        texts.join(" ")
    };
    for (text, http, https, plain) in [
        ("", "[::]:7880", "", PlainHttp::Serve),
        (
            "tls.internal-ca = true",
            "",
            "[::]:443",
            PlainHttp::Redirect,
        ),
        (
            "https = '0.0.0.0:8443'\nhttp = '0.0.0.0:80'\n[tls]\ncertificate = 'a'\nkey = 'b'",
            "0.0.0.0:80",
            "0.0.0.0:8443",
            PlainHttp::Redirect,
        ),
        (
            "http = '127.0.0.1:80'\nplain-http = 'serve'\ntls.internal-ca = true",
            "127.0.0.1:80",
            "[::]:443",
            PlainHttp::Serve,
        ),
        (
            "development = true\nhttps = '0.0.0.0:8443'",
            "127.0.0.1:7880 [::1]:7880",
            "0.0.0.0:8443",
            PlainHttp::Serve,
        ),
        (
            "development = true",
            "127.0.0.1:7880 [::1]:7880",
            "",
            PlainHttp::Serve,
        ),
    ] {
        let settings = parse(text).unwrap();
        let found = (shown(&settings.http), shown(&settings.https));
        assert_eq!(found, (http.to_owned(), https.to_owned()), "{text}");
        assert_eq!(settings.plain_http, plain, "{text}");
        assert_eq!(settings.tls.is_some(), !https.is_empty(), "{text}");
    }
}

#[test]
fn several_addresses_of_both_families_are_announced() {
    let settings = parse("announce = ['192.168.1.20', 'fd00::20']").unwrap();
    let shown: Vec<_> = settings.announce.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["192.168.1.20", "fd00::20"]);
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

#[test]
fn the_installed_settings_file_is_right_with_and_without_its_comments() {
    let text = include_str!("../../../../../systemd/ringward.toml");
    let settings = parse(text).unwrap();
    assert!(settings.tls.is_some() && settings.keys.is_empty());
    // So is every example in it; only the two kinds of certificate exclude each other.
    let examples = [
        "http =",
        "plain-http",
        "udp-port",
        "drain-seconds",
        "announce",
        "names",
        "[keys]",
        "hospital",
        "[webhook]",
        "urls",
        "key = \"box\"",
    ];
    let mut all = text.to_owned();
    for example in examples {
        let commented = format!("# {example}");
        assert!(all.contains(&commented), "no {commented:?}");
        all = all.replace(&commented, example);
    }
    let all = all.replace("key = \"box\"", "key = \"hospital\"");
    let settings = parse(&all).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(settings.announce.len(), 2);
    assert!(settings.keys.contains_key("hospital") && settings.webhook.is_some());
    let files = text
        .replace("internal-ca = true", "")
        .replace("# [tls]", "")
        .replace("# certificate =", "certificate =")
        .replace("# key = \"/", "key = \"/");
    let Some(TlsSettings::Files { key, .. }) = parse(&files.replacen("[tls]\n", "", 1).replacen(
        "certificate =",
        "[tls]\ncertificate =",
        1,
    ))
    .unwrap()
    .tls
    else {
        panic!("no files")
    };
    assert_eq!(key, Path::new("/etc/ringward/web.key"));
}
