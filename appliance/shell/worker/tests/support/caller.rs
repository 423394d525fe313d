//! A client as in a call: sends a camera in three layers and a voice, watches one of each, talks
//! on data channels.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::channel::ChannelId;
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

const DATAGRAM_BYTES: usize = 2_048;
/// A frame on each layer and a packet of audio this often.
const FRAME_TIME: Duration = Duration::from_millis(20);
/// VP8 payload descriptor (RFC 7741 §4.2) with a 15-bit picture id.
const DESCRIPTOR_BYTES: usize = 4;
/// Small: every layer fits into any estimate.
const FRAME_BYTES: usize = 40;
const RIDS: [&str; 3] = ["q", "h", "f"];
const LABELS: [&str; 2] = ["_reliable", "_lossy"];
/// In front of the number in a data message's payload.
const MAGIC: &[u8] = b"number";

/// One packet of the picture it watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    /// 0 to 2.
    pub(crate) layer: u8,
    pub(crate) is_keyframe: bool,
    pub(crate) sequence: u64,
}

pub(crate) struct Caller {
    socket: UdpSocket,
    local: SocketAddr,
    rtc: Box<Rtc>,
    pending: Option<SdpPendingOffer>,
    wait: Instant,
    began: Instant,
    next_frame: Instant,
    frames: u64,
    /// Camera, voice, what it watches, what it hears.
    pub(crate) mids: Vec<Mid>,
    channels: Vec<ChannelId>,
    open: Vec<ChannelId>,
    /// Layers of which the box asked for a keyframe.
    asked: BTreeSet<usize>,
    pub(crate) shown: Vec<Shown>,
    pub(crate) heard: usize,
    /// Numbers of the data messages that came.
    pub(crate) told: Vec<u32>,
    pub(crate) box_address: Option<SocketAddr>,
}

impl Caller {
    pub(crate) fn new() -> (Self, String) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let local = socket.local_addr().unwrap();
        let now = Instant::now();
        let mut rtc = RtcConfig::new()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, true)
            .enable_vp8(true)
            .build(now);
        rtc.add_local_candidate(Candidate::host(local, "udp").unwrap());
        let mut changes = rtc.sdp_api();
        let mut layers = Simulcast::new();
        for rid in RIDS {
            layers.add_send_layer(SimulcastLayer::new(rid));
        }
        let (video, audio) = (MediaKind::Video, MediaKind::Audio);
        let (send, receive) = (Direction::SendOnly, Direction::RecvOnly);
        let mids = vec![
            changes.add_media(video, send, None, None, Some(layers)),
            changes.add_media(audio, send, None, None, None),
            changes.add_media(video, receive, None, None, None),
            changes.add_media(audio, receive, None, None, None),
        ];
        let channels = LABELS.map(|label| changes.add_channel(label.to_owned()));
        let (offer, pending) = changes.apply().unwrap();
        let caller = Self {
            socket,
            local,
            rtc: Box::new(rtc),
            pending: Some(pending),
            wait: now,
            began: now,
            next_frame: now,
            frames: 0,
            mids,
            channels: channels.to_vec(),
            open: Vec::new(),
            asked: BTreeSet::new(),
            shown: Vec::new(),
            heard: 0,
            told: Vec::new(),
            box_address: None,
        };
        (caller, offer.to_sdp_string())
    }

    pub(crate) fn accept_answer(&mut self, sdp: &str) {
        let lines = sdp.lines();
        let mut candidates = lines.filter_map(|line| line.strip_prefix("a=candidate:"));
        let mut words = candidates.next().unwrap().split(' ').skip(4);
        let (ip, port) = (words.next().unwrap(), words.next().unwrap());
        self.box_address = Some(SocketAddr::new(ip.parse().unwrap(), port.parse().unwrap()));
        let answer = SdpAnswer::from_sdp_string(sdp).unwrap();
        let pending = self.pending.take().unwrap();
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
    }

    /// ICE, DTLS and its data channels are up.
    pub(crate) fn is_ready(&self) -> bool {
        self.rtc.is_connected() && self.open.len() == self.channels.len()
    }

    pub(crate) fn forget(&mut self) {
        self.shown.clear();
        self.told.clear();
        self.heard = 0;
    }

    /// A `livekit.DataPacket` with a sequence and a `UserPacket`.
    pub(crate) fn tell(&mut self, reliable: bool, number: u32) {
        let payload = [MAGIC, &number.to_be_bytes()].concat();
        let user = [&[0x12, payload.len() as u8], &payload[..]].concat();
        let mut packet = [&[0x12, user.len() as u8], &user[..]].concat();
        packet.extend([0x80, 0x01, number as u8]);
        assert!(number < 128, "one byte of varint");
        let channel = self.channels[usize::from(!reliable)];
        let mut channel = self.rtc.channel(channel).unwrap();
        assert!(channel.write(true, &packet).unwrap());
        self.settle();
    }

    /// A frame on every layer and a packet of audio, when it is time for them.
    pub(crate) fn send(&mut self) {
        let now = Instant::now();
        if now < self.next_frame {
            return;
        }
        self.next_frame = now + FRAME_TIME;
        self.frames += 1;
        let milliseconds = (now - self.began).as_millis() as u32;
        for (layer, rid) in RIDS.into_iter().enumerate() {
            let is_keyframe = self.frames == 1 || self.asked.remove(&layer);
            let [high, low] = (0x8000 | (self.frames as u16 & 0x7FFF)).to_be_bytes();
            let mut payload = vec![0x90, 0x80, high, low];
            payload.extend([u8::from(!is_keyframe), 0, 0, 0x9d, 0x01, 0x2a]);
            payload.extend([layer as u8, u8::from(is_keyframe)]);
            payload.resize(FRAME_BYTES, 7);
            let rid = Some(Rid::from(rid));
            self.write(0, rid, Codec::Vp8, milliseconds * 90, payload);
        }
        self.write(1, None, Codec::Opus, milliseconds * 48, vec![0xfc; 20]);
    }

    fn write(
        &mut self,
        section: usize,
        rid: Option<Rid>,
        codec: Codec,
        timestamp: u32,
        payload: Vec<u8>,
    ) {
        let now = Instant::now();
        let params = self.rtc.codec_config();
        let payload_type = params.find(|p| p.spec().codec == codec).unwrap().pt();
        let is_video = codec == Codec::Vp8;
        let ext_vals = ExtensionValues {
            audio_level: (!is_video).then_some(-20),
            voice_activity: (!is_video).then_some(true),
            ..ExtensionValues::default()
        };
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_tx_by_mid(self.mids[section], rid).unwrap();
        let write = RtpWrite::new(payload_type, self.frames.into(), timestamp, now, payload);
        stream.write_rtp(write.marker(is_video).nackable(is_video).ext_vals(ext_vals));
        self.settle();
    }

    /// Sends what is due and takes all that has arrived: what waits looks like a slow path.
    pub(crate) fn step(&mut self) {
        if self.wait <= Instant::now() {
            self.settle();
        }
        let mut bytes = [0; DATAGRAM_BYTES];
        loop {
            let (length, from) = match self.socket.recv_from(&mut bytes) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            };
            let bytes = &bytes[..length];
            if let Ok(receive) = Receive::new(Protocol::Udp, from, self.local, bytes) {
                let input = Input::Receive(Instant::now(), receive);
                self.rtc.handle_input(input).unwrap();
            }
            self.drain();
        }
    }

    fn settle(&mut self) {
        self.rtc
            .handle_input(Input::Timeout(Instant::now()))
            .unwrap();
        self.drain();
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
                Output::Event(event) => self.handle(event),
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::ChannelOpen(channel, _) => {
                self.open.push(channel);
            }
            Event::ChannelData(data) => {
                let at = data.data.windows(MAGIC.len()).position(|w| w == MAGIC);
                let number = &data.data[at.unwrap() + MAGIC.len()..];
                let number = number.first_chunk().unwrap();
                self.told.push(u32::from_be_bytes(*number));
            }
            Event::KeyframeRequest(request) => {
                let asked = |rid| Some(Rid::from(rid)) == request.rid;
                self.asked.extend(RIDS.into_iter().position(asked));
            }
            Event::RtpPacket(packet) => {
                let mut direct = self.rtc.direct_api();
                let mid = direct.stream_rx(&packet.header.ssrc).map(|s| s.mid());
                if mid == Some(self.mids[3]) {
                    self.heard += 1;
                } else if let Some(tag) = packet.payload.get(DESCRIPTOR_BYTES + 6..) {
                    self.shown.push(Shown {
                        layer: tag[0],
                        is_keyframe: tag[1] == 1,
                        sequence: *packet.seq_no,
                    });
                }
            }
            _ => {}
        }
    }
}
