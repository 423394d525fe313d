//! A certificate chain with its key, checked before it is used.

use crate::facts::{Facts, Role, Validity};
use crate::pem;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use safe::{PrivateFileError, read_private};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vocab::{DisplayText, UnixMillis};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// Largest certificate file that is read; a larger one is a mistake of path.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A certificate chain with its key.
#[derive(Debug, Clone)]
pub struct Identity {
    pub(crate) certified: Arc<CertifiedKey>,
    /// What its first certificate says.
    pub facts: Facts,
    path: PathBuf,
}

/// Why a certificate is not used. `Display` is for the person who put it there.
#[derive(Debug, thiserror::Error)]
pub enum LoadIdentityError {
    /// The certificate cannot be read.
    #[error("the certificate {path} cannot be read ({source}): check tls.certificate and that the box's user may read it", path = path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The key cannot be read, or others can.
    #[error("the key of the certificate cannot be used: {0}")]
    Key(#[from] PrivateFileError),
    /// No certificate in the file.
    #[error("{path} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", path = path.display())]
    NoCertificate {
        /// Which.
        path: PathBuf,
    },
    /// Something else in the certificate's place.
    #[error("certificate {position} of {path} cannot be read: export it again as X.509 in PEM form", path = path.display())]
    BadCertificate {
        /// Which file.
        path: PathBuf,
        /// Which of its certificates, from 1.
        position: usize,
    },
    /// No key in the file.
    #[error("{path} holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)", path = path.display())]
    NoKey {
        /// Which.
        path: PathBuf,
    },
    /// The key wants a passphrase, and nobody is there to type it.
    #[error("the key {path} is encrypted, and nobody types a passphrase at a start: run `openssl pkey -in {path} -out NEW.key`, then `chmod 600 NEW.key`", path = path.display())]
    EncryptedKey {
        /// Which.
        path: PathBuf,
    },
    /// A kind of key that TLS cannot use.
    #[error("the key {path} is of a kind that TLS cannot use: take ECDSA P-256, or RSA of 2048 bits or more", path = path.display())]
    BadKey {
        /// Which.
        path: PathBuf,
    },
    /// Key and certificate are of two pairs.
    #[error("the key {key} does not belong to the first certificate of {certificate}: that must be the server's own, followed by who issued it", certificate = certificate.display(), key = key.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's.
        key: PathBuf,
    },
    /// The chain is not a chain.
    #[error("certificate {position} of {path} is {found}, but {wanted} issued the one before it: put the server's first, then who issued it, and so on upward", path = path.display())]
    ChainOrder {
        /// Which file.
        path: PathBuf,
        /// Which of its certificates, from 1.
        position: usize,
        /// Its subject.
        found: DisplayText,
        /// The issuer of the one before.
        wanted: DisplayText,
    },
    /// Its time is over, or has not come.
    #[error("{path} {when}", path = path.display(), when = described(*.validity))]
    NotValid {
        /// Which.
        path: PathBuf,
        /// How it stands.
        validity: Validity,
    },
}

fn described(validity: Validity) -> &'static str {
    match validity {
        Validity::Expired => "has expired: browsers refuse it; put a new one in its place",
        Validity::NotYet => "is not valid yet: check the clock of the box (`timedatectl`)",
        Validity::Valid => "is valid",
    }
}

impl Identity {
    /// Loads a chain and its key and proves that they belong together. Its time is not looked at:
    /// see [`Self::in_time`].
    ///
    /// # Errors
    /// [`LoadIdentityError`], all but [`LoadIdentityError::NotValid`].
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, LoadIdentityError> {
        let chain = pem::certificates(&read(certificate)?);
        let key_bytes = read_private(key)?;
        Self::assemble(chain, &key_bytes, certificate, key)
    }

    /// Both from one private file.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub(crate) fn load_together(path: &Path) -> Result<Self, LoadIdentityError> {
        let bytes = read_private(path)?;
        Self::assemble(pem::certificates(&bytes), &bytes, path, path)
    }

    fn assemble(
        chain: Vec<CertificateDer<'static>>,
        key_bytes: &[u8],
        certificate: &Path,
        key: &Path,
    ) -> Result<Self, LoadIdentityError> {
        let path = certificate.to_owned();
        check_chain(&chain, certificate)?;
        let facts = chain.first().and_then(|der| Facts::of(Role::Web, der));
        let facts = facts.ok_or(LoadIdentityError::NoCertificate { path: path.clone() })?;
        let key_path = key.to_owned();
        let Some(der) = pem::private_key(key_bytes) else {
            return Err(if pem::is_encrypted(key_bytes) {
                LoadIdentityError::EncryptedKey { path: key_path }
            } else {
                LoadIdentityError::NoKey { path: key_path }
            });
        };
        let signing = default_provider()
            .key_provider
            .load_private_key(der)
            .map_err(|_| LoadIdentityError::BadKey {
                path: key_path.clone(),
            })?;
        let certified = CertifiedKey::new(chain, signing);
        if certified.keys_match().is_err() {
            return Err(LoadIdentityError::Mismatch {
                certificate: path,
                key: key_path,
            });
        }
        Ok(Self {
            certified: Arc::new(certified),
            facts,
            path,
        })
    }

    /// The identity, if its certificate holds at `now`.
    ///
    /// # Errors
    /// [`LoadIdentityError::NotValid`].
    pub fn in_time(&self, now: UnixMillis) -> Result<(), LoadIdentityError> {
        match self.facts.validity(now) {
            Validity::Valid => Ok(()),
            validity => Err(LoadIdentityError::NotValid {
                path: self.path.clone(),
                validity,
            }),
        }
    }

    /// Whether both show the same chain.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.certified.cert == other.certified.cert
    }
}

fn read(path: &Path) -> Result<Vec<u8>, LoadIdentityError> {
    let unreadable = |source| LoadIdentityError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_FILE_BYTES {
        let size = format!("{size} bytes is more than a chain ever has");
        return Err(unreadable(io::Error::other(size)));
    }
    std::fs::read(path).map_err(unreadable)
}

/// Each certificate issued the one before it. Names are compared, not signatures: what matters
/// here is the order in which somebody put them into the file; clients verify the rest.
fn check_chain(chain: &[CertificateDer<'_>], path: &Path) -> Result<(), LoadIdentityError> {
    let mut before: Option<X509Certificate<'_>> = None;
    for (index, der) in chain.iter().enumerate() {
        let position = index + 1;
        let path = path.to_owned();
        let Ok((_, certificate)) = X509Certificate::from_der(der) else {
            return Err(LoadIdentityError::BadCertificate { path, position });
        };
        if let Some(before) = &before
            && before.issuer().as_raw() != certificate.subject().as_raw()
        {
            return Err(LoadIdentityError::ChainOrder {
                path,
                position,
                found: DisplayText::new(&certificate.subject().to_string()),
                wanted: DisplayText::new(&before.issuer().to_string()),
            });
        }
        before = Some(certificate);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
