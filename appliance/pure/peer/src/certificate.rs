//! The DTLS certificate that all peers of the box share.

use std::sync::Arc;
use str0m::config::DtlsCert;

/// A self-signed DTLS certificate with its key. One per process: clients check the fingerprint
/// in the session description, so sharing it saves a key generation per peer.
#[derive(Debug, Clone)]
pub struct Certificate(pub(crate) Arc<DtlsCert>);

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
        str0m::crypto::from_feature_flags()
            .dtls_provider
            .generate_certificate()
            .map(|certificate| Self(Arc::new(certificate)))
            .ok_or(GenerateCertificateError)
    }
}
