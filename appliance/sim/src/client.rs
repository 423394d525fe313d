//! A model client: str0m with an encoder that knows what it sent and a decoder that knows what
//! it needs.

pub mod publisher;
pub mod viewer;

use crate::picture;
use media::Layer;
use publisher::{Encoding, Publisher};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};
use viewer::Viewer;

/// Free sections of each kind that a client offers for what it will watch.
pub const SLOTS: usize = 3;

/// A client, before and after it is connected.
pub struct Client {
    /// As the test calls it.
    pub name: String,
    /// Index of its room.
    pub room: usize,
    /// Encodes, if it publishes.
    pub publisher: Option<Publisher>,
    /// One per section that can be watched.
    pub viewers: Vec<Viewer>,
    /// ICE and DTLS are up.
    pub connected: bool,
    rtc: Rtc,
    address: SocketAddr,
    /// As the box sees it, behind an address translator that may forget.
    mapped: SocketAddr,
    pending: Option<SdpPendingOffer>,
    wait: Instant,
    /// Datagrams to the box.
    pub outgoing: Vec<Vec<u8>>,
}

impl Client {
    /// A client and its first offer.
    pub fn new(
        index: usize,
        name: &str,
        room: usize,
        publishes: Option<Encoding>,
        seed: u64,
        now: Instant,
    ) -> (Self, String) {
        let mut rtc = RtcConfig::new()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, true)
            .enable_vp8(true)
            .build(now);
        let address = SocketAddr::from(([10, 1, 0, index as u8 + 1], 50_000));
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        let mut changes = rtc.sdp_api();
        let publisher = publishes.map(|encoding| {
            let mut simulcast = Simulcast::new();
            for layer in Layer::ALL {
                simulcast.add_send_layer(SimulcastLayer::new(layer.rid().as_str()));
            }
            let (send, layers) = (Direction::SendOnly, Some(simulcast));
            let video = changes.add_media(MediaKind::Video, send, None, None, layers);
            let audio = changes.add_media(MediaKind::Audio, send, None, None, None);
            Publisher::new((index as u8, room as u8), encoding, video, audio, seed, now)
        });
        let mut viewers = Vec::new();
        for kind in [MediaKind::Video, MediaKind::Audio] {
            for _ in 0..SLOTS {
                let mid = changes.add_media(kind, Direction::RecvOnly, None, None, None);
                viewers.push(Viewer::new(mid, kind == MediaKind::Video));
            }
        }
        let (offer, pending) = changes.apply().unwrap();
        let client = Self {
            name: name.to_owned(),
            room,
            publisher,
            viewers,
            connected: false,
            rtc,
            address,
            mapped: address,
            pending: Some(pending),
            wait: now,
            outgoing: Vec::new(),
        };
        (client, offer.to_sdp_string())
    }

    /// The box's answer.
    pub fn accept(&mut self, answer: &str, now: Instant) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        let pending = self.pending.take().unwrap();
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
        self.settle(now);
    }

    /// The SSRCs it sends with, always in the same order; true: of resent packets.
    pub fn streams(&mut self) -> Vec<(u32, bool)> {
        let Some(publisher) = &self.publisher else {
            return Vec::new();
        };
        let video = publisher.video;
        let layers = Layer::ALL.map(|layer| (video, Some(layer.rid().as_str().into())));
        let mut streams = Vec::new();
        for (mid, rid) in layers.into_iter().chain([(publisher.audio, None)]) {
            let mut direct = self.rtc.direct_api();
            let stream = direct.stream_tx_by_mid(mid, rid).unwrap();
            streams.push((*stream.ssrc(), false));
            streams.extend(stream.rtx().map(|ssrc| (*ssrc, true)));
        }
        streams
    }

    /// The address the box sees.
    pub fn mapped(&self) -> SocketAddr {
        self.mapped
    }

    /// The translator in front of it forgets: the box sees another address, and what it sends to
    /// the old one is lost.
    pub fn remap(&mut self, address: SocketAddr) {
        self.mapped = address;
    }

    /// When it next does something by itself.
    pub fn due(&self) -> Instant {
        let frame = self
            .publisher
            .as_ref()
            .filter(|_| self.connected)
            .map(Publisher::due);
        let viewers = self.viewers.iter().filter_map(Viewer::due).min();
        [Some(self.wait), frame, viewers]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(self.wait)
    }

    /// A datagram from the box.
    pub fn receive(&mut self, from: SocketAddr, bytes: &[u8], now: Instant) {
        if let Ok(receive) = Receive::new(Protocol::Udp, from, self.address, bytes) {
            let _ = self.rtc.handle_input(Input::Receive(now, receive));
            self.drain(now);
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Instant) {
        if self.wait <= now {
            self.settle(now);
        }
        if self.connected {
            self.encode(now);
        }
        for index in 0..self.viewers.len() {
            if self.viewers[index].tick(now) {
                let mid = self.viewers[index].mid;
                if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, None) {
                    stream.request_keyframe(KeyframeRequestKind::Pli);
                }
                self.settle(now);
            }
        }
    }

    fn encode(&mut self, now: Instant) {
        let Some(publisher) = &mut self.publisher else {
            return;
        };
        for packet in publisher.encode(now) {
            let payload_type = self
                .rtc
                .codec_config()
                .find(|params| params.spec().codec == packet.codec)
                .unwrap()
                .pt();
            let mut direct = self.rtc.direct_api();
            let Some(stream) = direct.stream_tx_by_mid(packet.mid, packet.rid) else {
                continue;
            };
            stream.write_rtp(packet.write(payload_type, now));
            self.settle(now);
        }
    }

    fn settle(&mut self, now: Instant) {
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
        self.drain(now);
        if self.wait <= now {
            self.wait = now + Duration::from_millis(1);
        }
    }

    fn drain(&mut self, now: Instant) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(wait) => {
                    self.wait = wait;
                    return;
                }
                Output::Transmit(transmit) => self.outgoing.push(transmit.contents.to_vec()),
                Output::Event(event) => self.handle(event, now),
            }
        }
    }

    fn handle(&mut self, event: Event, now: Instant) {
        match event {
            Event::Connected => self.connected = true,
            Event::KeyframeRequest(request) => {
                if let Some(publisher) = &mut self.publisher {
                    publisher.request_keyframe(request.mid, request.rid);
                }
            }
            Event::RtpPacket(packet) => {
                let mid = self
                    .rtc
                    .direct_api()
                    .stream_rx(&packet.header.ssrc)
                    .map(|s| s.mid());
                let viewer = self
                    .viewers
                    .iter_mut()
                    .find(|viewer| Some(viewer.mid) == mid);
                if let (Some(viewer), Some(tag)) = (viewer, picture::tag(&packet.payload)) {
                    let place = (*packet.seq_no, packet.header.timestamp);
                    viewer.receive(place, tag, packet.payload.len(), now);
                }
            }
            _ => {}
        }
    }

    /// The index of a section among those that can be watched.
    pub fn viewer_index(&self, mid: Mid) -> Option<usize> {
        self.viewers.iter().position(|viewer| viewer.mid == mid)
    }
}
