//! A head and its signature as one word, which stands in any log.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::AuditHead;
use std::fmt;
use vocab::UnixMillis;

/// How each begins; the number is the format's.
pub(crate) const PREFIX: &str = "ringward-head-v1:";

/// An Ed25519 signature (RFC 8032 §5.1.6).
pub(crate) const SIGNATURE_BYTES: usize = 64;

/// Where the audit journal ended at some time, signed by the box.
///
/// As text `ringward-head-v1:BOX:ENTRY:HASH:MS:SIGNATURE` without a space: at most 226 characters of
/// `[A-Za-z0-9:_-]`. The signature (base64url) is over everything before its colon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    /// Which key signed: [`crate::PublicKey::box_id`].
    pub box_id: String,
    /// The last entry.
    pub sequence: u64,
    /// Its hash, which every entry before it is in.
    pub hash: [u8; 32],
    /// When it was signed, on the box's clock.
    pub at: UnixMillis,
    /// Over [`Self::message`].
    pub signature: [u8; SIGNATURE_BYTES],
}

impl SignedHead {
    /// What is signed.
    #[must_use]
    pub fn message(&self) -> String {
        message(&self.box_id, self.sequence, &self.hash, self.at)
    }

    /// Without the signature.
    #[must_use]
    pub fn head(&self) -> AuditHead {
        AuditHead {
            sequence: self.sequence,
            hash: self.hash,
            closed: false,
        }
    }

    /// [`Self::hash`] in lower-case hexadecimal.
    #[must_use]
    pub fn hash_text(&self) -> String {
        hex(&self.hash)
    }

    /// The head in a line, whatever a log wrote around it. `None` in a line without one; `Some(Err)`
    /// where one begins and is none.
    pub(crate) fn find(line: &str) -> Option<Result<Self, Malformed>> {
        let (_, found) = line.split_once(PREFIX)?;
        let belongs = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-');
        let end = found.find(|c| !belongs(c)).unwrap_or(found.len());
        let parts: Vec<&str> = found.get(..end)?.split(':').collect();
        Some(Self::from_parts(&parts).ok_or(Malformed))
    }

    fn from_parts(parts: &[&str]) -> Option<Self> {
        let &[box_id, sequence, hash, at, signature] = parts else {
            return None;
        };
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        Some(Self {
            box_id: box_id.to_owned(),
            sequence: sequence.parse().ok()?,
            hash: unhex(hash)?,
            at: UnixMillis(at.parse().ok()?),
            signature: signature.try_into().ok()?,
        })
    }
}

impl fmt::Display for SignedHead {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = URL_SAFE_NO_PAD.encode(self.signature);
        write!(out, "{}:{signature}", self.message())
    }
}

/// A head that was cut or edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

pub(crate) fn message(box_id: &str, sequence: u64, hash: &[u8; 32], at: UnixMillis) -> String {
    let hash = hex(hash);
    format!("{PREFIX}{box_id}:{sequence}:{hash}:{}", at.0)
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks_exact(2);
    let bytes: Option<Vec<u8>> = pairs
        .map(|pair| u8::try_from(digit(*pair.first()?)? << 4 | digit(*pair.last()?)?).ok())
        .collect();
    (text.len() == 64).then_some(bytes?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> SignedHead {
        SignedHead {
            box_id: "0123456789abcdef".to_owned(),
            sequence: u64::MAX,
            hash: [0xA5; 32],
            at: UnixMillis(1_800_000_000_000),
            signature: [7; SIGNATURE_BYTES],
        }
    }

    #[test]
    fn a_head_is_found_in_any_logs_line() {
        let head = sample();
        assert!(head.to_string().len() <= 226);
        for line in [
            format!("{head}"),
            format!("Nov 27 rack ringward[7]: INFO heads: audit head signed head={head} more=1"),
            format!(r#"{{"message":"audit head signed","head":"{head}"}}"#),
        ] {
            assert_eq!(SignedHead::find(&line), Some(Ok(head.clone())), "{line}");
        }
        assert_eq!(SignedHead::find("INFO stopping"), None);
    }

    #[test]
    fn a_head_that_was_cut_is_none() {
        let text = sample().to_string();
        for length in PREFIX.len()..text.len() {
            assert_eq!(
                SignedHead::find(&text[..length]),
                Some(Err(Malformed)),
                "{length}"
            );
        }
    }
}
