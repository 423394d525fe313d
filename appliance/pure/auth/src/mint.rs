//! Making a token.

use crate::claims::Claims;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The only header this box writes.
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Signs `claims` with `key` and its `secret`; `iss` is set to `key`. Times are the caller's:
/// a token without `exp` is made, and refused by [`crate::verify`].
#[must_use]
pub fn mint(claims: &Claims, key: &str, secret: &str) -> String {
    let mut claims = claims.clone();
    key.clone_into(&mut claims.iss);
    // Claims hold only strings, numbers and JSON values: writing them cannot fail.
    let payload = serde_json::to_vec(&claims).unwrap_or_default();
    let mut token = URL_SAFE_NO_PAD.encode(HEADER);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, token.as_bytes());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(tag, &mut token);
    token
}
