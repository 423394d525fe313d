//! The stages of connecting, in the order in which they are needed.

use serde::{Deserialize, Serialize};

/// A stage of connecting; each needs those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A TCP connection reached the box.
    Reach,
    /// TLS.
    Tls,
    /// The WebSocket (or WHIP request) was understood.
    Signal,
    /// The token is valid, clocks agree.
    Token,
    /// The room lets it in.
    Admission,
    /// Both sides know a common codec.
    Codec,
    /// A pair over UDP works.
    Udp,
    /// A pair over ICE-TCP works.
    Tcp,
    /// TURN over TLS works.
    Turn,
    /// DTLS.
    Dtls,
    /// Packets come from it.
    Up,
    /// Packets reach it.
    Down,
    /// What the browser reports: permission, decoding.
    Client,
}

impl Stage {
    /// All, in order.
    pub const ALL: [Self; 13] = [
        Self::Reach,
        Self::Tls,
        Self::Signal,
        Self::Token,
        Self::Admission,
        Self::Codec,
        Self::Udp,
        Self::Tcp,
        Self::Turn,
        Self::Dtls,
        Self::Up,
        Self::Down,
        Self::Client,
    ];
}

/// How a stage went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grade {
    /// It works.
    Pass,
    /// It does not, and something else does instead.
    Warn,
    /// It does not, and nothing replaces it.
    Fail,
    /// Not reached, or not known yet.
    Skip,
}
