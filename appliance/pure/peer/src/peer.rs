//! One WebRTC peer: the boundary around one str0m `Rtc`.

mod config;
mod event;
mod fault;
mod turn;

use crate::candidate::RemoteCandidates;
use crate::certificate::Certificate;
use crate::channel::{Channels, Sent};
use crate::counters::Counters;
use crate::departure::Repeats;
use crate::liveness::Liveness;
use crate::negotiate::Negotiation;
use crate::output::Output;
use crate::receive::Receiver;
use crate::section::Sections;
use crate::send::{WriteRefusal, command};
use crate::ssrc::of_rtp;
use crate::transit::{MAX_PACED_AGE, Transit, longest_wait};
use config::build;
use fault::{discard, ends_handshake};
use media::plane::{PeerFailure, PeerSpec};
use media::{Channel, Kind, Mid, Outgoing, Rid};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;
use str0m::bwe::Bitrate as RtcBitrate;
use str0m::media::{KeyframeRequestKind, Rid as RtcRid};
use str0m::net::{Protocol, Receive};
use str0m::{Input, Rtc};
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
/// After any call, drain [`Self::poll_output`] until [`Output::Wait`]. Packets and data written
/// between two drains leave together.
pub struct Peer {
    spec: PeerSpec,
    /// `None` once the peer is dead.
    pub(crate) rtc: Option<Rtc>,
    pub(crate) negotiation: Negotiation,
    pub(crate) sections: Sections,
    pub(crate) receiver: Receiver,
    pub(crate) channels: Channels,
    pub(crate) candidates: RemoteCandidates,
    pub(crate) liveness: Liveness,
    pub(crate) counters: Counters,
    transit: Transit,
    repeats: Repeats,
    outputs: VecDeque<Output>,
    /// Something was written since str0m was last given the time.
    unsettled: Option<Instant>,
    wait: Option<Instant>,
    desired: Option<Bitrate>,
    has_transport_feedback: bool,
    farewell_seen: bool,
}

impl Peer {
    /// A peer that waits for its first offer, or makes it.
    pub fn new(config: &PeerConfig, now: Instant) -> Self {
        let rtc = catch_unwind(AssertUnwindSafe(|| build(config, now))).ok();
        let mut peer = Self {
            spec: config.spec.clone(),
            rtc,
            negotiation: Negotiation::default(),
            sections: Sections::none(),
            receiver: Receiver::default(),
            channels: Channels::default(),
            candidates: RemoteCandidates::default(),
            liveness: Liveness::default(),
            counters: Counters::default(),
            transit: Transit::default(),
            repeats: Repeats::default(),
            outputs: VecDeque::new(),
            unsettled: None,
            wait: None,
            desired: None,
            has_transport_feedback: false,
            farewell_seen: false,
        };
        if peer.rtc.is_none() {
            peer.outputs.push_back(Output::Failed(PeerFailure::Fault));
        }
        peer.settle(now);
        peer
    }

    /// Key, role and protocol details.
    pub fn spec(&self) -> &PeerSpec {
        &self.spec
    }

    /// The local ICE ufrag in use: the first part of USERNAME in this peer's STUN requests. It
    /// changes with an ICE restart, so read it again after each negotiation. Empty when dead.
    pub fn local_ufrag(&mut self) -> String {
        let creds = Self::guard(&mut self.rtc, |rtc| {
            rtc.direct_api().local_ice_credentials()
        });
        creds.map(|creds| creds.ufrag).unwrap_or_default()
    }

    /// Whether ICE and DTLS came up. Stays true while a lost path is waited for.
    pub fn is_connected(&self) -> bool {
        self.is_alive() && self.liveness.is_connected()
    }

    /// Whether the peer still does anything.
    pub fn is_alive(&self) -> bool {
        self.rtc.is_some()
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
        let Some(rtc) = self.rtc.as_ref() else {
            return false;
        };
        let accepts = catch_unwind(AssertUnwindSafe(|| {
            let receive = Receive::new(Protocol::Udp, remote, local, bytes).ok()?;
            Some(rtc.accepts(&Input::Receive(now, receive)))
        }));
        matches!(accepts, Ok(Some(true)))
    }

    /// A datagram that the worker found to be this peer's. What cannot be read is counted.
    pub fn handle_datagram(
        &mut self,
        local: SocketAddr,
        remote: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) {
        if of_rtp(bytes).is_some_and(|ssrc| !self.receiver.ssrcs.admit(ssrc, now)) {
            self.counters.excess_ssrc += 1;
            return;
        }
        self.settle_writes();
        let outcome = Self::guard(&mut self.rtc, |rtc| {
            let receive = Receive::new(Protocol::Udp, remote, local, bytes).map_err(|_| false)?;
            // A refused DTLS record or RTCP packet is the sender's affair; what it ends, str0m
            // says when it is polled.
            rtc.handle_input(Input::Receive(now, receive))
                .map_err(|error| ends_handshake(&error))
        });
        match outcome {
            Some(Ok(())) => {}
            Some(Err(is_fatal)) => {
                self.counters.malformed_in += 1;
                if is_fatal && !self.liveness.is_connected() {
                    // The alert that says so leaves first.
                    self.drain(now);
                    self.end(PeerFailure::Dtls);
                }
            }
            None => self.end_by_fault(),
        }
        self.drain(now);
    }

    /// The instant given by [`Output::Wait`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(cause) = self.liveness.verdict(now) {
            self.end(cause);
        }
        self.unsettled = None;
        self.settle(now);
    }

    /// Sends a media packet. What cannot be sent is dropped and counted.
    pub fn write(&mut self, packet: &Outgoing<'_>, now: Instant) {
        let connected = self.is_connected();
        let Some(section) = self.sections.find(packet.mid).filter(|_| connected) else {
            self.counters.unsendable_out += 1;
            return;
        };
        let is_audio = section.kind == Kind::Audio;
        if !is_audio {
            let ssrc = section.ssrc;
            let waited = Self::guard(&mut self.rtc, |rtc| longest_wait(rtc, ssrc?)).flatten();
            let is_late = waited.is_some_and(|waited| waited > MAX_PACED_AGE);
            if is_late || self.transit.is_full() {
                self.counters.congested_out += 1;
                return;
            }
        }
        match command(section, packet, self.negotiation.allows_mixed_forms) {
            Ok((ssrc, write)) => {
                let written = Self::guard(&mut self.rtc, |rtc| {
                    let mut direct = rtc.direct_api();
                    let stream = direct.stream_tx(&ssrc);
                    stream.map(|stream| stream.write_rtp(write)).is_some()
                });
                match written {
                    Some(true) => {
                        self.counters.packets_out += 1;
                        self.transit.wrote(is_audio, packet.arrival);
                        self.unsettled = Some(now);
                    }
                    Some(false) => self.counters.unsendable_out += 1,
                    None => self.end_by_fault(),
                }
            }
            Err(WriteRefusal::Codec) => self.counters.codec_out += 1,
            Err(WriteRefusal::Repeated) => self.counters.repeated_out += 1,
            Err(WriteRefusal::NotSending | WriteRefusal::TooLong) => {
                self.counters.unsendable_out += 1;
            }
        }
    }

    /// The next packets of this section belong to another subscription, whose numbers start
    /// anew; the section's own go on.
    pub fn restart_section(&mut self, mid: Mid) {
        if let Some(section) = self.sections.find(mid) {
            section.continuity.restart();
        }
    }

    /// The section shows nothing any more. What it shows next comes under new SSRCs: libwebrtc
    /// destroys the receiver of a section that became inactive, and never hands frames of the same
    /// SSRC to the new one (`VideoRtpReceiver::RestartMediaChannel`).
    pub fn vacate_section(&mut self, mid: Mid, now: Instant) {
        self.settle_writes();
        let sections = &mut self.sections;
        let renewed = Self::guard(&mut self.rtc, |rtc| sections.renew(rtc, mid));
        if renewed.is_none() && self.rtc.is_some() {
            self.end_by_fault();
        }
        self.settle(now);
    }

    /// Asks the client for a keyframe (PLI). Nothing happens before the stream's first packet.
    pub fn request_keyframe(&mut self, mid: Mid, rid: Option<Rid>, now: Instant) {
        let Some(rtc_mid) = self.sections.find(mid).map(|section| section.rtc_mid) else {
            return;
        };
        let rid = rid.map(|rid| RtcRid::from(rid.as_str()));
        self.step(now, |rtc| {
            let mut direct = rtc.direct_api();
            if let Some(stream) = direct.stream_rx_by_mid(rtc_mid, rid) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
        });
    }

    /// Sends or queues a data message; false when it was refused (counted): the channel is not
    /// open, the message too long, a lossy channel without room, or 1 MiB of reliable data waits.
    pub fn send_data(&mut self, channel: Channel, payload: &[u8], now: Instant) -> bool {
        let channels = &mut self.channels;
        let sent = Self::guard(&mut self.rtc, |rtc| channels.send(rtc, channel, payload));
        match sent {
            Some(Sent::Written) => self.unsettled = Some(now),
            Some(Sent::Queued) => {}
            Some(Sent::Refused) => self.counters.data_refused += 1,
            None => self.end_by_fault(),
        }
        matches!(sent, Some(Sent::Written | Sent::Queued))
    }

    /// What the box would like to send to this client: bandwidth probing aims at it.
    pub fn set_desired_bitrate(&mut self, desired: Bitrate, now: Instant) {
        if self.desired.replace(desired) != Some(desired) {
            self.step(now, |rtc| {
                let desired = RtcBitrate::bps(desired.0);
                rtc.bwe().set_bitrate(RtcBitrate::ZERO, desired);
            });
        }
    }

    /// Ends the transport with its farewells (RTCP BYE, DTLS close). The peer is dead after it,
    /// without [`Output::Failed`].
    pub fn close(&mut self, now: Instant) {
        self.step(now, Rtc::close);
        if let Some(rtc) = self.rtc.take() {
            discard(rtc);
        }
        // Whatever arrived with the last datagram is of no use to a room it has left.
        self.outputs
            .retain(|output| matches!(output, Output::Transmit { .. }));
    }

    /// What was counted since the last call.
    pub fn take_counters(&mut self) -> Counters {
        std::mem::take(&mut self.counters)
    }

    /// The next thing to do. Call until [`Output::Wait`].
    pub fn poll_output(&mut self) -> Output {
        self.settle_writes();
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        if !self.is_alive() {
            return Output::Wait(None);
        }
        let waits = [self.wait, self.liveness.deadline()];
        Output::Wait(waits.into_iter().flatten().min())
    }
}
