//! What the API is told at the start, and its limits.

use std::time::Duration;

/// A file served from the binary: request path, content type, bytes.
pub type PageFile = (&'static str, &'static str, &'static [u8]);

/// How long a client may take to send a request's head, and how long an idle kept-alive
/// connection stays (`reliability.md` §2, A14).
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a client may take to show what it speaks and to finish its TLS handshake. Beyond it the
/// connection is closed.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Largest request head in bytes: a v1 join carries an SDP offer in its query and may bring
/// [`auth::MAX_TOKEN_BYTES`] of token. Beyond it: 431.
pub const MAX_HEAD_BYTES: usize = 192 * 1024;

/// Most header fields in a request. Beyond it: 431.
pub const MAX_HEADERS: usize = 100;

/// How long a request may take from its head to the head of its answer. Beyond it: 408 while the
/// body is read, 503 later.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// How long one HTTP connection is kept, WebSockets excepted: a client that never reads its
/// answers cannot stay forever. It is then closed after the answer in progress.
pub const MAX_CONNECTION_AGE: Duration = Duration::from_mins(10);

/// How long a stopping box still carries ICE over TCP: the media threads say farewell in it.
pub const ICE_FAREWELL: Duration = Duration::from_millis(300);

/// How long connections may finish when the box stops.
pub const DRAIN_TIMEOUT: Duration = Duration::from_millis(1_500);

/// Largest Twirp body (`livekit.md` §9). Beyond it: 413.
pub const MAX_TWIRP_BYTES: usize = 10 * 1024 * 1024;

/// Largest body of the box's own API. Beyond it: 413.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// Most connections, and of how many from one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// All connections, WebSockets included. Beyond it a new one is closed at once and counted.
    pub total: usize,
    /// From one IPv4 address or one IPv6 /64. A hospital's proxy may hold a few hundred.
    pub per_address: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            total: 8_192,
            per_address: 2_048,
        }
    }
}

/// What the API is told at the start. Plain values: where they come from is `settings`.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// The keys that sign access tokens.
    pub keys: auth::Keys,
    /// The meeting page ([`crate::MEETING_PAGE`]) in development mode, else empty.
    pub page: &'static [PageFile],
    /// The daemon's version, for `/admin/status`.
    pub version: String,
}
