//! Every limit on what arrives over the wire, with what happens at it.
//!
//! Names and texts of participants have theirs at the crate's root, tokens in `auth`.

/// One WebSocket message, compressed or not: beyond it the connection ends with close code 1009.
///
/// Source: `LiveKit` server 1.13, which limits compressed and inflated messages alike.
pub const MAX_MESSAGE_BYTES: usize = 2 * 1024 * 1024;

/// A session description: beyond it the negotiation is refused. Chromium needs some 3.5 kB a
/// section, so 64 full sections fit.
pub const MAX_SDP_BYTES: usize = 256 * 1024;

/// Media sections of a session description: beyond it the negotiation is refused.
pub const MAX_SECTIONS: usize = 64;

/// Lines of a session description: beyond it the negotiation is refused. A full Chromium video
/// section has about 120.
pub const MAX_SDP_LINES: usize = 16 * 1024;

/// One line of a session description: beyond it the negotiation is refused. The longest in
/// use, `a=sctp-init` and `sprop-parameter-sets`, stay below 2 kB.
pub const MAX_SDP_LINE_BYTES: usize = 8 * 1024;

/// Formats of one `m=` line: beyond it the negotiation is refused. Payload types are 7 bits
/// (RFC 3550 §5.1).
pub const MAX_FORMATS: usize = 128;

/// Simulcast streams named in one section: beyond it the negotiation is refused. `LiveKit`'s
/// clients send three.
pub const MAX_RIDS: usize = 16;

/// The query of a join, still percent-encoded: beyond it the join is refused. Equal to the
/// longest URI the HTTP parser reads; clients send 2.5 kB.
pub const MAX_QUERY_BYTES: usize = 64 * 1024;

/// Parameters of a query: beyond it the join is refused. `LiveKit` has some 25.
pub const MAX_QUERY_PARAMETERS: usize = 64;

/// A join request after inflating: beyond it the join is refused before more is inflated, so
/// that a small query cannot become a large memory.
///
/// Source: `LiveKit` server 1.13.
pub const MAX_JOIN_REQUEST_BYTES: usize = 1024 * 1024;

/// Tracks announced within a join: beyond it the join is refused; each needs a section.
pub const MAX_JOIN_TRACKS: usize = MAX_SECTIONS;

/// One text of `ClientInfo`: longer ones are cut. They are only shown and counted.
pub const MAX_CLIENT_TEXT_BYTES: usize = 256;

/// Entries of `ClientInfo.capabilities`: further ones are ignored. Three exist.
pub const MAX_CAPABILITIES: usize = 16;

/// ICE candidates kept per transport: further ones are ignored (`reliability.md` A8). Peer
/// reflexive discovery finds the path without any.
pub const MAX_CANDIDATES: usize = 32;

/// One candidate: longer ones are ignored. Real ones stay below 200.
pub const MAX_CANDIDATE_BYTES: usize = 512;

/// A WHIP or WHEP PATCH body: beyond it the request is refused.
pub const MAX_FRAGMENT_BYTES: usize = 32 * 1024;

/// Lines of a WHIP or WHEP PATCH body: beyond it the request is refused.
pub const MAX_FRAGMENT_LINES: usize = 512;

/// Length of an ICE user name fragment, in bytes (RFC 8839 §5.4).
pub const ICE_UFRAG_BYTES: std::ops::RangeInclusive<usize> = 4..=256;

/// Length of an ICE password, in bytes (RFC 8839 §5.4).
pub const ICE_PWD_BYTES: std::ops::RangeInclusive<usize> = 22..=256;

const _: () = assert!(
    MAX_SDP_BYTES < MAX_MESSAGE_BYTES,
    "an offer travels in one message"
);
const _: () = assert!(
    MAX_SDP_BYTES < MAX_JOIN_REQUEST_BYTES,
    "a join carries an offer"
);
const _: () = assert!(MAX_CANDIDATES * MAX_CANDIDATE_BYTES < MAX_FRAGMENT_BYTES);
