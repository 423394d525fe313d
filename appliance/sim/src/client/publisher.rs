//! A model encoder: three VP8 layers and Opus, numbered anew for each.

use crate::picture::{self, Tag};
use media::Layer;
use std::time::{Duration, Instant};
use str0m::format::Codec;
use str0m::media::{Mid, Pt, Rid};
use str0m::rtp::{ExtensionValues, RtpWrite};

const FRAME_TIME: Duration = Duration::from_millis(40);
const AUDIO_TIME: Duration = Duration::from_millis(20);
const VIDEO_TICKS: u32 = 3_600;
const AUDIO_TICKS: u32 = 960;
/// Keyframes have so many times the packets of others.
const KEYFRAME_FACTOR: u8 = 3;
const AUDIO_BYTES: usize = 80;

/// What an encoder makes of its picture at 25 frames a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    /// Packets of a frame on each layer.
    pub packets: [u8; 3],
    /// Bytes of a packet's payload on each layer.
    pub bytes: [usize; 3],
}

impl Encoding {
    /// 140, 280 and 560 kbit/s: enough for what does not concern bandwidth.
    pub const SMALL: Self = Self {
        packets: [1, 2, 4],
        bytes: [700; 3],
    };
    /// 150, 500 and 1,720 kbit/s: a 720p camera (libwebrtc's usual simulcast).
    pub const CAMERA: Self = Self {
        packets: [1, 3, 8],
        bytes: [750, 834, 1_075],
    };
    /// 800 kbit/s on every layer, 4 packets a frame: as in `reliability.md`, F5.
    pub const EVEN: Self = Self {
        packets: [4; 3],
        bytes: [1_000; 3],
    };
}

/// Encodes by the clock.
#[derive(Debug)]
pub struct Publisher {
    client: u8,
    room: u8,
    encoding: Encoding,
    /// Its video section.
    pub video: Mid,
    /// Its audio section.
    pub audio: Mid,
    layers: [Stream; 3],
    voice: Stream,
    next_frame: Instant,
    next_audio: Instant,
}

/// One RTP stream's numbers.
#[derive(Debug)]
struct Stream {
    sequence: u64,
    timestamp: u32,
    picture_id: u16,
    tl0_pic_idx: u8,
    frame: u32,
    keyframe_wanted: bool,
    /// The publisher wants to send it.
    enabled: bool,
    /// Somebody watches it (dynacast).
    demanded: bool,
}

/// A packet to be written.
#[derive(Debug)]
pub struct Packet {
    pub(super) mid: Mid,
    pub(super) rid: Option<Rid>,
    pub(super) codec: Codec,
    sequence: u64,
    timestamp: u32,
    marker: bool,
    payload: Vec<u8>,
}

impl Packet {
    pub(super) fn write(self, payload_type: Pt, now: Instant) -> RtpWrite {
        let (sequence, timestamp) = (self.sequence.into(), self.timestamp);
        let is_video = self.codec == Codec::Vp8;
        let ext_vals = ExtensionValues {
            audio_level: (!is_video).then_some(-25),
            voice_activity: (!is_video).then_some(true),
            ..ExtensionValues::default()
        };
        RtpWrite::new(payload_type, sequence, timestamp, now, self.payload)
            .marker(self.marker)
            .nackable(is_video)
            .ext_vals(ext_vals)
    }
}

impl Stream {
    fn new(random: &mut fastrand::Rng) -> Self {
        Self {
            sequence: random.u64(1..30_000),
            timestamp: random.u32(..),
            picture_id: random.u16(..0x8000),
            tl0_pic_idx: random.u8(..),
            frame: 0,
            keyframe_wanted: true,
            enabled: true,
            demanded: true,
        }
    }
}

impl Publisher {
    pub(super) fn new(
        (client, room): (u8, u8),
        encoding: Encoding,
        video: Mid,
        audio: Mid,
        seed: u64,
        now: Instant,
    ) -> Self {
        let mut random = fastrand::Rng::with_seed(seed ^ u64::from(client) << 32);
        Self {
            client,
            room,
            encoding,
            video,
            audio,
            layers: [0; 3].map(|_| Stream::new(&mut random)),
            voice: Stream::new(&mut random),
            next_frame: now,
            next_audio: now,
        }
    }

    /// When the next frame is due.
    pub fn due(&self) -> Instant {
        self.next_frame.min(self.next_audio)
    }

    /// A PLI from the box.
    pub fn request_keyframe(&mut self, mid: Mid, rid: Option<Rid>) {
        for (stream, layer) in self.layers.iter_mut().zip(Layer::ALL) {
            let is_meant = rid.is_none_or(|rid| *rid == *layer.rid().as_str());
            stream.keyframe_wanted |= mid == self.video && is_meant;
        }
    }

    /// Stops or starts a layer, as an encoder short of bandwidth does.
    pub fn set_layer(&mut self, layer: Layer, enabled: bool) {
        self.layers[layer as usize].enable(enabled, true);
    }

    /// What the box says is watched.
    pub fn set_demand(&mut self, wanted: [bool; 3]) {
        for (stream, wanted) in self.layers.iter_mut().zip(wanted) {
            let enabled = stream.enabled;
            stream.enable(enabled, wanted);
        }
    }

    /// All packets due by `now`.
    pub(super) fn encode(&mut self, now: Instant) -> Vec<Packet> {
        let mut packets = Vec::new();
        if self.next_audio <= now {
            self.next_audio = now + AUDIO_TIME;
            packets.push(self.encode_audio());
        }
        if self.next_frame <= now {
            self.next_frame = now + FRAME_TIME;
            for layer in Layer::ALL {
                self.encode_frame(layer, &mut packets);
            }
        }
        packets
    }

    fn encode_audio(&mut self) -> Packet {
        let tag = self.tag(None, self.voice.frame);
        let voice = &mut self.voice;
        voice.frame += 1;
        voice.sequence += 1;
        voice.timestamp = voice.timestamp.wrapping_add(AUDIO_TICKS);
        Packet {
            mid: self.audio,
            rid: None,
            codec: Codec::Opus,
            sequence: voice.sequence,
            timestamp: voice.timestamp,
            marker: false,
            payload: picture::audio(&tag, AUDIO_BYTES),
        }
    }

    fn encode_frame(&mut self, layer: Layer, packets: &mut Vec<Packet>) {
        let tag = self.tag(Some(layer), self.layers[layer as usize].frame);
        let stream = &mut self.layers[layer as usize];
        // The clock runs whether or not the layer is encoded.
        stream.timestamp = stream.timestamp.wrapping_add(VIDEO_TICKS);
        if !(stream.enabled && stream.demanded) {
            return;
        }
        let keyframe = std::mem::take(&mut stream.keyframe_wanted);
        let count =
            self.encoding.packets[layer as usize] * if keyframe { KEYFRAME_FACTOR } else { 1 };
        let bytes = self.encoding.bytes[layer as usize];
        stream.frame += 1;
        stream.picture_id = (stream.picture_id + 1) & 0x7FFF;
        stream.tl0_pic_idx = stream.tl0_pic_idx.wrapping_add(1);
        for index in 0..count {
            let tag = Tag {
                index,
                count,
                keyframe,
                ..tag
            };
            stream.sequence += 1;
            packets.push(Packet {
                mid: self.video,
                rid: Some(layer.rid().as_str().into()),
                codec: Codec::Vp8,
                sequence: stream.sequence,
                timestamp: stream.timestamp,
                marker: index + 1 == count,
                payload: picture::video(&tag, stream.picture_id, stream.tl0_pic_idx, bytes),
            });
        }
    }

    fn tag(&self, layer: Option<Layer>, frame: u32) -> Tag {
        let (room, publisher) = (self.room, self.client);
        Tag {
            room,
            publisher,
            layer,
            frame,
            index: 0,
            count: 1,
            keyframe: false,
        }
    }
}

impl Stream {
    fn enable(&mut self, enabled: bool, demanded: bool) {
        let was_on = self.enabled && self.demanded;
        (self.enabled, self.demanded) = (enabled, demanded);
        // An encoder that starts again starts with a keyframe.
        self.keyframe_wanted |= !was_on && enabled && demanded;
    }
}
