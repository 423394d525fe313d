//! The DTLS certificate that all peers of the box share.

use crate::keying::overheard;
use std::fmt;
use std::sync::Arc;
use str0m::config::{CryptoProvider, DtlsCert};

/// A self-signed DTLS certificate with its key. One per process: clients check the fingerprint
/// in the session description, so sharing it saves a key generation per peer.
#[derive(Clone)]
pub struct Certificate {
    pub(crate) certificate: Arc<DtlsCert>,
    pub(crate) crypto: Arc<CryptoProvider>,
}

/// The crypto library could not make a key pair.
#[derive(Debug, thiserror::Error)]
#[error("no DTLS certificate could be generated; the system's random source may be missing")]
pub struct GenerateCertificateError;

impl Certificate {
    /// A fresh certificate from the crypto library's own randomness.
    ///
    /// # Errors
    /// [`GenerateCertificateError`] when the library has no randomness.
    pub fn generate() -> Result<Self, GenerateCertificateError> {
        let crypto = overheard(str0m::crypto::from_feature_flags());
        let certificate = crypto
            .dtls_provider
            .generate_certificate()
            .ok_or(GenerateCertificateError)?;
        Ok(Self {
            certificate: Arc::new(certificate),
            crypto: Arc::new(crypto),
        })
    }
}

impl fmt::Debug for Certificate {
    /// Says nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate")
    }
}
