//! RTP headers and their extensions (RFC 3550 §5.1, RFC 8285).

use crate::payload::{Body, Packet};
use crate::stream::ExtensionIds;
use media::Mid;

/// RTP header without extensions, in bytes.
pub(crate) const RTP_HEADER: usize = 12;
/// Profile and length of the extension block.
const BLOCK_HEADER: usize = 4;
/// RFC 8285 §4.2: a longer value needs the two-byte form.
const MAX_ONE_BYTE_VALUE: usize = 16;
/// RFC 8285 §4.2: a greater id needs the two-byte form.
pub(crate) const MAX_ONE_BYTE_ID: u8 = 14;
/// RFC 8285 §4.3: the length field has 8 bits.
const MAX_TWO_BYTE_VALUE: usize = 255;
const ONE_BYTE_PROFILE: u16 = 0xbede;
const TWO_BYTE_PROFILE: u16 = 0x1000;

/// Which extensions a packet carries, and how long they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    two_byte: bool,
    /// Elements, without the block's header and its last zeros.
    elements: usize,
}

/// What a header says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header<'a> {
    pub(crate) pt: u8,
    pub(crate) marker: bool,
    pub(crate) padded: bool,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) values: Values<'a>,
}

/// Extension values; `None`: not in this packet.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Values<'a> {
    pub(crate) transport_cc: u16,
    /// 24 bits, 6.18 fixed point seconds.
    pub(crate) abs_send_time: u32,
    pub(crate) mid: Option<&'a Mid>,
    pub(crate) audio_level: Option<u8>,
    pub(crate) video_orientation: Option<u8>,
    pub(crate) descriptor: Option<&'a [u8]>,
}

impl<'a> Values<'a> {
    /// What a media packet carries whenever it leaves.
    pub(crate) fn of(packet: &'a Packet, mid: Option<&'a Mid>) -> Self {
        let (audio_level, video_orientation) = match packet.body {
            Body::Audio { level, .. } => (level, None),
            Body::Video { orientation, .. } => (None, orientation),
        };
        Self {
            mid,
            audio_level,
            video_orientation,
            descriptor: packet.descriptor.as_deref(),
            ..Self::default()
        }
    }

    /// In the order in which they stand, which is the same for every packet.
    fn each(&self, ids: &ExtensionIds, mut element: impl FnMut(u8, &[u8])) {
        let mut write = |id: Option<u8>, value: Option<&[u8]>| {
            if let (Some(id), Some(value)) = (id, value)
                && !value.is_empty()
            {
                element(id, value);
            }
        };
        let [_, time @ ..] = self.abs_send_time.to_be_bytes();
        write(ids.transport_cc, Some(&self.transport_cc.to_be_bytes()));
        write(ids.abs_send_time, Some(&time));
        write(ids.mid, self.mid.map(|mid| mid.as_str().as_bytes()));
        write(
            ids.audio_level,
            self.audio_level.as_ref().map(std::slice::from_ref),
        );
        let orientation = self.video_orientation.as_ref();
        write(ids.video_orientation, orientation.map(std::slice::from_ref));
        write(ids.dependency_descriptor, self.descriptor);
    }

    pub(crate) fn plan(&self, ids: &ExtensionIds) -> Plan {
        let (mut two_byte, mut count, mut bytes) = (false, 0, 0);
        self.each(ids, |id, value| {
            two_byte |= id > MAX_ONE_BYTE_ID || value.len() > MAX_ONE_BYTE_VALUE;
            count += 1;
            bytes += value.len();
        });
        Plan {
            two_byte,
            elements: bytes + count * if two_byte { 2 } else { 1 },
        }
    }
}

impl Plan {
    /// RTP header and extension block, in bytes.
    pub(crate) fn header_len(self) -> usize {
        match self.elements {
            0 => RTP_HEADER,
            elements => RTP_HEADER + BLOCK_HEADER + elements.next_multiple_of(4),
        }
    }
}

impl Header<'_> {
    /// Writes into exactly [`Plan::header_len`] bytes.
    pub(crate) fn write(&self, ids: &ExtensionIds, plan: Plan, place: &mut [u8]) {
        let mut writer = Writer { rest: place };
        let has_block = plan.elements > 0;
        writer.put(&[
            0x80 | u8::from(self.padded) << 5 | u8::from(has_block) << 4,
            u8::from(self.marker) << 7 | self.pt & 0x7f,
        ]);
        writer.put(&self.sequence.to_be_bytes());
        writer.put(&self.timestamp.to_be_bytes());
        writer.put(&self.ssrc.to_be_bytes());
        if !has_block {
            return;
        }
        let profile = if plan.two_byte {
            TWO_BYTE_PROFILE
        } else {
            ONE_BYTE_PROFILE
        };
        writer.put(&profile.to_be_bytes());
        writer.put(&(plan.elements.div_ceil(4) as u16).to_be_bytes());
        self.values.each(ids, |id, value| {
            let len = value.len() as u8;
            if plan.two_byte {
                writer.put(&[id, len]);
            } else {
                writer.put(&[id << 4 | (len - 1) & 0x0f]);
            }
            writer.put(value);
        });
        writer.rest.fill(0);
    }
}

/// Whether the client can be sent this descriptor.
pub(crate) fn can_describe(descriptor: &[u8], allows_mixed_forms: bool) -> bool {
    let most = if allows_mixed_forms {
        MAX_TWO_BYTE_VALUE
    } else {
        MAX_ONE_BYTE_VALUE
    };
    !descriptor.is_empty() && descriptor.len() <= most
}

/// Writes from front to back.
pub(crate) struct Writer<'a> {
    pub(crate) rest: &'a mut [u8],
}

impl Writer<'_> {
    /// What does not fit is left out: lengths were computed before.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        let rest = std::mem::take(&mut self.rest);
        if let Some((place, behind)) = rest.split_at_mut_checked(bytes.len()) {
            place.copy_from_slice(bytes);
            self.rest = behind;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: ExtensionIds = ExtensionIds {
        mid: Some(4),
        transport_cc: Some(3),
        abs_send_time: Some(2),
        audio_level: Some(1),
        video_orientation: Some(13),
        dependency_descriptor: Some(12),
    };

    fn written(ids: &ExtensionIds, values: Values<'_>) -> Vec<u8> {
        let plan = values.plan(ids);
        let mut bytes = vec![0xff; plan.header_len()];
        let header = Header {
            pt: 96,
            marker: true,
            padded: true,
            sequence: 0x0102,
            timestamp: 0x0304_0506,
            ssrc: 0x0708_090a,
            values,
        };
        header.write(ids, plan, &mut bytes);
        bytes
    }

    #[test]
    fn a_header_without_extensions_has_no_block() {
        assert_eq!(
            written(&ExtensionIds::default(), Values::default()),
            [0xa0, 0xe0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
        );
    }

    #[test]
    fn short_values_take_the_one_byte_form() {
        let mid = Mid::new("7");
        let values = Values {
            transport_cc: 0x1122,
            abs_send_time: 0x33_44_55,
            mid: mid.as_ref(),
            ..Values::default()
        };
        let bytes = written(&IDS, values);
        assert_eq!(bytes.first(), Some(&0xb0));
        assert_eq!(
            bytes.get(12..),
            Some(
                &[
                    0xbe, 0xde, 0, 3, 0x31, 0x11, 0x22, 0x22, 0x33, 0x44, 0x55, 0x40, b'7', 0, 0, 0
                ][..]
            )
        );
    }

    #[test]
    fn a_long_descriptor_takes_the_two_byte_form() {
        let descriptor = [9; 17];
        let values = Values {
            descriptor: Some(&descriptor),
            ..Values::default()
        };
        let bytes = written(&IDS, values);
        assert_eq!(
            bytes.get(12..27),
            Some(&[0x10, 0, 0, 7, 3, 2, 0, 0, 2, 3, 0, 0, 0, 12, 17][..])
        );
        assert_eq!(bytes.len(), 12 + 4 + 28);
        assert!(can_describe(&descriptor, true) && !can_describe(&descriptor, false));
    }
}
