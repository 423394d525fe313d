//! The box's wire: no SRTP nonce twice (`egress.md` §4).
//!
//! SRTP derives the nonce of a packet from key, SSRC and index. All of them but the key stand on the
//! wire in clear, and a client's transport has one key for life.

use std::collections::{HashMap, HashSet};

/// What the box sent to each client.
#[derive(Debug, Default)]
pub struct Wire {
    used: HashSet<(usize, bool, u32, u64)>,
    /// The highest extended sequence number of each client's streams.
    highest: HashMap<(usize, u32), u64>,
}

impl Wire {
    /// A datagram leaves for a client.
    ///
    /// # Errors
    /// What of it was used before.
    pub fn leaves(&mut self, client: usize, bytes: &[u8]) -> Result<(), String> {
        let (Some(128..=191), Some(kind)) = (bytes.first(), bytes.get(1)) else {
            return Ok(());
        };
        let is_rtcp = (192..=223).contains(kind);
        let (ssrc, index) = if is_rtcp {
            // The index is the last word under the AEAD profiles (RFC 7714 §9.2).
            (word(bytes, 4), word(bytes, bytes.len() - 4).into())
        } else {
            let ssrc = word(bytes, 8);
            let sequence = word(bytes, 0) as u16;
            (ssrc, self.extended(client, ssrc, sequence))
        };
        if self.used.insert((client, is_rtcp, ssrc, index)) {
            return Ok(());
        }
        let kind = if is_rtcp { "SRTCP" } else { "SRTP" };
        Err(format!("{kind} index {index} of {ssrc} twice to {client}"))
    }

    /// RFC 3711 §3.3.1, as a receiver guesses it.
    fn extended(&mut self, client: usize, ssrc: u32, sequence: u16) -> u64 {
        let highest = self.highest.entry((client, ssrc));
        let highest = highest.or_insert_with(|| u64::from(sequence) + (1 << 16));
        let ahead = i64::from(sequence.wrapping_sub(*highest as u16).cast_signed());
        let index = highest.wrapping_add_signed(ahead);
        *highest = index.max(*highest);
        index
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
    word.map_or(0, u32::from_be_bytes)
}
