//! The key that signs heads, and the one that proves them.

use crate::head::{SIGNATURE_BYTES, SignedHead, hex, message};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::AuditHead;
use safe::{PrivateFileError, create_private, read_private};
use std::path::{Path, PathBuf};
use vocab::UnixMillis;

/// The file's name inside the data folder.
pub const KEY_FILE: &str = "audit-key.pem";

/// What stands before the 32 bytes of an Ed25519 key in a `SubjectPublicKeyInfo` (RFC 8410 §4).
const SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Bytes of a public key (RFC 8032 §5.1.5).
const PUBLIC_BYTES: usize = 32;

/// Bytes of the public key's hash that name the box.
const ID_BYTES: usize = 8;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// The library made none.
    #[error("the kernel gives no random numbers, so no key can be made")]
    Random,
    /// The file holds something else.
    #[error(
        "{} holds no Ed25519 key: put it back from a backup, or move it away, and the next start \
         makes a new one; heads signed before then need the old public key",
        .0.display()
    )]
    Broken(PathBuf),
    /// What was given is no public key.
    #[error(
        "this is no Ed25519 public key: give what `ringward audit key` prints, or a file with it"
    )]
    NotPublic,
}

/// The box's own key. Never shown.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// The key of the box whose data folder this is; made at the first call.
    ///
    /// # Errors
    /// [`KeyError`]; a key that others can read is refused.
    pub fn open(data: &Path) -> Result<Self, KeyError> {
        let path = data.join(KEY_FILE);
        match read_private(&path) {
            Ok(bytes) => Self::parse(&bytes).ok_or(KeyError::Broken(path)),
            Err(error) if error.is_missing() => Self::make(&path),
            Err(error) => Err(error.into()),
        }
    }

    /// The key, if the box has made one.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn existing(data: &Path) -> Result<Option<Self>, KeyError> {
        let is_there = data.join(KEY_FILE).exists();
        is_there.then(|| Self::open(data)).transpose()
    }

    fn make(path: &Path) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Random)?;
        // Version 1: OpenSSL reads it, too.
        let der = pair.to_pkcs8v1().map_err(|_| KeyError::Random)?;
        let text = block("PRIVATE KEY", der.as_ref());
        create_private(path, text.as_bytes())?;
        // Its place, never itself.
        tracing::info!(path = %path.display(), "a key that signs heads of the audit journal was made");
        Ok(Self::of(pair))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let der = unblock(std::str::from_utf8(bytes).ok()?)?;
        let pair = Ed25519KeyPair::from_pkcs8(&der).ok()?;
        Some(Self::of(pair))
    }

    fn of(pair: Ed25519KeyPair) -> Self {
        let mut bytes = [0; PUBLIC_BYTES];
        bytes.copy_from_slice(pair.public_key().as_ref());
        let public = PublicKey(bytes);
        Self { pair, public }
    }

    /// What others prove heads with.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Signs where the audit journal ends. Some 30 µs.
    #[must_use]
    pub fn sign(&self, head: AuditHead, at: UnixMillis) -> SignedHead {
        let box_id = self.public.box_id();
        let message = message(&box_id, head.sequence, &head.hash, at);
        let mut signature = [0; SIGNATURE_BYTES];
        signature.copy_from_slice(self.pair.sign(message.as_bytes()).as_ref());
        SignedHead {
            box_id,
            sequence: head.sequence,
            hash: head.hash,
            at,
            signature,
        }
    }
}

/// What heads are proved with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; PUBLIC_BYTES]);

impl PublicKey {
    /// A key as [`Self::pem`] writes it, or the base64 alone.
    ///
    /// # Errors
    /// [`KeyError::NotPublic`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let der = unblock(text).ok_or(KeyError::NotPublic)?;
        let bytes = der.strip_prefix(&SPKI).unwrap_or(&der);
        bytes.try_into().map(Self).map_err(|_| KeyError::NotPublic)
    }

    /// PEM (RFC 7468) of the `SubjectPublicKeyInfo`: `openssl pkey -pubin` reads it.
    #[must_use]
    pub fn pem(&self) -> String {
        block("PUBLIC KEY", &[&SPKI[..], &self.0].concat())
    }

    /// Names the box, as long as it keeps its key: the beginning of the key's SHA-256.
    #[must_use]
    pub fn box_id(&self) -> String {
        let hash = digest(&SHA256, &self.0);
        hex(hash.as_ref().get(..ID_BYTES).unwrap_or_default())
    }

    /// Whether its owner signed this.
    #[must_use]
    pub fn signed(&self, head: &SignedHead) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, &self.0);
        let message = head.message();
        key.verify(message.as_bytes(), &head.signature).is_ok()
    }
}

/// Longest line of base64 (RFC 7468 §2); no key here is longer than two.
const LINE: usize = 64;

fn block(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(LINE)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}

fn unblock(text: &str) -> Option<Vec<u8>> {
    let lines = text.lines().map(str::trim);
    let inside: String = lines.filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(inside).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const HEAD: AuditHead = AuditHead {
        sequence: 7,
        hash: [3; 32],
        closed: true,
    };

    #[test]
    fn the_key_is_made_once_and_nobody_else_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        assert!(SigningKey::existing(folder.path()).unwrap().is_none());
        let made = SigningKey::open(folder.path()).unwrap();
        let found = SigningKey::existing(folder.path()).unwrap().unwrap();
        assert_eq!(made.public(), found.public());
        let path = folder.path().join(KEY_FILE);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            SigningKey::open(folder.path()),
            Err(KeyError::File(PrivateFileError::TooOpen { .. }))
        ));
    }

    #[test]
    fn a_broken_key_is_not_replaced_behind_the_owners_back() {
        let folder = tempfile::tempdir().unwrap();
        create_private(&folder.path().join(KEY_FILE), b"x").unwrap();
        let refused = SigningKey::open(folder.path()).err().unwrap().to_string();
        assert!(refused.contains(KEY_FILE), "{refused}");
    }

    #[test]
    fn what_is_signed_is_proved_with_the_printed_key_and_no_other() {
        let (one, two) = (key(), key());
        let signed = one.sign(HEAD, UnixMillis(9));
        let printed = one.public().pem();
        let inside = printed.lines().nth(1).unwrap();
        for text in [&printed, inside] {
            assert!(PublicKey::parse(text).unwrap().signed(&signed), "{text}");
        }
        assert!(!two.public().signed(&signed));
        let moved = SignedHead {
            sequence: 8,
            ..signed
        };
        assert!(!one.public().signed(&moved));
        for text in ["", "x", "-----BEGIN PUBLIC KEY-----"] {
            assert!(PublicKey::parse(text).is_err(), "{text}");
        }
    }

    fn key() -> SigningKey {
        SigningKey::of(Ed25519KeyPair::generate().unwrap())
    }
}
