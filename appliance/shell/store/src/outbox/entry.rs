//! One entry of the outbox, as it stands on disk. All numbers are little-endian.
//!
//! ```text
//! offset  bytes  what
//!      0      4  body length
//!      4      8  sequence
//!     12      4  CRC32C over the body
//!     16      4  CRC32C over the 16 bytes before it
//!     20      n  body; zeros once delivered
//! ```

/// Bytes before the body.
pub(crate) const HEADER_BYTES: usize = 20;

/// Longest body. A participant's metadata (512 KiB) and attributes (64 KiB) with a room's
/// metadata (512 KiB) grow at most sixfold in JSON.
pub const MAX_OUTBOX_ENTRY_BYTES: usize = 8 * 1024 * 1024;

/// Appends an entry to `out`; returns the CRC of its body.
pub(crate) fn encode(out: &mut Vec<u8>, sequence: u64, body: &[u8]) -> u32 {
    let start = out.len();
    let crc = crc32c::crc32c(body);
    out.extend_from_slice(&(body.len() as u32).to_le_bytes());
    out.extend_from_slice(&sequence.to_le_bytes());
    out.extend_from_slice(&crc.to_le_bytes());
    let header_crc = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&header_crc.to_le_bytes());
    out.extend_from_slice(body);
    crc
}

/// What stands in a file from some offset on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// An entry with an intact body.
    Waiting {
        offset: u64,
        sequence: u64,
        len: usize,
        crc: u32,
    },
    /// An entry whose body was erased.
    Delivered { sequence: u64 },
    /// This many bytes that are no entry.
    Damaged { bytes: u64 },
}

/// Everything in a file, in order. Damage costs the entries it touches and no others.
pub(crate) fn walk(bytes: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let next = if let Some((entry, end)) = decode(bytes, at) {
            found.push(entry);
            end
        } else {
            let end = (at + 1..bytes.len()).find(|at| decode(bytes, *at).is_some());
            let end = end.unwrap_or(bytes.len());
            found.push(Found::Damaged {
                bytes: (end - at) as u64,
            });
            end
        };
        at = next;
    }
    found
}

fn decode(bytes: &[u8], at: usize) -> Option<(Found, usize)> {
    let header: &[u8; HEADER_BYTES] = bytes.get(at..)?.first_chunk()?;
    let word = |from: usize| {
        Some(u32::from_le_bytes(
            header.get(from..from + 4)?.try_into().ok()?,
        ))
    };
    let len = word(0)? as usize;
    if word(16)? != crc32c::crc32c(&header[..16]) || len == 0 || len > MAX_OUTBOX_ENTRY_BYTES {
        return None;
    }
    let sequence = u64::from_le_bytes(header[4..12].try_into().ok()?);
    let crc = word(12)?;
    let start = at + HEADER_BYTES;
    let end = start + len;
    let body = bytes.get(start..end)?;
    let entry = if crc32c::crc32c(body) == crc {
        Found::Waiting {
            offset: start as u64,
            sequence,
            len,
            crc,
        }
    } else if body.iter().all(|byte| *byte == 0) {
        Found::Delivered { sequence }
    } else {
        Found::Damaged {
            bytes: (end - at) as u64,
        }
    };
    Some((entry, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_costs_the_entries_it_touches_and_no_others() {
        let mut bytes = Vec::new();
        for sequence in 1..=3 {
            encode(&mut bytes, sequence, b"body");
        }
        let waiting = |sequence: u64| Found::Waiting {
            offset: (sequence - 1) * 24 + 20,
            sequence,
            len: 4,
            crc: crc32c::crc32c(b"body"),
        };
        assert_eq!(walk(&bytes), [waiting(1), waiting(2), waiting(3)]);

        let mut header = bytes.clone();
        header[24] ^= 1;
        assert_eq!(
            walk(&header),
            [waiting(1), Found::Damaged { bytes: 24 }, waiting(3)]
        );

        let mut body = bytes.clone();
        body[45] ^= 1;
        assert_eq!(
            walk(&body),
            [waiting(1), Found::Damaged { bytes: 24 }, waiting(3)]
        );

        let mut erased = bytes.clone();
        erased[20..24].fill(0);
        assert_eq!(
            walk(&erased),
            [Found::Delivered { sequence: 1 }, waiting(2), waiting(3)]
        );

        assert_eq!(
            walk(&bytes[..60]),
            [waiting(1), waiting(2), Found::Damaged { bytes: 12 }]
        );
    }
}
