//! Sessions: who has logged in.

use crate::account::AccountName;
use aws_lc_rs::digest::{SHA256, digest};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use wire::admin::Role;

/// A session ends after so long without a request.
pub(crate) const IDLE: Duration = Duration::from_mins(15);

/// And then in any case: a shift.
pub(crate) const MAX_AGE: Duration = Duration::from_hours(12);

/// Sessions of one account: several consoles of several boxes. Beyond it the one that was idle
/// longest ends.
const MAX_PER_ACCOUNT: usize = 8;

/// Sessions in all; more than accounts can have.
const MAX_SESSIONS: usize = 2_048;

/// SHA-256 of a token. Whoever reads the memory of the box finds no token to use, and how long a
/// look-up takes says nothing about one.
type Digest = [u8; 32];

#[derive(Default)]
pub(crate) struct Sessions {
    open: HashMap<Digest, Open>,
}

struct Open {
    name: AccountName,
    role: Role,
    began: Instant,
    used: Instant,
}

impl Open {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.used) >= IDLE
            || now.saturating_duration_since(self.began) >= MAX_AGE
    }
}

impl Sessions {
    pub(crate) fn begin(&mut self, token: &str, name: AccountName, role: Role, now: Instant) {
        self.open.retain(|_, open| !open.is_over(now));
        while self.count(&name, now) >= MAX_PER_ACCOUNT || self.open.len() >= MAX_SESSIONS {
            self.end_idlest(&name);
        }
        let open = Open {
            name,
            role,
            began: now,
            used: now,
        };
        self.open.insert(digest_of(token), open);
    }

    /// Whose session it is, which this use prolongs. Unknown and over are the same: nothing.
    pub(crate) fn find(&mut self, token: &str, now: Instant) -> Option<(AccountName, Role)> {
        let key = digest_of(token);
        let open = self.open.get_mut(&key)?;
        if open.is_over(now) {
            self.open.remove(&key);
            return None;
        }
        open.used = now;
        Some((open.name.clone(), open.role))
    }

    pub(crate) fn end(&mut self, token: &str) {
        self.open.remove(&digest_of(token));
    }

    /// Ends every session of an account.
    pub(crate) fn end_of(&mut self, name: &AccountName) {
        self.open.retain(|_, open| open.name != *name);
    }

    pub(crate) fn count(&self, name: &AccountName, now: Instant) -> usize {
        let of = |open: &&Open| open.name == *name && !open.is_over(now);
        self.open.values().filter(of).count()
    }

    /// Of the account, or of all where it has none.
    fn end_idlest(&mut self, name: &AccountName) {
        let idlest = self
            .open
            .iter()
            .min_by_key(|(_, open)| (open.name != *name, open.used))
            .map(|(key, _)| *key);
        if let Some(key) = idlest {
            self.open.remove(&key);
        }
    }
}

fn digest_of(token: &str) -> Digest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amara() -> AccountName {
        "amara".parse().unwrap()
    }

    #[test]
    fn a_session_slides_until_its_shift_is_over() {
        let (mut sessions, began) = (Sessions::default(), Instant::now());
        sessions.begin("t", amara(), Role::Viewer, began);
        let step = Duration::from_secs(15 * 60 - 1);
        let mut now = began;
        while now + step < began + MAX_AGE {
            now += step;
            assert!(sessions.find("t", now).is_some(), "after {:?}", now - began);
        }
        assert!(sessions.find("t", began + MAX_AGE).is_none());
    }

    #[test]
    fn an_idle_session_is_over_and_stays_so() {
        let (mut sessions, began) = (Sessions::default(), Instant::now());
        sessions.begin("t", amara(), Role::Viewer, began);
        assert!(sessions.find("t", began + IDLE).is_none());
        assert!(sessions.find("t", began).is_none(), "replayed");
        assert!(sessions.find("x", began).is_none());
    }

    #[test]
    fn the_ninth_session_ends_the_one_that_was_idle_longest() {
        let (mut sessions, began) = (Sessions::default(), Instant::now());
        let at = |seconds| began + Duration::from_secs(seconds);
        sessions.begin("other", "ben".parse().unwrap(), Role::Viewer, began);
        for n in 0..8 {
            sessions.begin(&n.to_string(), amara(), Role::Viewer, at(n));
        }
        assert!(sessions.find("0", at(10)).is_some());
        sessions.begin("8", amara(), Role::Viewer, at(11));
        let alive: Vec<_> = (0..9)
            .map(|n| sessions.find(&n.to_string(), at(12)).is_some())
            .collect();
        assert_eq!(
            alive,
            [true, false, true, true, true, true, true, true, true]
        );
        assert!(
            sessions.find("other", at(12)).is_some(),
            "another account's"
        );
        sessions.end_of(&amara());
        assert_eq!(sessions.count(&amara(), at(12)), 0);
    }
}
