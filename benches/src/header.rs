//! The part of an SRTP packet that is not encrypted (RFC 3550 §5.1, RFC 8285).

/// Bytes of a header without sources and extensions.
const FIXED_BYTES: usize = 12;

/// Profiles of extensions with one-byte and two-byte headers (RFC 8285 §4.2, §4.3).
const ONE_BYTE: u16 = 0xBEDE;
const TWO_BYTES: u16 = 0x1000;

/// What a packet says without being opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes up to the payload.
    pub len: usize,
    /// Last packet of a frame.
    pub marker: bool,
    /// The payload ends in padding.
    pub padded: bool,
    /// Payload type.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Media time.
    pub timestamp: u32,
    /// The stream.
    pub ssrc: u32,
}

impl Header {
    /// Reads a header; `None` when it is none.
    pub fn read(packet: &[u8]) -> Option<Self> {
        let fixed: &[u8; FIXED_BYTES] = packet.first_chunk()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let mut len = FIXED_BYTES + 4 * usize::from(fixed[0] & 0x0F);
        if fixed[0] & 0x10 != 0 {
            let words = u16::from_be_bytes(*packet.get(len + 2..)?.first_chunk()?);
            len += 4 + 4 * usize::from(words);
        }
        (len <= packet.len()).then_some(Self {
            len,
            marker: fixed[1] & 0x80 != 0,
            padded: fixed[0] & 0x20 != 0,
            payload_type: fixed[1] & 0x7F,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        })
    }
}

/// Whether a datagram is RTP or RTCP (RFC 7983 §7), and whether it is the latter (RFC 5761 §4).
pub fn is_media(datagram: &[u8]) -> Option<bool> {
    let [first, second, ..] = datagram else {
        return None;
    };
    (128..192)
        .contains(first)
        .then(|| (192..224).contains(second))
}

/// A two-byte header extension of a packet: the transport-wide sequence number has that size.
pub fn extension_u16(packet: &[u8], id: u8) -> Option<u16> {
    let first = *packet.first()?;
    if first & 0x10 == 0 {
        return None;
    }
    let start = FIXED_BYTES + 4 * usize::from(first & 0x0F);
    let (profile, rest) = packet.get(start..)?.split_first_chunk::<2>()?;
    let (words, rest) = rest.split_first_chunk::<2>()?;
    let mut rest = rest.get(..4 * usize::from(u16::from_be_bytes(*words)))?;
    let profile = u16::from_be_bytes(*profile);
    while let [head, tail @ ..] = rest {
        let (found, len, data) = match profile {
            ONE_BYTE if *head == 0 => (0, 0, tail),
            ONE_BYTE => (head >> 4, usize::from(head & 0x0F) + 1, tail),
            _ if profile & 0xFFF0 != TWO_BYTES => return None,
            _ if *head == 0 => (0, 0, tail),
            _ => {
                let (len, data) = tail.split_first()?;
                (*head, usize::from(*len), data)
            }
        };
        if found == id {
            return (len == 2).then(|| data.first_chunk().map(|v| u16::from_be_bytes(*v)))?;
        }
        rest = data.get(len..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn extensions_of_both_forms_are_found_behind_others_and_padding() {
        let fixed = [0xB1, 0xE0, 0x12, 0x34, 0, 0, 0, 9, 1, 2, 3, 4, 7, 7, 7, 7];
        let one = [0xBE, 0xDE, 0, 2, 0x10, 0xAA, 0, 0x31, 0xBE, 0xEF, 0, 0];
        let two = [0x10, 0, 0, 2, 1, 1, 0xAA, 3, 2, 0xBE, 0xEF, 0];
        for extension in [one, two] {
            let packet = [&fixed[..], &extension, &[0x55; 40]].concat();
            let header = Header::read(&packet).unwrap();
            assert_eq!((header.len, header.sequence), (28, 0x1234));
            assert_eq!((header.payload_type, header.ssrc), (96, 0x0102_0304));
            assert!(header.marker && header.padded && header.timestamp == 9);
            assert_eq!(extension_u16(&packet, 3), Some(0xBEEF));
            assert_eq!(extension_u16(&packet, 1), None, "one byte is not two");
            assert_eq!(extension_u16(&packet, 4), None);
            assert_eq!(is_media(&packet), Some(false));
            for len in 0..28 {
                assert_eq!(Header::read(&packet[..len]), None, "{len} bytes");
            }
        }
        assert_eq!(is_media(&[0x80, 200]), Some(true));
        assert_eq!(is_media(&[22, 254]), None);
    }
}
