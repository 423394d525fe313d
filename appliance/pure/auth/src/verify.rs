//! Checking a token at a given time.
//!
//! HS256 is one call to `aws_lc_rs::hmac`. Everything a general JWT library adds around it
//! (a choice of algorithms, keys named in the header, its own clock) is what JWT attacks are
//! made of, so none of it is here.

use crate::claims::Claims;
use crate::keys::Keys;
use crate::strict_json::{has_unique_members, is_object};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use vocab::UnixMillis;

/// Longest token read, in bytes: it must fit into a request's header or query.
pub const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// How far the issuer's clock may be off, in seconds, for `exp` and `nbf`
/// (go-jose's `DefaultLeeway`, which `LiveKit` uses).
pub const EXPIRY_LEEWAY_SECS: u64 = 60;

/// What the bearer is told, whatever the cause.
pub const REFUSED_TEXT: &str = "invalid authorization token";

/// A token that was refused. `Display` never tells why; [`Self::fault`] is for counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{REFUSED_TEXT}")]
pub struct VerifyTokenError {
    fault: TokenFault,
}

impl VerifyTokenError {
    /// Why, for a counter; never for the bearer.
    #[must_use]
    pub fn fault(self) -> TokenFault {
        self.fault
    }
}

impl From<TokenFault> for VerifyTokenError {
    fn from(fault: TokenFault) -> Self {
        Self { fault }
    }
}

/// Why a token was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenFault {
    /// Longer than [`MAX_TOKEN_BYTES`].
    TooLong,
    /// Not three parts of base64url.
    Malformed,
    /// Its header is not `alg: HS256` with at most `typ: JWT`: another algorithm, or a member
    /// that would choose a key or demand an extension (`kid`, `jwk`, `x5u`, `crit` …).
    Header,
    /// Its `iss` is no key of this box.
    UnknownKey,
    /// It was not signed with that key's secret, or changed since.
    Signature,
    /// Signed, but its claims cannot be read.
    Claims,
    /// Signed, but a claim stands in it twice.
    DuplicateClaim,
    /// It has no `exp`.
    NoExpiry,
    /// `exp` is past.
    Expired,
    /// `nbf` is to come.
    NotYetValid,
}

impl TokenFault {
    /// A short word for a metric's label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Header => "header",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::DuplicateClaim => "duplicate_claim",
            Self::NoExpiry => "no_expiry",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
        }
    }
}

/// The header as it may be. Strict on purpose: see [`TokenFault::Header`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: Option<String>,
}

/// The one claim read before the signature is checked, to find the key.
#[derive(Deserialize)]
struct Issuer {
    #[serde(default)]
    iss: String,
}

/// The claims of `token` if one of `keys` signed it and it is valid at `now`.
pub fn verify(token: &str, keys: &Keys, now: UnixMillis) -> Result<Claims, VerifyTokenError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenFault::TooLong.into());
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenFault::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(TokenFault::Malformed)?;
    check_header(&decode(header)?)?;
    let payload = decode(payload)?;
    if !is_object(&payload) {
        return Err(TokenFault::Malformed.into());
    }
    check_signature(signed, &decode(signature)?, &payload, keys)?;
    let claims = read_claims(&payload)?;
    check_times(&claims, now)?;
    Ok(claims)
}

/// Strict base64url: no padding, no other alphabet, no stray bits, so that a token has exactly
/// one spelling.
fn decode(part: &str) -> Result<Vec<u8>, TokenFault> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenFault::Malformed)
}

fn check_header(header: &[u8]) -> Result<(), TokenFault> {
    if !is_object(header) {
        return Err(TokenFault::Header);
    }
    let header: Header = serde_json::from_slice(header).map_err(|_| TokenFault::Header)?;
    let is_jwt = header.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
    if header.alg == "HS256" && is_jwt {
        Ok(())
    } else {
        Err(TokenFault::Header)
    }
}

/// The comparison is constant-time. An unknown key costs one MAC too, so that the time taken
/// does not tell which keys exist.
fn check_signature(
    signed: &str,
    signature: &[u8],
    payload: &[u8],
    keys: &Keys,
) -> Result<(), TokenFault> {
    let issuer: Issuer = serde_json::from_slice(payload).map_err(|_| TokenFault::Malformed)?;
    if let Some(key) = keys.hmac(&issuer.iss) {
        hmac::verify(key, signed.as_bytes(), signature).map_err(|_| TokenFault::Signature)
    } else {
        let nobody = hmac::Key::new(hmac::HMAC_SHA256, &[]);
        let _ = hmac::verify(&nobody, signed.as_bytes(), signature);
        Err(TokenFault::UnknownKey)
    }
}

fn read_claims(payload: &[u8]) -> Result<Claims, TokenFault> {
    if !has_unique_members(payload) {
        return Err(TokenFault::DuplicateClaim);
    }
    serde_json::from_slice(payload).map_err(|_| TokenFault::Claims)
}

fn check_times(claims: &Claims, now: UnixMillis) -> Result<(), TokenFault> {
    let now = now.as_secs();
    let expiry = claims.exp.ok_or(TokenFault::NoExpiry)?;
    if now > expiry.saturating_add(EXPIRY_LEEWAY_SECS) {
        return Err(TokenFault::Expired);
    }
    if claims
        .nbf
        .is_some_and(|start| now.saturating_add(EXPIRY_LEEWAY_SECS) < start)
    {
        return Err(TokenFault::NotYetValid);
    }
    Ok(())
}
