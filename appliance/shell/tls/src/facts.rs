//! What a certificate says.

use rustls::pki_types::CertificateDer;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vocab::HostName;
use vocab::UnixMillis;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Browsers and SDKs see it.
    Web,
    /// The internal CA: hospital IT rolls it out.
    Ca,
}

impl Role {
    /// The word that metrics and the admin API use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Ca => "ca",
        }
    }
}

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What it is for.
    pub role: Role,
    /// Its common name, or its first name where it has none.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// What clients may call it.
    pub names: Vec<HostName>,
    /// Valid from.
    pub valid_from: UnixMillis,
    /// Valid until.
    pub expires_at: UnixMillis,
}

/// How a certificate stands in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Begins later: the clock of the box may be wrong.
    NotYet,
    /// Holds.
    Valid,
    /// Has ended.
    Expired,
}

impl Facts {
    /// Reads a certificate; `None` where it is none.
    #[must_use]
    pub fn of(role: Role, der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let names = names(&certificate);
        let subject = common_name(certificate.subject())
            .or_else(|| names.first().map(HostName::to_string))
            .unwrap_or_else(|| certificate.subject().to_string());
        let issuer =
            common_name(certificate.issuer()).unwrap_or_else(|| certificate.issuer().to_string());
        let validity = certificate.validity();
        Some(Self {
            role,
            subject,
            issuer,
            names,
            valid_from: millis(validity.not_before.timestamp()),
            expires_at: millis(validity.not_after.timestamp()),
        })
    }

    /// How it stands at `now`.
    #[must_use]
    pub fn validity(&self, now: UnixMillis) -> Validity {
        if now < self.valid_from {
            Validity::NotYet
        } else if now > self.expires_at {
            Validity::Expired
        } else {
            Validity::Valid
        }
    }
}

fn common_name(name: &x509_parser::x509::X509Name<'_>) -> Option<String> {
    let first = name.iter_common_name().next()?;
    first.as_str().ok().map(ToOwned::to_owned)
}

fn names(certificate: &X509Certificate<'_>) -> Vec<HostName> {
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = alternatives.value.general_names.iter();
    names.filter_map(name).collect()
}

fn name(general: &GeneralName<'_>) -> Option<HostName> {
    match general {
        GeneralName::DNSName(name) => Some(HostName::Dns(name.to_ascii_lowercase())),
        GeneralName::IPAddress(bytes) => address(bytes).map(HostName::Ip),
        _ => None,
    }
}

pub(crate) fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(v4).into());
    }
    let v6 = <[u8; 16]>::try_from(bytes).ok()?;
    Some(Ipv6Addr::from(v6).into())
}

/// A time before 1970 is 1970: no certificate in use begins or ends there.
fn millis(seconds: i64) -> UnixMillis {
    UnixMillis(u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000))
}
