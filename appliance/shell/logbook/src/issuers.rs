//! How old expired tokens of one issuer are when they come: whether they are old, or its clock is
//! behind.

use attempt::Token;
use std::collections::VecDeque;
use vocab::UnixMillis;

/// Expired tokens remembered, all issuers together; a wrong clock shows in two.
const MAX_REMEMBERED: usize = 256;
/// How long one is remembered.
const WINDOW_MS: u64 = 10 * 60 * 1_000;
/// How much the ages of tokens made at different moments may differ when the cause is a clock:
/// what lies between making a token and using it.
const SPREAD_SECS: i64 = 15;
/// Tokens made within this are one token, used again.
const SAME_TOKEN_SECS: i64 = 1;

#[derive(Debug)]
struct Expired {
    at: UnixMillis,
    issuer: String,
    issued_secs: i64,
    age_secs: i64,
}

/// Expired tokens of the last ten minutes.
#[derive(Debug, Default)]
pub(crate) struct Issuers(VecDeque<Expired>);

impl Issuers {
    /// Whether another token of this issuer, made at another moment, was just as old when it came.
    /// Remembers this one.
    pub(crate) fn judge(&mut self, token: &Token, now: UnixMillis) -> bool {
        let (Some(issuer), Some(age_secs)) = (&token.issuer, token.age_secs) else {
            return false;
        };
        let now_secs = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let issued_secs = now_secs.saturating_sub(age_secs);
        self.0
            .retain(|known| now.0.saturating_sub(known.at.0) < WINDOW_MS);
        let is_pattern = self.0.iter().any(|known| {
            known.issuer == *issuer
                && known.issued_secs.abs_diff(issued_secs) > SAME_TOKEN_SECS.unsigned_abs()
                && known.age_secs.abs_diff(age_secs) <= SPREAD_SECS.unsigned_abs()
        });
        if self.0.len() >= MAX_REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(Expired {
            at: now,
            issuer: issuer.clone(),
            issued_secs,
            age_secs,
        });
        is_pattern
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_are_always_as_old_tell_of_a_clock() {
        let token = |issuer: &str, age: i64| Token {
            issuer: Some(issuer.to_owned()),
            age_secs: Some(age),
            ..Token::default()
        };
        let at = |secs: u64| UnixMillis(1_000_000_000 + secs * 1_000);
        let mut issuers = Issuers::default();
        assert!(
            !issuers.judge(&token("a", 7_200), at(0)),
            "one says nothing"
        );
        assert!(
            !issuers.judge(&token("a", 7_205), at(5)),
            "the same token, 5 s later"
        );
        assert!(!issuers.judge(&token("b", 7_200), at(9)), "another issuer");
        assert!(!issuers.judge(&token("a", 90_000), at(9)), "an old link");
        assert!(
            issuers.judge(&token("a", 7_200), at(20)),
            "made 20 s later, just as old"
        );
        assert!(
            !issuers.judge(&token("a", 7_200), at(20 + 600)),
            "ten minutes later"
        );
    }
}
