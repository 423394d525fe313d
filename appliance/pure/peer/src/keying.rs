//! What DTLS exports for SRTP, overheard on its way into str0m.
//!
//! str0m has no event for it (`egress.md` §3), but takes its DTLS from a provider: this one makes
//! what str0m's own makes (`str0m-aws-lc-rs`, `dtls.rs`), with one configuration for all, and keeps
//! a copy of the keying material.

use dimpl::{Config, Dtls, DtlsCertificate};
use egress::{KeyingMaterial, Profile};
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
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
    crypto.dtls_provider = &Overheard;
    crypto
}

#[derive(Debug)]
struct Overheard;

impl DtlsProvider for Overheard {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        let made = dimpl::certificate::generate_self_signed_certificate().ok()?;
        Some(DtlsCert {
            certificate: made.certificate,
            private_key: made.private_key,
        })
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        dtls_version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let config = config(mtu)?;
        let certificate = DtlsCertificate {
            certificate: cert.certificate.clone(),
            private_key: cert.private_key.clone(),
        };
        let dtls = match dtls_version {
            DtlsVersion::Dtls12 => Dtls::new_12(config, certificate, now),
            DtlsVersion::Dtls13 => Dtls::new_13(config, certificate, now),
            DtlsVersion::Auto => Dtls::new_auto(config, certificate, now),
            _ => {
                let text = format!("DTLS {dtls_version} is not known");
                return Err(CryptoError::Other(text));
            }
        };
        let exporter = LISTENER.take();
        Ok(Box::new(Instance { dtls, exporter }))
    }
}

/// The library tries every cipher and curve when a configuration is made: 0.4 ms, a fifth of what a
/// join costs a media core. All handshakes share one per size of datagrams; str0m asks for one
/// size.
fn config(mtu: Option<usize>) -> Result<Arc<Config>, CryptoError> {
    thread_local! {
        static MADE: RefCell<Option<(Option<usize>, Arc<Config>)>> = const { RefCell::new(None) };
    }
    let known = MADE.with_borrow(|made| match made {
        Some((of, config)) if *of == mtu => Some(Arc::clone(config)),
        _ => None,
    });
    if let Some(config) = known {
        return Ok(config);
    }
    // ICE has proved the way back before DTLS begins: a cookie would prove it once more.
    let mut builder = Config::builder().use_server_cookie(false);
    if let Some(mtu) = mtu {
        builder = builder.mtu(mtu);
    }
    let made = builder
        .build()
        .map_err(|error| CryptoError::Other(format!("DTLS: {error}")))?;
    let made = Arc::new(made);
    MADE.set(Some((mtu, Arc::clone(&made))));
    Ok(made)
}

struct Instance {
    dtls: Dtls,
    exporter: Option<Exporter>,
}

impl fmt::Debug for Instance {
    /// Says nothing of the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Instance")
    }
}

impl DtlsInstance for Instance {
    fn set_active(&mut self, active: bool) {
        self.dtls.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.dtls.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let output = self.dtls.poll_output(buf);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output
            && let (Some(profile), Some(exporter)) = (known(*profile), &self.exporter)
        {
            exporter.put(Exported {
                profile,
                material: material.to_vec(),
                is_client: self.dtls.is_active(),
            });
        }
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.dtls.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.dtls.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.dtls.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.dtls.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.dtls.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.dtls.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.dtls.close()
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
