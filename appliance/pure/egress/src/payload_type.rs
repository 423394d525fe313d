//! Which of the client's payload types carries a codec.

use media::Codec;

/// One of a section's payload types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadType {
    /// What it means.
    pub codec: Codec,
    /// The 7-bit number.
    pub pt: u8,
    /// The payload type that carries its retransmissions (RFC 4588).
    pub rtx: Option<u8>,
}

/// How well a client's payload type for `theirs` carries a stream of `ours`: larger is better,
/// `None` not at all.
///
/// H.264 levels and packetization modes are negotiated per client, so a stream can meet a viewer
/// who lists the same profile with another mode. Decoders take both modes; refusing would show
/// nothing at all.
pub fn fitness(ours: Codec, theirs: Codec) -> Option<u8> {
    let (
        Codec::H264 {
            profile: our_profile,
            packetization_mode: our_mode,
        },
        Codec::H264 {
            profile: their_profile,
            packetization_mode: their_mode,
        },
    ) = (ours, theirs)
    else {
        return (ours == theirs).then_some(0);
    };
    let (our_class, their_class) = (H264Class::of(our_profile), H264Class::of(their_profile));
    let profile = match (our_class, their_class) {
        _ if our_profile >> 8 == their_profile >> 8 => 3,
        _ if our_class == their_class => 2,
        _ if their_class.decodes(our_class) => 1,
        _ => 0,
    };
    Some(profile * 2 + u8::from(our_mode == their_mode))
}

/// H.264 profiles that differ for a decoder (RFC 6184 table 5), smallest tool set first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum H264Class {
    ConstrainedBaseline,
    Baseline,
    Main,
    High,
    Other,
}

impl H264Class {
    fn of(profile_level_id: u32) -> Self {
        let (idc, constraints) = (profile_level_id >> 16, profile_level_id >> 8);
        match idc & 0xff {
            0x42 if constraints & 0x40 != 0 => Self::ConstrainedBaseline,
            0x4d if constraints & 0x80 != 0 => Self::ConstrainedBaseline,
            0x42 => Self::Baseline,
            0x4d => Self::Main,
            0x64 => Self::High,
            _ => Self::Other,
        }
    }

    /// Constrained Baseline is a subset of every other profile, Main of High.
    fn decodes(self, stream: Self) -> bool {
        stream == Self::ConstrainedBaseline || (stream == Self::Main && self == Self::High)
    }
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
    fn the_closest_h264_payload_type_fits_best() {
        for (name, better, worse) in [
            ("the same", h264(0x42_e0_1f, 1), h264(0x42_00_1f, 1)),
            ("another level", h264(0x42_e0_0d, 1), h264(0x42_00_1f, 1)),
            (
                "the mode breaks ties",
                h264(0x42_e0_1f, 1),
                h264(0x42_e0_1f, 0),
            ),
            (
                "a profile before a mode",
                h264(0x42_e0_1f, 0),
                h264(0x42_00_1f, 1),
            ),
        ] {
            let ours = h264(0x42_e0_1f, 1);
            assert!(fitness(ours, better) > fitness(ours, worse), "{name}");
        }
        let main = h264(0x4d_00_1f, 1);
        let (high, baseline) = (h264(0x64_00_1f, 1), h264(0x42_00_1f, 1));
        assert!(
            fitness(main, high) > fitness(main, baseline),
            "a decoder of it"
        );
        assert_eq!(fitness(Codec::Vp8, main), None);
        assert_eq!(
            fitness(Codec::Vp9 { profile: 2 }, Codec::Vp9 { profile: 0 }),
            None
        );
    }
}
