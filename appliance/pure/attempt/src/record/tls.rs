//! How TLS went.

use serde::{Deserialize, Serialize};

/// How TLS went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// This address speaks none.
    #[default]
    Plain,
    /// It is up.
    Done,
    /// It did not come up.
    Refused(TlsFault),
}

/// Why TLS did not come up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsFault {
    /// The client does not know who signed the box's certificate (alert `unknown_ca`, or
    /// `bad_certificate` and `certificate_unknown` of clients that do not say more).
    Untrusted,
    /// The box's certificate is expired (alert `certificate_expired`, or any certificate alert
    /// while it is).
    Expired,
    /// No common version or cipher, or bytes that are no TLS.
    Handshake,
    /// The client said nothing more in the middle of it.
    Silent,
}
