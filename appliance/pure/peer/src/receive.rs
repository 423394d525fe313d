//! What arrives from a client, in the media plane's terms.

use crate::codec::{PayloadTypes, starts_keyframe};
use crate::counters::Counters;
use crate::extension::DependencyDescriptor;
use crate::ssrc::{MAX_SSRCS, SsrcTable};
use media::packet::{Extensions, LossReport, SenderReport};
use media::{Mid, Packet, Rid};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use str0m::Rtc;
use str0m::media::SenderFeedback;
use str0m::rtp::{ExtensionValues, RtpPacket};
use str0m::stats::{MediaEgressStats, MediaIngressStats};

/// Receiving state of one transport.
#[derive(Debug, Default)]
pub(crate) struct Receiver {
    pub(crate) ssrcs: SsrcTable,
    streams: Vec<Stream>,
    seen: Vec<(Mid, Option<Rid>, u64)>,
}

/// One SSRC whose place is known.
#[derive(Debug, Clone, Copy)]
struct Stream {
    ssrc: u32,
    mid: Mid,
    rid: Option<Rid>,
    /// RTP timestamp of the last keyframe.
    keyframe: Option<u32>,
}

impl Receiver {
    /// Forgets where SSRCs belong: a negotiation may have moved them.
    pub(crate) fn forget_streams(&mut self) {
        self.streams.clear();
    }

    /// The media plane's packet, or `None` (counted) when it is of unknown kind. Padding is handed
    /// on: it takes a number, and only the room can close the gap that it leaves.
    pub(crate) fn packet(
        &mut self,
        rtc: &mut Rtc,
        types: &PayloadTypes,
        packet: RtpPacket,
        counters: &mut Counters,
    ) -> Option<Packet> {
        let is_padding = packet.payload.is_empty();
        counters.padding_in += u64::from(is_padding);
        // Probes before the first media have a stream of their own, which is no section's.
        if packet.header.ssrc.is_probe() {
            return None;
        }
        let codec = types.codec(*packet.header.payload_type);
        let stream = self.stream(rtc, *packet.header.ssrc);
        let (Some(codec), Some(stream)) = (codec, stream) else {
            counters.unknown_in += u64::from(!is_padding);
            return None;
        };
        let timestamp = packet.header.timestamp;
        let starts_keyframe = !is_padding
            && stream.keyframe != Some(timestamp)
            && starts_keyframe(codec, &packet.payload);
        if starts_keyframe {
            stream.keyframe = Some(timestamp);
        }
        counters.packets_in += u64::from(!is_padding);
        Some(Packet {
            mid: stream.mid,
            rid: stream.rid,
            codec,
            sequence: *packet.seq_no,
            timestamp,
            marker: packet.header.marker,
            starts_keyframe,
            payload: packet.payload,
            extensions: extensions(&packet.header.ext_vals),
            arrival: packet.timestamp,
        })
    }

    fn stream(&mut self, rtc: &mut Rtc, ssrc: u32) -> Option<&mut Stream> {
        if let Some(place) = self.streams.iter().position(|stream| stream.ssrc == ssrc) {
            return self.streams.get_mut(place);
        }
        let mut direct = rtc.direct_api();
        let found = direct.stream_rx(&ssrc.into())?;
        let stream = Stream {
            ssrc,
            mid: Mid::new(&found.mid())?,
            rid: found.rid().and_then(|rid| Rid::new(&rid)),
            keyframe: None,
        };
        if self.streams.len() >= MAX_SSRCS {
            self.streams.remove(0);
        }
        self.streams.push(stream);
        self.streams.last_mut()
    }

    /// Our own measure of a publisher's stream; `None` when nothing arrived since the last one.
    pub(crate) fn ingress_loss(&mut self, stats: &MediaIngressStats) -> Option<LossReport> {
        let mid = Mid::new(&stats.mid)?;
        let rid = stats.rid.and_then(|rid| Rid::new(&rid));
        let place = self
            .seen
            .iter()
            .position(|(m, r, _)| (*m, *r) == (mid, rid));
        if place.is_none() {
            if self.seen.len() >= MAX_SSRCS {
                self.seen.clear();
            }
            self.seen.push((mid, rid, 0));
        }
        let place = place.unwrap_or(self.seen.len() - 1);
        let (_, _, packets) = self.seen.get_mut(place)?;
        let before = std::mem::replace(packets, stats.packets);
        if before == stats.packets {
            return None;
        }
        Some(LossReport {
            mid,
            fraction_lost: stats.loss?,
            round_trip: stats.rtt,
        })
    }
}

/// What a subscriber reported since the last statistics; `None` when it reported nothing.
pub(crate) fn egress_loss(stats: &MediaEgressStats) -> Option<LossReport> {
    Some(LossReport {
        mid: Mid::new(&stats.mid)?,
        fraction_lost: stats.loss?,
        round_trip: stats.rtt,
    })
}

pub(crate) fn sender_report(feedback: &SenderFeedback) -> Option<SenderReport> {
    let info = feedback.sender_info;
    let ntp = info.ntp_time.duration_since(SystemTime::UNIX_EPOCH);
    Some(SenderReport {
        mid: Mid::new(&feedback.mid)?,
        rid: feedback.rid.and_then(|rid| Rid::new(&rid)),
        // A sender's clock may stand before 1970; only differences are used.
        ntp: ntp.unwrap_or(Duration::ZERO),
        timestamp: info.rtp_time.numer() as u32,
    })
}

fn extensions(values: &ExtensionValues) -> Extensions {
    Extensions {
        audio_level: values.audio_level.map(i8::unsigned_abs),
        voice_activity: values.voice_activity,
        video_orientation: values
            .video_orientation
            .map(|orientation| orientation as u8),
        dependency_descriptor: values
            .user_values
            .get()
            .map(|DependencyDescriptor(bytes)| Arc::clone(bytes)),
    }
}
