//! What the model encoders put into packets, so that every packet tells where it comes from.

use media::{Layer, vp8};

/// Bytes of the VP8 payload descriptor: extensions, 15-bit picture id, TL0PICIDX, TID.
const DESCRIPTOR_BYTES: usize = 6;
/// The VP8 frame header of a keyframe (RFC 6386 §9.1): frame tag and start code.
const FRAME_HEADER_BYTES: usize = 6;
/// Before the tag in an audio payload: one byte that is no VP8 (an Opus TOC).
const AUDIO_HEADER: u8 = 0xFC;
const VIDEO_TAG_AT: usize = DESCRIPTOR_BYTES + FRAME_HEADER_BYTES;
const TAG_BYTES: usize = 10;

/// Where a packet comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    /// Index of the room.
    pub room: u8,
    /// Index of the publishing client.
    pub publisher: u8,
    /// `None` for audio.
    pub layer: Option<Layer>,
    /// Counts from 0 per layer.
    pub frame: u32,
    /// Packet of the frame, from 0.
    pub index: u8,
    /// Packets of the frame.
    pub count: u8,
    /// Of a keyframe.
    pub keyframe: bool,
}

impl Tag {
    /// First packet of a keyframe.
    pub fn starts_keyframe(&self) -> bool {
        self.keyframe && self.index == 0
    }

    fn write(&self, payload: &mut Vec<u8>) {
        let layer = self.layer.map_or(9, |layer| layer as u8);
        payload.extend([self.room, self.publisher, layer]);
        payload.extend(self.frame.to_be_bytes());
        payload.extend([self.index, self.count, u8::from(self.keyframe)]);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let [
            room,
            publisher,
            layer,
            f0,
            f1,
            f2,
            f3,
            index,
            count,
            keyframe,
        ] = *bytes.first_chunk::<TAG_BYTES>()?;
        Some(Self {
            room,
            publisher,
            layer: Layer::ALL.get(usize::from(layer)).copied(),
            frame: u32::from_be_bytes([f0, f1, f2, f3]),
            index,
            count,
            keyframe: keyframe != 0,
        })
    }
}

/// A packet of a VP8 picture: descriptor, frame header, tag, filling.
pub fn video(tag: &Tag, picture_id: u16, tl0_pic_idx: u8, bytes: usize) -> Vec<u8> {
    let start_of_partition = if tag.index == 0 { 0x10 } else { 0 };
    let [high, low] = (picture_id | 0x8000).to_be_bytes();
    let mut payload = vec![
        0x80 | start_of_partition,
        0xE0,
        high,
        low,
        tl0_pic_idx,
        0x20,
    ];
    let interframe = u8::from(!tag.keyframe);
    payload.extend([interframe, 0, 0, 0x9D, 0x01, 0x2A]);
    tag.write(&mut payload);
    payload.resize(payload.len().max(bytes), 0xAB);
    payload
}

/// An audio packet.
pub fn audio(tag: &Tag, bytes: usize) -> Vec<u8> {
    let mut payload = vec![AUDIO_HEADER];
    tag.write(&mut payload);
    payload.resize(payload.len().max(bytes), 0xCD);
    payload
}

/// The tag of any of our packets.
pub fn tag(payload: &[u8]) -> Option<Tag> {
    let at = if payload.first() == Some(&AUDIO_HEADER) {
        1
    } else {
        VIDEO_TAG_AT
    };
    Tag::read(payload.get(at..)?)
}

/// Picture id and TL0PICIDX as they stand in a packet.
pub fn counters(payload: &[u8]) -> Option<(u16, u8)> {
    let descriptor = vp8::parse(payload)?;
    Some((descriptor.picture_id?.value, descriptor.tl0_pic_idx?))
}
