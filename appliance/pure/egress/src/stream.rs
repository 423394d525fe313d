//! One section's stream, as negotiated.

use crate::continuity::{Continuity, MAX_FIRST};
use crate::frame_queue::FrameQueue;
use crate::header::MAX_ONE_BYTE_ID;
use crate::ledger::{Ledger, Mark};
use crate::payload::{Body, primary};
use crate::payload_type::{PayloadType, fitness};
use crate::report::Report;
use crate::ring::Ring;
use media::{Codec, Kind, Mid, Outgoing};
use std::collections::VecDeque;
use std::time::Instant;

/// The item's length has 8 bits (RFC 3550 §6.5.1).
const MAX_CNAME_BYTES: usize = 255;

/// The client's numbers for the header extensions of a section (RFC 8285); `None`: not negotiated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExtensionIds {
    /// `urn:ietf:params:rtp-hdrext:sdes:mid`.
    pub mid: Option<u8>,
    /// `draft-holmer-rmcat-transport-wide-cc-extensions-01`.
    pub transport_cc: Option<u8>,
    /// `http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time`.
    pub abs_send_time: Option<u8>,
    /// `urn:ietf:params:rtp-hdrext:ssrc-audio-level` (RFC 6464).
    pub audio_level: Option<u8>,
    /// `urn:3gpp:video-orientation`.
    pub video_orientation: Option<u8>,
    /// AV1 RTP specification, appendix A.
    pub dependency_descriptor: Option<u8>,
}

/// A section that may send, after a negotiation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamConfig {
    /// The section.
    pub mid: Mid,
    /// Decides priority, holding, retransmission and the clock.
    pub kind: Kind,
    /// The media SSRC the client was told.
    pub ssrc: u32,
    /// The retransmission SSRC the client was told.
    pub rtx: Option<u32>,
    /// RTCP's canonical name (RFC 3550 §6.5.1); the first 255 bytes are used.
    pub cname: String,
    /// False while the section is inactive or receives only.
    pub sending: bool,
    /// In the client's order of preference.
    pub payload_types: Vec<PayloadType>,
    /// The client's numbers.
    pub extensions: ExtensionIds,
    /// `a=extmap-allow-mixed` (RFC 8285 §6): two-byte extension headers may be used.
    pub allows_mixed_forms: bool,
}

/// One section's stream: its numbers, its queue, its memory.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) config: StreamConfig,
    pub(crate) continuity: Continuity,
    pub(crate) queue: FrameQueue,
    pub(crate) ring: Ring,
    /// Numbers asked for again, in order.
    pub(crate) resends: VecDeque<u64>,
    pub(crate) report: Report,
    /// The highest index used on the retransmission SSRC.
    pub(crate) rtx_number: u64,
    rtx_mark: Mark,
    /// The client has told of this stream: it knows the section without being told.
    pub(crate) is_known: bool,
    /// When a keyframe was last asked for on our own account.
    pub(crate) keyframe_at: Option<Instant>,
    /// Something was dropped: up to the next keyframe nothing can be decoded, and nothing is taken.
    pub(crate) gap: Option<Gap>,
    /// What was sent last: padding repeats its timestamp and retransmission payload type.
    pub(crate) last: Option<(u32, u8)>,
    choice: Option<(Codec, PayloadType)>,
}

/// Where a stream broke off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Gap {
    /// The end of the numbers that were refused. A keyframe whose first packet comes behind its
    /// others begins below it and is of no use any more.
    refused: u64,
}

impl Gap {
    /// Whether the stream can go on with this packet.
    fn ends_with(&mut self, sequence: u64, starts_keyframe: bool) -> bool {
        let ends = starts_keyframe && sequence >= self.refused;
        self.refused = self.refused.max(sequence.saturating_add(1));
        ends
    }
}

impl Stream {
    /// Goes on above what its SSRCs have used.
    pub(crate) fn new(
        config: StreamConfig,
        ledger: &mut Ledger,
        random: &mut fastrand::Rng,
    ) -> Self {
        let mark = ledger.take(config.ssrc);
        let rtx_mark = ledger.take(config.rtx.unwrap_or(config.ssrc));
        let mut stream = Self {
            continuity: match mark.rtp {
                0 => Continuity::default(),
                highest => Continuity::after(highest),
            },
            queue: FrameQueue::default(),
            ring: Ring::default(),
            resends: VecDeque::new(),
            report: Report::after(mark.rtcp, config.kind),
            rtx_number: match rtx_mark.rtp {
                0 => random.u64(0..MAX_FIRST),
                highest => highest,
            },
            rtx_mark,
            is_known: false,
            keyframe_at: None,
            gap: None,
            last: None,
            choice: None,
            config,
        };
        stream.settle();
        stream
    }

    /// Another negotiation of the same stream.
    pub(crate) fn renew(&mut self, config: &StreamConfig) {
        self.config.clone_from(config);
        self.choice = None;
        self.settle();
    }

    /// Whether a packet is to be refused because of what was dropped before it. The keyframe that
    /// ends a gap takes the next number, or the numbers between would be asked for in vain, and
    /// nobody needs what was sent before it.
    pub(crate) fn is_cut_off(&mut self, sequence: u64, starts_keyframe: bool) -> bool {
        let Some(gap) = &mut self.gap else {
            return false;
        };
        if !gap.ends_with(sequence, starts_keyframe) {
            return true;
        }
        self.gap = None;
        self.continuity.restart();
        self.ring.clear();
        self.resends.clear();
        false
    }

    /// Cuts what cannot be said.
    fn settle(&mut self) {
        let config = &mut self.config;
        let end = config.cname.floor_char_boundary(MAX_CNAME_BYTES);
        config.cname.truncate(end);
        let most = if config.allows_mixed_forms {
            u8::MAX
        } else {
            MAX_ONE_BYTE_ID
        };
        let ids = &mut config.extensions;
        for id in [
            &mut ids.mid,
            &mut ids.transport_cc,
            &mut ids.abs_send_time,
            &mut ids.audio_level,
            &mut ids.video_orientation,
            &mut ids.dependency_descriptor,
        ] {
            *id = id.filter(|id| (1..=most).contains(id));
        }
    }

    /// What its SSRCs have used, for the ledger.
    pub(crate) fn marks(&self) -> [Option<Mark>; 2] {
        let media = Mark {
            ssrc: self.config.ssrc,
            rtp: self.continuity.highest().unwrap_or_default(),
            rtcp: self.report.index,
        };
        let rtx = self.config.rtx.map(|ssrc| Mark {
            ssrc,
            rtp: self.rtx_number,
            rtcp: self.rtx_mark.rtcp,
        });
        [Some(media), rtx]
    }

    /// New keys: every index is unused.
    pub(crate) fn reset(&mut self, random: &mut fastrand::Rng) {
        self.continuity = Continuity::default();
        self.ring.clear();
        self.resends.clear();
        self.gap = None;
        self.rtx_number = random.u64(0..MAX_FIRST);
        self.rtx_mark.rtcp = 0;
        self.report.index = 0;
        self.is_known = false;
    }

    /// The client's payload type for this codec.
    pub(crate) fn payload_type(&mut self, codec: Codec) -> Option<PayloadType> {
        if let Some((known, pt)) = self.choice
            && known == codec
        {
            return Some(pt);
        }
        let types = self.config.payload_types.iter();
        let (_, pt) = types
            .filter_map(|pt| Some((fitness(codec, pt.codec)?, *pt)))
            .max_by_key(|(fitness, _)| *fitness)?;
        self.choice = Some((codec, pt));
        Some(pt)
    }

    /// The payload type that carries a packet, and what it carries.
    pub(crate) fn coded(&mut self, outgoing: &Outgoing<'_>) -> Option<(PayloadType, Body)> {
        let (types, start) = match self.payload_type(outgoing.codec) {
            Some(types) => (types, 0),
            None if outgoing.codec == Codec::Red => {
                let types = self.payload_type(Codec::Opus)?;
                (types, primary(outgoing.payload)?)
            }
            None => return None,
        };
        let extensions = outgoing.extensions;
        let body = match self.config.kind {
            Kind::Audio => {
                let voice = u8::from(extensions.voice_activity.unwrap_or_default()) << 7;
                Body::Audio {
                    start: start as u16,
                    level: extensions.audio_level.map(|level| level & 0x7f | voice),
                }
            }
            Kind::Video => Body::Video {
                orientation: extensions.video_orientation,
                vp8: outgoing.vp8,
            },
        };
        Some((types, body))
    }

    pub(crate) fn has(&self, ssrc: u32) -> bool {
        self.config.ssrc == ssrc || self.config.rtx == Some(ssrc)
    }

    /// Whether it is the same stream as this one.
    pub(crate) fn is(&self, config: &StreamConfig) -> bool {
        let ours = &self.config;
        (ours.mid, ours.ssrc, ours.rtx, ours.kind)
            == (config.mid, config.ssrc, config.rtx, config.kind)
    }

    /// The section's name, while the client may not know it from the SSRC.
    pub(crate) fn announced_mid(&self) -> Option<&Mid> {
        (!self.is_known).then_some(&self.config.mid)
    }

    /// Whether retransmissions, and padding, can be sent.
    pub(crate) fn can_resend(&self) -> bool {
        self.config.sending
            && self.config.rtx.is_some()
            && self.config.payload_types.iter().any(|pt| pt.rtx.is_some())
    }
}
