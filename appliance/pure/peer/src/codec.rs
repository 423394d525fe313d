//! Payload types and what they mean, in both directions, and where a keyframe begins.

use media::Codec;
use str0m::format::{
    CodecConfig, PayloadParams, detect_av1_keyframe, detect_h264_keyframe, detect_h264_nalu,
    detect_vp8_keyframe,
};
use str0m::media::Pt;

/// Payload types are 7 bits (RFC 3550 §5.1).
const PAYLOAD_TYPES: usize = 128;
/// H.264 sequence parameter set (RFC 6184 §5.2): what an encoder sends in front of an IDR.
const H264_SPS: u8 = 7;

/// What each payload type means on this peer.
#[derive(Debug)]
pub(crate) struct PayloadTypes {
    codecs: [Option<Codec>; PAYLOAD_TYPES],
    /// One bit per payload type that carries retransmissions.
    resend: u128,
}

impl PayloadTypes {
    pub(crate) fn none() -> Self {
        Self {
            codecs: [None; PAYLOAD_TYPES],
            resend: 0,
        }
    }

    /// Reads the negotiated configuration.
    pub(crate) fn read(&mut self, config: &CodecConfig) {
        *self = Self::none();
        for params in config.params() {
            self.set(params.pt(), codec_of(params));
            self.set(params.red(), Some(Codec::Red));
            if let Some(resend) = params.resend() {
                self.resend |= 1 << (*resend & 0x7f);
            }
        }
    }

    fn set(&mut self, pt: impl Into<Option<Pt>>, codec: Option<Codec>) {
        if let Some(pt) = pt.into()
            && let Some(slot) = self.codecs.get_mut(usize::from(*pt))
        {
            *slot = codec;
        }
    }

    /// The codec of a main or RED payload type.
    pub(crate) fn codec(&self, pt: u8) -> Option<Codec> {
        self.codecs.get(usize::from(pt)).copied().flatten()
    }

    /// Whether this payload type carries retransmissions (RFC 4588).
    pub(crate) fn is_resend(&self, pt: u8) -> bool {
        self.resend & (1 << (pt & 0x7f)) != 0
    }
}

/// The box's name for str0m's parameters; `None` for codecs it does not forward.
pub(crate) fn codec_of(params: &PayloadParams) -> Option<Codec> {
    use str0m::format::Codec as Rtc;
    let format = params.spec().format;
    Some(match params.spec().codec {
        Rtc::Opus => Codec::Opus,
        Rtc::Vp8 => Codec::Vp8,
        Rtc::Vp9 => Codec::Vp9 {
            profile: format.profile_id.unwrap_or_default() as u8,
        },
        Rtc::Av1 => Codec::Av1,
        Rtc::H264 => Codec::H264 {
            // RFC 6184 §8.1: without profile-level-id, Baseline at level 1 is meant.
            profile: format.profile_level_id.unwrap_or(0x42_00_0a),
            packetization_mode: format.packetization_mode.unwrap_or_default(),
        },
        _ => return None,
    })
}

/// Whether this payload is the first packet of a keyframe.
///
/// An H.264 keyframe begins with its parameter sets where the encoder sends them; the packets
/// behind them say so again, the caller keeps the first of a timestamp.
pub(crate) fn starts_keyframe(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Opus | Codec::Red => false,
        Codec::Vp8 => detect_vp8_keyframe(payload),
        Codec::H264 { .. } => detect_h264_nalu(payload, H264_SPS) || detect_h264_keyframe(payload),
        Codec::Vp9 { .. } => starts_vp9_keyframe(payload),
        Codec::Av1 => detect_av1_keyframe(payload),
    }
}

/// RFC 9628 §4.2: not inter-picture predicted (P), begins a frame (B), spatial layer 0.
/// str0m's `detect_vp9_keyframe` looks at P alone, which every packet of a keyframe clears.
fn starts_vp9_keyframe(payload: &[u8]) -> bool {
    let mut bytes = payload.iter().copied();
    let Some(flags) = bytes.next() else {
        return false;
    };
    let [has_picture_id, inter_predicted, has_layers, begins] =
        [0x80, 0x40, 0x20, 0x08].map(|bit| flags & bit != 0);
    if inter_predicted || !begins {
        return false;
    }
    if has_picture_id {
        let Some(first) = bytes.next() else {
            return false;
        };
        if first & 0x80 != 0 && bytes.next().is_none() {
            return false;
        }
    }
    !has_layers || bytes.next().is_some_and(|layers| layers & 0x0e == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn h264(profile: u32, packetization_mode: u8) -> Codec {
        Codec::H264 {
            profile,
            packetization_mode,
        }
    }

    #[test]
    fn only_the_first_packet_of_a_keyframe_starts_it() {
        for (name, codec, payload, want) in [
            ("VP8 keyframe", Codec::Vp8, &[0x10_u8, 0x00][..], true),
            ("VP8 second partition", Codec::Vp8, &[0x11, 0x00], false),
            ("VP8 continuation", Codec::Vp8, &[0x00, 0x00], false),
            ("VP8 delta", Codec::Vp8, &[0x10, 0x01], false),
            ("H264 SPS", h264(0x42_e0_1f, 1), &[0x67, 0x42], true),
            ("H264 IDR", h264(0x42_e0_1f, 1), &[0x65, 0x88], true),
            (
                "H264 fragment start",
                h264(0x42_e0_1f, 1),
                &[0x7c, 0x85],
                true,
            ),
            (
                "H264 fragment middle",
                h264(0x42_e0_1f, 1),
                &[0x7c, 0x05],
                false,
            ),
            ("H264 delta", h264(0x42_e0_1f, 1), &[0x61, 0x9a], false),
            (
                "VP9 keyframe",
                Codec::Vp9 { profile: 0 },
                &[0x8c, 0x01],
                true,
            ),
            (
                "VP9 continuation",
                Codec::Vp9 { profile: 0 },
                &[0x84, 0x01],
                false,
            ),
            ("VP9 delta", Codec::Vp9 { profile: 0 }, &[0xcc, 0x01], false),
            (
                "VP9 base layer",
                Codec::Vp9 { profile: 0 },
                &[0xa8, 0x81, 0x01, 0x00],
                true,
            ),
            (
                "VP9 upper layer",
                Codec::Vp9 { profile: 0 },
                &[0xa8, 0x81, 0x01, 0x02],
                false,
            ),
            ("AV1 new sequence", Codec::Av1, &[0x18, 0x0a], true),
            ("AV1 delta", Codec::Av1, &[0x10, 0x32], false),
            ("Opus", Codec::Opus, &[0x10, 0x00], false),
            ("nothing", Codec::Vp8, &[], false),
            ("nothing", Codec::Vp9 { profile: 0 }, &[], false),
        ] {
            assert_eq!(starts_keyframe(codec, payload), want, "{name}");
        }
    }
}
