//! One WebRTC peer.

use crate::candidate::CandidateRefusal;
use crate::certificate::Certificate;
use crate::counters::Counters;
use crate::output::Output;
use media::plane::{NegotiationFailure, OfferChange, PeerSpec};
use media::{Channel, Mid, Outgoing, Rid};
use std::net::SocketAddr;
use std::time::Instant;
use vocab::Bitrate;

/// What a peer is made of.
#[derive(Debug, Clone)]
pub struct PeerConfig {
    /// Key, role and protocol details.
    pub spec: PeerSpec,
    /// UDP host candidates, written into every session description.
    pub candidates: Vec<SocketAddr>,
    /// The box's DTLS certificate.
    pub certificate: Certificate,
}

/// One WebRTC transport over one str0m `Rtc`.
///
/// After any call, drain [`Self::poll_output`] until [`Output::Wait`].
pub struct Peer {
    spec: PeerSpec,
}

impl Peer {
    /// A peer that waits for its first offer, or makes it.
    pub fn new(config: &PeerConfig, now: Instant) -> Self {
        let _ = now;
        Self {
            spec: config.spec.clone(),
        }
    }

    /// Key, role and protocol details.
    pub fn spec(&self) -> &PeerSpec {
        &self.spec
    }

    /// The local ICE ufrag in use: the first part of USERNAME in this peer's STUN requests. It
    /// changes with an ICE restart, so read it again after each negotiation.
    pub fn local_ufrag(&self) -> String {
        String::new()
    }

    /// Whether ICE and DTLS are up.
    pub fn is_connected(&self) -> bool {
        false
    }

    /// Takes a client's offer; the answer as str0m writes it.
    ///
    /// # Errors
    /// [`NegotiationFailure`]; the peer is unchanged.
    pub fn accept_offer(&mut self, sdp: &str, now: Instant) -> Result<String, NegotiationFailure> {
        let _ = (sdp, now);
        Err(NegotiationFailure::Closed)
    }

    /// Makes an offer; the mids belong to [`OfferChange::add`] in order. An offer that is still
    /// pending is replaced.
    ///
    /// # Errors
    /// [`NegotiationFailure`]; the peer is unchanged.
    pub fn make_offer(
        &mut self,
        change: &OfferChange,
        now: Instant,
    ) -> Result<(String, Vec<Mid>), NegotiationFailure> {
        let _ = (change, now);
        Err(NegotiationFailure::Closed)
    }

    /// Takes the client's answer to our pending offer.
    ///
    /// # Errors
    /// [`NegotiationFailure`].
    pub fn accept_answer(&mut self, sdp: &str, now: Instant) -> Result<(), NegotiationFailure> {
        let _ = (sdp, now);
        Err(NegotiationFailure::Closed)
    }

    /// One trickled candidate (`candidate:…`, with or without `a=`).
    ///
    /// # Errors
    /// Why it is not used; already counted.
    pub fn add_candidate(&mut self, candidate: &str, now: Instant) -> Result<(), CandidateRefusal> {
        let _ = (candidate, now);
        Err(CandidateRefusal::Closed)
    }

    /// Whether this datagram is this peer's: an authenticated STUN message, or anything from a
    /// remote address that ICE has validated.
    pub fn accepts(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) -> bool {
        let _ = (local, remote, bytes, now);
        false
    }

    /// A datagram that the worker found to be this peer's.
    pub fn handle_datagram(
        &mut self,
        local: SocketAddr,
        remote: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) {
        let _ = (local, remote, bytes, now);
    }

    /// The instant given by [`Output::Wait`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// Sends a media packet. What cannot be sent is dropped and counted.
    pub fn write(&mut self, packet: &Outgoing<'_>, now: Instant) {
        let _ = (packet, now);
    }

    /// Asks the client for a keyframe (PLI).
    pub fn request_keyframe(&mut self, mid: Mid, rid: Option<Rid>, now: Instant) {
        let _ = (mid, rid, now);
    }

    /// Sends or queues a data message; false when it was refused (counted).
    pub fn send_data(&mut self, channel: Channel, payload: &[u8], now: Instant) -> bool {
        let _ = (channel, payload, now);
        false
    }

    /// What the box would like to send to this client: bandwidth probing aims at it.
    pub fn set_desired_bitrate(&mut self, desired: Bitrate, now: Instant) {
        let _ = (desired, now);
    }

    /// Ends the transport with its farewells (RTCP BYE, DTLS close).
    pub fn close(&mut self, now: Instant) {
        let _ = now;
    }

    /// What was counted since the last call.
    pub fn take_counters(&mut self) -> Counters {
        Counters::default()
    }

    /// The next thing to do. Call until [`Output::Wait`].
    pub fn poll_output(&mut self) -> Output {
        Output::Wait(None)
    }
}
