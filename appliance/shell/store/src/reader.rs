//! Questions to the index, from any thread.

use crate::error::ReadError;
use crate::index;
use crate::query::{
    EventQuery, Page, Presence, PresenceQuery, RoomSession, SessionQuery, StoredEvent,
};
use crate::store::{JournalHealth, Suspicion};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use vocab::RoomSid;

/// Answers questions from the index, which lags the journal by at most one commit. Cheap to clone;
/// outlives its [`crate::Store`] and then answers [`ReadError::Closed`].
#[derive(Clone)]
pub struct Reader {
    shared: Arc<Shared>,
}

/// What the store and its readers share.
pub(crate) struct Shared {
    /// `None` once the store is gone or sled has panicked.
    db: RwLock<Option<sled::Db>>,
    last: Mutex<u64>,
    grown: Condvar,
    latest: watch::Sender<u64>,
    health: Arc<OnceLock<JournalHealth>>,
    suspicion: Suspicion,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Events by room, actor, type and time, paged.
    pub fn events(&self, query: &EventQuery) -> Result<Page<StoredEvent>, ReadError> {
        self.shared.ask(|db| index::query_events(db, query))
    }

    /// Rooms, paged.
    pub fn rooms(&self, query: &SessionQuery) -> Result<Page<RoomSession>, ReadError> {
        self.shared.ask(|db| index::query_rooms(db, query))
    }

    /// One room with its presences.
    pub fn room(&self, sid: &RoomSid) -> Result<Option<RoomSession>, ReadError> {
        self.shared.ask(|db| index::query_room(db, sid))
    }

    /// Presences, paged.
    pub fn presences(&self, query: &PresenceQuery) -> Result<Page<Presence>, ReadError> {
        self.shared.ask(|db| index::query_presences(db, query))
    }

    /// What is known about the journal's older files.
    pub fn journal_health(&self) -> JournalHealth {
        self.shared
            .health
            .get()
            .cloned()
            .unwrap_or(JournalHealth::Checking)
    }

    /// The last sequence that can be read; 0 before the first event.
    pub fn last_sequence(&self) -> u64 {
        *self
            .shared
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks until an event after `sequence` can be read, at most `timeout`. Returns the last
    /// sequence that can be read.
    pub fn wait_after(&self, sequence: u64, timeout: Duration) -> u64 {
        let last = self
            .shared
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .shared
            .grown
            .wait_timeout_while(last, timeout, |last| *last <= sequence);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Completes when an event after `sequence` can be read, with the last sequence that can. Needs
    /// no particular runtime. Never completes once the store is gone: give it a timeout.
    pub async fn after(&self, sequence: u64) -> u64 {
        let mut latest = self.shared.latest.subscribe();
        let grown = latest
            .wait_for(|latest| *latest > sequence)
            .await
            .map(|latest| *latest);
        match grown {
            Ok(latest) => latest,
            // The sender lives in `self`; this arm is never reached.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Shared {
    pub(crate) fn new(db: sled::Db, last: u64, suspicion: Suspicion) -> Arc<Self> {
        Arc::new(Self {
            db: RwLock::new(Some(db)),
            last: Mutex::new(last),
            grown: Condvar::new(),
            latest: watch::channel(last).0,
            health: Arc::default(),
            suspicion,
        })
    }

    /// Where the verification puts its outcome.
    pub(crate) fn health(&self) -> Arc<OnceLock<JournalHealth>> {
        self.health.clone()
    }

    /// Tells everyone that events up to `last` can be read.
    pub(crate) fn publish(&self, last: u64) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
        self.grown.notify_all();
        self.latest.send_replace(last);
    }

    /// Notes that the index must not be trusted at the next start.
    pub(crate) fn suspect(&self) {
        self.suspicion.raise();
    }

    /// Whether sled has panicked or the store is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.db
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .is_none()
    }

    /// Takes the index from the readers, after the questions being answered now.
    pub(crate) fn close(&self) {
        let db = self
            .db
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // A sled that has panicked may panic again while it is dropped.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(db)));
    }

    /// sled panics on some damaged files: that ends the index, not the thread that asked.
    pub(crate) fn ask<T>(
        &self,
        question: impl FnOnce(&sled::Db) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
        let open = db.as_ref().ok_or(ReadError::Closed)?;
        let answer = catch_unwind(AssertUnwindSafe(|| question(open)));
        drop(db);
        if let Ok(Err(error)) = &answer
            && error.is_damage()
        {
            tracing::error!(%error, "the index is damaged");
            self.suspicion.raise();
        }
        answer.unwrap_or_else(|_| {
            tracing::error!("the index panicked and is closed until the box is started again");
            self.suspicion.raise();
            self.close();
            Err(ReadError::Closed)
        })
    }
}
