//! What leaves, as the controller is told of it.

use std::time::Instant;
use vocab::Bitrate;

/// What a datagram carries, so that repair can be told from media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Audio or video sent for the first time.
    Media,
    /// A packet sent again on the retransmission stream.
    Retransmission,
    /// Padding, also that of a probe.
    Padding,
}

/// One datagram that carries a transport-wide number and has left.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// The transport-wide number, extended: its low 16 bits are in the packet. Rises by one
    /// per datagram; starts anywhere.
    pub sequence: u64,
    /// Bytes on the wire: RTP packet with its authentication tag plus UDP and IP header
    /// (28 over IPv4, 48 over IPv6). The estimate is in the same measure.
    pub bytes: usize,
    /// When it left.
    pub at: Instant,
    /// What it carries.
    pub content: Content,
    /// [`Probe::cluster`] of the probe it belongs to.
    pub cluster: Option<u32>,
}

/// A short burst that finds out whether the path takes more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// To be repeated in [`Sent::cluster`]; never 0.
    pub cluster: u32,
    /// The pace of the burst, all packets of this client counted.
    pub rate: Bitrate,
    /// The burst ends when both this many bytes (as in [`Sent::bytes`]) …
    pub bytes: usize,
    /// … and this many packets have left.
    pub packets: usize,
}
