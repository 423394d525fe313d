#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::facts::Validity;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// 2026-11-27.
const NOW: UnixMillis = UnixMillis(1_795_737_600_000);

fn names(texts: &[&str]) -> Vec<HostName> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn later(days: u64) -> UnixMillis {
    UnixMillis(NOW.0 + days * DAY_MS)
}

#[test]
fn a_ca_is_made_once_and_its_key_is_its_owners() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("tls");
    let made = Authority::init(&folder, &names(&["box.example"]), NOW).unwrap();
    let again = Authority::init(&folder, &names(&["box.example"]), NOW);
    assert!(matches!(again, Err(AuthorityError::Exists { .. })));
    let opened = Authority::open(&folder).unwrap();
    assert_eq!(made.fingerprint(), opened.fingerprint());
    for (name, mode) in [("", 0o700), (KEY_FILE, 0o600), (CERTIFICATE_FILE, 0o600)] {
        let facts = std::fs::metadata(folder.join(name)).unwrap();
        assert_eq!(facts.permissions().mode() & 0o777, mode, "{name}");
    }
    assert!(!opened.certificate_pem().contains("PRIVATE"));
}

#[test]
fn a_start_that_was_cut_off_between_key_and_certificate_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let made = Authority::init(folder.path(), &names(&["box"]), NOW).unwrap();
    std::fs::remove_file(folder.path().join(CERTIFICATE_FILE)).unwrap();
    let again = Authority::open_or_init(folder.path(), &names(&["box"]), NOW).unwrap();
    assert_eq!(made.key.public_key_raw(), again.key.public_key_raw());
}

#[test]
fn another_key_beside_the_certificate_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    Authority::init(folder.path(), &names(&["box"]), NOW).unwrap();
    let other = KeyPair::generate().unwrap();
    let text = pem::write("PRIVATE KEY", other.serialized_der());
    replace_private(&folder.path().join(KEY_FILE), text.as_bytes()).unwrap();
    assert!(matches!(
        Authority::open(folder.path()),
        Err(AuthorityError::Damaged { .. })
    ));
}

#[test]
fn the_ca_signs_for_its_names_and_private_addresses_only() {
    let folder = tempfile::tempdir().unwrap();
    let own = names(&["box.hospital.example", "203.0.113.7"]);
    let authority = Authority::init(folder.path(), &own, NOW).unwrap();
    for (name, may) in [
        ("box.hospital.example", true),
        ("a.box.hospital.example", true),
        ("abox.hospital.example", false),
        ("hospital.example", false),
        ("bank.example", false),
        ("localhost", true),
        ("10.1.2.3", true),
        ("11.1.2.3", false),
        ("192.168.255.255", true),
        ("172.31.255.255", true),
        ("172.32.0.0", false),
        ("203.0.113.7", true),
        ("203.0.113.8", false),
        ("fd00::1", true),
        ("fe80::1", true),
        ("::1", true),
        ("::2", false),
        ("2001:db8::1", false),
    ] {
        assert_eq!(authority.permits(&name.parse().unwrap()), may, "{name}");
    }
    let identity = authority
        .server(&names(&["box.hospital.example", "bank.example"]), NOW)
        .unwrap();
    assert_eq!(identity.facts.names, names(&["box.hospital.example"]));
    let nothing = authority
        .server(&names(&["bank.example"]), NOW)
        .unwrap_err()
        .to_string();
    assert!(nothing.contains("bank.example"), "{nothing}");
}

#[test]
fn a_server_certificate_is_kept_until_it_ends_soon_or_names_change() {
    let folder = tempfile::tempdir().unwrap();
    let first = names(&["box", "10.0.0.1"]);
    let authority = Authority::init(folder.path(), &first, NOW).unwrap();
    let made = authority.server(&first, NOW).unwrap();
    for (name, names, at, same) in [
        (
            "the next start",
            names(&["10.0.0.1", "box"]),
            later(1),
            true,
        ),
        ("long before its end", first.clone(), later(336), true),
        (
            "two months before its end",
            first.clone(),
            later(338),
            false,
        ),
    ] {
        let found = authority.server(&names, at).unwrap();
        assert_eq!(found.is_same_as(&made), same, "{name}");
        assert_eq!(found.facts.validity(at), Validity::Valid, "{name}");
    }
    let moved = authority
        .server(&names(&["box", "10.0.0.2"]), later(338))
        .unwrap();
    assert_eq!(moved.facts.names, names(&["box", "10.0.0.2"]));
}

#[test]
fn nothing_outlives_the_ca_and_an_ended_ca_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let own = names(&["box"]);
    let authority = Authority::init(folder.path(), &own, NOW).unwrap();
    let late = authority.server(&own, later(3_600)).unwrap();
    assert_eq!(
        late.facts.expires_at.as_secs(),
        authority.facts().expires_at.as_secs()
    );
    let again = authority.server(&own, later(3_601)).unwrap();
    assert!(again.is_same_as(&late), "made anew at every look");
    let shown = authority
        .server(&own, later(3_651))
        .err()
        .unwrap()
        .to_string();
    assert!(shown.contains("move"), "{shown}");
}

#[test]
fn a_device_is_known_by_its_serial_number() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::init(folder.path(), &names(&["box"]), NOW).unwrap();
    let issued = authority
        .device(&"MON-4711_b.2".parse().unwrap(), NOW)
        .unwrap();
    let chain = pem::certificates(issued.pem.expose().as_bytes());
    assert_eq!(chain.len(), 2);
    let facts = Facts::of(Role::Web, &chain[0]).unwrap();
    assert_eq!(facts.subject, "MON-4711_b.2");
    assert_eq!(facts.issuer, authority.facts().subject);
    for wrong in ["", ".", "..", "a/b", "a b", "a\n", &"x".repeat(65)] {
        assert!(wrong.parse::<DeviceSerial>().is_err(), "{wrong:?}");
    }
}
