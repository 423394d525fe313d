//! What one peer counted since it was opened.

/// Plain counters of one peer; read and reset by its worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Media packets received and handed on.
    pub packets_in: u64,
    /// Media packets accepted for sending.
    pub packets_out: u64,
    /// RTX packets sent, padding probes included.
    pub retransmissions: u64,
    /// Received packets without payload (padding, probes).
    pub padding_in: u64,
    /// Received packets whose section or codec is unknown.
    pub unknown_in: u64,
    /// Received packets beyond the SSRC limit.
    pub excess_ssrc: u64,
    /// Datagrams str0m could not read.
    pub malformed_in: u64,
    /// Packets not sent because the client has no such codec.
    pub codec_out: u64,
    /// Packets not sent because the section is unknown, not sending or the peer not connected.
    pub unsendable_out: u64,
    /// Candidates skipped.
    pub candidates_refused: u64,
    /// Data messages refused because a queue was full.
    pub data_refused: u64,
    /// Data messages on channels without a known label.
    pub data_unknown: u64,
}
