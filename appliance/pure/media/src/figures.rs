//! How transports and workers do: absolute values, the newest replaces the older.
//!
//! Workers hand them out once a second through a lane of one place; while that is taken nothing
//! is handed out, and what changed meanwhile is in the next. Nothing queues, nothing is lost.

use std::net::SocketAddr;
use std::time::{Duration, Instant};
use vocab::{ParticipantKey, PeerKey, RoomKey};

/// How one transport does, since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Where the client's last datagram came from; `None` before the first.
    pub remote: Option<SocketAddr>,
    /// Over what.
    pub carrier: Carrier,
    /// Bytes of all datagrams received.
    pub bytes_in: u64,
    /// Bytes of all datagrams sent.
    pub bytes_out: u64,
    /// Media packets received.
    pub media_in: u64,
    /// Media packets taken for sending.
    pub media_out: u64,
    /// Lost on the way to us, in thousandths, over the last [`LOSS_WINDOW`]: of the worst section.
    pub lost_in: Option<u16>,
    /// Lost on the way to the client, as it reports; as above.
    pub lost_out: Option<u16>,
    /// Interarrival jitter (RFC 3550 §6.4.1), the worst of either direction.
    pub jitter: Option<Duration>,
    /// Round trip, as last measured within [`LOSS_WINDOW`].
    pub round_trip: Option<Duration>,
    /// When the client's last datagram arrived.
    pub heard: Option<Instant>,
}

/// Over how long loss is averaged: receiver reports come every second or two.
pub const LOSS_WINDOW: Duration = Duration::from_secs(5);

/// What carries a transport.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Carrier {
    /// ICE over UDP.
    #[default]
    Udp,
    /// ICE over TCP.
    Tcp,
}

/// One transport's figures, and whose they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerFigures {
    /// The room it is in.
    pub room: RoomKey,
    /// Its participant.
    pub participant: ParticipantKey,
    /// The transport.
    pub peer: PeerKey,
    /// How it does.
    pub figures: Figures,
}

/// How one worker does, and which of its transports do otherwise than it last said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerFigures {
    /// Its place among the workers.
    pub worker: usize,
    /// When that was so.
    pub at: Instant,
    /// Share of the last second in which it did not wait.
    pub busy_percent: u8,
    /// Rooms, or parts of rooms, on it.
    pub rooms: usize,
    /// Transports on it.
    pub peers: usize,
    /// Media packets forwarded since the start.
    pub forwarded: u64,
    /// Datagrams that could not be sent, since the start.
    pub unsent: u64,
    /// Transports whose figures differ from what was last handed out.
    pub changed: Vec<PeerFigures>,
}
