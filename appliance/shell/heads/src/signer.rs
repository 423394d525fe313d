//! Signing: the key and the file, as the running box has them.

use crate::head::SignedHead;
use crate::kept::{HEADS_FILE, Kept};
use crate::key::{KeyError, PublicKey, SigningKey};
use domain::AuditHead;
use safe::PrivateFileError;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use vocab::UnixMillis;

/// Heads that are shown; older ones are in the file.
pub const MAX_RECENT: usize = 1_000;

/// Why no head can be signed.
#[derive(Debug, thiserror::Error)]
pub enum OpenHeadsError {
    /// There is no key.
    #[error("the key {} cannot be used: {source}", path.display())]
    Key {
        /// Where it lies.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// The file of heads cannot be opened.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

impl OpenHeadsError {
    /// Whether the disk refused, which may pass; anything else somebody has to put right.
    #[must_use]
    pub fn is_of_the_disk(&self) -> bool {
        match self {
            Self::File { .. } => true,
            Self::Key { source, .. } => {
                matches!(source, KeyError::File(PrivateFileError::Io { .. }))
            }
        }
    }
}

/// Signs heads and remembers them. Cheap to clone.
#[derive(Clone)]
pub struct Heads(Arc<Inner>);

struct Inner {
    key: SigningKey,
    state: Mutex<State>,
}

struct State {
    kept: Kept,
    /// Newest last.
    recent: VecDeque<SignedHead>,
}

impl Heads {
    /// Of the box whose data folder this is.
    ///
    /// # Errors
    /// [`OpenHeadsError`].
    pub fn open(data: &Path) -> Result<Self, OpenHeadsError> {
        let key = SigningKey::open(data).map_err(|source| OpenHeadsError::Key {
            path: data.join(crate::KEY_FILE),
            source,
        })?;
        let opened = Kept::open(data, MAX_RECENT);
        let (kept, recent) = opened.map_err(|source| OpenHeadsError::File {
            path: data.join(HEADS_FILE),
            source,
        })?;
        let recent = recent.into();
        let state = Mutex::new(State { kept, recent });
        Ok(Self(Arc::new(Inner { key, state })))
    }

    /// Signs `head` and says it in the log; nothing when it is the one signed last. A disk that does
    /// not take it is said, too: the log is where it counts.
    pub fn note(&self, head: AuditHead, now: UnixMillis) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let last = state.recent.back();
        if last.is_some_and(|last| (last.sequence, last.hash) == (head.sequence, head.hash)) {
            return;
        }
        let signed = self.0.key.sign(head, now);
        tracing::info!(head = %signed, "audit head signed");
        if let Err(error) = state.kept.append(&signed) {
            tracing::warn!(file = HEADS_FILE, %error, "a signed head is only in the log");
        }
        if state.recent.len() >= MAX_RECENT {
            state.recent.pop_front();
        }
        state.recent.push_back(signed);
    }

    /// The newest, newest first, at most `limit` of [`MAX_RECENT`].
    #[must_use]
    pub fn newest(&self, limit: usize) -> Vec<SignedHead> {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.recent.iter().rev().take(limit).cloned().collect()
    }

    /// What they are proved with.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.0.key.public()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HeadError, check};

    #[test]
    fn a_head_is_signed_once_also_across_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let heads = Heads::open(folder.path()).unwrap();
        for (n, now) in [(1, 10), (1, 20), (2, 30)] {
            heads.note(head(n), UnixMillis(now));
        }
        let heads = Heads::open(folder.path()).unwrap();
        heads.note(head(2), UnixMillis(40));
        heads.note(head(3), UnixMillis(50));
        let seen: Vec<(u64, u64)> = heads
            .newest(9)
            .iter()
            .map(|head| (head.sequence, head.at.0))
            .collect();
        assert_eq!(seen, [(3, 50), (2, 30), (1, 10)]);
    }

    #[test]
    fn the_first_line_that_is_wrong_is_named() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (own, other) = (
            Heads::open(one.path()).unwrap(),
            Heads::open(two.path()).unwrap(),
        );
        own.note(head(1), UnixMillis(1));
        other.note(head(2), UnixMillis(2));
        let (good, bad) = (own.newest(1).remove(0), other.newest(1).remove(0));
        let key = own.public();
        let text = format!("a log's first line\nx head={good} y\n");
        assert_eq!(check(&text, &key), Ok(vec![good.clone()]));
        let forged = format!("{text}{bad}\n");
        let sequence = 2;
        assert_eq!(
            check(&forged, &key),
            Err(HeadError::Signature { line: 3, sequence })
        );
        let cut = format!("{}\n{good}", &good.to_string()[..99]);
        assert_eq!(check(&cut, &key), Err(HeadError::Malformed { line: 1 }));
        assert_eq!(check("INFO stopping\n", &key), Err(HeadError::None));
    }

    fn head(sequence: u64) -> AuditHead {
        AuditHead {
            sequence,
            hash: [sequence as u8; 32],
            closed: false,
        }
    }
}
