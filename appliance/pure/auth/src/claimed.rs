//! What a token claims, whoever signed it: for records of why it was refused, never for decisions.

use crate::verify::MAX_TOKEN_BYTES;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// What a token claims. Nothing of it is proven; texts are as long as the token lets them be.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Claimed {
    /// The key it says it was signed with.
    pub issuer: Option<String>,
    /// Who it says bears it.
    pub identity: String,
    /// The room it says it opens.
    pub room: String,
    /// Seconds since 1970 when it says it was made.
    pub issued: Option<u64>,
    /// From when it says it is valid.
    pub not_before: Option<u64>,
    /// Until when.
    pub expires: Option<u64>,
}

/// Reads what can be read of a token without checking anything; of what is none, nothing.
pub fn claimed(token: &str) -> Claimed {
    let read = || -> Option<Value> {
        let token = token.get(..token.len().min(MAX_TOKEN_BYTES))?;
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        serde_json::from_slice(&payload).ok()
    };
    let claims = read().unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let number = |name: &str| {
        let value = claims.get(name)?;
        // RFC 7519 §2: a NumericDate may have a fraction.
        value.as_u64().or(value.as_f64().map(|secs| secs as u64))
    };
    Claimed {
        issuer: claims.get("iss").and_then(text),
        identity: claims
            .get("sub")
            .and_then(text)
            .filter(|sub| !sub.is_empty())
            .or(claims.get("jti").and_then(text))
            .unwrap_or_default(),
        room: claims
            .pointer("/video/room")
            .and_then(text)
            .unwrap_or_default(),
        issued: number("iat"),
        not_before: number("nbf"),
        expires: number("exp"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Claims, mint};

    #[test]
    fn what_can_be_read_is_read_and_the_rest_is_nothing() {
        let claims = Claims {
            sub: "pat".to_owned(),
            exp: Some(9),
            nbf: Some(7),
            iat: Some(8),
            ..Claims::default()
        };
        let token = mint(&claims, "hospital", "whatever the secret is");
        let found = claimed(&token);
        assert_eq!(found.issuer.as_deref(), Some("hospital"));
        assert_eq!((found.identity.as_str(), found.issued), ("pat", Some(8)));
        assert_eq!((found.not_before, found.expires), (Some(7), Some(9)));
        let fraction = URL_SAFE_NO_PAD.encode(br#"{"exp":7.9,"sub":"","jti":"old"}"#);
        let found = claimed(&format!("x.{fraction}.y"));
        assert_eq!((found.expires, found.identity.as_str()), (Some(7), "old"));
        for none in ["", "x", "a.b.c", "..", "x.W10.y", "x.bnVsbA.y"] {
            assert!(claimed(none) == Claimed::default(), "{none}");
        }
    }
}
