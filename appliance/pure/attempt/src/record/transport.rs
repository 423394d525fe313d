//! One transport: what was described, which pairs were tried, DTLS, packets.

use super::sdp::Section;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use vocab::UnixMillis;

/// Most transports of one attempt: publisher and subscriber, and again after a failure.
pub const MAX_TRANSPORTS: usize = 4;
/// Most pairs recorded per transport: a client behind several networks has a handful.
pub const MAX_PAIRS: usize = 8;
/// Most of our own addresses recorded per transport.
const MAX_LOCAL: usize = 4;

/// One transport.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Transport {
    /// Which way media flows on it.
    pub direction: Direction,
    /// The client's media sections, with the codecs both sides know.
    pub sections: Vec<Section>,
    /// A description of the client's could not be used.
    pub refused: bool,
    /// We made an offer that the client has not answered.
    pub unanswered_since: Option<UnixMillis>,
    /// Both descriptions are known: the client may begin.
    pub described_at: Option<UnixMillis>,
    /// What the client named.
    pub candidates: Candidates,
    /// Our own addresses that the client was told.
    pub local: Vec<SocketAddr>,
    /// Pairs that the client tried, oldest first, [`MAX_PAIRS`] at most.
    pub pairs: Vec<Pair>,
    /// DTLS.
    pub dtls: Dtls,
    /// ICE and DTLS are up.
    pub connected_at: Option<UnixMillis>,
    /// Its end, if it failed.
    pub failure: Option<Failure>,
    /// Media packets received.
    pub packets_up: u64,
    /// Media packets sent.
    pub packets_down: u64,
    /// The first of them.
    pub down_since: Option<UnixMillis>,
    /// The client has reported on what it was sent.
    pub reported: bool,
}

/// Which way media flows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both.
    #[default]
    Both,
    /// From the client.
    Up,
    /// To the client.
    Down,
}

/// Candidates that a client named, by kind; each counts up to 255.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Candidates {
    /// UDP, with an address.
    pub udp: u8,
    /// UDP, with a name that only the client's own link can resolve: they stand for addresses.
    pub mdns: u8,
    /// TCP.
    pub tcp: u8,
    /// From a TURN server.
    pub relay: u8,
}

impl Candidates {
    /// Counts one `candidate:…` line, with or without `a=` (RFC 8839 §5.1). What is none is not
    /// counted.
    pub fn count(&mut self, line: &str) {
        let line = line.trim();
        let line = line.strip_prefix("a=").unwrap_or(line);
        if !line.starts_with("candidate:") {
            return;
        }
        let mut fields = line.split_ascii_whitespace().skip(2);
        let (Some(transport), Some(address)) = (fields.next(), fields.nth(1)) else {
            return;
        };
        let is_relay = line.contains(" typ relay");
        let place = if transport.eq_ignore_ascii_case("tcp") {
            &mut self.tcp
        } else if is_relay {
            &mut self.relay
        } else if address.to_ascii_lowercase().ends_with(".local") {
            &mut self.mdns
        } else {
            &mut self.udp
        };
        *place = place.saturating_add(1);
    }

    /// Any that could reach us over UDP.
    pub fn has_udp(self) -> bool {
        self.udp > 0 || self.mdns > 0 || self.relay > 0
    }
}

/// A pair of addresses that the client tried: its checks reached us from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The client's address, as we see it.
    pub remote: SocketAddr,
    /// What carries it.
    pub protocol: Protocol,
    /// The first check.
    pub at: UnixMillis,
    /// Checks that reached us.
    pub checks: u32,
    /// Checks that we answered.
    pub answered: u32,
    /// The client chose it: our answers reach the client.
    pub nominated: bool,
}

/// What carries a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// UDP.
    Udp,
    /// ICE-TCP (RFC 6544).
    Tcp,
    /// TURN over TLS.
    Turn,
}

/// The DTLS handshake.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dtls {
    /// Its first datagram, in either direction.
    pub begun_at: Option<UnixMillis>,
    /// Datagrams received.
    pub received: u32,
    /// The largest of them, in bytes.
    pub largest_received: u16,
    /// Datagrams sent.
    pub sent: u32,
    /// The largest of them, in bytes.
    pub largest_sent: u16,
    /// Datagrams received that could not be read.
    pub unreadable: u32,
}

/// Why a transport ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// No pair ever worked.
    NoPath(UnixMillis),
    /// The path died and did not come back.
    PathLost(UnixMillis),
    /// The DTLS handshake failed.
    Dtls(UnixMillis),
    /// The client closed it.
    Closed(UnixMillis),
    /// A fault of the box's own.
    Fault(UnixMillis),
}

impl Transport {
    /// Remembers addresses that the client was told; beyond four they say nothing more.
    pub fn set_local(&mut self, addresses: impl IntoIterator<Item = SocketAddr>) {
        self.local = addresses.into_iter().take(MAX_LOCAL).collect();
    }

    /// The client may begin.
    pub fn described(&mut self, now: UnixMillis) {
        self.unanswered_since = None;
        self.described_at.get_or_insert(now);
    }

    /// Pairs of one kind.
    pub fn pairs_over(&self, protocol: Protocol) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(move |p| p.protocol == protocol)
    }
}
