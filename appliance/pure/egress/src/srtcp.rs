//! Opening what the client reports: authentication and replay protection per sender.

use crate::refusal::RtcpRefusal;
use crate::srtp::{Cipher, RTCP_CLEAR_LEN, RTCP_ENCRYPTED};

/// Longest datagram in bytes that is read: more than an Ethernet frame.
const MAX_DATAGRAM_BYTES: usize = 2_048;
/// Sender SSRCs remembered. A client has one per stream it publishes and one of its own.
const MAX_SENDERS: usize = 256;
/// Late packets that are still taken (RFC 3711 §3.3.2 asks for at least 64).
const WINDOW: u32 = 64;

/// Opens SRTCP packets of one client.
pub(crate) struct Opener {
    cipher: Cipher,
    senders: Vec<Replay>,
    packet: Vec<u8>,
}

/// One sender's replay window.
#[derive(Debug, Clone, Copy)]
struct Replay {
    ssrc: u32,
    highest: u32,
    /// Bit n: the index n below the highest was seen.
    seen: u64,
}

impl Opener {
    pub(crate) fn new(cipher: Cipher) -> Self {
        Self {
            cipher,
            senders: Vec::new(),
            packet: Vec::with_capacity(MAX_DATAGRAM_BYTES),
        }
    }

    /// The compound packet in a datagram that is authentic and new.
    pub(crate) fn open(&mut self, datagram: &[u8]) -> Result<&[u8], RtcpRefusal> {
        if datagram.len() > MAX_DATAGRAM_BYTES
            || datagram.len() < RTCP_CLEAR_LEN + self.cipher.rtcp_overhead()
        {
            return Err(RtcpRefusal::Length);
        }
        let ssrc = word(datagram, 4).ok_or(RtcpRefusal::Length)?;
        let at = self.cipher.rtcp_index_at(datagram.len());
        let trailer = at.and_then(|at| word(datagram, at));
        let trailer = trailer.ok_or(RtcpRefusal::Length)?;
        if trailer & RTCP_ENCRYPTED == 0 {
            return Err(RtcpRefusal::Plain);
        }
        let index = trailer & !RTCP_ENCRYPTED;
        let known = self.senders.iter().position(|sender| sender.ssrc == ssrc);
        let known = match known.and_then(|place| self.senders.get(place).map(|s| (place, s))) {
            Some((_, sender)) if !sender.accepts(index) => return Err(RtcpRefusal::Replayed),
            None if self.senders.len() >= MAX_SENDERS => return Err(RtcpRefusal::TooManySenders),
            found => found.map(|(place, _)| place),
        };
        self.packet.clear();
        self.packet.extend_from_slice(datagram);
        let end = self.cipher.open_rtcp(&mut self.packet, (ssrc, index));
        let end = end.ok_or(RtcpRefusal::Forged)?;
        match known.and_then(|place| self.senders.get_mut(place)) {
            Some(sender) => sender.note(index),
            None => self.senders.push(Replay {
                ssrc,
                highest: index,
                seen: 1,
            }),
        }
        self.packet.get(..end).ok_or(RtcpRefusal::Length)
    }
}

impl Replay {
    fn accepts(&self, index: u32) -> bool {
        match self.highest.checked_sub(index) {
            None => true,
            Some(behind) => behind < WINDOW && self.seen & (1 << behind) == 0,
        }
    }

    fn note(&mut self, index: u32) {
        if let Some(behind) = self.highest.checked_sub(index) {
            self.seen |= 1_u64.checked_shl(behind).unwrap_or(0);
        } else {
            let ahead = index - self.highest;
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = index;
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*word))
}
