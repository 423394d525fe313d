//! Facts for the audit journal that are no action: logged in, locked out, an account changed.

use crate::control::Control;
use crate::handle::{CallError, ControlHandle};
use domain::audit::AuditRecord;
use store::{AuditReader, StoreError};
use vocab::ErrorKind;

/// Why a fact was not written. What it was to allow must not happen.
#[derive(Debug, thiserror::Error)]
pub enum NoteFactError {
    /// The disk.
    #[error("the audit journal cannot be written: nothing is done that needs it")]
    Store(#[from] StoreError),
    /// The control thread did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl NoteFactError {
    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }
}

impl ControlHandle {
    /// Writes a fact; answered with its place once it is on disk.
    ///
    /// # Errors
    /// [`NoteFactError`].
    pub async fn note_fact(&self, fact: AuditRecord) -> Result<u64, NoteFactError> {
        Ok(self.run(move |c| c.note_fact(&fact)).await??)
    }
}

impl Control {
    /// Reads the audit journal, from any thread.
    pub fn audit_reader(&mut self) -> AuditReader {
        self.store.audit().reader()
    }

    fn note_fact(&mut self, fact: &AuditRecord) -> Result<u64, StoreError> {
        let now = Self::now().unix;
        let audit = self.store.audit();
        let written = audit.append(now, fact);
        let saved = written.and_then(|sequence| audit.commit().map(|()| sequence));
        if let Err(error) = &saved {
            audit.discard();
            tracing::error!(%error, "the audit journal cannot be written");
        }
        saved
    }
}
