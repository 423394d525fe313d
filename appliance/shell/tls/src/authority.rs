//! The internal CA: for intranets without a CA of their own and without the internet.

mod limits;
mod serial;

use crate::facts::{Facts, Role};
use crate::identity::{Identity, LoadIdentityError};
use crate::pem;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use safe::{
    PrivateFileError, RandomError, create_private, folder_private, random, read_private,
    replace_private,
};
use std::path::{Path, PathBuf};
use time::{Duration, OffsetDateTime};
use vocab::HostName;
use vocab::UnixMillis;

pub use serial::{DeviceSerial, WrongSerial};

/// The CA's key.
const KEY_FILE: &str = "ca.key";
/// The CA's certificate.
const CERTIFICATE_FILE: &str = "ca.pem";
/// The server's certificate and key in one file, so that they change as one.
const SERVER_FILE: &str = "server.pem";

/// How long the CA is valid. Every client machine must be given the next one, so it is long.
const CA_DAYS: i64 = 3_650;
/// How long a server certificate is valid: Apple's systems refuse more than 398 days from public
/// CAs and 825 from others; it is renewed without anybody's doing.
const SERVER_DAYS: i64 = 397;
/// How long a device's certificate is valid: somebody walks to the device to renew it.
const DEVICE_DAYS: i64 = 1_095;
/// A server certificate that ends within this is renewed.
const RENEW_DAYS: i64 = 60;
/// Clocks of clients may be behind by this.
const LEEWAY: Duration = Duration::days(1);

const ORGANISATION: &str = "Ringward";

/// The internal CA of one box.
pub struct Authority {
    folder: PathBuf,
    key: KeyPair,
    der: CertificateDer<'static>,
    facts: Facts,
}

/// A certificate for a device, with its key.
pub struct Issued {
    /// Key, certificate and CA in PEM form, in this order.
    pub pem: vocab::Redacted<String>,
    /// When it ends.
    pub expires_at: UnixMillis,
}

/// Why the internal CA cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file of it.
    #[error("the internal CA cannot be used: {0}")]
    File(#[from] PrivateFileError),
    /// There is none.
    #[error("there is no internal CA in {folder}: make one with `ringward ca init`", folder = folder.display())]
    Missing {
        /// Where it would lie.
        folder: PathBuf,
    },
    /// There is one.
    #[error("{path} exists already; clients that trust it would not trust another. To make a new CA, move {folder} away first", path = path.display(), folder = folder.display())]
    Exists {
        /// Its certificate.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// A file holds something else.
    #[error("{path} is damaged: restore it from a backup; or move its folder away, and a new CA is made, which every client machine must be given", path = path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
    },
    /// Its time is over.
    #[error("the internal CA has ended: move {folder} away, and a new one is made, which every client machine must be given", folder = folder.display())]
    Ended {
        /// Its folder.
        folder: PathBuf,
    },
    /// None of the box's names is one that this CA may sign for.
    #[error("the internal CA may sign for none of the box's names ({names}): it was made for others; move {folder} away, and a new one is made, which every client machine must be given", folder = folder.display())]
    OutsideLimits {
        /// The names.
        names: String,
        /// Its folder.
        folder: PathBuf,
    },
    /// The cryptography refused.
    #[error("a certificate could not be made ({0})")]
    Make(#[from] rcgen::Error),
    /// No random numbers.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The server certificate that it made cannot be loaded.
    #[error(transparent)]
    Identity(#[from] LoadIdentityError),
}

impl Authority {
    /// Makes the CA. It may sign only for `names` and for addresses of private networks, so that
    /// whoever steals its key cannot pretend to be anybody else.
    ///
    /// # Errors
    /// [`AuthorityError::Exists`] when there is one: nothing is overwritten.
    pub fn init(
        folder: &Path,
        names: &[HostName],
        now: UnixMillis,
    ) -> Result<Self, AuthorityError> {
        let path = folder.join(CERTIFICATE_FILE);
        if path.exists() {
            let folder = folder.to_owned();
            return Err(AuthorityError::Exists { path, folder });
        }
        folder_private(folder)?;
        let key = key_in(folder)?;
        let mut params = params(now, CA_DAYS)?;
        let distinct = random::<3>()?;
        let common = format!(
            "Ringward internal CA of {} {:02x}{:02x}{:02x}",
            names
                .iter()
                .find(|n| matches!(n, HostName::Dns(_)))
                .map_or_else(|| "this box".to_owned(), HostName::to_string),
            distinct[0],
            distinct[1],
            distinct[2],
        );
        params.distinguished_name = distinguished(&common);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.name_constraints = Some(limits::constraints(names));
        let made = params.self_signed(&key)?;
        create_private(&path, pem::write("CERTIFICATE", made.der()).as_bytes())?;
        Self::open(folder)
    }

    /// Opens the CA.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn open(folder: &Path) -> Result<Self, AuthorityError> {
        let path = folder.join(CERTIFICATE_FILE);
        let bytes = match read_private(&path) {
            Err(error) if error.is_missing() => {
                let folder = folder.to_owned();
                return Err(AuthorityError::Missing { folder });
            }
            bytes => bytes?,
        };
        let damaged = || AuthorityError::Damaged { path: path.clone() };
        let der = pem::certificates(&bytes)
            .into_iter()
            .next()
            .ok_or_else(damaged)?;
        let facts = Facts::of(Role::Ca, &der).ok_or_else(damaged)?;
        let key = read_key(&folder.join(KEY_FILE))?;
        if !limits::belongs(&der, key.public_key_raw()) {
            return Err(damaged());
        }
        Ok(Self {
            folder: folder.to_owned(),
            key,
            der,
            facts,
        })
    }

    /// Opens the CA, or makes it.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn open_or_init(
        folder: &Path,
        names: &[HostName],
        now: UnixMillis,
    ) -> Result<Self, AuthorityError> {
        match Self::open(folder) {
            Err(AuthorityError::Missing { .. }) => Self::init(folder, names, now),
            opened => opened,
        }
    }

    /// What its certificate says.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Its certificate, for client machines. Never its key.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        pem::write("CERTIFICATE", &self.der)
    }

    /// Its certificate in binary form.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of its certificate, as browsers and `openssl x509 -fingerprint -sha256` show it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.der);
        let pairs: Vec<_> = digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        pairs.join(":")
    }

    /// Whether it may sign for this name.
    #[must_use]
    pub fn permits(&self, name: &HostName) -> bool {
        limits::permits(&self.der, name)
    }

    /// The server's certificate for those of `names` that the CA may sign for: the one there is,
    /// or a new one when that is for others or ends within `RENEW_DAYS`.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn server(&self, names: &[HostName], now: UnixMillis) -> Result<Identity, AuthorityError> {
        let mut mine: Vec<HostName> = names
            .iter()
            .filter(|name| self.permits(name))
            .cloned()
            .collect();
        mine.sort();
        mine.dedup();
        if mine.is_empty() {
            let names: Vec<_> = names.iter().map(HostName::to_string).collect();
            let (names, folder) = (names.join(", "), self.folder.clone());
            return Err(AuthorityError::OutsideLimits { names, folder });
        }
        let path = self.folder.join(SERVER_FILE);
        if let Ok(identity) = Identity::load_together(&path)
            && self.is_good(&identity, &mine, now)
        {
            return Ok(identity);
        }
        replace_private(&path, self.make_server(&mine, now)?.as_bytes())?;
        Ok(Identity::load_together(&path)?)
    }

    /// Makes a client certificate for a device.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn device(&self, serial: &DeviceSerial, now: UnixMillis) -> Result<Issued, AuthorityError> {
        let mut params = params(now, DEVICE_DAYS)?;
        params.distinguished_name = distinguished(serial.as_str());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let (pem, expires_at) = self.sign(params, now)?;
        let pem = vocab::Redacted::new(format!("{pem}{}", self.certificate_pem()));
        Ok(Issued { pem, expires_at })
    }

    fn is_good(&self, identity: &Identity, names: &[HostName], now: UnixMillis) -> bool {
        let mut has = identity.facts.names.clone();
        has.sort();
        let days = RENEW_DAYS
            .unsigned_abs()
            .saturating_mul(24 * 60 * 60 * 1_000);
        // A CA that itself ends soon cannot make anything that lasts longer.
        let enough = UnixMillis(now.0.saturating_add(days)).min(self.facts.expires_at);
        has == names
            && identity.facts.issuer == self.facts.subject
            && identity.facts.expires_at >= enough
            && identity.in_time(now).is_ok()
    }

    fn make_server(&self, names: &[HostName], now: UnixMillis) -> Result<String, AuthorityError> {
        let mut params = params(now, SERVER_DAYS)?;
        let first = names
            .iter()
            .find(|name| matches!(name, HostName::Dns(_)))
            .or(names.first());
        params.distinguished_name =
            distinguished(&first.map(HostName::to_string).unwrap_or_default());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.subject_alt_names = names.iter().map(alternative).collect::<Result<_, _>>()?;
        self.sign(params, now).map(|(pem, _)| pem)
    }

    /// Key and certificate in PEM form, and when it ends: never after the CA.
    fn sign(
        &self,
        mut params: CertificateParams,
        now: UnixMillis,
    ) -> Result<(String, UnixMillis), AuthorityError> {
        let ends = at(self.facts.expires_at)?;
        if ends <= at(now)? {
            let folder = self.folder.clone();
            return Err(AuthorityError::Ended { folder });
        }
        params.not_after = params.not_after.min(ends);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let mut issuer = CertificateParams::default();
        issuer.distinguished_name = distinguished(&self.facts.subject);
        issuer.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let made = params.signed_by(&key, &Issuer::from_params(&issuer, &self.key))?;
        let pem = pem::write("PRIVATE KEY", key.serialized_der())
            + &pem::write("CERTIFICATE", made.der());
        let seconds = params.not_after.unix_timestamp();
        let millis = u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000);
        Ok((pem, UnixMillis(millis)))
    }
}

/// The CA's key; a start that was cut off may have left one without a certificate.
fn key_in(folder: &Path) -> Result<KeyPair, AuthorityError> {
    let path = folder.join(KEY_FILE);
    if path.exists() {
        return read_key(&path);
    }
    let key = KeyPair::generate()?;
    create_private(
        &path,
        pem::write("PRIVATE KEY", key.serialized_der()).as_bytes(),
    )?;
    Ok(key)
}

fn read_key(path: &Path) -> Result<KeyPair, AuthorityError> {
    let damaged = || AuthorityError::Damaged {
        path: path.to_owned(),
    };
    match pem::private_key(&read_private(path)?) {
        Some(PrivateKeyDer::Pkcs8(der)) => {
            KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ECDSA_P256_SHA256)
                .map_err(|_| damaged())
        }
        _ => Err(damaged()),
    }
}

fn params(now: UnixMillis, days: i64) -> Result<CertificateParams, AuthorityError> {
    let now = at(now)?;
    let mut params = CertificateParams::default();
    params.not_before = now - LEEWAY;
    params.not_after = now + Duration::days(days);
    // Random, and positive: two certificates of one issuer never share it (RFC 5280 §4.1.2.2).
    let mut serial = random::<16>()?;
    serial[0] &= 0x7f;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

/// A clock beyond the year 9999 is broken, and nothing can be signed by it.
fn at(time: UnixMillis) -> Result<OffsetDateTime, AuthorityError> {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds)
        .map_err(|_| AuthorityError::Make(rcgen::Error::Time))
}

fn distinguished(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, ORGANISATION);
    name.push(DnType::CommonName, common);
    name
}

fn alternative(name: &HostName) -> Result<SanType, rcgen::Error> {
    match name {
        HostName::Dns(name) => Ok(SanType::DnsName(name.as_str().try_into()?)),
        HostName::Ip(address) => Ok(SanType::IpAddress(*address)),
    }
}

#[cfg(test)]
mod tests;
