//! A peer and a client (str0m, used directly) in one thread, without a network.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

use media::packet::{Extensions, SenderReport};
use media::plane::{PeerRole, PeerSpec};
use media::{Codec, Mid, Outgoing};
use ringward_peer::{Certificate, EgressKind, Output, Peer, PeerConfig, Slots};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output as RtcOutput, Rtc, RtcConfig};
use vocab::{ParticipantKey, PeerKey};

/// The box's address.
pub(crate) fn box_address() -> SocketAddr {
    "192.0.2.1:7882".parse().unwrap()
}

/// The client's address.
pub(crate) fn client_address() -> SocketAddr {
    "192.0.2.7:50000".parse().unwrap()
}

pub(crate) fn certificate() -> Certificate {
    static CERTIFICATE: OnceLock<Certificate> = OnceLock::new();
    let certificate = CERTIFICATE.get_or_init(|| Certificate::generate().unwrap());
    certificate.clone()
}

pub(crate) fn spec(role: PeerRole) -> PeerSpec {
    PeerSpec {
        key: PeerKey(1),
        participant: ParticipantKey(1),
        role,
        ice_lite: true,
        negotiated_channels: false,
    }
}

pub(crate) fn new_peer(spec: PeerSpec, now: Instant) -> Peer {
    peer_over(crate::EGRESS, spec, now)
}

fn peer_over(egress: EgressKind, spec: PeerSpec, now: Instant) -> Peer {
    let config = PeerConfig {
        spec,
        candidates: vec![box_address()],
        certificate: certificate(),
        egress,
        seed: 7,
        epoch: now,
    };
    Peer::new(&config, now)
}

pub(crate) fn client_config() -> RtcConfig {
    RtcConfig::new()
        .set_rtp_mode(true)
        .clear_codecs()
        .enable_opus(true, true)
        .enable_vp8(true)
        .enable_h264(true)
        .enable_vp9(true)
        .enable_av1(true)
}

/// A datagram of the box.
pub(crate) struct Departed {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) bytes: Vec<u8>,
    pub(crate) arrival: Option<Instant>,
}

/// Slots that keep what was written.
#[derive(Default)]
struct Collected(Vec<(Vec<u8>, Option<Instant>)>);

impl Slots for Collected {
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        self.0.push((vec![0; len], None));
        self.0.last_mut().map(|(bytes, _)| &mut bytes[..])
    }

    fn carries(&mut self, arrival: Instant) {
        self.0.last_mut().unwrap().1 = Some(arrival);
    }
}

/// Both ends and the wire between them.
pub(crate) struct Link {
    pub(crate) peer: Peer,
    pub(crate) client: Rtc,
    pub(crate) now: Instant,
    /// What the box's peer said.
    pub(crate) outputs: Vec<Output>,
    /// What the client saw.
    pub(crate) events: Vec<Event>,
    /// Every n-th datagram of the box is lost.
    pub(crate) lose_every: Option<usize>,
    pub(crate) sent: usize,
    /// The client's RTP and RTCP is lost.
    pub(crate) hush: bool,
    /// The box's last answer.
    pub(crate) answer: String,
    /// All datagrams of the box, lost ones too.
    pub(crate) wire: Vec<Vec<u8>>,
    peer_wait: Option<Instant>,
    client_wait: Instant,
}

impl Link {
    pub(crate) fn new(spec: PeerSpec, config: RtcConfig) -> Self {
        Self::over(crate::EGRESS, spec, config)
    }

    pub(crate) fn over(egress: EgressKind, spec: PeerSpec, config: RtcConfig) -> Self {
        let now = Instant::now();
        let mut client = config.build(now);
        client.add_local_candidate(Candidate::host(client_address(), "udp").unwrap());
        Self {
            peer: peer_over(egress, spec, now),
            client,
            now,
            outputs: Vec::new(),
            events: Vec::new(),
            lose_every: None,
            sent: 0,
            hush: false,
            answer: String::new(),
            wire: Vec::new(),
            peer_wait: None,
            client_wait: now,
        }
    }

    /// The client offers what `change` adds.
    pub(crate) fn client_offers<T>(
        &mut self,
        change: impl FnOnce(&mut str0m::change::SdpApi<'_>) -> T,
    ) -> T {
        let mut changes = self.client.sdp_api();
        let result = change(&mut changes);
        let (offer, pending) = changes.apply().unwrap();
        self.exchange(&offer, pending);
        result
    }

    fn exchange(&mut self, offer: &SdpOffer, pending: SdpPendingOffer) {
        let answer = self
            .peer
            .accept_offer(&offer.to_sdp_string(), self.now)
            .unwrap();
        self.answer.clone_from(&answer);
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap();
        self.client
            .sdp_api()
            .accept_answer(pending, answer)
            .unwrap();
        self.pump();
    }

    /// The box offers, the client answers.
    pub(crate) fn box_offers(&mut self, change: &media::plane::OfferChange) -> Vec<Mid> {
        let (offer, mids) = self.peer.make_offer(change, self.now).unwrap();
        let offer = SdpOffer::from_sdp_string(&offer).unwrap();
        let answer = self.client.sdp_api().accept_offer(offer).unwrap();
        self.peer
            .accept_answer(&answer.to_sdp_string(), self.now)
            .unwrap();
        self.pump();
        mids
    }

    /// Carries datagrams both ways until nobody has any left.
    pub(crate) fn pump(&mut self) {
        loop {
            let moved = self.pump_peer() | self.pump_client();
            if !moved {
                return;
            }
        }
    }

    fn pump_peer(&mut self) -> bool {
        let mut moved = false;
        for departed in self.departing() {
            moved = true;
            self.sent += 1;
            self.wire.push(departed.bytes.clone());
            if self.lose_every.is_some_and(|n| self.sent.is_multiple_of(n)) {
                continue;
            }
            let Departed {
                local,
                remote,
                bytes,
                ..
            } = departed;
            assert_eq!(local, box_address());
            if let Ok(receive) = Receive::new(Protocol::Udp, local, remote, &bytes) {
                let input = Input::Receive(self.now, receive);
                let _ = self.client.handle_input(input);
                moved |= self.drain_client();
            }
        }
        moved
    }

    /// Everything that the box sends now, as a worker would let it.
    pub(crate) fn departing(&mut self) -> Vec<Departed> {
        let mut departing = Vec::new();
        self.drain_peer(&mut departing);
        if let Some(path) = self.peer.path() {
            let mut slots = Collected::default();
            self.peer.transmit(&mut slots, self.now);
            departing.extend(slots.0.into_iter().map(|(bytes, arrival)| Departed {
                local: path.local,
                remote: path.remote,
                bytes,
                arrival,
            }));
            self.drain_peer(&mut departing);
        }
        departing
    }

    fn drain_peer(&mut self, departing: &mut Vec<Departed>) {
        loop {
            match self.peer.poll_output() {
                Output::Wait(wait) => {
                    self.peer_wait = wait;
                    return;
                }
                Output::Transmit {
                    local,
                    remote,
                    bytes,
                    arrival,
                } => departing.push(Departed {
                    local,
                    remote,
                    bytes,
                    arrival,
                }),
                output => self.outputs.push(output),
            }
        }
    }

    fn pump_client(&mut self) -> bool {
        if self.client_wait <= self.now {
            self.client.handle_input(Input::Timeout(self.now)).unwrap();
        }
        self.drain_client()
    }

    fn drain_client(&mut self) -> bool {
        let mut moved = false;
        loop {
            match self.client.poll_output().unwrap() {
                RtcOutput::Timeout(wait) => {
                    self.client_wait = wait;
                    return moved;
                }
                RtcOutput::Transmit(transmit) => {
                    moved = true;
                    let (from, to) = (transmit.source, transmit.destination);
                    if self.hush && transmit.contents.first().is_some_and(|first| *first >= 128) {
                        continue;
                    }
                    if to == box_address()
                        && self.peer.accepts(to, from, &transmit.contents, self.now)
                    {
                        self.peer
                            .handle_datagram(to, from, &transmit.contents, self.now);
                    }
                }
                RtcOutput::Event(event) => self.events.push(event),
            }
        }
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.pump();
        while self.now < end {
            let next = self.peer_wait.unwrap_or(end).min(self.client_wait);
            self.now = next.max(self.now + Duration::from_millis(1)).min(end);
            if self.peer_wait.is_some_and(|wait| wait <= self.now) {
                self.peer.handle_timeout(self.now);
            }
            self.pump();
        }
    }

    /// Runs until both ends are connected.
    pub(crate) fn connect(&mut self) {
        for _ in 0..100 {
            self.run(Duration::from_millis(50));
            if self.peer.is_connected() && self.client.is_connected() {
                return;
            }
        }
        panic!("the two ends did not connect");
    }

    /// The section's publisher tells its clock.
    pub(crate) fn publisher_reports(&mut self, mid: Mid) {
        let report = SenderReport {
            mid,
            rid: None,
            ntp: Duration::from_secs(1_700_000_000),
            timestamp: 0,
        };
        self.peer.set_sender_report(&report, self.now);
    }

    /// The box writes one packet.
    pub(crate) fn write(&mut self, mid: Mid, codec: Codec, sequence: u64, payload: &[u8]) {
        let payload: Arc<[u8]> = payload.into();
        let packet = Outgoing {
            mid,
            sequence,
            timestamp: sequence as u32 * 3_000,
            marker: true,
            starts_keyframe: false,
            codec,
            payload: &payload,
            vp8: None,
            extensions: &Extensions::default(),
            arrival: self.now,
        };
        self.peer.write(&packet, self.now);
    }

    /// The media packets that the client received.
    pub(crate) fn client_packets(&self) -> impl Iterator<Item = &str0m::rtp::RtpPacket> {
        self.events.iter().filter_map(|event| match event {
            Event::RtpPacket(packet) => Some(packet),
            _ => None,
        })
    }

    /// The media packets that the box received.
    pub(crate) fn packets(&self) -> impl Iterator<Item = &media::Packet> {
        self.outputs.iter().filter_map(|output| match output {
            Output::Packet(packet) => Some(packet),
            _ => None,
        })
    }
}
