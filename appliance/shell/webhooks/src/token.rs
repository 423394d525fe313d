//! The signature of a webhook: a token that carries the hash of its body (`livekit.md` §9).

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Serialize;
use vocab::UnixMillis;

/// How long a webhook's token holds, in seconds: as `LiveKit`'s, five minutes.
pub const TOKEN_LIFE_SECS: u64 = 300;

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// What `LiveKit`'s receivers check. `auth::Claims` are a participant's and know no body hash.
#[derive(Serialize)]
struct BodyClaims<'a> {
    iss: &'a str,
    exp: u64,
    /// Standard base64 of the SHA-256 of the exact body.
    sha256: String,
}

/// The `Authorization` header of `body`, without `Bearer`.
pub(crate) fn sign(body: &[u8], key: &str, secret: &str, now: UnixMillis) -> String {
    let claims = BodyClaims {
        iss: key,
        exp: now.as_secs() + TOKEN_LIFE_SECS,
        sha256: STANDARD.encode(digest::digest(&digest::SHA256, body)),
    };
    // Two texts and a number: writing them cannot fail.
    let payload = serde_json::to_vec(&claims).unwrap_or_default();
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(HEADER),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
        signed.as_bytes(),
    );
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use auth::{Keys, verify};

    #[test]
    fn the_token_is_valid_for_five_minutes_and_carries_the_hash_of_the_body() {
        let now = UnixMillis(1_800_000_000_000);
        let token = sign(b"{}", "devkey", "secret", now);
        let payload = token.split('.').nth(1).unwrap();
        let claims: serde_json::Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        assert_eq!(
            claims,
            serde_json::json!({
                "iss": "devkey",
                "exp": 1_800_000_300_u64,
                // printf '{}' | sha256sum | xxd -r -p | base64
                "sha256": "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=",
            })
        );
        let mut keys = Keys::new();
        keys.add("devkey", "secret").unwrap();
        verify(&token, &keys, now).unwrap();
        let mut others = Keys::new();
        others.add("devkey", "another").unwrap();
        verify(&token, &others, now).unwrap_err();
    }
}
