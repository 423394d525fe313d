//! One `RTCPeerConnection` of a simulated client: str0m in RTP mode, without a socket.

use crate::publisher::VideoPacket;
use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::time::Instant;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig};

/// A peer connection and what it wants sent.
pub struct Transport {
    rtc: Rtc,
    local: SocketAddr,
    pending: Option<SdpPendingOffer>,
    track: Option<Mid>,
    payload_type: Option<Pt>,
    /// Datagrams to be sent, oldest first.
    pub outgoing: Vec<(SocketAddr, Vec<u8>)>,
    /// Media packets received since the caller last looked.
    pub packets: Vec<RtpPacket>,
    wait: Option<Instant>,
    connected: bool,
    keyframe_wanted: bool,
    alive: bool,
}

impl Transport {
    /// A transport with one host candidate: the socket it will be fed from.
    ///
    /// # Errors
    /// The address cannot be a candidate.
    pub fn new(local: SocketAddr, now: Instant) -> Result<Self> {
        let mut rtc = RtcConfig::new().set_rtp_mode(true).build(now);
        let candidate = Candidate::host(local, "udp").context("local candidate")?;
        rtc.add_local_candidate(candidate);
        let mut transport = Self {
            rtc,
            local,
            pending: None,
            track: None,
            payload_type: None,
            outgoing: Vec::new(),
            packets: Vec::new(),
            wait: None,
            connected: false,
            keyframe_wanted: false,
            alive: true,
        };
        transport.handle_timeout(now);
        Ok(transport)
    }

    /// An offer to send one video track with this id.
    ///
    /// # Errors
    /// str0m makes none.
    pub fn offer_video(&mut self, track: &str, now: Instant) -> Result<String> {
        let mut changes = self.rtc.sdp_api();
        let stream = Some(format!("{track}-stream"));
        let mid = changes.add_media(
            MediaKind::Video,
            Direction::SendOnly,
            stream,
            Some(track.into()),
            None,
        );
        let (offer, pending) = changes.apply().context("nothing to offer")?;
        self.track = Some(mid);
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

    /// Writes a frame of the track that was offered.
    ///
    /// # Errors
    /// The server accepted no VP8.
    pub fn write(&mut self, packets: Vec<VideoPacket>, now: Instant) -> Result<()> {
        let (Some(mid), Some(payload_type)) = (self.track, self.payload_type()) else {
            bail!("the server accepted no VP8 track");
        };
        for packet in packets {
            let mut direct = self.rtc.direct_api();
            let stream = direct
                .stream_tx_by_mid(mid, None)
                .context("no stream for the track")?;
            let write = RtpWrite::new(
                payload_type,
                packet.sequence.into(),
                packet.timestamp,
                now,
                packet.payload,
            );
            stream.write_rtp(write.marker(packet.marker).nackable(true));
        }
        self.handle_timeout(now);
        Ok(())
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

    /// True once after each request of the server for a key frame.
    pub fn take_keyframe_request(&mut self) -> bool {
        std::mem::take(&mut self.keyframe_wanted)
    }

    fn payload_type(&mut self) -> Option<Pt> {
        if self.payload_type.is_none() {
            let accepted = self.rtc.media(self.track?)?.remote_pts().to_vec();
            let vp8 = self.rtc.codec_config().params().iter().find(|params| {
                params.spec().codec == Codec::Vp8 && accepted.contains(&params.pt())
            });
            self.payload_type = vp8.map(str0m::format::PayloadParams::pt);
        }
        self.payload_type
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
                    self.outgoing
                        .push((transmit.destination, transmit.contents.into()));
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
            Event::KeyframeRequest(_) => self.keyframe_wanted = true,
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
    use crate::publisher::{Pattern, Publisher};
    use crate::stamp::{Epoch, Stamp};
    use std::time::Duration;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
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
        let offer = publisher.offer_video("track", now).unwrap();
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
        let pattern = Pattern {
            rate: 300,
            burst: 10,
            packet_bytes: 1_200,
        };
        let mut source = Publisher::new(7, pattern);
        for _ in 0..3 {
            publisher.write(source.frame(epoch, now), now).unwrap();
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
            .inspect(|stamp| assert_eq!(stamp.publisher, 7))
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
