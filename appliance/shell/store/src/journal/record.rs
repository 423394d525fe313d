//! One record of the journal, as it stands on disk. All numbers are little-endian.
//!
//! ```text
//! offset  bytes  what
//!      0      4  payload length
//!      4      4  CRC32C over everything else in the record
//!      8      8  sequence, from 1, without gaps
//!     16      8  highest sequence known to be synced when this one was written
//!     24      8  time of the event, Unix milliseconds
//!     32     32  SHA-256 over the previous record's hash, sequence, time and payload
//!     64      n  payload: schema version, then the event in postcard
//! ```
//!
//! The CRC finds accidents; the chain finds edits. The second number tells a torn tail from
//! damage: a flaw at sequence *s* followed by any record that knew *s* to be synced is damage.

use aws_lc_rs::digest;

/// Bytes before the payload.
pub(crate) const HEADER_BYTES: usize = 64;

/// Longest payload. The largest event (32 named statistics) is under 12 KiB when its names are
/// within `vocab::MAX_NAME_BYTES`; keys of the index hold texts up to 64 KiB.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 32 * 1024;

/// A link of the chain.
pub(crate) type Hash = [u8; 32];

/// What the first record follows.
pub(crate) const GENESIS: Hash = [0; 32];

/// A whole record with a valid CRC. Its place in the chain is not checked yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) sequence: u64,
    pub(crate) synced: u64,
    pub(crate) time: u64,
    pub(crate) hash: Hash,
    pub(crate) payload: &'a [u8],
}

/// What goes into a record.
pub(crate) struct Draft<'a> {
    pub(crate) sequence: u64,
    pub(crate) synced: u64,
    pub(crate) time: u64,
    pub(crate) previous: &'a Hash,
    pub(crate) payload: &'a [u8],
}

impl Draft<'_> {
    /// Appends the record to `out`; returns its hash.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> Hash {
        let hash = chain(self.previous, self.sequence, self.time, self.payload);
        let length = (self.payload.len() as u32).to_le_bytes();
        let start = out.len();
        out.extend_from_slice(&length);
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.sequence.to_le_bytes());
        out.extend_from_slice(&self.synced.to_le_bytes());
        out.extend_from_slice(&self.time.to_le_bytes());
        out.extend_from_slice(&hash);
        out.extend_from_slice(self.payload);
        let crc = checksum(length, &out[start + 8..]);
        out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
        hash
    }
}

/// The length of the record that `bytes` begin with, by its header alone; `None` if it does not
/// fit.
pub(crate) fn length(bytes: &[u8]) -> Option<usize> {
    let payload = u32::from_le_bytes(*bytes.first_chunk()?) as usize;
    let len = HEADER_BYTES + payload;
    (payload > 0 && payload <= MAX_PAYLOAD_BYTES && len <= bytes.len()).then_some(len)
}

impl<'a> Record<'a> {
    /// The record at the start of `bytes`, or `None` if there is no whole, intact one.
    pub(crate) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let header: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        let length = array(header, 0);
        let payload_bytes = u32::from_le_bytes(length) as usize;
        if payload_bytes == 0 || payload_bytes > MAX_PAYLOAD_BYTES {
            return None;
        }
        let body = bytes.get(8..HEADER_BYTES + payload_bytes)?;
        if checksum(length, body) != u32::from_le_bytes(array(header, 4)) {
            return None;
        }
        Some(Self {
            sequence: u64::from_le_bytes(array(header, 8)),
            synced: u64::from_le_bytes(array(header, 16)),
            time: u64::from_le_bytes(array(header, 24)),
            hash: array(header, 32),
            payload: bytes.get(HEADER_BYTES..HEADER_BYTES + payload_bytes)?,
        })
    }

    /// Bytes on disk.
    pub(crate) fn len(&self) -> usize {
        HEADER_BYTES + self.payload.len()
    }

    /// Whether it continues the chain that stands at `previous`.
    pub(crate) fn follows(&self, previous: &Hash) -> bool {
        self.hash == chain(previous, self.sequence, self.time, self.payload)
    }
}

fn chain(previous: &Hash, sequence: u64, time: u64, payload: &[u8]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(previous);
    context.update(&sequence.to_le_bytes());
    context.update(&time.to_le_bytes());
    context.update(payload);
    let mut hash = GENESIS;
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// The length stands outside the summed bytes, so it is summed first.
pub(crate) fn checksum(length: [u8; 4], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length), body)
}

fn array<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&header[at..at + N]);
    out
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]
    use super::*;
    use proptest::prelude::*;

    fn encoded(payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Draft {
            sequence: 7,
            synced: 5,
            time: 1_000,
            previous: &[9; 32],
            payload,
        }
        .encode(&mut out);
        out
    }

    #[test]
    fn a_record_comes_back_as_written() {
        let bytes = encoded(b"\x01fact");
        let record = Record::decode(&bytes).unwrap();
        assert_eq!((record.sequence, record.synced, record.time), (7, 5, 1_000));
        assert_eq!(record.payload, b"\x01fact");
        assert_eq!(record.len(), bytes.len());
        assert!(record.follows(&[9; 32]));
        assert!(!record.follows(&GENESIS));
    }

    #[test]
    fn lengths_outside_the_limits_are_no_record() {
        assert_eq!(Record::decode(&[0; 128]), None);
        assert!(Record::decode(&encoded(&vec![1; MAX_PAYLOAD_BYTES])).is_some());
        assert_eq!(
            Record::decode(&encoded(&vec![1; MAX_PAYLOAD_BYTES + 1])),
            None
        );
    }

    proptest! {
        #[test]
        fn one_changed_bit_anywhere_is_found(
            payload in proptest::collection::vec(any::<u8>(), 1..200),
            bit in any::<prop::sample::Index>(),
        ) {
            let mut bytes = encoded(&payload);
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Record::decode(&bytes), None);
        }

        #[test]
        fn any_bytes_are_decoded_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Record::decode(&bytes);
        }
    }
}
