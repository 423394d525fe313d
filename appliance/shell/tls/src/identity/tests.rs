#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

/// A hospital's CA, an intermediate and a server, each issued by the one before.
struct Hospital {
    folder: TempDir,
    root: String,
    middle: String,
    server: String,
    key: String,
}

fn params(name: &str, is_ca: bool) -> CertificateParams {
    let mut params = CertificateParams::new(vec![format!("{name}.example")]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    params
}

impl Hospital {
    fn new() -> Self {
        let keys: Vec<_> = (0..3).map(|_| KeyPair::generate().unwrap()).collect();
        let (root, middle) = (params("root", true), params("middle", true));
        let block = |der: &[u8]| pem::write("CERTIFICATE", der);
        let by_root = Issuer::from_params(&root, &keys[0]);
        let by_middle = Issuer::from_params(&middle, &keys[1]);
        let server = params("server", false)
            .signed_by(&keys[2], &by_middle)
            .unwrap();
        Self {
            folder: tempfile::tempdir().unwrap(),
            root: block(root.self_signed(&keys[0]).unwrap().der()),
            middle: block(middle.signed_by(&keys[1], &by_root).unwrap().der()),
            server: block(server.der()),
            key: pem::write("PRIVATE KEY", keys[2].serialized_der()),
        }
    }

    fn load(&self, certificate: &str, key: &str) -> Result<Identity, LoadIdentityError> {
        let (chain, key_file) = (
            self.folder.path().join("web.pem"),
            self.folder.path().join("web.key"),
        );
        std::fs::write(&chain, certificate).unwrap();
        std::fs::write(&key_file, key).unwrap();
        std::fs::set_permissions(&key_file, PermissionsExt::from_mode(0o600)).unwrap();
        Identity::load(&chain, &key_file)
    }
}

#[test]
fn a_whole_chain_is_taken_with_or_without_its_root() {
    let hospital = Hospital::new();
    for chain in [
        hospital.server.clone(),
        format!("{}{}", hospital.server, hospital.middle),
        format!(
            "some words\n{}{}{}",
            hospital.server, hospital.middle, hospital.root
        ),
    ] {
        let identity = hospital.load(&chain, &hospital.key).unwrap();
        assert_eq!(identity.facts.subject, "server");
        assert_eq!(identity.facts.issuer, "middle");
        assert_eq!(identity.facts.expires_at, UnixMillis(1_798_761_600_000));
    }
}

#[test]
fn each_mistake_is_named_with_what_would_be_right() {
    let hospital = Hospital::new();
    let (server, middle, root, key) = (
        &*hospital.server,
        &*hospital.middle,
        &*hospital.root,
        &*hospital.key,
    );
    let other = pem::write("PRIVATE KEY", KeyPair::generate().unwrap().serialized_der());
    let encrypted = pem::write("ENCRYPTED PRIVATE KEY", b"x");
    let broken = pem::write("CERTIFICATE", b"nothing");
    for (name, chain, key, wants) in [
        (
            "the key of another",
            server.to_owned(),
            &*other,
            &["web.key", "does not belong"][..],
        ),
        (
            "root first",
            format!("{root}{middle}{server}"),
            key,
            &["certificate 2", "the server's first"],
        ),
        (
            "a gap",
            format!("{server}{root}"),
            key,
            &["certificate 2", "CN=root", "CN=middle"],
        ),
        (
            "an intermediate first",
            format!("{middle}{root}"),
            key,
            &["does not belong", "server's own"],
        ),
        (
            "no certificate",
            key.to_owned(),
            key,
            &["web.pem", "BEGIN CERTIFICATE"],
        ),
        (
            "no key",
            server.to_owned(),
            server,
            &["web.key", "BEGIN PRIVATE KEY"],
        ),
        (
            "a passphrase",
            server.to_owned(),
            &encrypted,
            &["encrypted", "openssl pkey"],
        ),
        (
            "rubbish in the chain",
            format!("{server}{broken}"),
            key,
            &["certificate 2", "X.509"],
        ),
        ("nothing", String::new(), "", &["web.pem"]),
    ] {
        let shown = hospital.load(&chain, key).unwrap_err().to_string();
        for want in wants {
            assert!(shown.contains(want), "{name}: no {want:?} in: {shown}");
        }
    }
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let hospital = Hospital::new();
    hospital.load(&hospital.server, &hospital.key).unwrap();
    let key = hospital.folder.path().join("web.key");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    let shown = Identity::load(&hospital.folder.path().join("web.pem"), &key)
        .unwrap_err()
        .to_string();
    assert!(
        shown.contains("chmod 600") && shown.contains("web.key"),
        "{shown}"
    );
}

#[test]
fn time_is_judged_apart_from_the_rest() {
    let hospital = Hospital::new();
    let identity = hospital.load(&hospital.server, &hospital.key).unwrap();
    let (begin, end) = (identity.facts.valid_from.0, identity.facts.expires_at.0);
    for (at, want) in [
        (begin - 1, Some("not valid yet")),
        (begin, None),
        (end, None),
        (end + 1, Some("expired")),
    ] {
        let said = identity
            .in_time(UnixMillis(at))
            .err()
            .map(|error| error.to_string());
        assert_eq!(said.is_some(), want.is_some(), "{at}");
        assert!(
            said.unwrap_or_default().contains(want.unwrap_or_default()),
            "{at}"
        );
    }
}
