//! Synthetic media: frames of equal packets at equal distances, in the shape of VP8 or Opus.

use crate::stamp::{Epoch, STAMP_BYTES, Source, Stamp};
use bytes::Bytes;
use rtp::codecs::vp8::Vp8Payloader;
use rtp::packetizer::Payloader;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of a packet that are no payload: RTP header, its extensions (abs-send-time and transport
/// sequence number), SRTP tag. The first packets also name their section: 4 to 8 bytes more.
pub const OVERHEAD_BYTES: usize = 12 + 12 + 16;

/// The longest VP8 payload descriptor that `rtp` writes (RFC 7741 §4.2: X, I, 15-bit picture id).
pub(crate) const DESCRIPTOR_BYTES: usize = 4;

/// Start of a VP8 key frame: frame tag, start code, width and height (RFC 6386 §9.1).
pub(crate) const KEYFRAME_HEADER: [u8; 10] = [0x10, 0, 0, 0x9D, 0x01, 0x2A, 0x00, 0x05, 0xD0, 0x02];

/// The least that carries overhead, descriptor, key frame header and stamp.
pub const MIN_PACKET_BYTES: usize =
    OVERHEAD_BYTES + DESCRIPTOR_BYTES + KEYFRAME_HEADER.len() + STAMP_BYTES;

/// Ticks per second of the video clock (RFC 7741 §4.1) and of Opus (RFC 7587 §4.1).
pub const VIDEO_CLOCK: u32 = 90_000;
/// See [`VIDEO_CLOCK`].
pub const AUDIO_CLOCK: u32 = 48_000;

/// A publisher that is this far behind skips frames instead of flooding.
pub(crate) const MAX_LAG: Duration = Duration::from_millis(500);

/// What publishers send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern {
    /// Packets per second.
    pub rate: u32,
    /// Packets per frame.
    pub burst: u32,
    /// Bytes per packet above UDP.
    pub packet_bytes: usize,
}

impl Pattern {
    /// Time between two frames.
    pub fn frame_interval(&self) -> Duration {
        Duration::from_secs(1) * self.burst / self.rate
    }
}

/// One packet to be sent.
pub struct MediaPacket {
    /// Extended RTP sequence number, from 1.
    pub sequence: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Last packet of its frame.
    pub marker: bool,
    /// VP8 descriptor or nothing, data and stamp.
    pub payload: Arc<[u8]>,
    /// When it is sent.
    pub sent_at: Duration,
}

/// The source of one stream.
pub struct Publisher {
    source: Source,
    pattern: Pattern,
    payloader: Vp8Payloader,
    begun: Option<Instant>,
    frames: u64,
    packets: u64,
    keyframe_wanted: bool,
}

impl Publisher {
    /// A source that begins with its first [`Self::due`].
    pub fn new(source: Source, pattern: Pattern) -> Self {
        let mut payloader = Vp8Payloader::default();
        payloader.enable_picture_id = true;
        Self {
            source,
            pattern,
            payloader,
            begun: None,
            frames: 0,
            packets: 0,
            keyframe_wanted: true,
        }
    }

    /// The next frame is a key frame.
    pub fn request_keyframe(&mut self) {
        self.keyframe_wanted = true;
    }

    /// When the next frame is to be sent. The first call starts the clock, shifted by the
    /// publisher's number so that many publishers do not send in step.
    pub fn due(&mut self, now: Instant) -> Instant {
        let interval = self.pattern.frame_interval();
        let shift = interval.mul_f64(f64::from(self.source.publisher) * 0.618_034 % 1.0);
        let begun = *self.begun.get_or_insert(now + shift);
        let due = begun + self.offset(self.frames);
        if due + MAX_LAG < now {
            self.begun = Some(begun + (now - due));
            return now;
        }
        due
    }

    /// The next frame's packets.
    pub fn frame(&mut self, epoch: Epoch, now: Instant) -> Vec<MediaPacket> {
        let payload_bytes = self.pattern.packet_bytes - OVERHEAD_BYTES;
        let timestamp = self.timestamp();
        let parts = if self.source.audio {
            vec![Bytes::new(); self.pattern.burst as usize]
        } else {
            self.video_frame(payload_bytes)
        };
        self.frames += 1;
        let last = parts.len().saturating_sub(1);
        let sent_at = epoch.at(now);
        parts
            .into_iter()
            .enumerate()
            .map(|(index, part)| {
                let mut payload = part.to_vec();
                payload.resize(payload_bytes, 0x55);
                let stamp = Stamp {
                    source: self.source.word(),
                    sequence: self.packets,
                    sent_at,
                };
                stamp.write(&mut payload);
                self.packets += 1;
                MediaPacket {
                    sequence: self.packets,
                    timestamp,
                    marker: index == last && !self.source.audio,
                    payload: payload.into(),
                    sent_at,
                }
            })
            .collect()
    }

    /// Lets frames that are due pass unsent; the numbers of what follows show no gap.
    pub fn skip_due(&mut self, now: Instant) {
        while self.due(now) <= now {
            self.frames += 1;
        }
    }

    fn video_frame(&mut self, payload_bytes: usize) -> Vec<Bytes> {
        let data_bytes = (payload_bytes - DESCRIPTOR_BYTES) * self.pattern.burst as usize;
        let mut data = vec![0x55; data_bytes];
        if std::mem::take(&mut self.keyframe_wanted) {
            data[..KEYFRAME_HEADER.len()].copy_from_slice(&KEYFRAME_HEADER);
        }
        // Fails for no input; an empty frame would show as loss.
        self.payloader
            .payload(payload_bytes, &Bytes::from(data))
            .unwrap_or_default()
    }

    fn offset(&self, frames: u64) -> Duration {
        let nanos = u128::from(frames) * u128::from(self.pattern.burst) * 1_000_000_000
            / u128::from(self.pattern.rate);
        Duration::from_nanos(nanos as u64)
    }

    fn timestamp(&self) -> u32 {
        let clock = if self.source.audio {
            AUDIO_CLOCK
        } else {
            VIDEO_CLOCK
        };
        let packets = self.frames * u64::from(self.pattern.burst);
        (packets * u64::from(clock) / u64::from(self.pattern.rate)) as u32
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use rtp::codecs::vp8::Vp8Packet;
    use rtp::packetizer::Depacketizer;

    const SOURCE: Source = Source {
        publisher: 0,
        layer: 0,
        audio: false,
    };

    fn is_keyframe(payload: &[u8]) -> bool {
        let mut packet = Vp8Packet::default();
        let data = packet
            .depacketize(&Bytes::copy_from_slice(payload))
            .unwrap();
        packet.s == 1 && packet.pid == 0 && data[0] & 1 == 0
    }

    #[test]
    fn every_frame_has_its_packets_of_the_right_size_and_one_marker() {
        for (burst, packet_bytes) in [
            (1, 200),
            (1, 1_200),
            (10, 1_200),
            (40, 1_200),
            (3, MIN_PACKET_BYTES),
        ] {
            let pattern = Pattern {
                rate: 300,
                burst,
                packet_bytes,
            };
            let mut publisher = Publisher::new(SOURCE, pattern);
            // Beyond 128 frames the picture id, and with it the descriptor, grows.
            for frame in 0..300 {
                let packets = publisher.frame(Epoch::begin(), Instant::now());
                assert_eq!(packets.len(), burst as usize, "frame {frame} of {burst}");
                assert!(
                    packets
                        .iter()
                        .all(|p| p.payload.len() + OVERHEAD_BYTES == packet_bytes)
                );
                let markers = packets.iter().filter(|packet| packet.marker).count();
                assert!(markers == 1 && packets.last().unwrap().marker);
            }
        }
    }

    #[test]
    fn the_first_frame_and_the_one_after_a_request_are_key_frames() {
        let pattern = Pattern {
            rate: 300,
            burst: 2,
            packet_bytes: 200,
        };
        let mut publisher = Publisher::new(SOURCE, pattern);
        let keys: Vec<bool> = (0..4)
            .map(|frame| {
                if frame == 2 {
                    publisher.request_keyframe();
                }
                let packets = publisher.frame(Epoch::begin(), Instant::now());
                assert!(
                    !is_keyframe(&packets[1].payload),
                    "only the first packet starts one"
                );
                is_keyframe(&packets[0].payload)
            })
            .collect();
        assert_eq!(keys, [true, false, true, false]);
    }

    #[test]
    fn the_rate_is_kept_exactly() {
        let mut publisher = Publisher::new(
            SOURCE,
            Pattern {
                rate: 300,
                burst: 7,
                packet_bytes: 200,
            },
        );
        let begun = Instant::now();
        let mut sent = 0;
        while publisher.due(begun) < begun + Duration::from_secs(70) {
            sent += publisher.frame(Epoch::begin(), begun).len();
        }
        assert_eq!(sent, 21_000);
    }
}
