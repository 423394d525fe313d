//! Random secrets.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vocab::Redacted;

/// Bytes in a secret: 256 bits, as long as the HS256 key that it may become (RFC 7518 §3.2).
pub const SECRET_BYTES: usize = 32;

/// The kernel gave no random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the kernel gives no random numbers, so no secret can be made")]
pub struct RandomError;

/// Fresh random bytes.
///
/// # Errors
/// [`RandomError`]; nothing weaker is used instead.
pub fn random<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| RandomError)?;
    Ok(bytes)
}

/// A fresh secret of [`SECRET_BYTES`] as text that stands in a file, a header or a shell unquoted.
///
/// # Errors
/// As [`random`].
pub fn secret_text() -> Result<Redacted<String>, RandomError> {
    random::<SECRET_BYTES>().map(|bytes| Redacted::new(URL_SAFE_NO_PAD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_comes_twice_and_each_is_long_enough_for_a_token() {
        let (one, two) = (secret_text().unwrap(), secret_text().unwrap());
        assert_ne!(one.expose(), two.expose());
        assert_eq!(one.expose().len(), 43);
    }
}
