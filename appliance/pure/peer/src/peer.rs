//! One WebRTC peer: the boundary around one str0m `Rtc`.

use crate::candidate::RemoteCandidates;
use crate::certificate::Certificate;
use crate::channel::{Channels, MAX_BUFFERED_BYTES, MAX_MESSAGE_BYTES, Sent};
use crate::counters::Counters;
use crate::extension::extension_map;
use crate::liveness::Liveness;
use crate::negotiate::Negotiation;
use crate::output::Output;
use crate::receive::{Receiver, egress_loss, sender_report};
use crate::section::{RTX_CACHE_PACKETS, Sections};
use crate::send::{WriteRefusal, command};
use crate::ssrc::{of_rtp, payload_type};
use crate::transit::Transit;
use media::plane::{PeerFailure, PeerRole, PeerSpec};
use media::{Channel, Codec, Kind, Mid, Outgoing, Rid};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use str0m::bwe::{Bitrate as RtcBitrate, BweKind};
use str0m::config::DtlsVersion;
use str0m::media::{KeyframeRequestKind, Rid as RtcRid};
use str0m::net::{Protocol, Receive, Transmit};
use str0m::{Candidate, Event, Input, Output as RtcOutput, Rtc, RtcConfig, RtcError};
use vocab::Bitrate;

/// Outputs of str0m after one mutation, beyond which it is taken to be caught in a loop
/// (`reliability.md` F6). The largest honest burst, a keyframe to be resent, has some hundred.
const MAX_OUTPUTS_PER_STEP: usize = 10_000;
/// Times that str0m may ask for the very instant that was just given to it.
const MAX_SETTLING_STEPS: usize = 8;
/// A peer is not woken more often than this: a timer that does not move costs a thousand turns a
/// second, not a core.
const MIN_WAIT: Duration = Duration::from_millis(1);
/// What a path is taken to carry before anything is known of it. Enough for audio and a medium
/// layer at once; probing finds the rest within a second.
const INITIAL_ESTIMATE: RtcBitrate = RtcBitrate::kbps(1_500);
/// How often loss and round trips are reported. `LiveKit` rates connections every 5 s.
const STATS_INTERVAL: Duration = Duration::from_secs(2);
/// Classes of the DTLS library's errors after which a handshake cannot be completed.
const FATAL_DTLS_ERRORS: [&str; 3] = ["certificate error", "crypto error", "security error"];
/// High 4:4:4 Predictive, which Chromium lists beside str0m's own profiles; payload types that
/// str0m's defaults leave free.
const H264_HIGH_444: [(u8, u8, bool); 2] = [(112, 113, true), (117, 118, false)];
const H264_HIGH_444_PROFILE: u32 = 0xf4_00_1f;

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
        if !is_audio && self.transit.is_full() {
            self.counters.congested_out += 1;
            return;
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

    /// One mutation of str0m and everything that follows from it.
    pub(crate) fn step<T>(&mut self, now: Instant, step: impl FnOnce(&mut Rtc) -> T) {
        self.settle_writes();
        if self.rtc.is_some() && Self::guard(&mut self.rtc, step).is_none() {
            self.end_by_fault();
        }
        self.settle(now);
    }

    fn settle_writes(&mut self) {
        if let Some(now) = self.unsettled.take() {
            self.settle(now);
        }
    }

    /// Gives str0m the time and drains it, until it asks for a later one.
    pub(crate) fn settle(&mut self, now: Instant) {
        for _ in 0..MAX_SETTLING_STEPS {
            let timed = Self::guard(&mut self.rtc, |rtc| rtc.handle_input(Input::Timeout(now)));
            if timed.is_none() {
                self.end_by_fault();
                return;
            }
            self.drain(now);
            if self.wait.is_none_or(|wait| wait > now) {
                return;
            }
        }
        self.wait = Some(now + MIN_WAIT);
    }

    /// Polls str0m until it has nothing left. Data that waited for room follows.
    fn drain(&mut self, now: Instant) {
        loop {
            self.poll_rtc(now);
            if !self.channels.is_waiting() || !self.is_alive() {
                break;
            }
            let channels = &mut self.channels;
            match Self::guard(&mut self.rtc, |rtc| channels.write_waiting(rtc)) {
                Some(true) => {}
                Some(false) => break,
                None => {
                    self.end_by_fault();
                    break;
                }
            }
        }
    }

    fn poll_rtc(&mut self, now: Instant) {
        for _ in 0..MAX_OUTPUTS_PER_STEP {
            match Self::guard(&mut self.rtc, Rtc::poll_output) {
                Some(Ok(RtcOutput::Timeout(wait))) => {
                    self.wait = Some(wait);
                    self.after_poll();
                    return;
                }
                Some(Ok(RtcOutput::Transmit(transmit))) => self.transmit(transmit, now),
                Some(Ok(RtcOutput::Event(event))) => self.handle_event(event, now),
                Some(Err(error)) => {
                    self.end(cause(&error));
                    return;
                }
                None => {
                    self.end_by_fault();
                    return;
                }
            }
        }
        self.end(PeerFailure::Fault);
    }

    /// str0m ends itself on a fingerprint that does not match, and on the client's farewell.
    fn after_poll(&mut self) {
        let is_alive = self.rtc.as_ref().is_some_and(Rtc::is_alive);
        if self.farewell_seen {
            self.end(PeerFailure::ClosedByPeer);
        } else if !is_alive && self.rtc.is_some() {
            self.end(PeerFailure::Dtls);
        }
    }

    fn transmit(&mut self, transmit: Transmit, now: Instant) {
        let bytes: Vec<u8> = transmit.contents.into();
        let mut arrival = None;
        if let Some(pt) = payload_type(&bytes) {
            if self.sections.types.is_resend(pt) {
                self.counters.retransmissions += 1;
            } else if of_rtp(&bytes) != Some(0) {
                let codec = self.sections.types.codec(pt);
                let is_audio = matches!(codec, Some(Codec::Opus | Codec::Red));
                arrival = self.transit.sent(is_audio, now);
            }
        }
        self.outputs.push_back(Output::Transmit {
            local: transmit.source,
            remote: transmit.destination,
            bytes,
            arrival,
        });
    }

    fn handle_event(&mut self, event: Event, now: Instant) {
        let output = match event {
            Event::RtpPacket(packet) => self.read_packet(packet).map(Output::Packet),
            Event::SenderFeedback(feedback) => sender_report(&feedback).map(Output::SenderReport),
            Event::KeyframeRequest(request) => {
                Mid::new(&request.mid).map(|mid| Output::KeyframeRequest { mid })
            }
            Event::EgressBitrateEstimate(estimate) => self.read_estimate(estimate),
            Event::MediaEgressStats(stats) => egress_loss(&stats).map(Output::Loss),
            Event::MediaIngressStats(stats) => self.receiver.ingress_loss(&stats).map(Output::Loss),
            Event::Connected => {
                self.liveness.connected();
                Some(Output::Connected)
            }
            Event::IceConnectionStateChange(state) => {
                self.liveness.ice(state, now);
                None
            }
            Event::ChannelOpen(id, label) => {
                let channels = &mut self.channels;
                let opened = Self::guard(&mut self.rtc, |rtc| channels.opened(rtc, id, &label));
                opened.flatten().map(Output::ChannelOpen)
            }
            Event::ChannelClose(id) => {
                self.channels.closed(id);
                None
            }
            Event::ChannelData(data) => {
                let channel = self.channels.meaning(data.id);
                self.counters.data_unknown += u64::from(channel.is_none());
                channel.map(|channel| Output::Data {
                    channel,
                    payload: data.data,
                })
            }
            Event::Closed => {
                self.farewell_seen = true;
                None
            }
            _ => None,
        };
        self.outputs.extend(output);
    }

    fn read_packet(&mut self, packet: str0m::rtp::RtpPacket) -> Option<media::Packet> {
        let (receiver, counters) = (&mut self.receiver, &mut self.counters);
        let types = &self.sections.types;
        Self::guard(&mut self.rtc, |rtc| {
            receiver.packet(rtc, types, packet, counters)
        })
        .flatten()
    }

    /// Transport-wide feedback where the client gives it, else its own estimate (REMB).
    fn read_estimate(&mut self, estimate: BweKind) -> Option<Output> {
        let bitrate = match estimate {
            BweKind::Twcc {
                estimate,
                can_probe,
            } => {
                self.has_transport_feedback = can_probe;
                can_probe.then_some(estimate)
            }
            BweKind::Remb { estimate, .. } if !self.has_transport_feedback => Some(estimate),
            _ => None,
        }?;
        Some(Output::Estimate(Bitrate(bitrate.as_u64())))
    }

    /// Runs one call into str0m. `None`: it panicked, or the peer is dead already.
    pub(crate) fn guard<T>(rtc: &mut Option<Rtc>, call: impl FnOnce(&mut Rtc) -> T) -> Option<T> {
        let rtc = rtc.as_mut()?;
        catch_unwind(AssertUnwindSafe(|| call(rtc))).ok()
    }

    pub(crate) fn end_by_fault(&mut self) {
        self.end(PeerFailure::Fault);
    }

    fn end(&mut self, cause: PeerFailure) {
        if self.rtc.take().map(discard).is_some() {
            self.outputs.push_back(Output::Failed(cause));
        }
    }
}

/// What a faulty `Rtc` does when it is dropped is its own affair too.
fn discard(rtc: Rtc) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(rtc)));
}

/// Whether the DTLS library refused what the client sent for good: nothing that follows could
/// complete the handshake. str0m hands its errors on as text; its other classes (a full queue, a
/// message out of turn) are survived, for a stranger's junk can cause them.
fn ends_handshake(error: &RtcError) -> bool {
    let RtcError::Dtls(error) = error else {
        return false;
    };
    let text = error.to_string();
    FATAL_DTLS_ERRORS.iter().any(|class| text.contains(class))
}

fn cause(error: &RtcError) -> PeerFailure {
    match error {
        RtcError::Dtls(_) | RtcError::RemoteSdp(_) => PeerFailure::Dtls,
        _ => PeerFailure::Fault,
    }
}

/// DTLS 1.2: with it and as the server we get AES-GCM from browsers (`egress.md` §2).
fn build(config: &PeerConfig, now: Instant) -> Rtc {
    let sends = matches!(
        config.spec.role,
        PeerRole::Single | PeerRole::Subscriber | PeerRole::Whep
    );
    let mut rtc_config = RtcConfig::new()
        .set_crypto_provider(config.certificate.crypto.clone())
        .set_dtls_cert((*config.certificate.certificate).clone())
        .set_dtls_version(DtlsVersion::Dtls12)
        .set_ice_lite(config.spec.ice_lite)
        .set_rtp_mode(true)
        .clear_codecs()
        .enable_opus(true, true)
        .enable_vp8(true)
        .enable_h264(true)
        .enable_vp9(true)
        .enable_av1(true)
        .set_extension_map(extension_map())
        .set_stats_interval(Some(STATS_INTERVAL))
        .set_send_buffer_video(RTX_CACHE_PACKETS)
        .set_sctp_max_message_size(MAX_MESSAGE_BYTES as u32)
        .set_sctp_max_buffered_amount(MAX_BUFFERED_BYTES)
        .enable_bwe(sends.then_some(INITIAL_ESTIMATE));
    for (pt, resend, mode) in H264_HIGH_444 {
        rtc_config.codec_config().add_h264(
            pt.into(),
            Some(resend.into()),
            mode,
            H264_HIGH_444_PROFILE,
        );
    }
    let mut rtc = rtc_config.build(now);
    for address in &config.candidates {
        if let Ok(candidate) = Candidate::host(*address, "udp") {
            rtc.add_local_candidate(candidate);
        }
    }
    rtc
}
