//! How far one transport has come, for whoever has to say why it comes no further.

use std::net::SocketAddr;

/// Most pairs in a report: a client behind several networks has a handful.
pub const MAX_REPORTED_PAIRS: usize = 8;

/// How far a transport has come: absolute counts since it was opened, the latest wins. Told once a
/// second at most, and only while something of it changes what it means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathReport {
    /// Addresses that authentic connectivity checks came from, oldest first,
    /// [`MAX_REPORTED_PAIRS`] at most.
    pub pairs: Vec<PathPair>,
    /// The handshake.
    pub dtls: DtlsProgress,
    /// Media packets received.
    pub packets_up: u64,
    /// Media packets sent.
    pub packets_down: u64,
    /// The client has reported on media packets that it was sent.
    pub reported: bool,
}

/// One address that checks came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathPair {
    /// The client's address, as we see it.
    pub remote: SocketAddr,
    /// What carries it.
    pub kind: PathKind,
    /// Checks that came.
    pub checks: u32,
    /// Answers that left.
    pub answered: u32,
    /// The client chose it (`USE-CANDIDATE`): it has had an answer.
    pub nominated: bool,
}

/// What carries a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// UDP.
    Udp,
    /// ICE-TCP (RFC 6544).
    Tcp,
}

/// A DTLS handshake in datagrams, until it is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DtlsProgress {
    /// Received.
    pub received: u32,
    /// The largest of them, in bytes.
    pub largest_received: u16,
    /// Sent.
    pub sent: u32,
    /// The largest of them, in bytes.
    pub largest_sent: u16,
    /// Received and not readable.
    pub unreadable: u32,
}
