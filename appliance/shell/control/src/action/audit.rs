//! Writing the audit journal, and reading it.

use crate::control::Control;
use crate::handle::{CallError, ControlHandle};
use domain::audit::AuditRecord;
use std::time::{Duration, Instant};
use store::{AuditQuery, Chain, Page, ReadError, StoredAudit};
use tokio::sync::oneshot;
use vocab::ErrorKind;

/// Most entries owed to the journal after it could not be written; beyond it they are only in the
/// log. Each is an end or a mute for somebody's safety: nobody does a thousand of them.
const MAX_OWED: usize = 1_000;

/// How often what is owed is tried again.
const RETRY_OWED: Duration = Duration::from_secs(1);

/// A fact for the audit journal that is no action: logged in, refused, an account changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteFact {
    /// Who: an account, `uid:0` or `system`.
    pub actor: String,
    /// `login`, `logout`, `account_created`, …
    pub act: String,
    /// The id of what it was done to, or `box`.
    pub target: String,
    /// A closed word: `ok`, `refused`, …; may be empty.
    pub reason: String,
    /// What else is known; never a secret, never a patient's name.
    pub detail: String,
}

/// Why a fact was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The disk.
    #[error("the audit journal cannot be written ({0})")]
    Unwritable(String),
    /// The control thread did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl NoteError {
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
    /// [`NoteError`]: it is not, and whatever it was to allow must not happen.
    pub async fn note_audit(&self, fact: NoteFact) -> Result<u64, NoteError> {
        let (reply, answered) = oneshot::channel();
        self.run(move |c| c.begin_note(fact, reply)).await?;
        match answered.await {
            Ok(written) => written.map_err(NoteError::Unwritable),
            Err(_) => Err(CallError::Failed.into()),
        }
    }

    /// Entries of the audit journal, newest first, and how its chain is.
    ///
    /// # Errors
    /// [`ReadError`]: the journal cannot be read.
    pub async fn audit(
        &self,
        query: AuditQuery,
    ) -> Result<(Page<StoredAudit>, Chain), crate::event::QueryError> {
        let reader = self.audit.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let page = reader.page(&query)?;
            Ok::<_, ReadError>((page, reader.chain()))
        });
        let answer = asked
            .await
            .map_err(|_| crate::event::QueryError::Interrupted)?;
        answer.map_err(Into::into)
    }
}

impl Control {
    /// Puts what is buffered on disk. On an error it is not buffered any more.
    pub(super) fn commit_audit(&mut self) -> Result<(), String> {
        let health = self.health.clone();
        let written = health.saving(|| self.store.audit().commit());
        self.tell_audit(written.as_ref().err().map(ToString::to_string));
        written.map_err(|error| {
            self.store.audit().discard();
            error.to_string()
        })
    }

    /// Whether the audit journal can be written, for everyone to see.
    pub(super) fn tell_audit(&self, problem: Option<String>) {
        if let Some(problem) = &problem {
            metrics::counter!("ringward_audit_failures_total").increment(1);
            tracing::error!(
                problem,
                "the audit journal cannot be written: nothing is done that needs it"
            );
        }
        self.health.set_audit_problem(problem);
    }

    /// Keeps what could not be written, and says it in the log, where it is at least once.
    pub(super) fn owe(&mut self, record: AuditRecord) {
        tracing::error!(
            actor = record.actor,
            act = record.act,
            target = record.target,
            phase = ?record.phase,
            reason = record.reason,
            "done without a record"
        );
        metrics::counter!("ringward_audit_owed_total").increment(1);
        if self.actions.owed.len() < MAX_OWED {
            self.actions.owed.push((Self::now().unix, record));
        }
    }

    /// Writes what is owed, when it can be. Only while nothing else is buffered.
    pub(super) fn pay_owed(&mut self) {
        let now = Instant::now();
        if self.actions.owed.is_empty() || self.actions.pay_at.is_some_and(|at| now < at) {
            return;
        }
        self.actions.pay_at = Some(now + RETRY_OWED);
        let owed = std::mem::take(&mut self.actions.owed);
        let taken = owed
            .iter()
            .try_for_each(|(at, record)| self.store.audit().append(*at, record).map(|_| ()));
        let written = taken.and_then(|()| self.store.audit().commit());
        if written.is_err() {
            self.store.audit().discard();
            self.actions.owed = owed;
            return;
        }
        tracing::warn!(
            entries = owed.len(),
            "what was owed to the audit journal is written"
        );
        self.health.set_audit_problem(None);
    }
}
