//! How many SSRCs a client may use.

use std::time::{Duration, Instant};

/// Most SSRCs of one client at a time (`reliability.md` A4): ten simulcast tracks with their
/// retransmissions.
pub(crate) const MAX_SSRCS: usize = 64;
/// A silent SSRC gives way to a new one after this.
const SSRC_IDLE: Duration = Duration::from_secs(10);
/// Most SSRCs in a peer's life: str0m remembers the rollover counter of every one.
const MAX_SSRCS_EVER: usize = 4_096;

/// The SSRCs a client has used lately.
#[derive(Debug, Default)]
pub(crate) struct SsrcTable {
    entries: Vec<(u32, Instant)>,
    ever: usize,
}

impl SsrcTable {
    /// Whether a packet of this SSRC may be looked at. Called before decryption.
    pub(crate) fn admit(&mut self, ssrc: u32, now: Instant) -> bool {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.0 == ssrc) {
            entry.1 = now;
            return true;
        }
        if self.ever >= MAX_SSRCS_EVER {
            return false;
        }
        if self.entries.len() < MAX_SSRCS {
            self.entries.push((ssrc, now));
        } else {
            let Some(oldest) = self.entries.iter_mut().min_by_key(|entry| entry.1) else {
                return false;
            };
            if now.saturating_duration_since(oldest.1) < SSRC_IDLE {
                return false;
            }
            *oldest = (ssrc, now);
        }
        self.ever += 1;
        true
    }
}

/// The SSRC of an RTP packet; `None` for RTCP and everything else (RFC 5761 §4, RFC 7983).
pub(crate) fn of_rtp(bytes: &[u8]) -> Option<u32> {
    payload_type(bytes)?;
    let ssrc = bytes.get(8..12)?;
    Some(u32::from_be_bytes(ssrc.try_into().ok()?))
}

/// The payload type of an RTP packet; `None` for RTCP and everything else.
pub(crate) fn payload_type(bytes: &[u8]) -> Option<u8> {
    let pt = bytes.get(1)? & 0x7f;
    let is_rtp = matches!(bytes.first()?, 128..=191) && !(64..96).contains(&pt);
    is_rtp.then_some(pt)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::disallowed_methods,
        reason = "tests"
    )]
    use super::*;

    #[test]
    fn a_new_ssrc_waits_for_an_idle_one() {
        let start = Instant::now();
        let mut table = SsrcTable::default();
        for ssrc in 0..MAX_SSRCS as u32 {
            assert!(table.admit(ssrc, start));
        }
        let later = start + SSRC_IDLE;
        assert!(!table.admit(1_000, later.checked_sub(Duration::from_millis(1)).unwrap()));
        assert!(table.admit(0, later), "a known one always passes");
        assert!(table.admit(1_000, later));
        assert_eq!(table.entries.len(), MAX_SSRCS);
    }

    #[test]
    fn a_lifetime_of_ssrcs_is_bounded() {
        let mut now = Instant::now();
        let mut table = SsrcTable::default();
        for ssrc in 0..MAX_SSRCS_EVER as u32 {
            assert!(table.admit(ssrc, now));
            now += SSRC_IDLE;
        }
        assert!(!table.admit(u32::MAX, now));
    }

    #[test]
    fn rtcp_and_stun_have_no_ssrc() {
        let rtp = [0x80, 0x60, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7];
        let mut rtcp = rtp;
        rtcp[1] = 200;
        let mut stun = rtp;
        stun[0] = 0;
        assert_eq!(of_rtp(&rtp), Some(7));
        assert_eq!(of_rtp(&rtcp), None);
        assert_eq!(of_rtp(&stun), None);
        assert_eq!(of_rtp(&rtp[..11]), None);
    }
}
