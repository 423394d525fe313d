//! The SRTP keys of a connection, copied where DTLS hands them over.
//!
//! str0m asks its provider for a DTLS instance while it is built; ours is the one
//! str0m would make, and keeps a copy of the keying material.

use anyhow::{Context, Result};
use dimpl::{Config, Dtls, DtlsCertificate};
use std::cell::RefCell;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;
use str0m::config::{CryptoProvider, DtlsCert, DtlsVersion};
use str0m::crypto::dtls::{
    DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, KeyingMaterial, ProtocolVersion,
    SrtpProfile,
};
use str0m::crypto::{CryptoError, from_feature_flags};
use str0m::{Rtc, RtcConfig};

thread_local! {
    /// Where the next DTLS instance of this thread puts its keys.
    static NEXT: RefCell<Option<Slot>> = const { RefCell::new(None) };
}

/// What DTLS agreed on.
pub struct Keying {
    /// Both directions' master keys and salts (RFC 5764 §4.2).
    pub material: KeyingMaterial,
    /// Which ciphers.
    pub profile: SrtpProfile,
    /// We were the DTLS client: the first half of the material is ours to send with.
    pub active: bool,
}

/// A place where the keys of one connection appear when its handshake is over.
#[derive(Clone, Default)]
pub struct Slot(Arc<Mutex<Option<Keying>>>);

impl Slot {
    /// The keys, once.
    pub fn take(&self) -> Option<Keying> {
        self.0.lock().ok()?.take()
    }

    fn put(&self, keying: Keying) {
        if let Ok(mut slot) = self.0.lock() {
            *slot = Some(keying);
        }
    }
}

/// Builds a connection whose keys appear in the slot. All share one certificate: a key pair per
/// client would be the generator's cost, not the server's.
///
/// # Errors
/// The crypto library makes no certificate.
pub fn build(config: RtcConfig, now: Instant) -> Result<(Rtc, Slot)> {
    static SHARED: OnceLock<Option<(Arc<CryptoProvider>, DtlsCert)>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| {
        let mut crypto = from_feature_flags();
        let certificate = crypto.dtls_provider.generate_certificate()?;
        crypto.dtls_provider = &Shared;
        Some((Arc::new(crypto), certificate))
    });
    let (crypto, certificate) = shared.as_ref().context("no DTLS certificate")?;
    let slot = Slot::default();
    NEXT.set(Some(slot.clone()));
    let rtc = config
        .set_crypto_provider(crypto.clone())
        .set_dtls_cert(certificate.clone())
        .build(now);
    NEXT.take();
    Ok((rtc, slot))
}

#[derive(Debug)]
struct Shared;

impl DtlsProvider for Shared {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        let made = dimpl::certificate::generate_self_signed_certificate().ok()?;
        Some(DtlsCert {
            certificate: made.certificate,
            private_key: made.private_key,
        })
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        _version: DtlsVersion,
        _mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        // The library tries all its ciphers whenever a configuration is made: once is enough, or a
        // thousand joins measure the generator.
        static CONFIG: OnceLock<Arc<Config>> = OnceLock::new();
        let config = if let Some(config) = CONFIG.get() {
            Arc::clone(config)
        } else {
            let made = Config::builder().build();
            let made = made.map_err(|error| CryptoError::Other(error.to_string()))?;
            Arc::clone(CONFIG.get_or_init(|| Arc::new(made)))
        };
        let certificate = DtlsCertificate {
            certificate: certificate.certificate.clone(),
            private_key: certificate.private_key.clone(),
        };
        Ok(Box::new(Tapped {
            inner: Dtls::new_12(config, certificate, now),
            slot: NEXT.take().unwrap_or_default(),
        }))
    }
}

struct Tapped {
    inner: Dtls,
    slot: Slot,
}

impl std::fmt::Debug for Tapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tapped")
    }
}

impl DtlsInstance for Tapped {
    fn set_active(&mut self, active: bool) {
        self.inner.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.inner.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        let active = self.inner.is_active();
        let output = self.inner.poll_output(buffer);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            self.slot.put(Keying {
                material: KeyingMaterial::new(material),
                profile: *profile,
                active,
            });
        }
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.inner.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.inner.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.inner.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.inner.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.inner.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.inner.close()
    }
}
