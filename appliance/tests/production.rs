//! The whole process in production mode: its certificate, its keys, and starts that cannot work.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "tests"
)]

#[path = "support/daemon.rs"]
mod daemon;
#[path = "support/production.rs"]
mod production;

use daemon::{LIMIT, ended, free_port, ringward};
use production::Site;
use rcgen::KeyPair;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant, SystemTime};
use wire::admin::{AlarmState, AlarmView, Priority};

/// An alarm has its delays: this is longer than any that is tested here.
const ALARM_WITHIN: Duration = Duration::from_mins(2);

const INTERNAL: &str = "tls.internal-ca = true";

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_first_start_makes_its_ca_and_its_api_key_and_says_where() {
    let site = Site::new(INTERNAL);
    let running = site.start();
    let key_file = site.data().join("api-key.toml");
    for want in [
        "https://127.0.0.1",
        "wss://127.0.0.1",
        "ringward ca export",
        key_file.to_str().unwrap(),
    ] {
        assert!(
            running.banner.contains(want),
            "no {want:?} in\n{}",
            running.banner
        );
    }
    assert!(!running.banner.contains("devkey"), "{}", running.banner);
    for file in ["api-key.toml", "tls/ca.key", "tls/ca.pem", "tls/server.pem"] {
        assert_eq!(mode(&site.data().join(file)), 0o600, "{file}");
    }
    let text = std::fs::read_to_string(&key_file).unwrap();
    let secret = text.rsplit('"').nth(1).unwrap();
    assert!(secret.len() >= 32 && !running.banner.contains(secret));
    assert!(running.get("/readyz").starts_with("HTTP/1.1 200"));

    let config = site.config();
    let (status, token) = ended(
        ringward()
            .args(["token", "create", "--room", "ward"])
            .args(["--identity", "nurse", "--config", config.to_str().unwrap()]),
    );
    assert!(status.success(), "{token}");
    let valid = running.get(&format!("/rtc/validate?access_token={}", token.trim()));
    assert!(valid.starts_with("HTTP/1.1 200"), "{valid}");
}

#[test]
fn a_second_start_keeps_what_the_first_made() {
    let site = Site::new(INTERNAL);
    let mut first = site.start();
    let (shown, key) = (
        first.certificate(),
        std::fs::read(site.data().join("api-key.toml")),
    );
    first.signal("TERM");
    assert!(first.wait().success());
    let second = site.start();
    assert_eq!(second.certificate(), shown);
    assert_eq!(
        std::fs::read(site.data().join("api-key.toml")).unwrap(),
        key.unwrap()
    );
}

#[test]
fn production_has_the_page_and_neither_its_token_endpoint_nor_the_known_key() {
    let site = Site::new(INTERNAL);
    let running = site.start();
    let page = running.ask("GET / HTTP/1.1\r\naccept: text/html\r\nx:", "");
    assert!(
        page.contains("content-security-policy: default-src 'none'"),
        "{page}"
    );
    assert!(!page.contains("strict-transport-security"), "{page}");
    let token = running.ask("POST /dev/token", r#"{"room":"ward","identity":"a"}"#);
    assert!(token.starts_with("HTTP/1.1 404"), "{token}");
    let (_, known) =
        ended(ringward().args(["token", "create", "--room", "ward", "--identity", "a"]));
    let refused = running.get(&format!("/rtc/validate?access_token={}", known.trim()));
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
}

#[test]
fn a_new_certificate_is_in_use_after_sighup_and_old_connections_live_on() {
    let site = Site::with_files();
    site.put_certificate(2100);
    let mut running = site.start();
    let old = running.certificate();
    let mut open = running.connect();
    open.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    let mut first = [0; 12];
    open.read_exact(&mut first).unwrap();
    site.put_certificate(2101);
    running.signal("HUP");
    running.logged("a new certificate is in use");
    assert_ne!(running.certificate(), old);
    open.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answers = String::new();
    open.read_to_string(&mut answers).unwrap();
    assert!(answers.contains("HTTP/1.1 200"), "{answers}");
}

#[test]
fn a_broken_new_certificate_is_refused_in_a_sentence_and_the_old_one_stays() {
    let site = Site::with_files();
    site.put_certificate(2100);
    let mut running = site.start();
    let old = running.certificate();
    site.put_key(&KeyPair::generate().unwrap());
    running.signal("HUP");
    let said = running.logged("the certificate in use stays");
    assert!(said.contains("web.key does not belong"), "{said}");
    site.put_certificate(2021);
    running.signal("HUP");
    let said = running.logged("the certificate in use stays");
    assert!(said.contains("expired"), "{said}");
    assert_eq!(running.certificate(), old);
    let metrics = running.get("/metrics");
    assert!(
        metrics.contains("ringward_certificates_refused_total 2"),
        "{metrics}"
    );
    assert!(
        metrics.contains(r#"ringward_certificate_expires_seconds{role="web"}"#),
        "{metrics}"
    );
}

#[test]
fn an_expired_certificate_starts_with_a_warning_so_that_calls_still_work() {
    let site = Site::with_files();
    site.put_certificate(2021);
    let mut running = site.start();
    assert!(running.get("/readyz").starts_with("HTTP/1.1 200"));
    let said = running.logged("served all the same");
    assert!(said.contains("web.pem has expired"), "{said}");
}

/// The alarms that stand, by id, with their cause.
fn alarms(site: &Site) -> BTreeMap<String, AlarmView> {
    let data = site.data();
    let mut command = ringward();
    command.args(["alarms", "--json", "--data", data.to_str().unwrap()]);
    let shown = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let alarms = shown
        .lines()
        .map(|line| serde_json::from_str::<AlarmView>(line).unwrap());
    alarms.map(|alarm| (alarm.id.clone(), alarm)).collect()
}

/// Waits until the alarm stands so.
fn stands(site: &Site, id: &str, state: AlarmState) -> AlarmView {
    let began = Instant::now();
    loop {
        let mut alarms = alarms(site);
        match alarms.remove(id) {
            Some(alarm) if alarm.state == state => return alarm,
            other => assert!(began.elapsed() < ALARM_WITHIN, "{id}: {other:?}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_certificate_that_ends_soon_or_is_broken_is_an_alarm_until_a_good_one_is_there() {
    let site = Site::with_files();
    let day = Duration::from_hours(24);
    site.put_certificate_for(SystemTime::now() - day, SystemTime::now() + day * 10);
    let running = site.start();
    let soon = stands(&site, "CERT-30D:web", AlarmState::Unacknowledged);
    assert!(soon.cause.contains("9 days"), "{}", soon.cause);
    site.put_key(&KeyPair::generate().unwrap());
    running.signal("HUP");
    let refused = stands(&site, "CERT-REFUSED", AlarmState::Unacknowledged);
    assert!(
        refused.cause.contains("web.key does not belong"),
        "{}",
        refused.cause
    );
    site.put_certificate(2100);
    running.signal("HUP");
    // Nobody acknowledged them: they stay to be seen.
    stands(&site, "CERT-REFUSED", AlarmState::Returned);
    stands(&site, "CERT-30D:web", AlarmState::Returned);
    assert!(!alarms(&site).contains_key("CERT-EXPIRED:web"));
}

#[test]
fn a_certificate_that_clients_refuse_is_an_alarm_of_the_highest_grade() {
    let site = Site::with_files();
    site.put_certificate(2021);
    let running = site.start();
    let expired = stands(&site, "CERT-EXPIRED:web", AlarmState::Unacknowledged);
    assert_eq!(expired.priority, Priority::High);
    drop(running);
    let tomorrow = SystemTime::now() + Duration::from_hours(24);
    site.put_certificate_for(tomorrow, tomorrow + Duration::from_hours(24 * 365));
    let _running = site.start();
    let early = stands(&site, "CERT-EXPIRED:web", AlarmState::Unacknowledged);
    assert!(early.cause.contains("not valid yet"), "{}", early.cause);
}

/// A name, what spoils the site, and the words that must be said.
type Spoiler<'a> = (&'a str, &'a dyn Fn(), &'a [&'a str]);

#[test]
fn a_start_that_cannot_work_ends_at_once_with_its_cause_and_remedy() {
    let site = Site::with_files();
    let key = || site.path().join("web.key");
    let chmod = |bits| std::fs::set_permissions(key(), PermissionsExt::from_mode(bits)).unwrap();
    let no_certificate = || std::fs::remove_file(site.path().join("web.pem")).unwrap();
    let empty = || std::fs::write(site.path().join("web.pem"), "").unwrap();
    let other_key = || site.put_key(&KeyPair::generate().unwrap());
    let no_key = || std::fs::remove_file(key()).unwrap();
    let open_key = || chmod(0o644);
    let group_key = || chmod(0o660);
    let spoilers: [Spoiler; 6] = [
        (
            "a key that everybody can read",
            &open_key,
            &["web.key", "0644", "chmod 600"],
        ),
        (
            "a key that a group can change",
            &group_key,
            &["web.key", "0660", "chmod 600"],
        ),
        ("no key", &no_key, &["web.key", "No such file"]),
        ("another key", &other_key, &["web.key", "does not belong"]),
        (
            "no certificate",
            &no_certificate,
            &["web.pem", "tls.certificate"],
        ),
        (
            "an empty certificate",
            &empty,
            &["web.pem", "BEGIN CERTIFICATE"],
        ),
    ];
    for (name, spoil, wants) in spoilers {
        site.put_certificate(2100);
        spoil();
        let began = Instant::now();
        let (status, shown) = ended(&mut site.serve());
        assert!(!status.success(), "{name} was accepted");
        assert!(began.elapsed() < LIMIT, "{name} took {:?}", began.elapsed());
        for want in wants {
            assert!(shown.contains(want), "{name}: no {want:?} in\n{shown}");
        }
        let last = shown.lines().last().unwrap_or_default();
        assert!(
            last.starts_with("ringward: HTTPS cannot be served"),
            "{name}:\n{shown}"
        );
        assert!(!shown.contains("panicked"), "{name}:\n{shown}");
    }
}

#[test]
fn what_others_could_have_read_or_damaged_in_the_data_folder_is_refused() {
    let site = Site::new(INTERNAL);
    drop(site.start());
    for (name, file, spoil, wants) in [
        (
            "the API key",
            "api-key.toml",
            Some(0o644),
            &["api-key.toml", "chmod 600"][..],
        ),
        (
            "the CA's key",
            "tls/ca.key",
            Some(0o640 | 0o004),
            &["ca.key", "chmod 600"],
        ),
        ("a damaged CA", "tls/ca.pem", None, &["ca.pem", "backup"]),
    ] {
        let path = site.data().join(file);
        let before = std::fs::read(&path).unwrap();
        match spoil {
            Some(bits) => std::fs::set_permissions(&path, PermissionsExt::from_mode(bits)).unwrap(),
            None => std::fs::write(&path, "x").unwrap(),
        }
        let (status, shown) = ended(&mut site.serve());
        assert!(!status.success(), "{name} was accepted");
        for want in wants {
            assert!(shown.contains(want), "{name}: no {want:?} in\n{shown}");
        }
        std::fs::write(&path, before).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    }
    assert!(site.start().get("/readyz").starts_with("HTTP/1.1 200"));
}

#[test]
fn http_beside_https_leads_there() {
    let site = Site::new("");
    let http = free_port();
    site.write(&format!("http = '127.0.0.1:{http}'\n{INTERNAL}"));
    let _running = site.start();
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", http)).unwrap();
    write!(
        stream,
        "GET /x HTTP/1.1\r\nhost: 127.0.0.1:{http}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let want = format!("location: https://127.0.0.1:{}/x", site.port);
    assert!(
        answer.starts_with("HTTP/1.1 307") && answer.contains(&want),
        "{answer}"
    );
}

#[test]
fn the_ca_is_made_shown_and_used_by_commands_which_never_show_its_key() {
    let site = Site::new(INTERNAL);
    let config = site.config();
    let ca = |words: &[&str]| {
        ended(
            ringward()
                .arg("ca")
                .args(words)
                .args(["--config", config.to_str().unwrap()]),
        )
    };
    let (status, shown) = ca(&["export"]);
    assert!(
        !status.success() && shown.contains("ringward ca init"),
        "{shown}"
    );
    let (status, made) = ca(&["init"]);
    assert!(status.success() && made.contains("SHA-256"), "{made}");
    let (status, again) = ca(&["init"]);
    assert!(
        !status.success() && again.contains("exists already"),
        "{again}"
    );
    let (_, pem) = ca(&["export"]);
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"), "{pem}");
    let (_, profile) = ca(&["export", "--format", "mobileconfig"]);
    assert!(profile.contains("com.apple.security.root"), "{profile}");
    let out = site.path().join("monitor.pem");
    let (status, said) = ca(&["device", "MON-4711", "--out", out.to_str().unwrap()]);
    assert!(status.success() && said.contains("MON-4711"), "{said}");
    assert_eq!(mode(&out), 0o600);
    assert!(
        std::fs::read_to_string(&out)
            .unwrap()
            .contains("PRIVATE KEY")
    );
    let (status, twice) = ca(&["device", "MON-4711", "--out", out.to_str().unwrap()]);
    assert!(!status.success(), "{twice}");
    let (status, wrong) = ca(&["device", "../x"]);
    assert!(
        !status.success() && wrong.contains("serial number"),
        "{wrong}"
    );
    for text in [made, pem, profile, said] {
        assert!(!text.contains("PRIVATE"), "{text}");
    }
    let running = site.start();
    let issuer = std::fs::read(site.data().join("tls/ca.pem")).unwrap();
    assert!(!issuer.is_empty() && running.get("/readyz").starts_with("HTTP/1.1 200"));
}

/// Runs a command with this on its standard input.
fn told(command: &mut std::process::Command, input: &str) -> (std::process::ExitStatus, String) {
    use std::process::Stdio;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status, String::from_utf8(text).unwrap())
}

#[test]
fn an_account_made_on_the_box_logs_in_over_https_until_it_is_removed() {
    const PASSWORD: &str = "correct horse battery";
    let site = Site::new(INTERNAL);
    let running = site.start();
    let data = site.data();
    let account = |words: &[&str], input: &str| {
        let mut command = ringward();
        command
            .arg("account")
            .args(words)
            .args(["--data", data.to_str().unwrap()]);
        told(&mut command, input)
    };
    let add = ["add", "amara", "--role", "operator"];
    let (status, weak) = account(&add, "short\n");
    assert!(!status.success() && weak.contains("12 to 128"), "{weak}");
    let (status, none) = account(&add, "");
    assert!(!status.success() && none.contains("no password"), "{none}");
    let (status, said) = account(&add, &format!("{PASSWORD}\n"));
    assert!(status.success(), "{said}");
    assert_eq!(mode(&data.join("accounts.json")), 0o600);

    let login = format!(r#"{{"name":"amara","password":"{PASSWORD}"}}"#);
    let answer = running.ask("POST /admin/login", &login);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let token = answer
        .split(r#""token":""#)
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let bearer = format!("GET /admin/rooms HTTP/1.1\r\nauthorization: Bearer {token}\r\nx:");
    assert!(running.ask(&bearer, "").starts_with("HTTP/1.1 200"));
    let (_, listed) = account(&["list"], "");
    let line = listed
        .lines()
        .find(|line| line.starts_with("amara"))
        .unwrap();
    assert!(
        line.contains("operator") && line.contains(" 1 "),
        "{listed}"
    );

    let (status, gone) = account(&["remove", "amara"], "");
    assert!(status.success(), "{gone}");
    assert!(running.ask(&bearer, "").starts_with("HTTP/1.1 401"));
    let (_, twice) = account(&["remove", "amara"], "");
    assert!(twice.contains("no account amara"), "{twice}");
    for text in [weak, said, listed, gone] {
        assert!(!text.contains(PASSWORD) && !text.contains(token), "{text}");
    }
}
