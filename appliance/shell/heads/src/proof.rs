//! Heads that come back from where they were kept.

use crate::head::SignedHead;
use crate::key::PublicKey;

/// Why a file of heads proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The signature is somebody else's, or the head was edited.
    #[error(
        "line {line}: this head of entry {sequence} was not signed with that key: it was forged or \
         edited, or it is another box's"
    )]
    Signature {
        /// Counted from one.
        line: usize,
        /// Of which entry it says to be.
        sequence: u64,
    },
    /// A head begins in the line and does not end.
    #[error("line {line}: this head is cut off or edited")]
    Malformed {
        /// Counted from one.
        line: usize,
    },
    /// There are none.
    #[error("no head in it: lines with `ringward-head-v1:` from the box's log are wanted")]
    None,
}

/// Every head in `text`, one a line at most, each signed by the owner of `key`. Other lines, and what
/// a log wrote around a head, count for nothing. Some 50 µs a head.
///
/// # Errors
/// [`HeadError`]: the first line that is wrong.
pub fn check(text: &str, key: &PublicKey) -> Result<Vec<SignedHead>, HeadError> {
    let mut heads = Vec::new();
    for (line, found) in (1..).zip(text.lines().map(SignedHead::find)) {
        let Some(found) = found else { continue };
        let head = found.map_err(|_| HeadError::Malformed { line })?;
        if !key.signed(&head) {
            let sequence = head.sequence;
            return Err(HeadError::Signature { line, sequence });
        }
        heads.push(head);
    }
    if heads.is_empty() {
        return Err(HeadError::None);
    }
    Ok(heads)
}
