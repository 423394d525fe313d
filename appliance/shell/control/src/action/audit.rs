//! Writing the audit journal, and reading it.

use crate::control::Control;
use crate::handle::ControlHandle;
use domain::AuditHead;
use domain::audit::AuditRecord;
use std::time::{Duration, Instant};
use store::{AuditQuery, Chain, Page, ReadError, StoredAudit};

/// Most entries owed to the journal after it could not be written; beyond it they are only in the
/// log. Each is an end or a mute for somebody's safety: nobody does a thousand of them.
const MAX_OWED: usize = 1_000;

/// How often what is owed is tried again.
const RETRY_OWED: Duration = Duration::from_secs(1);

impl ControlHandle {
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

    /// Where the audit journal ends on disk, also when the box has stopped; `None` while it is empty
    /// or cannot be read. Off the control thread: nothing that is audited waits for it.
    pub async fn audit_head(&self) -> Option<AuditHead> {
        let reader = self.audit.clone();
        let asked = tokio::task::spawn_blocking(move || reader.head());
        asked.await.ok().flatten()
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

    /// Whether the audit journal can be written, for everyone to see; said in the log when that
    /// changes.
    pub(crate) fn tell_audit(&self, problem: Option<String>) {
        if problem.is_some() {
            metrics::counter!("ringward_audit_failures_total").increment(1);
        }
        if !self.health.set_audit_problem(problem.as_deref()) {
            return;
        }
        if let Some(problem) = problem {
            tracing::error!(
                problem,
                "the audit journal cannot be written: nothing is done that needs it"
            );
        } else {
            tracing::info!("the audit journal is written again");
        }
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
        self.tell_audit(None);
    }
}
