//! One room of the media plane: what comes in, who gets it, in which form.

use crate::packet::{LossReport, SenderReport};
use crate::refusal::DataRefusal;
use crate::{Channel, Egress, MediaCommand, MediaEvent, Mid, Packet, Rid};
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::Instant;
use vocab::{Bitrate, PeerKey, RoomKey};

/// What a [`Room`] wants done; drained with [`Room::poll_output`] until [`Output::Wait`].
#[derive(Debug, Clone)]
pub enum Output {
    /// Ask the publisher's section for a keyframe (PLI).
    RequestKeyframe {
        /// The publisher's transport.
        peer: PeerKey,
        /// The section.
        mid: Mid,
        /// The simulcast stream; `None` when the track has only one.
        rid: Option<Rid>,
    },
    /// Send a data message.
    Data {
        /// To which transport.
        peer: PeerKey,
        /// On which channel.
        channel: Channel,
        /// The message as it goes on the wire.
        payload: Bytes,
    },
    /// What the box would like to send to this transport: bandwidth probing aims at it.
    SetBitrate {
        /// The subscribing transport.
        peer: PeerKey,
        /// Sum of what all its subscriptions would take at their best wanted layer.
        desired: Bitrate,
    },
    /// For the control plane.
    Event(MediaEvent),
    /// Nothing to do before this instant; `None` means before the next input.
    Wait(Option<Instant>),
}

/// A room: tracks, subscriptions, data, speakers, quality. One worker owns it.
#[derive(Debug)]
pub struct Room {
    key: RoomKey,
    outputs: VecDeque<Output>,
}

impl Room {
    /// An empty room. `seed` decides the first sequence numbers and timestamps.
    pub fn new(key: RoomKey, seed: u64, now: Instant) -> Self {
        let _ = (seed, now);
        Self {
            key,
            outputs: VecDeque::new(),
        }
    }

    /// Which room this is.
    pub fn key(&self) -> RoomKey {
        self.key
    }

    /// Applies a room-level command; negotiation commands are the peer's and are ignored here.
    pub fn handle_command(&mut self, command: &MediaCommand, now: Instant) {
        let _ = (command, now);
    }

    /// A media packet from a publisher: forwarded to `egress` before this returns.
    pub fn handle_packet(
        &mut self,
        peer: PeerKey,
        packet: &Packet,
        egress: &mut impl Egress,
        now: Instant,
    ) {
        let _ = (peer, packet, egress, now);
    }

    /// A publisher's sender report.
    pub fn handle_sender_report(&mut self, peer: PeerKey, report: SenderReport, now: Instant) {
        let _ = (peer, report, now);
    }

    /// A subscriber's PLI or FIR for one of its sections.
    pub fn handle_keyframe_request(&mut self, peer: PeerKey, mid: Mid, now: Instant) {
        let _ = (peer, mid, now);
    }

    /// The egress bandwidth estimate of a subscribing transport.
    pub fn handle_estimate(&mut self, peer: PeerKey, estimate: Bitrate, now: Instant) {
        let _ = (peer, estimate, now);
    }

    /// A subscriber's receiver report, or the box's own measure of a publisher's section.
    pub fn handle_loss_report(&mut self, peer: PeerKey, report: LossReport, now: Instant) {
        let _ = (peer, report, now);
    }

    /// A data channel of this transport can be written to.
    pub fn handle_channel_open(&mut self, peer: PeerKey, channel: Channel, now: Instant) {
        let _ = (peer, channel, now);
    }

    /// A data message from a participant.
    ///
    /// # Errors
    /// Why it is not forwarded; count it.
    pub fn handle_data(
        &mut self,
        peer: PeerKey,
        channel: Channel,
        payload: &[u8],
        now: Instant,
    ) -> Result<(), DataRefusal> {
        let _ = (peer, channel, payload, now);
        Err(DataRefusal::UnknownPeer)
    }

    /// A transport's ICE and DTLS are up: its subscriptions ask for keyframes.
    pub fn handle_connected(&mut self, peer: PeerKey, now: Instant) {
        let _ = (peer, now);
    }

    /// The instant given by [`Output::Wait`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// The next thing to do. Call until [`Output::Wait`].
    pub fn poll_output(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or(Output::Wait(None))
    }
}
