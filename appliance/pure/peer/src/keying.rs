//! What DTLS exports for SRTP, overheard on its way into str0m.
//!
//! str0m has no event for it (`egress.md` §3), but takes its DTLS from a provider: this one hands
//! everything through and keeps a copy of the keying material.

use egress::{KeyingMaterial, Profile};
use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
    SrtpProfile,
};
use str0m::crypto::{CryptoError, CryptoProvider};

thread_local! {
    /// Who listens to the DTLS instance that is being made on this thread.
    static LISTENER: RefCell<Option<Exporter>> = const { RefCell::new(None) };
}

/// What one handshake exported.
pub(crate) struct Exported {
    profile: Profile,
    material: Vec<u8>,
    is_client: bool,
}

impl Exported {
    pub(crate) fn profile(&self) -> Profile {
        self.profile
    }

    pub(crate) fn keys(&self) -> KeyingMaterial<'_> {
        KeyingMaterial {
            profile: self.profile,
            material: &self.material,
            is_client: self.is_client,
        }
    }
}

#[expect(
    clippy::disallowed_types,
    reason = "one thread has both ends, but str0m wants its DTLS instances `Sync`"
)]
type Slot = std::sync::Mutex<Option<Exported>>;

/// Where the material of one transport arrives. Looked at after DTLS records only.
#[derive(Clone, Default)]
pub(crate) struct Exporter(Arc<Slot>);

impl Exporter {
    fn put(&self, exported: Exported) {
        if let Ok(mut slot) = self.0.lock() {
            *slot = Some(exported);
        }
    }

    /// What came since the last call.
    pub(crate) fn take(&self) -> Option<Exported> {
        self.0.lock().ok()?.take()
    }
}

impl fmt::Debug for Exporter {
    /// Says nothing of the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exporter")
    }
}

/// Runs `build`, which makes one `Rtc`, and listens to the DTLS of what it made.
pub(crate) fn listen<T>(build: impl FnOnce() -> T) -> (T, Exporter) {
    let exporter = Exporter::default();
    LISTENER.replace(Some(exporter.clone()));
    let built = build();
    // Whatever became of it: the next `Rtc` of this thread is somebody else's.
    LISTENER.take();
    (built, exporter)
}

/// The library's DTLS with somebody listening.
pub(crate) fn overheard(mut crypto: CryptoProvider) -> CryptoProvider {
    static PROVIDER: OnceLock<Overheard> = OnceLock::new();
    crypto.dtls_provider = PROVIDER.get_or_init(|| Overheard(crypto.dtls_provider));
    crypto
}

#[derive(Debug)]
struct Overheard(&'static dyn DtlsProvider);

impl DtlsProvider for Overheard {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        self.0.generate_certificate()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        dtls_version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let inner = self.0.new_dtls(cert, now, dtls_version, mtu)?;
        Ok(match LISTENER.take() {
            Some(exporter) => Box::new(OverheardInstance { inner, exporter }),
            None => inner,
        })
    }

    fn is_test(&self) -> bool {
        self.0.is_test()
    }
}

#[derive(Debug)]
struct OverheardInstance {
    inner: Box<dyn DtlsInstance>,
    exporter: Exporter,
}

impl DtlsInstance for OverheardInstance {
    fn set_active(&mut self, active: bool) {
        self.inner.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.inner.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let output = self.inner.poll_output(buf);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output
            && let Some(profile) = known(*profile)
        {
            self.exporter.put(Exported {
                profile,
                material: material.to_vec(),
                is_client: self.inner.is_active(),
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

/// `None`: a profile that str0m does not know yet; nothing can be sent under it.
fn known(profile: SrtpProfile) -> Option<Profile> {
    match profile {
        SrtpProfile::AEAD_AES_256_GCM => Some(Profile::AeadAes256Gcm),
        SrtpProfile::AEAD_AES_128_GCM => Some(Profile::AeadAes128Gcm),
        SrtpProfile::AES128_CM_SHA1_80 => Some(Profile::Aes128CmSha1_80),
        _ => None,
    }
}
