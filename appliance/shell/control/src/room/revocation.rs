//! Tokens that the server API took back (`RemoveParticipant.revoke_token_ts`), beyond the life
//! of the room they were for.

use std::collections::{HashMap, VecDeque};
use vocab::{Identity, RoomName};

/// Most revocations remembered; the oldest is forgotten first. A revocation outlives its use
/// when the token expires, normally within hours.
const MAX_REVOCATIONS: usize = 10_000;

/// Which tokens are refused although they are signed and in date.
#[derive(Debug, Default)]
pub(crate) struct Revocations {
    before_secs: HashMap<(RoomName, Identity), u64>,
    order: VecDeque<(RoomName, Identity)>,
}

impl Revocations {
    /// Refuses this identity's tokens for this room that were made before `before_secs`.
    pub(crate) fn add(&mut self, room: &str, identity: &str, before_secs: u64) {
        let key = (RoomName::new(room), Identity::new(identity));
        let known = self.before_secs.insert(key.clone(), before_secs).is_some();
        if known {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > MAX_REVOCATIONS
            && let Some(oldest) = self.order.pop_front()
        {
            self.before_secs.remove(&oldest);
        }
    }

    /// Whether this token was taken back.
    pub(crate) fn covers(&self, room: &str, claims: &auth::Claims) -> bool {
        let key = (RoomName::new(room), Identity::new(claims.identity()));
        self.before_secs
            .get(&key)
            .is_some_and(|before| claims.is_revoked_by(*before))
    }
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

    fn claims(identity: &str, nbf: u64) -> auth::Claims {
        auth::Claims {
            sub: identity.into(),
            nbf: Some(nbf),
            ..auth::Claims::default()
        }
    }

    #[test]
    fn only_older_tokens_of_that_identity_in_that_room_are_refused() {
        let mut revocations = Revocations::default();
        revocations.add("ward", "a", 100);
        for (name, room, identity, nbf, want) in [
            ("older", "ward", "a", 99, true),
            ("as old", "ward", "a", 100, false),
            ("another identity", "ward", "b", 99, false),
            ("another room", "icu", "a", 99, false),
        ] {
            assert_eq!(
                revocations.covers(room, &claims(identity, nbf)),
                want,
                "{name}"
            );
        }
    }

    #[test]
    fn the_oldest_is_forgotten_beyond_the_limit() {
        let mut revocations = Revocations::default();
        for n in 0..=MAX_REVOCATIONS {
            revocations.add("ward", &n.to_string(), 100);
        }
        assert!(!revocations.covers("ward", &claims("0", 1)));
        assert!(revocations.covers("ward", &claims("1", 1)));
        assert_eq!(revocations.before_secs.len(), MAX_REVOCATIONS);
    }
}
