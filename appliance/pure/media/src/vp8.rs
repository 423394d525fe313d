//! The VP8 payload descriptor: the two counters that must stay continuous (RFC 7741 §4.2).
//!
//! The packetiser writes it outside any end-to-end encryption, so it is always readable.

/// What of a VP8 payload descriptor a layer switch has to rewrite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Descriptor {
    /// The picture id, when present.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX, when present.
    pub tl0_pic_idx: Option<u8>,
}

/// A picture id with its width on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureId {
    /// The number, below `2^7` or `2^15`.
    pub value: u16,
    /// True: 15 bits (M bit set); false: 7 bits.
    pub long: bool,
}

impl PictureId {
    /// The largest number that fits its width.
    pub fn mask(self) -> u16 {
        if self.long { 0x7FFF } else { 0x7F }
    }
}

const EXTENDED: u8 = 0x80;
const HAS_PICTURE_ID: u8 = 0x80;
const HAS_TL0: u8 = 0x40;
const LONG_PICTURE_ID: u8 = 0x80;

/// Reads the descriptor; `None` when it is cut short (also for padding without a payload).
pub fn parse(payload: &[u8]) -> Option<Descriptor> {
    let mut bytes = payload.iter().copied();
    if bytes.next()? & EXTENDED == 0 {
        return Some(Descriptor::default());
    }
    let present = bytes.next()?;
    let mut descriptor = Descriptor::default();
    if present & HAS_PICTURE_ID != 0 {
        let first = bytes.next()?;
        descriptor.picture_id = Some(if first & LONG_PICTURE_ID == 0 {
            PictureId {
                value: u16::from(first),
                long: false,
            }
        } else {
            let value = u16::from(first & 0x7F) << 8 | u16::from(bytes.next()?);
            PictureId { value, long: true }
        });
    }
    if present & HAS_TL0 != 0 {
        descriptor.tl0_pic_idx = Some(bytes.next()?);
    }
    Some(descriptor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn descriptors_of_rfc_7741_are_read() {
        let short = |value| Some(PictureId { value, long: false });
        let long = |value| Some(PictureId { value, long: true });
        for (name, bytes, want) in [
            ("no extension", &[0x10, 0x00][..], Some((None, None))),
            (
                "7-bit picture id",
                &[0x90, 0x80, 0x11],
                Some((short(0x11), None)),
            ),
            (
                "15-bit picture id",
                &[0x90, 0x80, 0x92, 0x34],
                Some((long(0x1234), None)),
            ),
            (
                "picture id and TL0",
                &[0x90, 0xE0, 0x80, 0x01, 0x2A, 0x00],
                Some((long(1), Some(0x2A))),
            ),
            (
                "TL0 alone",
                &[0x90, 0x60, 0x07, 0x00],
                Some((None, Some(7))),
            ),
            ("empty", &[], None),
            ("cut in the picture id", &[0x90, 0x80, 0x92], None),
            ("cut before TL0", &[0x90, 0xC0, 0x11], None),
        ] {
            let got = parse(bytes).map(|d| (d.picture_id, d.tl0_pic_idx));
            assert_eq!(got, want, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            if let Some(Descriptor { picture_id: Some(id), .. }) = parse(&bytes) {
                prop_assert!(id.value <= id.mask());
            }
        }
    }
}
