//! `user` packets that clients and servers send twice on purpose.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Nonces remembered per room; beyond it the oldest is forgotten, and a very late duplicate
/// passes.
pub const MAX_NONCES: usize = 512;
/// How long a nonce is remembered.
pub const NONCE_LIFE: Duration = Duration::from_secs(10);

/// Recently seen 16-byte nonces (`UserPacket.nonce`).
#[derive(Debug, Default)]
pub(crate) struct Nonces(VecDeque<(Instant, [u8; 16])>);

impl Nonces {
    /// Remembers `nonce`; true if it was known.
    pub(crate) fn is_known(&mut self, nonce: [u8; 16], now: Instant) -> bool {
        let expired = |at: Instant| now.saturating_duration_since(at) > NONCE_LIFE;
        while self.0.front().is_some_and(|(at, _)| expired(*at)) {
            self.0.pop_front();
        }
        if self.0.iter().any(|(_, known)| *known == nonce) {
            return true;
        }
        if self.0.len() == MAX_NONCES {
            self.0.pop_front();
        }
        self.0.push_back((now, nonce));
        false
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests begin somewhere")]

    use super::*;

    fn nonce(number: usize) -> [u8; 16] {
        (number as u128).to_be_bytes()
    }

    #[test]
    fn a_nonce_is_known_until_it_expires() {
        let (mut nonces, start) = (Nonces::default(), Instant::now());
        assert!(!nonces.is_known(nonce(1), start));
        assert!(nonces.is_known(nonce(1), start + NONCE_LIFE));
        assert!(!nonces.is_known(nonce(1), start + NONCE_LIFE + Duration::from_millis(1)));
    }

    #[test]
    fn at_the_limit_the_oldest_is_forgotten() {
        let (mut nonces, start) = (Nonces::default(), Instant::now());
        for number in 0..=MAX_NONCES {
            assert!(!nonces.is_known(nonce(number), start));
        }
        assert!(nonces.is_known(nonce(1), start));
        assert!(!nonces.is_known(nonce(0), start));
    }
}
