//! Facts for the audit journal that are no action: logged in, locked out, an account changed, an
//! alarm raised.

use crate::control::Control;
use crate::handle::{CallError, ControlHandle};
use domain::audit::AuditRecord;
use store::AuditReader;
use tokio::sync::oneshot;
use vocab::ErrorKind;

/// Why a fact was not written. What it was to allow must not happen.
#[derive(Debug, thiserror::Error)]
pub enum NoteFactError {
    /// The disk; what is wrong with it.
    #[error("the audit journal cannot be written, and nothing is done that needs it: {0}")]
    Unwritable(String),
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
    /// Writes a fact with the batch's intents; answered with its place once it is on disk.
    ///
    /// # Errors
    /// [`NoteFactError`].
    pub async fn note_fact(&self, fact: AuditRecord) -> Result<u64, NoteFactError> {
        let (reply, answered) = oneshot::channel();
        self.run(move |c| c.begin_record(&fact, reply)).await?;
        match answered.await {
            Ok(written) => written.map_err(NoteFactError::Unwritable),
            Err(_) => Err(CallError::Failed.into()),
        }
    }
}

impl Control {
    /// Reads the audit journal, from any thread.
    pub fn audit_reader(&mut self) -> AuditReader {
        self.store.audit().reader()
    }
}
