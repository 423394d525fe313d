//! What the token says, and what its times say of clocks.

use super::Verdict::{self, Fail, Pass, Skip};
use super::limits::CLOCK_LEEWAY_SECS;
use crate::code::Code;
use crate::record::Record;
use crate::record::token::{Token, TokenOutcome};

pub(super) fn token(record: &Record) -> Verdict {
    let Some(token) = &record.token else {
        return Skip(String::new());
    };
    let (code, evidence) = match token.outcome {
        TokenOutcome::Valid => return Pass(clock(token)),
        TokenOutcome::Missing => (
            Code::TokenMissing,
            "the request brought no token".to_owned(),
        ),
        TokenOutcome::Malformed | TokenOutcome::NoExpiry => (
            Code::TokenMalformed,
            "the token cannot be read as one that this box accepts".to_owned(),
        ),
        TokenOutcome::UnknownKey => (
            Code::KeyUnknown,
            format!(
                "signed with key {}, which this box does not have",
                issuer(token)
            ),
        ),
        TokenOutcome::Signature => (
            Code::Signature,
            format!(
                "names key {}, was not signed with its secret",
                issuer(token)
            ),
        ),
        TokenOutcome::Expired => expired(token),
        TokenOutcome::NotYet => not_yet(token),
        TokenOutcome::NoGrant => (
            Code::GrantMissing,
            "the token has no roomJoin for this room".to_owned(),
        ),
        TokenOutcome::NoIdentity => (Code::GrantMissing, "the token names nobody".to_owned()),
    };
    Fail(code, evidence)
}

fn expired(token: &Token) -> (Code, String) {
    let ago = span(token.expired_secs.unwrap_or_default());
    match token.age_secs {
        Some(age) if token.always_this_old => (
            Code::ClockBehind,
            format!(
                "every token of key {} is {} old when it is made: its issuer's clock is behind",
                issuer(token),
                span(age)
            ),
        ),
        Some(age) => (
            Code::TokenExpired,
            format!("expired {ago} ago, issued {} ago", span(age)),
        ),
        None => (Code::TokenExpired, format!("expired {ago} ago")),
    }
}

/// A token made in the future: the issuer's clock is ahead. One made in the past that begins
/// later is meant so.
fn not_yet(token: &Token) -> (Code, String) {
    let begins = span(token.starts_in_secs.unwrap_or_default());
    match token.age_secs {
        Some(age) if age < -CLOCK_LEEWAY_SECS => (
            Code::ClockAhead,
            format!(
                "issued {} in the future: the clock of whoever has key {} is ahead",
                span(age.saturating_neg()),
                issuer(token)
            ),
        ),
        _ => (Code::TokenNotYet, format!("begins in {begins}")),
    }
}

fn clock(token: &Token) -> String {
    match token.age_secs {
        Some(age) if age < 0 => {
            format!("valid; issued {} in the future", span(age.saturating_neg()))
        }
        Some(age) => format!("valid; issued {} ago", span(age)),
        None => "valid".to_owned(),
    }
}

fn issuer(token: &Token) -> &str {
    token.issuer.as_deref().unwrap_or("(none)")
}

/// `47 s`, `12 min`, `3 h`, `20 d`: the largest unit of which there are at least two.
fn span(secs: i64) -> String {
    let secs = secs.max(0);
    match secs {
        0..120 => format!("{secs} s"),
        120..7_200 => format!("{} min", secs / 60),
        7_200..172_800 => format!("{} h", secs / 3_600),
        _ => format!("{} d", secs / 86_400),
    }
}
