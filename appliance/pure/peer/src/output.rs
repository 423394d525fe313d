//! What a peer wants done.

use media::packet::{LossReport, SenderReport};
use media::plane::PeerFailure;
use media::{Channel, Mid, Packet};
use std::net::SocketAddr;
use std::time::Instant;
use vocab::Bitrate;

/// What a [`crate::Peer`] wants done; drained with [`crate::Peer::poll_output`] until
/// [`Output::Wait`].
#[derive(Debug)]
pub enum Output {
    /// Send a datagram.
    Transmit {
        /// The local candidate it leaves from.
        local: SocketAddr,
        /// Where it goes.
        remote: SocketAddr,
        /// The whole datagram.
        bytes: Vec<u8>,
        /// For a forwarded media packet sent for the first time: when the publisher's packet
        /// arrived. Forwarding latency is measured from here.
        arrival: Option<Instant>,
    },
    /// A media packet arrived.
    Packet(Packet),
    /// A publisher's sender report arrived.
    SenderReport(SenderReport),
    /// The client wants a keyframe in this section.
    KeyframeRequest {
        /// A section we send in.
        mid: Mid,
    },
    /// The egress bandwidth estimate changed.
    Estimate(Bitrate),
    /// Loss of a section, in either direction.
    Loss(LossReport),
    /// This channel can be written to.
    ChannelOpen(Channel),
    /// A data message arrived.
    Data {
        /// On which channel.
        channel: Channel,
        /// The message.
        payload: Vec<u8>,
    },
    /// ICE and DTLS are up.
    Connected,
    /// The peer is dead; nothing but [`Output::Transmit`] (farewells) and [`Output::Wait`]
    /// follows.
    Failed(PeerFailure),
    /// Nothing to do before this instant; `None` means before the next input.
    Wait(Option<Instant>),
}
