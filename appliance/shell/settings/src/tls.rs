//! `[tls]`: whose certificate the box shows.

use crate::file::OneOrMany;
use serde::Deserialize;
use std::ops::Range;
use std::path::PathBuf;
use toml::Spanned;
use vocab::HostName;

/// Most names of one certificate; more is a mistake.
const MAX_NAMES: usize = 32;

/// `[tls]` as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileTls {
    /// The chain in PEM form, the server's own certificate first.
    pub certificate: Option<Spanned<PathBuf>>,
    /// Its key in PEM form.
    pub key: Option<Spanned<PathBuf>>,
    /// `true`: the box makes a CA and a certificate of its own.
    pub internal_ca: Option<Spanned<bool>>,
    /// What clients call the box, beside its host name and addresses.
    pub names: Option<Spanned<OneOrMany<HostName>>>,
}

/// Whose certificate the box shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsSettings {
    /// The hospital's.
    Files {
        /// The chain.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// One that the box's internal CA makes.
    InternalCa {
        /// Names beside the host name and the addresses.
        names: Vec<HostName>,
    },
}

/// What HTTP without TLS is for, where the box serves HTTPS as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlainHttp {
    /// It leads to HTTPS and serves nothing.
    Redirect,
    /// It serves what HTTPS serves: for a proxy on this machine that ends TLS.
    Serve,
}

impl FileTls {
    /// The rules that a type cannot hold, each with the bytes that break it; `whole` are the bytes
    /// of the table.
    pub(crate) fn check(&self, whole: Range<usize>) -> Result<(), (Range<usize>, String)> {
        let internal = self
            .internal_ca
            .as_ref()
            .filter(|internal| *internal.get_ref());
        let wrong = |span, message: &str| Err((span, message.to_owned()));
        match (&self.certificate, &self.key, internal) {
            (Some(_), Some(_), None) | (None, None, Some(_)) => {}
            (_, _, Some(internal)) => {
                return wrong(
                    internal.span(),
                    "either the hospital's certificate and key, or internal-ca = true, not both",
                );
            }
            (Some(one), None, None) => {
                return wrong(
                    one.span(),
                    "a certificate needs its key: write key = \"FILE\"",
                );
            }
            (None, Some(one), None) => {
                return wrong(
                    one.span(),
                    "a key needs its certificate: write certificate = \"FILE\"",
                );
            }
            (None, None, None) => {
                return wrong(whole, "write certificate and key, or internal-ca = true");
            }
        }
        let Some(names) = &self.names else {
            return Ok(());
        };
        if internal.is_none() {
            return wrong(
                names.span(),
                "the names stand in the certificate; names are for internal-ca = true",
            );
        }
        if names.get_ref().0.len() > MAX_NAMES {
            return wrong(
                names.span(),
                "more than 32 names; write those that clients type",
            );
        }
        Ok(())
    }

    pub(crate) fn meant(self) -> TlsSettings {
        match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => TlsSettings::Files {
                certificate: certificate.into_inner(),
                key: key.into_inner(),
            },
            _ => TlsSettings::InternalCa {
                names: self
                    .names
                    .map_or_else(Vec::new, |names| names.into_inner().0),
            },
        }
    }
}
