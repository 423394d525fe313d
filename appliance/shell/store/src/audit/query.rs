//! Reading the audit journal, from any thread, newest first.

use super::SCHEMA;
use crate::error::{ReadError, RecoverJournalError};
use crate::journal::log::Log;
use crate::journal::recovery::Proved;
use crate::query::Page;
use crate::store::JournalHealth;
use domain::{AuditHead, AuditRecord};
use std::sync::{Arc, OnceLock};
use vocab::UnixMillis;

/// Most entries examined for one page; a page that examined as many ends early, with where to go
/// on. At some 5 µs each: 50 ms.
const MAX_EXAMINED: u64 = 10_000;

/// An entry with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAudit {
    /// Rises by one, never reused.
    pub sequence: u64,
    /// When, on the box's clock.
    pub at: UnixMillis,
    /// What.
    pub record: AuditRecord,
}

/// Which entries. `Default` asks for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// At or after.
    pub from: Option<UnixMillis>,
    /// By whom.
    pub actor: Option<String>,
    /// Of which act.
    pub act: Option<String>,
    /// To what.
    pub target: Option<String>,
    /// Before this entry: `next` of the page before.
    pub before: Option<u64>,
    /// At most as many; 0 for none.
    pub limit: usize,
}

/// How the chain is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Proved up to this entry.
    pub verified: u64,
    /// What is wrong, if anything.
    pub problem: Option<String>,
}

/// Answers questions about the audit journal. Cheap to clone.
#[derive(Clone)]
pub struct AuditReader {
    log: Option<Arc<Log>>,
    health: Arc<OnceLock<JournalHealth>>,
    /// Where it ended when this process opened it.
    opened: u64,
    problem: Option<Arc<str>>,
}

impl AuditReader {
    pub(super) fn new(log: Arc<Log>, health: Arc<OnceLock<JournalHealth>>, opened: u64) -> Self {
        Self {
            log: Some(log),
            health,
            opened,
            problem: None,
        }
    }

    pub(super) fn broken(problem: String) -> Self {
        Self {
            log: None,
            health: Arc::default(),
            opened: 0,
            problem: Some(problem.into()),
        }
    }

    pub(super) fn with_problem(mut self, problem: Option<String>) -> Self {
        self.problem = problem.map(Into::into);
        self
    }

    /// One page, newest first.
    ///
    /// # Errors
    /// [`ReadError`]: the journal cannot be read there.
    pub fn page(&self, query: &AuditQuery) -> Result<Page<StoredAudit>, ReadError> {
        let mut page = Page {
            items: Vec::new(),
            next: None,
        };
        let Some(log) = &self.log else {
            return Ok(page);
        };
        let end = query.before.unwrap_or(u64::MAX);
        let last = log.synced().min(end.saturating_sub(1));
        let first = last.saturating_sub(MAX_EXAMINED) + 1;
        for sequence in (first..=last).rev() {
            if page.items.len() >= query.limit {
                page.next = Some(sequence + 1);
                return Ok(page);
            }
            let found = log.read_record(sequence, decode)?;
            page.items.extend(found.filter(|entry| wants(query, entry)));
        }
        page.next = (first > 1).then_some(first);
        Ok(page)
    }

    /// How the chain is: proved in the background after a start, and by being written since.
    #[must_use]
    pub fn chain(&self) -> Chain {
        let synced = self.log.as_ref().map_or(0, |log| log.synced());
        let problem = self.problem.as_deref().map(str::to_owned);
        match self.health.get() {
            None | Some(JournalHealth::Checking) => Chain {
                verified: if self.opened == 0 { synced } else { 0 },
                problem,
            },
            Some(JournalHealth::Sound(_)) => Chain {
                verified: synced,
                problem,
            },
            Some(JournalHealth::Damaged(damage)) => Chain {
                verified: 0,
                problem: problem.or_else(|| Some(damage.clone())),
            },
        }
    }

    /// Where the journal ends on disk; `None` while it is empty or cannot be read. Reads one record.
    #[must_use]
    pub fn head(&self) -> Option<AuditHead> {
        let log = self.log.as_ref()?;
        let sequence = log.synced();
        let hash = log.read_record(sequence, |proved| Ok(proved.record.hash));
        let hash = hash.ok().flatten()?;
        Some(AuditHead {
            sequence,
            hash,
            closed: false,
        })
    }

    /// What a head that was noted shows to be wrong, if anything.
    pub(super) fn contradicts(&self, noted: AuditHead) -> Option<String> {
        let log = self.log.as_ref()?;
        let ends = log.synced();
        if noted.sequence > ends {
            return Some(format!(
                "the audit journal ends at entry {ends}, but had {}: its end was cut off",
                noted.sequence
            ));
        }
        match log.read_record(noted.sequence, |proved| Ok(proved.record.hash)) {
            Ok(Some(hash)) if hash == noted.hash => None,
            Ok(_) => Some(format!(
                "entry {} of the audit journal is not the one that was noted: it was altered",
                noted.sequence
            )),
            Err(error) => Some(error.to_string()),
        }
    }

    /// When an entry was made.
    pub(super) fn time(&self, sequence: u64) -> Option<UnixMillis> {
        let log = self.log.as_ref()?;
        let time = log.read_record(sequence, |proved| Ok(UnixMillis(proved.record.time)));
        time.ok().flatten()
    }
}

/// The entry in a record.
pub(super) fn decode(proved: &Proved<'_>) -> Result<StoredAudit, RecoverJournalError> {
    let record = &proved.record;
    let entry = record
        .payload
        .strip_prefix(&[SCHEMA])
        .and_then(|bytes| postcard::from_bytes(bytes).ok());
    let entry = entry.ok_or_else(|| RecoverJournalError::Schema {
        file: proved.segment.path.clone(),
        offset: proved.offset,
        sequence: record.sequence,
        schema: record.payload.first().copied().unwrap_or_default(),
    })?;
    Ok(StoredAudit {
        sequence: record.sequence,
        at: UnixMillis(record.time),
        record: entry,
    })
}

fn wants(query: &AuditQuery, entry: &StoredAudit) -> bool {
    let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|w| w == found);
    query.from.is_none_or(|from| entry.at >= from)
        && is(&query.actor, &entry.record.actor)
        && is(&query.act, &entry.record.act)
        && is(&query.target, &entry.record.target)
}
