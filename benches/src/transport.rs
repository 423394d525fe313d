//! One `RTCPeerConnection` of a simulated client: str0m in RTP mode, without a socket.

use crate::header::is_media;
use crate::keying::{self, Slot};
use crate::lean::Negotiated;
use crate::publisher::MediaPacket;
use crate::track::Plan;
use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::time::Instant;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::format::{Codec, PayloadParams};
use str0m::media::{Direction, MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, RtpPacket, RtpWrite};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig};

/// First bytes of DTLS records (RFC 7983 §7).
const DTLS: std::ops::Range<u8> = 20..64;

/// A peer connection and what it wants sent.
pub struct Transport {
    rtc: Rtc,
    local: SocketAddr,
    pending: Option<SdpPendingOffer>,
    /// Where the DTLS handshake leaves the keys.
    pub keys: Slot,
    tracks: Vec<Track>,
    received: Vec<Mid>,
    /// Sections came since the caller last looked; str0m tells of them once it is connected.
    pub has_new_media: bool,
    /// Datagrams to be sent, oldest first.
    pub outgoing: Vec<(SocketAddr, Vec<u8>)>,
    /// Media packets received since the caller last looked.
    pub packets: Vec<RtpPacket>,
    /// Where the handshake went, and with it everything that is not ICE.
    pub remote: Option<SocketAddr>,
    /// Somebody else speaks RTCP: str0m, which has seen no media, would report that there is none.
    pub is_mute: bool,
    wait: Option<Instant>,
    connected: bool,
    keyframes_wanted: Vec<(usize, Option<Rid>)>,
    alive: bool,
}

/// A track that we send.
struct Track {
    mid: Mid,
    audio: bool,
    payload_type: Option<Pt>,
}

impl Transport {
    /// A transport with one host candidate: the socket it will be fed from.
    ///
    /// # Errors
    /// The address cannot be a candidate.
    pub fn new(local: SocketAddr, now: Instant) -> Result<Self> {
        let (mut rtc, keys) = keying::build(RtcConfig::new().set_rtp_mode(true), now)?;
        let candidate = Candidate::host(local, "udp").context("local candidate")?;
        rtc.add_local_candidate(candidate);
        let mut transport = Self {
            rtc,
            local,
            pending: None,
            keys,
            tracks: Vec::new(),
            received: Vec::new(),
            has_new_media: false,
            outgoing: Vec::new(),
            packets: Vec::new(),
            remote: None,
            is_mute: false,
            wait: None,
            connected: false,
            keyframes_wanted: Vec::new(),
            alive: true,
        };
        transport.handle_timeout(now);
        Ok(transport)
    }

    /// An offer to send these tracks, with these ids.
    ///
    /// # Errors
    /// str0m makes none.
    pub fn offer(&mut self, tracks: &[(String, &Plan)], now: Instant) -> Result<String> {
        let mut changes = self.rtc.sdp_api();
        for (id, plan) in tracks {
            let kind = if plan.audio {
                MediaKind::Audio
            } else {
                MediaKind::Video
            };
            let rids = plan.rids();
            let simulcast = (!rids.is_empty()).then(|| Simulcast {
                send: rids.into_iter().map(SimulcastLayer::new).collect(),
                recv: Vec::new(),
            });
            let stream = Some(format!("{id}-stream"));
            let track = Some(id.clone());
            let mid = changes.add_media(kind, Direction::SendOnly, stream, track, simulcast);
            self.tracks.push(Track {
                mid,
                audio: plan.audio,
                payload_type: None,
            });
        }
        let (offer, pending) = changes.apply().context("nothing to offer")?;
        self.pending = Some(pending);
        self.handle_timeout(now);
        Ok(offer.to_sdp_string())
    }

    /// The server's answer to our offer.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn accept_answer(&mut self, sdp: &str, now: Instant) -> Result<()> {
        let answer = SdpAnswer::from_sdp_string(sdp).context("the server's answer")?;
        let pending = self.pending.take().context("an answer without an offer")?;
        self.rtc
            .sdp_api()
            .accept_answer(pending, answer)
            .context("the server's answer")?;
        self.handle_timeout(now);
        Ok(())
    }

    /// Answers the server's offer.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn accept_offer(&mut self, sdp: &str, now: Instant) -> Result<String> {
        let offer = SdpOffer::from_sdp_string(sdp).context("the server's offer")?;
        let answer = self
            .rtc
            .sdp_api()
            .accept_offer(offer)
            .context("the server's offer")?;
        self.handle_timeout(now);
        Ok(answer.to_sdp_string())
    }

    /// A trickled candidate; one that cannot be used (mDNS, TCP) is ignored.
    pub fn add_candidate(&mut self, line: &str, now: Instant) {
        if let Ok(candidate) = Candidate::from_sdp_string(line) {
            self.rtc.add_remote_candidate(candidate);
            self.handle_timeout(now);
        }
    }

    /// A datagram that reached this transport's socket.
    pub fn handle_datagram(&mut self, remote: SocketAddr, bytes: &[u8], now: Instant) {
        if let Ok(receive) = Receive::new(Protocol::Udp, remote, self.local, bytes) {
            self.handle(Input::Receive(now, receive));
        }
    }

    /// Time has come; also what makes written packets leave.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.handle(Input::Timeout(now));
    }

    /// Writes packets of one of the tracks that were offered, in their order.
    ///
    /// # Errors
    /// The server accepted no VP8, or no Opus.
    pub fn write(
        &mut self,
        (track, rid): (usize, Option<&str>),
        packets: Vec<MediaPacket>,
        now: Instant,
    ) -> Result<()> {
        let payload_type = self.payload_type(track);
        let (Some(track), Some(payload_type)) = (self.tracks.get(track), payload_type) else {
            bail!("the server accepted no VP8 or no Opus");
        };
        let (mid, nackable) = (track.mid, !track.audio);
        for packet in packets {
            let mut direct = self.rtc.direct_api();
            let stream = direct
                .stream_tx_by_mid(mid, rid.map(Rid::from))
                .context("no stream for the track: did the server accept simulcast?")?;
            let write = RtpWrite::new(
                payload_type,
                packet.sequence.into(),
                packet.timestamp,
                now,
                packet.payload,
            );
            stream.write_rtp(write.marker(packet.marker).nackable(nackable));
        }
        self.handle_timeout(now);
        Ok(())
    }

    /// Writes one packet of a track under another SSRC, which is forgotten then: what a publisher
    /// does who wants a server to remember SSRCs.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn write_as(
        &mut self,
        (track, ssrc): (usize, u32),
        packet: MediaPacket,
        now: Instant,
    ) -> Result<()> {
        let payload_type = self.payload_type(track);
        let (Some(track), Some(payload_type)) = (self.tracks.get(track), payload_type) else {
            bail!("the server accepted no VP8 or no Opus");
        };
        let mut direct = self.rtc.direct_api();
        // str0m sends for one of a section's streams without a rid: for which of them is chance.
        let rid = Some(Rid::from("other"));
        let stream = direct.declare_stream_tx(ssrc.into(), None, track.mid, rid);
        let (sequence, payload) = (packet.sequence.into(), packet.payload);
        let write = RtpWrite::new(payload_type, sequence, packet.timestamp, now, payload);
        stream.write_rtp(write);
        self.handle_timeout(now);
        self.rtc.direct_api().remove_stream_tx(ssrc.into());
        Ok(())
    }

    /// What the descriptions so far say of packets that come.
    pub fn negotiated(&self) -> Negotiated {
        let params = self.rtc.codec_config().params();
        let mut media = self.received.iter().filter_map(|mid| self.rtc.media(*mid));
        Negotiated {
            transport_number: media.find_map(|media| {
                let extensions = media.remote_extmap();
                extensions.id_of(Extension::TransportSequenceNumber)
            }),
            retransmissions: params
                .iter()
                .filter_map(PayloadParams::resend)
                .map(|pt| *pt)
                .collect(),
            audio: params
                .iter()
                .filter(|params| params.spec().codec.is_audio())
                .map(|params| *params.pt())
                .collect(),
        }
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn wait(&self) -> Option<Instant> {
        self.wait.filter(|_| self.alive)
    }

    /// ICE and DTLS are up.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// Not closed and no error.
    pub fn is_alive(&self) -> bool {
        self.alive
    }

    /// Tracks and layers that the server wants key frames of, once.
    pub fn take_keyframe_requests(&mut self) -> Vec<(usize, Option<Rid>)> {
        std::mem::take(&mut self.keyframes_wanted)
    }

    fn payload_type(&mut self, track: usize) -> Option<Pt> {
        let track = self.tracks.get_mut(track)?;
        if track.payload_type.is_none() {
            let wanted = if track.audio { Codec::Opus } else { Codec::Vp8 };
            let accepted = self.rtc.media(track.mid)?.remote_pts().to_vec();
            let params =
                self.rtc.codec_config().params().iter().find(|params| {
                    params.spec().codec == wanted && accepted.contains(&params.pt())
                });
            track.payload_type = params.map(PayloadParams::pt);
        }
        track.payload_type
    }

    /// One mutation and everything that follows from it.
    fn handle(&mut self, input: Input<'_>) {
        if !self.alive {
            return;
        }
        self.alive = self.rtc.handle_input(input).is_ok();
        while self.alive {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.wait = Some(at);
                    break;
                }
                Ok(Output::Transmit(transmit)) => {
                    let bytes: Vec<u8> = transmit.contents.into();
                    let is_media = is_media(&bytes).is_some();
                    if is_media || bytes.first().is_some_and(|first| DTLS.contains(first)) {
                        self.remote = Some(transmit.destination);
                    }
                    if !is_media || !self.is_mute {
                        self.outgoing.push((transmit.destination, bytes));
                    }
                }
                Ok(Output::Event(event)) => self.handle_event(event),
                Err(_) => self.alive = false,
            }
        }
        self.alive &= self.rtc.is_alive();
    }

    fn handle_event(&mut self, event: Event) {
        match event {
            Event::Connected => self.connected = true,
            Event::KeyframeRequest(request) => {
                let place = self
                    .tracks
                    .iter()
                    .position(|track| track.mid == request.mid);
                self.keyframes_wanted
                    .extend(place.map(|track| (track, request.rid)));
            }
            Event::MediaAdded(added) => {
                self.received.push(added.mid);
                self.has_new_media = true;
            }
            Event::RtpPacket(packet) => self.packets.push(packet),
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                self.connected = false;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::publisher::Pattern;
    use crate::stamp::{Epoch, Stamp};
    use crate::track::{Lane, Script};
    use std::time::Duration;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn plan() -> Plan {
        let pattern = Pattern {
            rate: 300,
            burst: 10,
            packet_bytes: 1_200,
        };
        Plan {
            audio: false,
            layers: vec![(None, Script::Pattern(pattern))],
        }
    }

    /// Carries datagrams between the two until both are silent.
    fn exchange(one: &mut Transport, other: &mut Transport, now: Instant) {
        loop {
            let (there, back) = (
                std::mem::take(&mut one.outgoing),
                std::mem::take(&mut other.outgoing),
            );
            if there.is_empty() && back.is_empty() {
                return;
            }
            for (_, bytes) in there {
                other.handle_datagram(one.local, &bytes, now);
            }
            for (_, bytes) in back {
                one.handle_datagram(other.local, &bytes, now);
            }
        }
    }

    #[test]
    fn what_a_publisher_writes_a_subscriber_reads() {
        let mut now = Instant::now();
        let epoch = Epoch::begin();
        let mut publisher = Transport::new(address(1), now).unwrap();
        let mut subscriber = Transport::new(address(2), now).unwrap();
        let offer = publisher
            .offer(&[("track".to_owned(), &plan())], now)
            .unwrap();
        assert!(
            offer.contains("track-stream track"),
            "the server finds the track by its id"
        );
        let answer = subscriber.accept_offer(&offer, now).unwrap();
        publisher.accept_answer(&answer, now).unwrap();
        for _ in 0..500 {
            now += Duration::from_millis(10);
            for transport in [&mut publisher, &mut subscriber] {
                transport.handle_timeout(now);
            }
            exchange(&mut publisher, &mut subscriber, now);
            if publisher.is_connected() && subscriber.is_connected() {
                break;
            }
        }
        let mut lane = Lane::of(&plan(), 7).remove(0);
        now = lane.due(now);
        for _ in 0..3 {
            let packets = lane.take_due(epoch, now);
            now = lane.due(now);
            publisher.write((0, None), packets, now).unwrap();
            let wire: Vec<usize> = publisher
                .outgoing
                .iter()
                .map(|(_, bytes)| bytes.len())
                .collect();
            let media = wire
                .iter()
                .filter(|len| (1_200..=1_208).contains(*len))
                .count();
            assert_eq!(
                media, 10,
                "packets are as long on the wire as asked for: {wire:?}"
            );
            exchange(&mut publisher, &mut subscriber, now);
        }
        let sequences: Vec<u64> = subscriber
            .packets
            .iter()
            .map(|packet| Stamp::read(&packet.payload).unwrap())
            .inspect(|stamp| assert_eq!(stamp.source, 7))
            .map(|stamp| stamp.sequence)
            .collect();
        assert_eq!(sequences, (0..30).collect::<Vec<_>>());
        assert!(subscriber.packets[9].header.marker && !subscriber.packets[8].header.marker);
    }

    #[test]
    fn nonsense_is_refused_and_changes_nothing() {
        let now = Instant::now();
        let mut transport = Transport::new(address(1), now).unwrap();
        assert!(transport.accept_answer("v=0", now).is_err());
        assert!(transport.accept_offer("hello", now).is_err());
        transport.handle_datagram(address(2), &[0xFF; 40], now);
        transport.add_candidate("candidate:nonsense", now);
        assert!(transport.is_alive() && !transport.is_connected());
    }
}
