#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// 2026-11-27.
const NOW: UnixMillis = UnixMillis(1_795_737_600_000);

#[derive(Debug)]
struct At(UnixMillis);

impl rustls::time_provider::TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(self.0.0)))
    }
}

fn names(texts: &[&str]) -> Vec<HostName> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn client(root: CertificateDer<'static>, alpn: &[&[u8]]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
    let mut config =
        ClientConfig::builder_with_details(Arc::new(default_provider()), Arc::new(At(NOW)))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

/// A handshake in memory: the client's end, or why it failed.
fn shake(
    server: &Tls,
    client: &Arc<ClientConfig>,
    name: &str,
) -> Result<ClientConnection, rustls::Error> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(client.clone(), name)?;
    let mut server = ServerConnection::new(server.config())?;
    let mut bytes = Vec::new();
    while client.is_handshaking() || server.is_handshaking() {
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut &*std::mem::take(&mut bytes)).unwrap();
        server.process_new_packets()?;
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut &*std::mem::take(&mut bytes)).unwrap();
        client.process_new_packets()?;
    }
    Ok(client)
}

fn internal(folder: &Path, texts: &'static [&'static str]) -> Tls {
    let source = Source::Internal {
        folder: folder.to_owned(),
        names: Box::new(|| names(texts)),
    };
    Tls::open(source, NOW).unwrap()
}

fn root_of(folder: &Path) -> CertificateDer<'static> {
    let authority = Authority::open(folder).unwrap();
    CertificateDer::from(authority.certificate_der().to_vec())
}

/// A self-signed certificate for `name` with its key, as two files.
fn put(folder: &Path, name: &str, last_year: i32) -> CertificateDer<'static> {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(last_year, 12, 31);
    let key = KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    std::fs::write(
        folder.join("web.pem"),
        crate::pem::write("CERTIFICATE", made.der()),
    )
    .unwrap();
    put_key(folder, &key);
    made.der().clone()
}

fn put_key(folder: &Path, key: &KeyPair) {
    let path = folder.join("web.key");
    std::fs::write(
        &path,
        crate::pem::write("PRIVATE KEY", key.serialized_der()),
    )
    .unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
}

fn files(folder: &Path) -> Source {
    Source::Files {
        certificate: folder.join("web.pem"),
        key: folder.join("web.key"),
    }
}

#[test]
fn who_trusts_the_internal_ca_connects_by_name_and_by_address() {
    let folder = tempfile::tempdir().unwrap();
    let tls = internal(
        folder.path(),
        &["box.hospital.example", "192.168.1.20", "fd00::20"],
    );
    let trusting = client(root_of(folder.path()), &[b"h2", b"http/1.1"]);
    for name in ["box.hospital.example", "192.168.1.20", "fd00::20"] {
        let connection = shake(&tls, &trusting, name).unwrap();
        assert_eq!(connection.alpn_protocol(), Some(&b"http/1.1"[..]), "{name}");
    }
    assert!(
        shake(&tls, &trusting, "192.168.1.21").is_err(),
        "another address"
    );
    let other = tempfile::tempdir().unwrap();
    internal(other.path(), &["box.hospital.example"]);
    let stranger = client(root_of(other.path()), &[]);
    assert!(
        shake(&tls, &stranger, "box.hospital.example").is_err(),
        "another CA"
    );
    assert_eq!(tls.certificates().len(), 2);
}

#[test]
fn clients_hold_the_internal_ca_to_its_limits() {
    let folder = tempfile::tempdir().unwrap();
    internal(folder.path(), &["box.hospital.example"]);
    let root = root_of(folder.path());
    // Whoever stole the key signs for a bank.
    let key = std::fs::read(folder.path().join("ca.key")).unwrap();
    let rustls::pki_types::PrivateKeyDer::Pkcs8(key) = crate::pem::private_key(&key).unwrap()
    else {
        unreachable!()
    };
    let key = KeyPair::from_pkcs8_der_and_sign_algo(&key, &rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut issuer = CertificateParams::default();
    issuer.distinguished_name = rcgen::DistinguishedName::new();
    issuer
        .distinguished_name
        .push(rcgen::DnType::OrganizationName, "Ringward");
    let subject = Authority::open(folder.path())
        .unwrap()
        .facts()
        .subject
        .clone();
    issuer
        .distinguished_name
        .push(rcgen::DnType::CommonName, subject);
    let issuer = rcgen::Issuer::from_params(&issuer, &key);
    for (name, trusted) in [("box.hospital.example", true), ("bank.example", false)] {
        let stolen = tempfile::tempdir().unwrap();
        let web = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = date_time_ymd(2027, 1, 1);
        let made = params.signed_by(&web, &issuer).unwrap();
        std::fs::write(
            stolen.path().join("web.pem"),
            crate::pem::write("CERTIFICATE", made.der()),
        )
        .unwrap();
        put_key(stolen.path(), &web);
        let tls = Tls::open(files(stolen.path()), NOW).unwrap();
        assert_eq!(
            shake(&tls, &client(root.clone(), &[]), name).is_ok(),
            trusted,
            "{name}"
        );
    }
}

#[test]
fn who_offers_only_http2_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let tls = internal(folder.path(), &["box"]);
    assert!(shake(&tls, &client(root_of(folder.path()), &[b"h2"]), "box").is_err());
}

#[test]
fn a_new_certificate_serves_from_the_next_connection_on() {
    let folder = tempfile::tempdir().unwrap();
    let old = put(folder.path(), "old.example", 2027);
    let tls = Tls::open(files(folder.path()), NOW).unwrap();
    assert_eq!(tls.reload_if_changed(NOW).unwrap(), Reloaded::Same);
    shake(&tls, &client(old.clone(), &[]), "old.example").unwrap();
    let new = put(folder.path(), "new.example", 2028);
    assert!(matches!(
        tls.reload_if_changed(NOW).unwrap(),
        Reloaded::Replaced(_)
    ));
    shake(&tls, &client(new, &[]), "new.example").unwrap();
    assert!(shake(&tls, &client(old, &[]), "old.example").is_err());
    assert_eq!(tls.certificates()[0].names, names(&["new.example"]));
}

#[test]
fn a_broken_new_certificate_is_refused_once_and_the_old_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let old = put(path, "old.example", 2027);
    let tls = Tls::open(files(path), NOW).unwrap();
    let trusting = client(old, &[]);
    for (name, spoil, want) in [
        (
            "another key",
            Box::new(|| put_key(path, &KeyPair::generate().unwrap())) as Box<dyn Fn()>,
            "does not belong",
        ),
        (
            "an expired one",
            Box::new(|| drop(put(path, "x.example", 2025))),
            "expired",
        ),
        (
            "an empty file",
            Box::new(|| std::fs::write(path.join("web.pem"), "").unwrap()),
            "BEGIN CERTIFICATE",
        ),
        (
            "no file",
            Box::new(|| std::fs::remove_file(path.join("web.pem")).unwrap()),
            "cannot be read",
        ),
    ] {
        spoil();
        let shown = tls.reload_if_changed(NOW).unwrap_err().to_string();
        assert!(shown.contains(want), "{name}: {shown}");
        assert_eq!(
            tls.reload_if_changed(NOW).unwrap(),
            Reloaded::Same,
            "{name}: said twice"
        );
        assert_eq!(tls.refused(), Some(shown), "{name}");
        shake(&tls, &trusting, "old.example").unwrap();
    }
    put(path, "new.example", 2028);
    assert!(matches!(
        tls.reload_if_changed(NOW).unwrap(),
        Reloaded::Replaced(_)
    ));
    assert_eq!(tls.refused(), None);
}

#[test]
fn an_expired_certificate_is_served_and_complained_about() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "box.example", 2025);
    let tls = Tls::open(files(folder.path()), NOW).unwrap();
    assert!(tls.complaint(NOW).unwrap().to_string().contains("expired"));
    put(folder.path(), "box.example", 2027);
    tls.reload_if_changed(NOW).unwrap();
    assert!(tls.complaint(NOW).is_none());
}

#[test]
fn the_internal_ca_renews_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let tls = internal(folder.path(), &["box"]);
    assert_eq!(tls.reload_if_changed(NOW).unwrap(), Reloaded::Same);
    let in_a_year = UnixMillis(NOW.0 + 350 * 24 * 60 * 60 * 1_000);
    let Reloaded::Replaced(facts) = tls.reload_if_changed(in_a_year).unwrap() else {
        unreachable!("not renewed")
    };
    assert!(facts.expires_at.0 > in_a_year.0 + 300 * 24 * 60 * 60 * 1_000);
}
