//! How long each stage may take before it counts as blocked. All below the 10 s within which a
//! cause has to be named, and above what an honest client on a slow path needs.

/// Between a request and the first sign of the client after it. Clients send candidates at once
/// and a ping every 5 s (`livekit.md` §2, *Ping*).
pub const SIGNAL_MS: u64 = 6_000;

/// From both descriptions to the first check. A client begins at once; a lost first check is sent
/// again within half a second (RFC 8445 §14.3).
pub const FIRST_CHECK_MS: u64 = 4_000;

/// From the first check to the choice of a pair: some ten round trips of a slow path.
pub const NOMINATION_MS: u64 = 4_000;

/// Checks without a choice before their number says something.
pub const MIN_CHECKS: u32 = 3;

/// From the choice of a pair to the end of DTLS: two round trips, and the first two repeats of a
/// lost flight (RFC 9147 §5.8.2: 1 s, then 2 s).
pub const DTLS_MS: u64 = 4_000;

/// From the moment a track should flow to its first packet: an encoder starts within a second.
pub const MEDIA_MS: u64 = 4_000;

/// From the first packet to a client to its first report on them: reports come every second
/// (RFC 3550 §6.2, libwebrtc's interval for video; 5 s for audio alone).
pub const REPORT_MS: u64 = 6_000;

/// Packets sent to a client before its silence about them says something.
pub const MIN_PACKETS_DOWN: u64 = 20;

/// Large datagrams of a handshake: what is smaller passes any path (RFC 8200 §5: 1,280 bytes less
/// headers and tunnels).
pub const LARGE_DATAGRAM_BYTES: u16 = 500;

/// Issuer's clock: differences up to this are normal and not worth a word (`EXPIRY_LEEWAY_SECS`).
pub const CLOCK_LEEWAY_SECS: i64 = 60;

/// Cuts of a WebSocket within two minutes that make a habit.
pub const HABITUAL_CUTS: u32 = 2;

/// Resumes in a row that make a habit.
pub const HABITUAL_RESUMES: u32 = 3;
