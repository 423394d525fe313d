//! Passwords: how they are judged and kept.

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, PasswordHash, Version};
use safe::{RandomError, random};

/// Memory of one hash, in KiB, and passes over it: OWASP's first choice for argon2id. Two at a time
/// ([`crate::accounts`]) stay below the 64 MiB that all who have not logged in may pin (G13), and
/// each costs an attacker's graphics card the same 19 MiB.
///
/// Source: OWASP Password Storage Cheat Sheet; RFC 9106 §4.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
/// One lane: a login must not take the cores that media has.
const LANES: u32 = 1;

/// Shortest password (OWASP ASVS 5, V6.2.1 for one factor).
pub const MIN_PASSWORD_CHARS: usize = 12;

/// Longest password (ASVS V6.2.9 wants at least 64); longer ones only cost time.
pub const MAX_PASSWORD_CHARS: usize = 128;

/// A password that nobody should be let in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Too short or too long.
    #[error(
        "a password has {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters; a few words do well"
    )]
    Length,
    /// The same as the name, or one character again and again.
    #[error(
        "this password is guessed at once: take a few words that have nothing to do with the account"
    )]
    Guessable,
}

/// # Errors
/// [`WeakPassword`] says what is asked of a password.
pub(crate) fn judge(password: &str, name: &str) -> Result<(), WeakPassword> {
    let count = password.chars().count();
    if !(MIN_PASSWORD_CHARS..=MAX_PASSWORD_CHARS).contains(&count) {
        return Err(WeakPassword::Length);
    }
    let lower = password.to_lowercase();
    let mut distinct: Vec<char> = lower.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    let left = lower.replace(name, "").replace("ringward", "");
    if distinct.len() < 5 || left.chars().count() < MIN_PASSWORD_CHARS / 2 {
        return Err(WeakPassword::Guessable);
    }
    Ok(())
}

/// Why a password could not be hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// No salt.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The machine has no memory for it.
    #[error("there is not enough memory to hash a password")]
    Memory,
}

/// The hash in PHC form. Takes tens of milliseconds and [`MEMORY_KIB`].
pub(crate) fn hash(password: &str) -> Result<String, HashError> {
    let salt = random::<16>()?;
    argon2()?
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(|_| HashError::Memory)
}

/// Whether the password is the one of this hash. Takes as long whatever the answer; a hash that
/// cannot be read is nobody's.
pub(crate) fn verify(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else {
        return false;
    };
    argon2().is_ok_and(|argon2| argon2.verify_password(password.as_bytes(), &hash).is_ok())
}

fn argon2() -> Result<Argon2<'static>, HashError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| HashError::Memory)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The parameters of a hash: what verifying it costs.
#[cfg(test)]
pub(crate) fn cost(hash: &str) -> String {
    let parts: Vec<&str> = hash.split('$').collect();
    parts.get(1..4).unwrap_or_default().join("$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_judged_by_its_length_and_by_what_is_left_without_the_name() {
        for (password, want) in [
            ("elevenchars", Err(WeakPassword::Length)),
            ("twelve chars", Ok(())),
            ("aaaaaaaaaaaaaaaa", Err(WeakPassword::Guessable)),
            ("amaraamaraamara1", Err(WeakPassword::Guessable)),
            ("Ringward-Amara", Err(WeakPassword::Guessable)),
            ("äöüß drei Wörter", Ok(())),
            (&"x y z ab".repeat(16), Ok(())),
            (&"x y z ab".repeat(17), Err(WeakPassword::Length)),
        ] {
            assert_eq!(judge(password, "amara"), want, "{password}");
        }
    }

    #[test]
    fn a_hash_opens_for_its_password_only_and_says_how_it_was_made() {
        let kept = hash("a few good words").unwrap();
        assert!(
            kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{kept}"
        );
        assert!(verify("a few good words", &kept));
        assert!(!verify("a few good word", &kept));
        assert!(!verify("", &kept) && !verify("a few good words", "rubbish"));
        assert_ne!(hash("a few good words").unwrap(), kept, "a salt of its own");
    }
}
