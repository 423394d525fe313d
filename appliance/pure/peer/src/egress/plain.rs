//! str0m's own egress.

use super::{Egress, Unsafe, Verdict};
use crate::codec::PayloadTypes;
use crate::departure::Departure;
use crate::extension::{DependencyDescriptor, dependency_descriptor, needs_mixed_forms};
use crate::section::{Section, payload_types};
use crate::transit::{MAX_PACED_AGE, Transit, longest_wait};
use egress::{Continuity, PayloadType, WriteRefusal, fitness};
use media::packet::{Extensions, Vp8Rewrite};
use media::{Codec, Kind, Mid, Outgoing};
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::Rtc;
use str0m::bwe::{Bitrate as RtcBitrate, BweKind};
use str0m::media::{Mid as RtcMid, Pt};
use str0m::net::Transmit;
use str0m::rtp::{ExtensionValues, RedBlock, RedDecoder, RtpWrite, Ssrc, Vp8Descriptor, Vp8Patch};
use vocab::Bitrate;

/// Packets a section remembers for retransmission: 1.9 s of 2.7 Mbit/s, the age limit below at
/// most rates. str0m spends 0.5 KB per slot.
pub(crate) const RTX_CACHE_PACKETS: usize = 512;
/// A packet older than this is of no use to a viewer: its frame is past.
const RTX_CACHE_AGE: Duration = Duration::from_secs(2);
/// Retransmissions may take half of what a section sends in a second, that is, as much as its
/// media. 30 % loss needs 0.30 (1 − 1/(1 + p/(1 − p))); str0m's own 0.15 starves a viewer from
/// 20 % loss on (`reliability.md` F5). Without any cap a client that asks for every packet again
/// and again multiplies the box's traffic (A5); the pacer, fed by the bandwidth estimate, holds
/// both to what the path takes.
const RTX_RATIO: f32 = 0.5;
/// Longest payload in bytes: str0m writes header, extensions, payload and tag into 2,000 bytes.
/// An Ethernet frame carries 1,460.
const MAX_PAYLOAD_BYTES: usize = 1_600;
/// Largest 7-bit VP8 picture id (RFC 7741 §4.2).
const SHORT_PICTURE_ID: u16 = 0x7f;

/// str0m sends.
#[derive(Default)]
pub(crate) struct Plain {
    streams: Vec<Stream>,
    transit: Transit,
    allows_mixed_forms: bool,
    has_transport_feedback: bool,
}

/// One section that can send.
struct Stream {
    mid: Mid,
    rtc_mid: RtcMid,
    kind: Kind,
    /// Where we send, once negotiated.
    ssrc: Option<Ssrc>,
    /// False while the section is inactive or receives only.
    sending: bool,
    /// The client reads dependency descriptors here.
    describes: bool,
    continuity: Continuity,
    payload_types: Vec<PayloadType>,
}

impl Plain {
    fn find(&mut self, mid: Mid) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| stream.mid == mid)
    }

    fn entry(&mut self, section: &Section) -> &mut Stream {
        let place = self.streams.iter().position(|s| s.mid == section.mid);
        let place = place.unwrap_or_else(|| {
            self.streams.push(Stream {
                mid: section.mid,
                rtc_mid: section.rtc_mid,
                kind: section.kind,
                ssrc: None,
                sending: false,
                describes: false,
                continuity: Continuity::default(),
                payload_types: Vec::new(),
            });
            self.streams.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the place was just found or made")]
        &mut self.streams[place]
    }
}

impl Egress for Plain {
    fn prepare(&mut self, _rtc: &mut Rtc) {}

    fn refresh(
        &mut self,
        rtc: &mut Rtc,
        sections: &[Section],
        allows_mixed_forms: bool,
    ) -> Result<(), Unsafe> {
        self.allows_mixed_forms = allows_mixed_forms;
        for section in sections {
            let Some(media) = rtc.media(section.rtc_mid) else {
                continue;
            };
            let payload_types = payload_types(rtc, media);
            let sending = media.direction().is_sending() && !media.disabled();
            let extensions = media.remote_extmap();
            let describes = extensions.id_of(dependency_descriptor()).is_some();
            let stream = self.entry(section);
            stream.payload_types = payload_types;
            stream.sending = sending;
            stream.describes = describes;
            stream.adopt(rtc);
        }
        Ok(())
    }

    fn write(
        &mut self,
        rtc: &mut Rtc,
        packet: &Outgoing<'_>,
        _now: Instant,
    ) -> Result<(), WriteRefusal> {
        let (mixed, is_full) = (self.allows_mixed_forms, self.transit.is_full());
        let stream = self.find(packet.mid).ok_or(WriteRefusal::NotSending)?;
        let is_audio = stream.kind == Kind::Audio;
        if !is_audio {
            let waited = stream.ssrc.and_then(|ssrc| longest_wait(rtc, ssrc));
            let is_late = waited.is_some_and(|waited| waited > MAX_PACED_AGE);
            if is_late || is_full {
                return Err(WriteRefusal::Congested);
            }
        }
        let (ssrc, write) = command(stream, packet, mixed)?;
        let mut direct = rtc.direct_api();
        let stream = direct.stream_tx(&ssrc).ok_or(WriteRefusal::NotSending)?;
        stream.write_rtp(write);
        self.transit.wrote(is_audio, packet.arrival);
        Ok(())
    }

    fn writes_through_rtc(&self) -> bool {
        true
    }

    fn restart(&mut self, mid: Mid) {
        if let Some(stream) = self.find(mid) {
            stream.continuity.restart();
        }
    }

    /// Gives the section a new stream under SSRCs that no other stream has. str0m's own reset keeps
    /// the old SSRC as the key that packets and feedback are looked up by.
    fn vacate(&mut self, rtc: &mut Rtc, section: &Section) {
        let mut direct = rtc.direct_api();
        let Some(old) = direct.stream_tx_by_mid(section.rtc_mid, None) else {
            return;
        };
        let (ssrc, is_resent) = (old.ssrc(), old.rtx().is_some());
        direct.remove_stream_tx(ssrc);
        let (new, resent) = (direct.new_ssrc(), direct.new_ssrc());
        direct.declare_stream_tx(new, is_resent.then_some(resent), section.rtc_mid, None);
        if let Some(stream) = self.find(section.mid) {
            stream.adopt(rtc);
        }
    }

    fn set_desired(&mut self, rtc: &mut Rtc, desired: Bitrate, _now: Instant) {
        let desired = RtcBitrate::bps(desired.0);
        rtc.bwe().set_bitrate(RtcBitrate::ZERO, desired);
    }

    /// Transport-wide feedback where the client gives it, else its own estimate (REMB).
    fn read_estimate(&mut self, estimate: BweKind) -> Option<Bitrate> {
        let bitrate = match estimate {
            BweKind::Twcc {
                estimate,
                can_probe,
            } => {
                self.has_transport_feedback = can_probe;
                can_probe.then_some(estimate)
            }
            BweKind::Remb { estimate, .. } if !self.has_transport_feedback => Some(estimate),
            _ => None,
        }?;
        Some(Bitrate(bitrate.as_u64()))
    }

    fn judge(
        &mut self,
        departure: Departure,
        _transmit: &Transmit,
        types: &PayloadTypes,
        now: Instant,
    ) -> Verdict {
        let Departure::Media(pt) = departure else {
            return Verdict::Leaves(None);
        };
        let is_audio = matches!(types.codec(pt), Some(Codec::Opus | Codec::Red));
        Verdict::Leaves(self.transit.sent(is_audio, now))
    }
}

impl Stream {
    /// The client's payload type for this codec.
    fn payload_type(&self, codec: Codec) -> Option<Pt> {
        self.payload_types
            .iter()
            .filter_map(|theirs| Some((fitness(codec, theirs.codec)?, theirs.pt)))
            .max_by_key(|(fitness, _)| *fitness)
            .map(|(_, pt)| pt.into())
    }

    /// Takes note of str0m's send stream and sizes its cache. Setting the cache empties it, so
    /// only a new stream is touched.
    fn adopt(&mut self, rtc: &mut Rtc) {
        let mut direct = rtc.direct_api();
        let Some(stream) = direct.stream_tx_by_mid(self.rtc_mid, None) else {
            self.ssrc = None;
            return;
        };
        if self.ssrc == Some(stream.ssrc()) {
            return;
        }
        self.ssrc = Some(stream.ssrc());
        self.continuity = Continuity::default();
        if self.kind == Kind::Video {
            stream.set_rtx_cache(RTX_CACHE_PACKETS, RTX_CACHE_AGE, Some(RTX_RATIO));
        }
    }
}

/// The write command for one packet.
fn command(
    stream: &mut Stream,
    packet: &Outgoing<'_>,
    allows_mixed_forms: bool,
) -> Result<(Ssrc, RtpWrite), WriteRefusal> {
    let ssrc = stream.ssrc.filter(|_| stream.sending);
    let ssrc = ssrc.ok_or(WriteRefusal::NotSending)?;
    if packet.payload.len() > MAX_PAYLOAD_BYTES {
        return Err(WriteRefusal::TooLong);
    }
    let (pt, payload) = match stream.payload_type(packet.codec) {
        Some(pt) => (pt, Arc::clone(packet.payload)),
        None if packet.codec == Codec::Red => {
            let pt = stream
                .payload_type(Codec::Opus)
                .ok_or(WriteRefusal::Codec)?;
            (pt, primary(packet.payload).ok_or(WriteRefusal::Codec)?)
        }
        None => return Err(WriteRefusal::Codec),
    };
    let place = stream.continuity.place(packet.sequence);
    let sequence = place.ok_or(WriteRefusal::Repeated)?.number;
    let patch = packet.vp8.and_then(|rewrite| patch(&payload, rewrite));
    let describe = stream.describes
        && (allows_mixed_forms
            || !packet
                .extensions
                .dependency_descriptor
                .as_ref()
                .is_some_and(|bytes| needs_mixed_forms(bytes)));
    let write = RtpWrite::new(
        pt,
        sequence.into(),
        packet.timestamp,
        packet.arrival,
        payload,
    )
    .marker(packet.marker)
    .nackable(stream.kind == Kind::Video)
    .ext_vals(extension_values(packet.extensions, describe));
    Ok((
        ssrc,
        match patch {
            Some(patch) => write.vp8_patch(patch),
            None => write,
        },
    ))
}

/// The Opus frame in front of its redundancy (RFC 2198), for clients that do not read RED.
fn primary(payload: &[u8]) -> Option<Arc<[u8]>> {
    let blocks: Vec<RedBlock<'_>> = RedDecoder::decode(payload).ok()?;
    let primary = blocks.iter().find(|block| block.is_primary)?;
    (!primary.payload.is_empty()).then(|| primary.payload.into())
}

/// A descriptor without the fields, or with a 7-bit picture id, takes what fits it.
fn patch(payload: &[u8], rewrite: Vp8Rewrite) -> Option<Vp8Patch> {
    let descriptor = Vp8Descriptor::parse(payload).ok()?;
    let build = |picture_id: Option<u16>| {
        let mut patch = descriptor.patch();
        if let Some(id) = picture_id {
            patch = patch.picture_id(id);
        }
        if let Some(index) = rewrite.tl0_pic_idx {
            patch = patch.tl0_pic_idx(index);
        }
        patch.build().ok()
    };
    build(rewrite.picture_id)
        .or_else(|| build(rewrite.picture_id.map(|id| id & SHORT_PICTURE_ID)))
        .or_else(|| build(None))
}

fn extension_values(extensions: &Extensions, describe: bool) -> ExtensionValues {
    let mut values = ExtensionValues {
        audio_level: extensions.audio_level.map(|level| -((level & 0x7f) as i8)),
        voice_activity: extensions
            .voice_activity
            .or(extensions.audio_level.map(|_| false)),
        video_orientation: extensions.video_orientation.map(Into::into),
        ..ExtensionValues::default()
    };
    if let Some(descriptor) = extensions
        .dependency_descriptor
        .as_ref()
        .filter(|_| describe)
    {
        values
            .user_values
            .set(DependencyDescriptor(Arc::clone(descriptor)));
    }
    values
}
