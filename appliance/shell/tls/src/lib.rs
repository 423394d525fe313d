//! TLS: the hospital's certificate or the box's internal CA, replaced without restart.
//!
//! A certificate is checked before it is used: a broken one is refused in a sentence, and the one
//! in use stays. Connections that are open keep the one they were opened with.

mod authority;
mod facts;
mod guide;
mod identity;
mod mobileconfig;
mod pem;
mod server;

pub use authority::{Authority, AuthorityError, DeviceSerial, Issued, WrongSerial};
pub use facts::{Facts, Role, Validity};
pub use guide::GUIDE;
pub use identity::{Identity, LoadIdentityError};
pub use mobileconfig::mobileconfig;
pub use server::{OpenTlsError, Reloaded, Source, Tls};

/// Chooses the cryptography of every TLS connection of the process, once: with two providers
/// compiled in, rustls refuses to choose by itself.
pub fn install_provider() {
    // Refused when it is installed already, which is as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
