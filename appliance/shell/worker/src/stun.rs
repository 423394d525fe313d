//! As much of STUN (RFC 8489) as it takes to find a peer by ufrag, and the gate before that.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// STUN's magic cookie, bytes 4 to 8 (RFC 8489 §5).
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const HEADER_BYTES: usize = 20;
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;

/// The local ufrag that a STUN message names in USERNAME (RFC 8445 §7.2.2: `local:remote` as the
/// receiver sees it); `None` when it is no STUN message or names none.
pub(crate) fn local_ufrag(bytes: &[u8]) -> Option<&str> {
    let value = attribute(bytes, USERNAME)?;
    let (local, _) = std::str::from_utf8(value).ok()?.split_once(':')?;
    Some(local)
}

/// The value of the first attribute of this type.
pub(crate) fn attribute(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    if !is_stun(bytes) {
        return None;
    }
    let mut attributes = bytes.get(HEADER_BYTES..)?;
    loop {
        let (head, rest) = attributes.split_at_checked(4)?;
        let kind = u16::from_be_bytes([*head.first()?, *head.get(1)?]);
        let length = usize::from(u16::from_be_bytes([*head.get(2)?, *head.get(3)?]));
        let value = rest.get(..length)?;
        if kind == wanted {
            return Some(value);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
}

/// First two bits zero and the cookie in place (RFC 7983 §7).
pub(crate) fn is_stun(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| *first < 4) && bytes.get(4..8) == Some(&MAGIC_COOKIE)
}

/// Forged STUN messages looked at per source address and second (`reliability.md` A6). Honest
/// messages are not charged: a ward joins from behind one address.
const MAX_FORGED_PER_SECOND: u16 = 50;

/// Places in the table; addresses that share one share its allowance.
const SLOTS: usize = 4_096;

/// What becomes of a STUN message that names a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The peer gets it.
    Authentic,
    /// Its integrity is missing or wrong.
    Forged,
    /// Not looked at: its source forged too many.
    Unheard,
}

/// Bounds the work that forgers can cause: checking a message's integrity costs a microsecond.
pub(crate) struct ForgeryGate {
    counts: Box<[u16]>,
    since: Instant,
    // Keyed by a seed of the process, so that nobody can aim at another address's place.
    hash: RandomState,
}

impl ForgeryGate {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            counts: vec![0; SLOTS].into(),
            since: now,
            hash: RandomState::new(),
        }
    }

    /// Judges a STUN message that names a peer. `accepts` is the peer's own check of the integrity;
    /// a message that claims none never gets there (RFC 8445 §7.3 has the agent refuse it, and
    /// this holds whatever the peer does).
    pub(crate) fn judge(
        &mut self,
        source: IpAddr,
        bytes: &[u8],
        accepts: impl FnOnce() -> bool,
        now: Instant,
    ) -> Verdict {
        if self.is_shut(source, now) {
            return Verdict::Unheard;
        }
        if attribute(bytes, MESSAGE_INTEGRITY).is_some() && accepts() {
            return Verdict::Authentic;
        }
        self.charge(source);
        Verdict::Forged
    }

    /// Whether this address has used up its allowance for this second.
    fn is_shut(&mut self, source: IpAddr, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= Duration::from_secs(1) {
            self.counts.fill(0);
            self.since = now;
        }
        self.counts
            .get(self.place(source))
            .is_none_or(|count| *count >= MAX_FORGED_PER_SECOND)
    }

    /// A message of this address was forged.
    fn charge(&mut self, source: IpAddr) {
        let place = self.place(source);
        if let Some(count) = self.counts.get_mut(place) {
            *count = count.saturating_add(1);
        }
    }

    fn place(&self, source: IpAddr) -> usize {
        self.hash.hash_one(source) as usize % SLOTS
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A binding request that names somebody and proves nothing.
    pub(crate) fn message(username: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42];
        bytes.extend([7; 12]);
        // SOFTWARE with padding before USERNAME.
        bytes.extend([0x80, 0x22, 0, 3, b'a', b'b', b'c', 0]);
        bytes.extend([0, 6, 0, username.len() as u8]);
        bytes.extend(username);
        bytes.extend(vec![0; username.len().next_multiple_of(4) - username.len()]);
        bytes
    }

    #[test]
    fn the_ufrag_is_found_and_nothing_else_is_taken_for_one() {
        let good = message(b"local:remote");
        assert_eq!(local_ufrag(&good), Some("local"));
        for (name, bytes) in [
            ("no colon", message(b"localremote")),
            ("not UTF-8", message(&[0xFF, b':', 1])),
            ("RTP", [vec![0x80], good[1..].to_vec()].concat()),
            ("no cookie", vec![0; 40]),
            ("cut in the attribute", good[..good.len() - 4].to_vec()),
            ("empty", Vec::new()),
        ] {
            assert_eq!(local_ufrag(&bytes), None, "{name}");
        }
    }

    #[test]
    fn without_integrity_nobody_is_let_through_even_if_the_peer_would() {
        let (now, source) = (Instant::now(), "198.51.100.7".parse().unwrap());
        let mut gate = ForgeryGate::new(now);
        let bare = message(b"local:remote");
        assert_eq!(gate.judge(source, &bare, || true, now), Verdict::Forged);

        let mut signed = bare;
        signed.extend([0, 8, 0, 20]);
        signed.extend([1; 20]);
        assert_eq!(
            gate.judge(source, &signed, || true, now),
            Verdict::Authentic
        );
        assert_eq!(gate.judge(source, &signed, || false, now), Verdict::Forged);
    }

    #[test]
    fn a_forger_is_heard_fifty_times_a_second() {
        let now = Instant::now();
        let mut gate = ForgeryGate::new(now);
        let source = "198.51.100.7".parse().unwrap();
        let mut heard = 0;
        while heard < 200 && !gate.is_shut(source, now) {
            gate.charge(source);
            heard += 1;
        }
        assert_eq!(heard, MAX_FORGED_PER_SECOND);
        assert!(!gate.is_shut(source, now + Duration::from_secs(1)));
    }
}
