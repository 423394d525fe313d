//! What a client reports, block by block (RFC 3550 §6.4, RFC 4585 §6, RFC 5104 §4.3.1).

use vocab::Bitrate;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;
const NACK: u8 = 1;
const TRANSPORT_CC: u8 = 15;
const PLI: u8 = 1;
const FIR: u8 = 4;
const APPLICATION: u8 = 15;
const REPORT_BLOCK: usize = 24;
/// Sender information of a sender report, behind its SSRC.
const SENDER_INFORMATION: usize = 20;
const FIR_ENTRY: usize = 8;
const NACK_ITEM: usize = 4;

/// One thing a client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Block<'a> {
    /// RFC 3550 §6.4.1.
    Reception {
        ssrc: u32,
        /// Lost since the last report, in 1/256.
        fraction_lost: u8,
        /// Interarrival jitter, in ticks of the stream's clock.
        jitter: u32,
        last_report: u32,
        /// In 1/65,536 s.
        delay: u32,
    },
    /// RFC 4585 §6.2.1: packet id and bit mask of the following 16.
    Nack { ssrc: u32, first: u16, mask: u16 },
    /// The feedback control information of transport-wide feedback.
    TransportWide(&'a [u8]),
    /// draft-alvestrand-rmcat-remb.
    ReceiverEstimate(Bitrate),
    /// PLI and FIR.
    Keyframe { ssrc: u32 },
    /// Something that concerns whoever receives from the client: sender information, a name, a
    /// farewell, an extended report, or what is not known here.
    Foreign,
}

/// A packet ends before it should, or is none. What was read before it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Reads a compound.
pub(crate) fn read(compound: &[u8], mut block: impl FnMut(Block<'_>)) -> Result<(), Malformed> {
    let mut rest = compound;
    while !rest.is_empty() {
        let [first, kind, high, low, ..] = *rest else {
            return Err(Malformed);
        };
        let len = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
        let (packet, behind) = rest.split_at_checked(len).ok_or(Malformed)?;
        if first >> 6 != 2 {
            return Err(Malformed);
        }
        let padding = match packet.last() {
            Some(count) if first & 0x20 != 0 => usize::from(*count),
            _ => 0,
        };
        let end = len.checked_sub(padding).ok_or(Malformed)?;
        let body = packet.get(4..end).ok_or(Malformed)?;
        read_packet(kind, first & 0x1f, body, &mut block)?;
        rest = behind;
    }
    Ok(())
}

fn read_packet(
    kind: u8,
    count: u8,
    body: &[u8],
    block: &mut impl FnMut(Block<'_>),
) -> Result<(), Malformed> {
    let head = match kind {
        SENDER_REPORT => 4 + SENDER_INFORMATION,
        RECEIVER_REPORT => 4,
        TRANSPORT_FEEDBACK | PAYLOAD_FEEDBACK => 8,
        _ => {
            block(Block::Foreign);
            return Ok(());
        }
    };
    let (head, rest) = body.split_at_checked(head).ok_or(Malformed)?;
    let ssrc = word(head, 4).unwrap_or_default();
    if kind == SENDER_REPORT {
        block(Block::Foreign);
    }
    match (kind, count) {
        (SENDER_REPORT | RECEIVER_REPORT, _) => {
            let len = usize::from(count) * REPORT_BLOCK;
            let blocks = rest.get(..len).ok_or(Malformed)?;
            for report in blocks.chunks_exact(REPORT_BLOCK) {
                block(Block::Reception {
                    ssrc: word(report, 0).ok_or(Malformed)?,
                    fraction_lost: *report.get(4).ok_or(Malformed)?,
                    jitter: word(report, 12).ok_or(Malformed)?,
                    last_report: word(report, 16).ok_or(Malformed)?,
                    delay: word(report, 20).ok_or(Malformed)?,
                });
            }
        }
        (TRANSPORT_FEEDBACK, NACK) => {
            for item in rest.chunks_exact(NACK_ITEM) {
                let item = word(item, 0).ok_or(Malformed)?;
                block(Block::Nack {
                    ssrc,
                    first: (item >> 16) as u16,
                    mask: item as u16,
                });
            }
        }
        (TRANSPORT_FEEDBACK, TRANSPORT_CC) => block(Block::TransportWide(rest)),
        (PAYLOAD_FEEDBACK, PLI) => block(Block::Keyframe { ssrc }),
        (PAYLOAD_FEEDBACK, FIR) => {
            for entry in rest.chunks_exact(FIR_ENTRY) {
                let ssrc = word(entry, 0).ok_or(Malformed)?;
                block(Block::Keyframe { ssrc });
            }
        }
        (PAYLOAD_FEEDBACK, APPLICATION) if rest.starts_with(b"REMB") => {
            let word = word(rest, 4).ok_or(Malformed)?;
            let (exponent, mantissa) = (word >> 18 & 0x3f, u64::from(word & 0x3_ffff));
            let bits = mantissa.saturating_mul(1_u64.checked_shl(exponent).unwrap_or(u64::MAX));
            block(Block::ReceiverEstimate(Bitrate(bits)));
        }
        _ => block(Block::Foreign),
    }
    Ok(())
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_compound_is_read_block_by_block() {
        let mut compound = vec![0x81, 201, 0, 7, 0, 0, 0, 1, 0, 0, 0, 7, 64, 0, 0, 9];
        compound.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0xa, 0xc0, 0, 0, 1, 0, 0]);
        compound.extend([0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 7, 0, 5, 0x80, 1]);
        compound.extend([0x8f, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 7, 1, 2, 3, 4]);
        compound.extend([0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 8]);
        compound.extend([
            0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 1, 0, 0, 0,
        ]);
        compound.extend([
            0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B',
        ]);
        compound.extend([1, 0x0b, 0xd0, 0x90, 0, 0, 0, 7]);
        let mut seen = Vec::new();
        read(&compound, |block| seen.push(format!("{block:?}"))).expect("well-formed");
        assert_eq!(
            seen,
            [
                "Reception { ssrc: 7, fraction_lost: 64, jitter: 0, last_report: 704512, delay: 65536 }",
                "Nack { ssrc: 7, first: 5, mask: 32769 }",
                "TransportWide([1, 2, 3, 4])",
                "Keyframe { ssrc: 8 }",
                "Keyframe { ssrc: 9 }",
                "ReceiverEstimate(Bitrate(1000000))",
            ]
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes, |_| {});
        }
    }
}
