//! A WebRTC client (str0m, used directly) behind a real UDP socket.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

/// How long one step waits for a datagram: short, because one thread steps several clients.
const STEP: Duration = Duration::from_millis(1);

/// Larger than any datagram of the box.
const DATAGRAM_BYTES: usize = 2_048;

/// One end of a call.
pub(crate) struct Client {
    socket: UdpSocket,
    local: SocketAddr,
    rtc: Box<Rtc>,
    pending: Option<SdpPendingOffer>,
    wait: Instant,
    sequence: u64,
    /// Its sections, in the order of the offer.
    pub(crate) mids: Vec<Mid>,
    /// The payloads it received, each with its section.
    pub(crate) received: Vec<(Mid, Arc<[u8]>)>,
    pub(crate) answer: String,
}

impl Client {
    pub(crate) fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(STEP)).unwrap();
        let local = socket.local_addr().unwrap();
        let now = Instant::now();
        let mut rtc = RtcConfig::new()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, true)
            .build(now);
        rtc.add_local_candidate(Candidate::host(local, "udp").unwrap());
        Self {
            socket,
            local,
            rtc: Box::new(rtc),
            pending: None,
            wait: now,
            sequence: 0,
            mids: Vec::new(),
            received: Vec::new(),
            answer: String::new(),
        }
    }

    /// An offer of so many audio sections.
    pub(crate) fn offer(&mut self, direction: Direction, sections: usize) -> String {
        let mut changes = self.rtc.sdp_api();
        for _ in 0..sections {
            let mid = changes.add_media(MediaKind::Audio, direction, None, None, None);
            self.mids.push(mid);
        }
        let (offer, pending) = changes.apply().unwrap();
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    pub(crate) fn accept_answer(&mut self, sdp: &str) {
        let answer = SdpAnswer::from_sdp_string(sdp).unwrap();
        let pending = self.pending.take().unwrap();
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
        sdp.clone_into(&mut self.answer);
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.rtc.is_connected()
    }

    /// Where its datagrams come from.
    pub(crate) fn address(&self) -> SocketAddr {
        self.local
    }

    /// The candidate that the box announced.
    pub(crate) fn box_address(&self) -> SocketAddr {
        let candidate = self
            .answer
            .lines()
            .find_map(|line| line.strip_prefix("a=candidate:"));
        let mut words = candidate.unwrap().split(' ').skip(4);
        let (ip, port) = (words.next().unwrap(), words.next().unwrap());
        SocketAddr::new(ip.parse().unwrap(), port.parse().unwrap())
    }

    /// The box's ICE user of this call.
    pub(crate) fn box_ufrag(&self) -> &str {
        let ufrag = |line| str::strip_prefix(line, "a=ice-ufrag:");
        self.answer.lines().find_map(ufrag).unwrap()
    }

    /// Sends one Opus packet in its first section.
    pub(crate) fn speak(&mut self, payload: &[u8]) {
        let now = Instant::now();
        let params = self.rtc.codec_config();
        let opus = params.find(|p| p.spec().codec == Codec::Opus).unwrap().pt();
        self.sequence += 1;
        let timestamp = self.sequence as u32 * 960;
        let write = RtpWrite::new(opus, self.sequence.into(), timestamp, now, payload);
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_tx_by_mid(self.mids[0], None).unwrap();
        stream.write_rtp(write);
    }

    /// What arrived in its section of this index.
    pub(crate) fn heard(&self, section: usize) -> Vec<&[u8]> {
        let mid = self.mids[section];
        let heard = self.received.iter().filter(|(at, _)| *at == mid);
        heard.map(|(_, payload)| &**payload).collect()
    }

    /// Sends what is due and takes what has arrived within [`STEP`].
    pub(crate) fn step(&mut self) {
        let now = Instant::now();
        if self.wait <= now {
            self.rtc.handle_input(Input::Timeout(now)).unwrap();
        }
        self.drain();
        let mut bytes = [0; DATAGRAM_BYTES];
        match self.socket.recv_from(&mut bytes) {
            Ok((length, from)) => {
                let bytes = &bytes[..length];
                if let Ok(receive) = Receive::new(Protocol::Udp, from, self.local, bytes) {
                    let input = Input::Receive(Instant::now(), receive);
                    self.rtc.handle_input(input).unwrap();
                }
                self.drain();
            }
            Err(error) => assert!(
                matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
                "{error}"
            ),
        }
    }

    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(wait) => {
                    self.wait = wait;
                    return;
                }
                Output::Transmit(transmit) => {
                    let to = transmit.destination;
                    self.socket.send_to(&transmit.contents, to).unwrap();
                }
                Output::Event(Event::RtpPacket(packet)) => {
                    let mut direct = self.rtc.direct_api();
                    let stream = direct.stream_rx(&packet.header.ssrc);
                    if let Some(stream) = stream {
                        self.received.push((stream.mid(), packet.payload));
                    }
                }
                Output::Event(_) => {}
            }
        }
    }
}
