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
use crate::egress::{Egress, EgressKind, Path};
use crate::gauge::Gauge;
use crate::hold::Hold;
use crate::keying::Exporter;
use crate::liveness::Liveness;
use crate::negotiate::Negotiation;
use crate::output::Output;
use crate::receive::Receiver;
use crate::section::Sections;
use crate::ssrc::of_rtp;
use crate::wire::{is_application_data, is_dtls, is_rtcp, is_stun};
use ::egress::{Heard, Profile, Slots, WriteRefusal};
use config::{Built, build};
use fault::{discard, ends_handshake};
use media::packet::SenderReport;
use media::plane::{PeerFailure, PeerSpec};
use media::{Channel, Figures, Mid, Outgoing, Rid};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use str0m::media::{KeyframeRequestKind, Rid as RtcRid};
use str0m::net::{Protocol, Receive};
use str0m::{Input, Rtc};
use turn::MIN_WAIT;
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
    /// Who writes RTP; a transport that only receives has no use for our own.
    pub egress: EgressKind,
    /// What our own egress draws its numbers from.
    pub seed: u64,
    /// Since when the beat goes on that all peers of a worker share: pictures of many tracks leave
    /// on it.
    pub epoch: Instant,
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
    hold: Hold,
    pub(crate) candidates: RemoteCandidates,
    pub(crate) liveness: Liveness,
    pub(crate) counters: Counters,
    gauge: Gauge,
    pub(crate) egress: Box<dyn Egress>,
    exporter: Exporter,
    profile: Option<Profile>,
    repeats: Repeats,
    outputs: VecDeque<Output>,
    /// Something was written since str0m was last given the time.
    unsettled: Option<Instant>,
    wait: Option<Instant>,
    /// Our own egress is not called again before, for a timer that does not move.
    egress_rest: Option<Instant>,
    desired: Option<Bitrate>,
    heard_media: bool,
    farewell_seen: bool,
    reported: bool,
}

impl Peer {
    /// A peer that waits for its first offer, or makes it.
    pub fn new(config: &PeerConfig, now: Instant) -> Self {
        let Built {
            rtc,
            egress,
            exporter,
        } = build(config, now);
        let mut peer = Self {
            spec: config.spec.clone(),
            rtc,
            negotiation: Negotiation::default(),
            sections: Sections::none(),
            receiver: Receiver::default(),
            channels: Channels::default(),
            hold: Hold::default(),
            candidates: RemoteCandidates::default(),
            liveness: Liveness::default(),
            counters: Counters::default(),
            gauge: Gauge::default(),
            egress,
            exporter,
            profile: None,
            repeats: Repeats::default(),
            outputs: VecDeque::new(),
            unsettled: None,
            wait: None,
            egress_rest: None,
            desired: None,
            heard_media: false,
            farewell_seen: false,
            reported: false,
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

    /// Whether the client has reported on media that it was sent: it arrives there.
    pub fn is_reported(&self) -> bool {
        self.reported
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

    /// A datagram that the worker found to be this peer's. What cannot be read is counted, data
    /// that comes while [`Self::hold_data`] is in force waits.
    pub fn handle_datagram(
        &mut self,
        local: SocketAddr,
        remote: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) {
        self.gauge.heard(remote, bytes.len(), now);
        if is_application_data(bytes) && self.hold.holds(now) && self.is_connected() {
            let count = if self.hold.keep(local, remote, bytes) {
                &mut self.counters.data_held
            } else {
                &mut self.counters.data_overheld
            };
            *count += 1;
            self.hold.release(now);
            return;
        }
        self.read_datagram(local, remote, bytes, now);
    }

    fn read_datagram(&mut self, local: SocketAddr, remote: SocketAddr, bytes: &[u8], now: Instant) {
        if of_rtp(bytes).is_some_and(|ssrc| !self.receiver.ssrcs.admit(ssrc, now)) {
            self.counters.excess_ssrc += 1;
            return;
        }
        self.settle_writes();
        let path = Path { local, remote };
        if is_rtcp(bytes)
            && self.guard_egress(|egress| egress.hear(path, bytes, now)) == Some(Heard::All)
        {
            return;
        }
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
        if is_stun(bytes) {
            let egress = &mut self.egress;
            if Self::guard(&mut self.rtc, |rtc| egress.heard_check(rtc, path)).is_none() {
                self.end_by_fault();
            }
        }
        self.drain(now);
        if is_dtls(bytes) {
            self.take_keys();
        }
        if std::mem::take(&mut self.heard_media) {
            self.egress.heard_media(path);
        }
    }

    /// The instant given by [`Output::Wait`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(cause) = self.liveness.verdict(now) {
            self.end(cause);
        }
        self.hold.release(now);
        let is_unsettled = self.unsettled.take().is_some();
        self.guard_egress(|egress| egress.handle_timeout(now));
        // A timer of our own egress is no affair of str0m's.
        if is_unsettled || self.wait.is_none_or(|wait| wait <= now) {
            self.settle(now);
        }
    }

    /// Sends a media packet. What cannot be sent is dropped and counted.
    pub fn write(&mut self, packet: &Outgoing<'_>, now: Instant) {
        if !self.is_connected() {
            self.counters.unsendable_out += 1;
            return;
        }
        let egress = &mut self.egress;
        match Self::guard(&mut self.rtc, |rtc| egress.write(rtc, packet, now)) {
            Some(Ok(())) => {
                self.counters.packets_out += 1;
                if self.egress.writes_through_rtc() {
                    self.unsettled = Some(now);
                }
            }
            Some(Err(refusal)) => self.count_refusal(refusal),
            None => self.end_by_fault(),
        }
    }

    fn count_refusal(&mut self, refusal: WriteRefusal) {
        let count = match refusal {
            WriteRefusal::Codec => &mut self.counters.codec_out,
            WriteRefusal::Repeated => &mut self.counters.repeated_out,
            WriteRefusal::Congested => &mut self.counters.congested_out,
            WriteRefusal::NotConnected | WriteRefusal::NotSending | WriteRefusal::TooLong => {
                &mut self.counters.unsendable_out
            }
        };
        *count += 1;
    }

    /// Ties a section's RTP clock to its publisher's wall clock: the client's audio and video of
    /// one publisher run together by it.
    pub fn set_sender_report(&mut self, report: &SenderReport, now: Instant) {
        self.guard_egress(|egress| egress.set_sender_report(report, now));
    }

    /// Where [`Self::transmit`]'s datagrams go; `None`: there are none.
    pub fn path(&self) -> Option<Path> {
        self.egress.path().filter(|_| self.is_connected())
    }

    /// Seals what our own egress has to send straight into the slots, which lead along
    /// [`Self::path`]. Call it once per turn, when everything was written.
    pub fn transmit(&mut self, slots: &mut dyn Slots, now: Instant) {
        if self.path().is_some() {
            self.guard_egress(|egress| egress.transmit(slots, now));
            self.egress_rest = Some(now + MIN_WAIT);
        }
    }

    /// Whether [`Self::transmit`] has something to do by now, be it only to look.
    pub fn wants_to_transmit(&self, now: Instant) -> bool {
        self.egress.next().is_some_and(|next| next <= now)
    }

    /// How SRTP is protected, once that is known.
    pub fn profile(&self) -> Option<Profile> {
        self.profile
    }

    /// The next packets of this section belong to another subscription, whose numbers start
    /// anew; the section's own go on.
    pub fn restart_section(&mut self, mid: Mid) {
        self.guard_egress(|egress| egress.restart(mid));
    }

    /// The section shows nothing any more. What it shows next comes under new SSRCs: libwebrtc
    /// destroys the receiver of a section that became inactive, and never hands frames of the same
    /// SSRC to the new one (`VideoRtpReceiver::RestartMediaChannel`).
    pub fn vacate_section(&mut self, mid: Mid, now: Instant) {
        self.settle_writes();
        let Some(section) = self.sections.find(mid).copied() else {
            return;
        };
        let egress = &mut self.egress;
        let vacated = Self::guard(&mut self.rtc, |rtc| egress.vacate(rtc, &section));
        if vacated.is_none() && self.rtc.is_some() {
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
        let sent = Self::guard(&mut self.rtc, |rtc| {
            channels.send(rtc, channel, payload, now)
        });
        match sent {
            Some(Sent::Written) => self.unsettled = Some(now),
            Some(Sent::Queued) => {}
            Some(Sent::Refused) => self.counters.data_refused += 1,
            None => self.end_by_fault(),
        }
        matches!(sent, Some(Sent::Written | Sent::Queued))
    }

    /// How long those who send reliable data to this client are to be slowed, because it waits
    /// here; `None`: they need not be, or the client takes nothing at all.
    pub fn data_rest(&self, now: Instant) -> Option<Duration> {
        self.channels.rest(now)
    }

    /// The client sends more data than it may: until then no more of it is read, so that SCTP slows
    /// the client. At most 64 KiB wait.
    pub fn hold_data(&mut self, until: Instant) {
        self.hold.extend(until);
    }

    /// What the box would like to send to this client: bandwidth probing aims at it.
    pub fn set_desired_bitrate(&mut self, desired: Bitrate, now: Instant) {
        if self.desired.replace(desired) != Some(desired) {
            self.settle_writes();
            let egress = &mut self.egress;
            let told = Self::guard(&mut self.rtc, |rtc| egress.set_desired(rtc, desired, now));
            if told.is_none() && self.rtc.is_some() {
                self.end_by_fault();
            }
            if self.egress.writes_through_rtc() {
                self.settle(now);
            }
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
        self.egress.count(&mut self.counters);
        self.gauge.sent(self.counters.egress.bytes);
        let (came, taken) = (self.counters.packets_in, self.counters.packets_out);
        self.gauge.media(came, taken);
        std::mem::take(&mut self.counters)
    }

    /// How the transport does, all that [`Self::take_counters`] has told included. Call it once a
    /// second: losses are averaged over calls.
    pub fn read_figures(&mut self) -> Figures {
        if let Some(jitter) = self.egress.take_jitter() {
            self.gauge.jitter(jitter);
        }
        self.gauge.read()
    }

    /// The next thing to do. Call until [`Output::Wait`].
    pub fn poll_output(&mut self) -> Output {
        loop {
            self.settle_writes();
            if let Some(output) = self.outputs.pop_front() {
                return output;
            }
            if !self.is_alive() {
                return Output::Wait(None);
            }
            // One by one: what the room says to one decides about the next.
            let Some((held, now)) = self.hold.next() else {
                break;
            };
            self.read_datagram(held.local, held.remote, &held.bytes, now);
        }
        if let Some(event) = self.egress.poll_event() {
            if let ::egress::Event::Loss(report) = &event {
                self.note_sent_loss(report);
            }
            return event.into();
        }
        let egress = self.egress.next().map(|next| {
            let rest = self.egress_rest.unwrap_or(next);
            next.max(rest)
        });
        let held = self.hold.deadline();
        let waits = [self.wait, self.liveness.deadline(), egress, held];
        Output::Wait(waits.into_iter().flatten().min())
    }
}
