//! One file of the journal: a header, then records. Files are named by their first record, so
//! that a listing shows a missing one.
//!
//! ```text
//! offset  bytes  what
//!      0      8  "RWJRNL" and the format version, two digits
//!      8      8  sequence of the first record, little-endian
//!     16     32  hash of the record before it
//!     48     12  zero
//!     60      4  CRC32C over the 60 bytes before it, little-endian
//! ```

use super::record::Hash;
use std::path::{Path, PathBuf};

/// Bytes before the first record.
pub(crate) const HEADER_BYTES: usize = 64;

const MAGIC: &[u8; 8] = b"RWJRNL01";

/// A file of the journal, by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Segment {
    /// Sequence of its first record.
    pub(crate) first: u64,
    pub(crate) path: PathBuf,
}

impl Segment {
    pub(crate) fn new(dir: &Path, first: u64) -> Self {
        Self {
            first,
            path: dir.join(format!("{first:020}.log")),
        }
    }

    /// The segment a file name stands for; other files in the folder are left alone.
    pub(crate) fn parse(dir: &Path, name: &str) -> Option<Self> {
        let first = name
            .strip_suffix(".log")
            .filter(|n| n.len() == 20)?
            .parse()
            .ok()?;
        Some(Self {
            first,
            path: dir.join(name),
        })
    }
}

/// The header for a segment beginning with record `first` after `previous`.
pub(crate) fn encode_header(first: u64, previous: &Hash) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8..16].copy_from_slice(&first.to_le_bytes());
    header[16..48].copy_from_slice(previous);
    let crc = crc32c::crc32c(&header[..60]);
    header[60..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// First sequence and previous hash, or `None` if the header is torn or damaged.
pub(crate) fn decode_header(bytes: &[u8]) -> Option<(u64, Hash)> {
    let header: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
    let first = u64::from_le_bytes(header[8..16].try_into().ok()?);
    let previous: Hash = header[16..48].try_into().ok()?;
    (*header == encode_header(first, &previous)).then_some((first, previous))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_header_comes_back_and_no_flipped_bit_passes() {
        let header = encode_header(4_711, &[3; 32]);
        assert_eq!(decode_header(&header), Some((4_711, [3; 32])));
        for bit in 0..HEADER_BYTES * 8 {
            let mut flipped = header;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode_header(&flipped), None, "bit {bit}");
        }
        assert_eq!(decode_header(&header[..63]), None);
    }

    #[test]
    fn only_our_own_names_are_segments() {
        let dir = Path::new("/j");
        let own = Segment::new(dir, 42);
        assert_eq!(own.path, Path::new("/j/00000000000000000042.log"));
        assert_eq!(Segment::parse(dir, "00000000000000000042.log"), Some(own));
        for name in [
            "42.log",
            "00000000000000000042.log~",
            "0000000000000000004x.log",
            "ballast",
        ] {
            assert_eq!(Segment::parse(dir, name), None, "{name}");
        }
    }
}
