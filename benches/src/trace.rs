//! What a real publisher sent, replayed: its timing, its sizes, its frames; the contents are ours.

use crate::publisher::{
    AUDIO_CLOCK, DESCRIPTOR_BYTES, KEYFRAME_HEADER, MAX_LAG, MediaPacket, VIDEO_CLOCK,
};
use crate::stamp::{Epoch, STAMP_BYTES, Source, Stamp};
use anyhow::{Context, Result, bail};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The least that carries descriptor, key frame header and stamp; shorter packets grow to it.
const MIN_PAYLOAD_BYTES: usize = DESCRIPTOR_BYTES + KEYFRAME_HEADER.len() + STAMP_BYTES;

/// Payload types of Opus and of its redundant form in the traces.
const AUDIO_TYPES: [u8; 2] = [111, 63];

/// From the end of a trace to its repetition: a frame at 30 per second.
const SEAM: Duration = Duration::from_micros(33_333);

/// One packet of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    at: Duration,
    timestamp: u32,
    marker: bool,
    starts_keyframe: bool,
    starts_frame: bool,
    bytes: usize,
}

/// One stream of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceStream {
    /// Opus, not video.
    pub audio: bool,
    /// Simulcast layer by its rid; `None` without simulcast.
    pub rid: Option<&'static str>,
    rows: Arc<[Row]>,
    period: Duration,
}

/// Bytes around a payload on the wire: RTP with extensions, SRTP tag, UDP, IPv4, Ethernet.
const WIRE_BYTES: usize = 24 + 16 + 8 + 20 + 18;

/// Reads a trace: `t_us,stream,layer,payload_type,sequence,rtp_timestamp,marker,keyframe_start,
/// payload_bytes`. Streams come in the order audio, then layers from the smallest.
///
/// Behind an uplink of so many Mbit/s (0: none) packets leave one after the other, as the
/// narrowest link in front of the server lets them through.
///
/// # Errors
/// A line that is none, or nothing to replay.
pub fn read(text: &str, uplink_mbps: u32) -> Result<Vec<TraceStream>> {
    let mut streams: Vec<(u32, u32, Vec<Row>, TraceStream)> = Vec::new();
    let (mut end, mut link_free) = (Duration::ZERO, Duration::ZERO);
    for (line, text) in text.lines().enumerate().skip(1) {
        let fields: Vec<&str> = text.split(',').collect();
        let [at, stream, layer, kind, _, timestamp, marker, key, bytes] = fields[..] else {
            bail!("line {}: nine fields are expected", line + 1);
        };
        let number = |field: &str| {
            let parsed = field.parse::<u64>();
            parsed.with_context(|| format!("line {}: {field:?} is no number", line + 1))
        };
        let (stream, timestamp) = (number(stream)? as u32, number(timestamp)? as u32);
        let bits = (number(bytes)? as usize + WIRE_BYTES) * 8;
        let on_link = bits.checked_div(uplink_mbps as usize).unwrap_or(0);
        let at = Duration::from_micros(number(at)?).max(link_free);
        link_free = at + Duration::from_micros(on_link as u64);
        end = end.max(at);
        let known = streams.iter().position(|known| known.0 == stream);
        let place = known.unwrap_or(streams.len());
        if known.is_none() {
            let trace = TraceStream {
                audio: AUDIO_TYPES.contains(&(number(kind)? as u8)),
                rid: crate::track::rid(layer),
                rows: Arc::new([]),
                period: Duration::ZERO,
            };
            streams.push((stream, timestamp, Vec::new(), trace));
        }
        let (_, first, rows, _) = &mut streams[place];
        rows.push(Row {
            at,
            timestamp: timestamp.wrapping_sub(*first),
            marker: number(marker)? == 1,
            starts_keyframe: number(key)? == 1,
            starts_frame: rows
                .last()
                .is_none_or(|last| last.marker || last.timestamp != timestamp.wrapping_sub(*first)),
            bytes: number(bytes)? as usize,
        });
    }
    if streams.is_empty() {
        bail!("the trace is empty");
    }
    let mut read: Vec<TraceStream> = streams
        .into_iter()
        .map(|(_, _, rows, trace)| TraceStream {
            rows: rows.into(),
            period: end + SEAM,
            ..trace
        })
        .collect();
    read.sort_by_key(|stream| (!stream.audio, crate::track::layer(stream.rid)));
    Ok(read)
}

/// A stream that repeats its trace for ever.
pub struct Replay {
    source: Source,
    stream: TraceStream,
    begun: Option<Instant>,
    round: u32,
    next: usize,
    packets: u64,
    frames: u16,
    keyframe_wanted: bool,
}

impl Replay {
    /// A replay that begins with its first [`Self::due`].
    pub fn new(source: Source, stream: TraceStream) -> Self {
        Self {
            source,
            stream,
            begun: None,
            round: 0,
            next: 0,
            packets: 0,
            frames: 0,
            keyframe_wanted: true,
        }
    }

    /// The next frame is a key frame; its size stays what the trace says.
    pub fn request_keyframe(&mut self) {
        self.keyframe_wanted = true;
    }

    /// When the next packet is to be sent. All streams of a publisher start together; publishers
    /// are shifted against each other.
    pub fn due(&mut self, now: Instant) -> Instant {
        let shift = SEAM.mul_f64(f64::from(self.source.publisher) * 0.618_034 % 1.0);
        let begun = *self.begun.get_or_insert(now + shift);
        let at = self.stream.rows[self.next].at + self.stream.period * self.round;
        let due = begun + at;
        if due + MAX_LAG < now {
            self.begun = Some(begun + (now - due));
            return now;
        }
        due
    }

    /// The packets that are due.
    pub fn take_due(&mut self, epoch: Epoch, now: Instant) -> Vec<MediaPacket> {
        let mut packets = Vec::new();
        while self.due(now) <= now {
            packets.push(self.packet(epoch.at(now)));
        }
        packets
    }

    /// Lets packets that are due pass unsent; the numbers of what follows show no gap.
    pub fn skip_due(&mut self, now: Instant) {
        while self.due(now) <= now {
            self.advance();
        }
    }

    fn advance(&mut self) {
        self.next += 1;
        if self.next == self.stream.rows.len() {
            (self.next, self.round) = (0, self.round + 1);
        }
    }

    fn packet(&mut self, sent_at: Duration) -> MediaPacket {
        let row = self.stream.rows[self.next];
        let clock = if self.source.audio {
            AUDIO_CLOCK
        } else {
            VIDEO_CLOCK
        };
        let rounds = (self.stream.period * self.round).as_secs_f64() * f64::from(clock);
        let mut payload = vec![0x55; row.bytes.max(MIN_PAYLOAD_BYTES)];
        if !self.source.audio {
            self.describe(&row, &mut payload);
        }
        let stamp = Stamp {
            source: self.source.word(),
            sequence: self.packets,
            sent_at,
        };
        stamp.write(&mut payload);
        self.packets += 1;
        self.advance();
        MediaPacket {
            sequence: self.packets,
            timestamp: row.timestamp.wrapping_add(rounds as u64 as u32),
            marker: row.marker,
            payload: payload.into(),
            sent_at,
        }
    }

    /// VP8's descriptor (RFC 7741 §4.2: X, S, then I with 15 bits) and the start of a key frame.
    fn describe(&mut self, row: &Row, payload: &mut [u8]) {
        self.frames = self.frames.wrapping_add(u16::from(row.starts_frame)) & 0x7FFF;
        let [high, low] = self.frames.to_be_bytes();
        let first = 0x80 | u8::from(row.starts_frame) << 4;
        let (descriptor, data) = payload.split_at_mut(DESCRIPTOR_BYTES);
        descriptor.copy_from_slice(&[first, 0x80, 0x80 | high, low]);
        if row.starts_frame && (row.starts_keyframe || std::mem::take(&mut self.keyframe_wanted)) {
            data[..KEYFRAME_HEADER.len()].copy_from_slice(&KEYFRAME_HEADER);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const TRACE: &str = "t_us,stream,layer,payload_type,sequence,rtp_timestamp,marker,keyframe_start,payload_bytes\n\
        0,3,h,96,10,1000,0,1,900\n\
        50,3,h,96,11,1000,1,0,899\n\
        100,7,q,96,9,500,1,1,300\n\
        20000,5,-,63,7,77,0,0,3\n\
        33333,3,h,96,12,4000,1,0,700\n";

    #[test]
    fn a_trace_is_replayed_with_its_times_sizes_and_frames_again_and_again() {
        let streams = read(TRACE, 0).unwrap();
        let kinds: Vec<_> = streams.iter().map(|s| (s.audio, s.rid)).collect();
        assert_eq!(
            kinds,
            [(true, None), (false, Some("q")), (false, Some("h"))]
        );
        let source = Source {
            publisher: 0,
            layer: 1,
            audio: false,
        };
        let (begun, epoch) = (Instant::now(), Epoch::begin());
        let mut replay = Replay::new(source, streams[2].clone());
        assert_eq!(replay.due(begun), begun);
        let first = replay.take_due(epoch, begun + Duration::from_micros(60));
        let shape = |p: &MediaPacket| (p.payload.len(), p.marker, p.payload[0], p.timestamp);
        let shapes: Vec<_> = first.iter().map(shape).collect();
        assert_eq!(shapes, [(900, false, 0x90, 0), (899, true, 0x80, 0)]);
        assert_eq!(first[0].payload[DESCRIPTOR_BYTES], 0x10, "a key frame");
        let second = replay.take_due(epoch, begun + Duration::from_micros(33_333));
        assert_eq!(
            second.iter().map(shape).collect::<Vec<_>>(),
            [(700, true, 0x90, 3_000)]
        );
        assert_eq!(replay.due(begun), begun + 2 * SEAM, "the next round");
        let third = replay.take_due(epoch, begun + 2 * SEAM + Duration::from_micros(50));
        assert_eq!((third.len(), third[0].sequence), (2, 4));
        assert!(
            (5_998..=6_000).contains(&third[0].timestamp),
            "{}",
            third[0].timestamp
        );
    }

    #[test]
    fn behind_a_narrow_uplink_a_frame_leaves_packet_by_packet() {
        let streams = read(TRACE, 8).unwrap();
        let at: Vec<_> = streams[2]
            .rows
            .iter()
            .map(|row| row.at.as_micros())
            .collect();
        assert_eq!(at, [0, 986, 33_333], "986 bytes at a byte per microsecond");
    }

    #[test]
    fn our_own_traces_can_be_read() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/traces");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "csv") {
                let streams = read(&std::fs::read_to_string(&path).unwrap(), 20).unwrap();
                assert!(streams.len() >= 2, "{}", path.display());
                count += 1;
            }
        }
        assert!(count >= 5);
    }
}
