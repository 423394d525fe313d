//! A client with media: the load generator's peer connection on a socket of the test's own.

use crate::daemon::Daemon;
use crate::websocket::WebSocket;
use benches::publisher::{Pattern, Publisher};
use benches::stamp::{Epoch, Source, Stamp};
use benches::track::{Plan, Script};
use benches::transport::Transport;
use livekit_protocol::{AddTrackRequest, SessionDescription, TrackSource, TrackType};
use livekit_protocol::{signal_request, signal_response};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Nothing here takes longer on the slowest machine; then the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a turn waits for a datagram.
const TURN: Duration = Duration::from_millis(2);

/// One packet per picture: what arrives is a whole frame.
const PICTURES: Pattern = Pattern {
    rate: 30,
    burst: 1,
    packet_bytes: 200,
};

/// Somebody's peer connection, by the signalling that it came from.
pub(crate) struct Caller {
    /// The session lives as long as this does.
    pub(crate) session: WebSocket,
    transport: Transport,
    socket: UdpSocket,
    /// Media packets that went out, as on the wire.
    pub(crate) sent: Vec<(SocketAddr, Vec<u8>)>,
    /// How often each packet came, by SSRC and sequence number on the wire.
    pub(crate) heard: HashMap<(u32, u16), u32>,
    /// How often each picture came, by its number.
    pub(crate) seen: HashMap<u64, u32>,
}

/// What a publisher shows: pictures one by one, when the test wants them.
pub(crate) struct Show(Publisher, Epoch);

impl Show {
    fn new() -> Self {
        let source = Source {
            publisher: 1,
            layer: 0,
            audio: false,
        };
        Self(Publisher::new(source, PICTURES), Epoch::begin())
    }
}

impl Caller {
    /// Publishes a picture in `room`.
    pub(crate) fn publishes(daemon: &Daemon, room: &str, who: &str) -> (Self, Show) {
        let mut session = WebSocket::join(daemon, room, who);
        let (socket, mut transport) = connection();
        let plan = Plan {
            audio: false,
            layers: vec![(None, Script::Pattern(PICTURES))],
        };
        let sdp = transport.offer(&[("picture".to_owned(), &plan)], Instant::now());
        let track = AddTrackRequest {
            cid: "picture".to_owned(),
            r#type: TrackType::Video.into(),
            source: TrackSource::Camera.into(),
            ..AddTrackRequest::default()
        };
        for request in [
            signal_request::Message::AddTrack(track),
            signal_request::Message::Offer(description("offer", sdp.unwrap(), 1)),
        ] {
            session.request(request).unwrap();
        }
        let answer = session.until(|said| match said {
            signal_response::Message::Answer(answer) => Some(answer.sdp),
            _ => None,
        });
        transport.accept_answer(&answer, Instant::now()).unwrap();
        let mut caller = Self::new(session, transport, socket);
        caller.until("a publisher is connected", |caller| {
            caller.transport.is_connected()
        });
        (caller, Show::new())
    }

    /// Is shown what others publish in `room`.
    pub(crate) fn watches(daemon: &Daemon, room: &str, who: &str) -> Self {
        let mut session = WebSocket::join(daemon, room, who);
        let offer = session.until(|said| match said {
            signal_response::Message::Offer(offer) if offer.sdp.contains("m=video") => Some(offer),
            _ => None,
        });
        let (socket, mut transport) = connection();
        let answer = transport.accept_offer(&offer.sdp, Instant::now()).unwrap();
        let answer = description("answer", answer, offer.id);
        session
            .request(signal_request::Message::Answer(answer))
            .unwrap();
        let mut caller = Self::new(session, transport, socket);
        caller.until("a viewer is connected", |caller| {
            caller.transport.is_connected()
        });
        caller
    }

    fn new(session: WebSocket, transport: Transport, socket: UdpSocket) -> Self {
        Self {
            session,
            transport,
            socket,
            sent: Vec::new(),
            heard: HashMap::new(),
            seen: HashMap::new(),
        }
    }

    /// Shows one picture; its number.
    pub(crate) fn show(&mut self, show: &mut Show) -> u64 {
        let now = Instant::now();
        if !self.transport.take_keyframe_requests().is_empty() {
            show.0.request_keyframe();
        }
        let packets = show.0.frame(show.1, now);
        let number = Stamp::read(&packets[0].payload).unwrap().sequence;
        self.transport.write((0, None), packets, now).unwrap();
        self.turn();
        number
    }

    /// A picture under each of these SSRCs.
    pub(crate) fn show_as(&mut self, ssrcs: std::ops::Range<u32>, show: &mut Show) {
        for ssrc in ssrcs {
            let now = Instant::now();
            let packet = show.0.frame(show.1, now).remove(0);
            self.transport.write_as((0, ssrc), packet, now).unwrap();
        }
        self.turn();
    }

    /// Sends media packets once more, as they were.
    pub(crate) fn replay(&self, packets: &[(SocketAddr, Vec<u8>)]) {
        for (to, bytes) in packets {
            self.socket.send_to(bytes, to).unwrap();
        }
    }

    /// Sends what is to be sent, takes what has come.
    pub(crate) fn turn(&mut self) {
        self.transport.handle_timeout(Instant::now());
        for (to, bytes) in std::mem::take(&mut self.transport.outgoing) {
            self.socket.send_to(&bytes, to).unwrap();
            if media(&bytes).is_some() {
                self.sent.push((to, bytes));
            }
        }
        let mut datagram = [0; 2_048];
        match self.socket.recv_from(&mut datagram) {
            Ok((length, from)) => self.take(&datagram[..length], from),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }

    fn take(&mut self, datagram: &[u8], from: SocketAddr) {
        if let Some(number) = media(datagram) {
            *self.heard.entry(number).or_default() += 1;
        }
        self.transport
            .handle_datagram(from, datagram, Instant::now());
        for packet in self.transport.packets.drain(..) {
            if let Some(stamp) = Stamp::read(&packet.payload) {
                *self.seen.entry(stamp.sequence).or_default() += 1;
            }
        }
    }

    /// Turns until something is so.
    pub(crate) fn until(&mut self, what: &str, mut so: impl FnMut(&mut Self) -> bool) {
        let began = Instant::now();
        while !so(self) {
            assert!(
                began.elapsed() < PATIENCE,
                "not within {PATIENCE:?}: {what}"
            );
            self.turn();
        }
    }
}

/// SSRC and sequence number of an RTP packet (RFC 3550 §5.1); `None` for RTCP (RFC 5761 §4) and
/// everything else.
fn media(bytes: &[u8]) -> Option<(u32, u16)> {
    let header = benches::header::Header::read(bytes)?;
    let is_rtcp = (64..96).contains(&header.payload_type);
    (!is_rtcp).then_some((header.ssrc, header.sequence))
}

fn connection() -> (UdpSocket, Transport) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(TURN)).unwrap();
    let transport = Transport::new(socket.local_addr().unwrap(), Instant::now()).unwrap();
    (socket, transport)
}

fn description(kind: &str, sdp: String, id: u32) -> SessionDescription {
    SessionDescription {
        r#type: kind.to_owned(),
        sdp,
        id,
        ..SessionDescription::default()
    }
}
