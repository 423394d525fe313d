//! Questions about the past, from any thread.
//!
//! A question sees everything that was acknowledged before it was asked. Events always come from
//! the journal, with the index's help where it is ready; rooms and presences need the index.

use crate::error::ReadError;
use crate::index::{self, View};
use crate::journal::log::Log;
use crate::query::{
    EventQuery, Page, Presence, PresenceQuery, RoomSession, SessionQuery, StoredEvent,
};
use crate::store::{IndexFate, JournalHealth, Suspicion};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use vocab::RoomSid;

/// How long a question waits for an index that is only a moment behind.
const PATIENCE: Duration = Duration::from_secs(1);

/// Answers questions. Cheap to clone; outlives its [`crate::Store`] and then answers
/// [`ReadError::Closed`].
#[derive(Clone)]
pub struct Reader {
    shared: Arc<Shared>,
}

/// How the index is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexState {
    /// It is being opened, caught up or rebuilt.
    CatchingUp,
    /// It follows the journal.
    Ready,
    /// It failed; the next start rebuilds it. The text says why.
    Failed(String),
}

/// How the index is and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexStatus {
    /// How it is.
    pub state: IndexState,
    /// What became of it at opening; `None` until it is open.
    pub fate: Option<IndexFate>,
    /// Events it has.
    pub applied: u64,
    /// Events there are.
    pub of: u64,
}

/// What the store, its threads and its readers share.
pub(crate) struct Shared {
    log: Arc<Log>,
    /// `None` before the index is open, once the store is gone and once sled has panicked.
    view: RwLock<Option<View>>,
    progress: Mutex<Progress>,
    moved: Condvar,
    last: Mutex<u64>,
    grown: Condvar,
    latest: watch::Sender<u64>,
    health: Arc<OnceLock<JournalHealth>>,
    suspicion: Suspicion,
}

struct Progress {
    state: IndexState,
    fate: Option<IndexFate>,
    applied: u64,
    /// Acknowledged events that were gone from the journal's end when it was opened.
    lost: u64,
    /// The index answers nothing any more.
    closed: bool,
    /// Neither does the journal: the store is dropped.
    gone: bool,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Events by room, actor, type and time, paged. While the index is not there they are found
    /// by reading the journal: slower, and pages end earlier.
    pub fn events(&self, query: &EventQuery) -> Result<Page<StoredEvent>, ReadError> {
        if self.shared.is_gone() {
            return Err(ReadError::Closed);
        }
        match self.shared.ask(|view| index::query_events(view, query)) {
            Err(ReadError::CatchingUp { .. } | ReadError::Closed) => {
                index::scan_events(&self.shared.log, query)
            }
            answered => answered,
        }
    }

    /// Rooms, paged.
    pub fn rooms(&self, query: &SessionQuery) -> Result<Page<RoomSession>, ReadError> {
        self.shared.ask(|view| index::query_rooms(&view.db, query))
    }

    /// One room with its presences.
    pub fn room(&self, sid: &RoomSid) -> Result<Option<RoomSession>, ReadError> {
        self.shared.ask(|view| index::query_room(&view.db, sid))
    }

    /// Presences, paged.
    pub fn presences(&self, query: &PresenceQuery) -> Result<Page<Presence>, ReadError> {
        self.shared
            .ask(|view| index::query_presences(&view.db, query))
    }

    /// What is known about the journal's older files.
    pub fn journal_health(&self) -> JournalHealth {
        let lost = self.shared.progress().lost;
        if lost > 0 {
            return JournalHealth::Damaged(format!(
                "the last {lost} acknowledged events of the run before last are gone from the journal's end: check the disk"
            ));
        }
        self.shared
            .health
            .get()
            .cloned()
            .unwrap_or(JournalHealth::Checking)
    }

    /// How the index is.
    pub fn index_status(&self) -> IndexStatus {
        let of = self.shared.log.synced();
        let progress = self.shared.progress();
        IndexStatus {
            state: progress.state.clone(),
            fate: progress.fate.clone(),
            applied: progress.applied,
            of,
        }
    }

    /// Blocks until the index follows the journal or has failed, at most `timeout`.
    pub fn wait_for_index(&self, timeout: Duration) -> IndexStatus {
        let waited =
            self.shared
                .moved
                .wait_timeout_while(self.shared.progress(), timeout, |progress| {
                    progress.state == IndexState::CatchingUp && !progress.closed
                });
        drop(waited);
        self.index_status()
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
    pub(crate) fn new(log: Arc<Log>, suspicion: Suspicion, lost: u64) -> Arc<Self> {
        let last = log.synced();
        Arc::new(Self {
            log,
            view: RwLock::new(None),
            progress: Mutex::new(Progress {
                state: IndexState::CatchingUp,
                fate: None,
                applied: 0,
                lost,
                closed: false,
                gone: false,
            }),
            moved: Condvar::new(),
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

    /// Gives readers the index that was opened.
    pub(crate) fn opened(&self, view: View, fate: IndexFate, lost: u64) {
        let mut progress = self.progress();
        progress.fate = Some(fate);
        progress.lost = progress.lost.max(lost);
        drop(progress);
        self.show(view);
    }

    /// Gives readers a later state of the index.
    pub(crate) fn show(&self, view: View) {
        let applied = view.applied;
        let mut shown = self.view.write().unwrap_or_else(PoisonError::into_inner);
        let mut progress = self.progress();
        // A question that panicked has closed the index: it stays closed.
        if !progress.closed {
            *shown = Some(view);
            progress.applied = applied;
        }
        drop(progress);
        drop(shown);
        self.moved.notify_all();
    }

    /// Notes that the index stands at the journal's end.
    pub(crate) fn reached(&self, applied: u64) {
        let mut progress = self.progress();
        progress.applied = applied;
        if progress.state == IndexState::CatchingUp {
            progress.state = IndexState::Ready;
        }
        drop(progress);
        self.moved.notify_all();
    }

    /// Notes how the index is.
    pub(crate) fn set_state(&self, state: IndexState) {
        self.progress().state = state;
        self.moved.notify_all();
    }

    /// Notes that the index must not be trusted at the next start.
    pub(crate) fn suspect(&self) {
        self.suspicion.raise();
    }

    /// Whether sled has panicked or the store is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.progress().closed
    }

    /// Ends all reading: the store is gone.
    pub(crate) fn leave(&self) {
        self.progress().gone = true;
        self.close();
    }

    /// Takes the index from the readers, after the questions being answered now.
    pub(crate) fn close(&self) {
        self.progress().closed = true;
        self.withdraw();
        self.moved.notify_all();
    }

    /// Takes the index away until [`Self::opened`] gives another.
    pub(crate) fn withdraw(&self) {
        let view = self
            .view
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // A sled that has panicked may panic again while it is dropped.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(view)));
    }

    /// A copy, so that a long question holds up neither the index nor its closing.
    fn view(&self) -> Result<View, ReadError> {
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
        view.clone().ok_or(ReadError::Closed)
    }

    fn is_gone(&self) -> bool {
        self.progress().gone
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the index has everything that is acknowledged now.
    fn settle(&self) -> Result<(), ReadError> {
        let of = self.log.synced();
        let progress = self.progress();
        let waited = self
            .moved
            .wait_timeout_while(progress, PATIENCE, |progress| {
                progress.state == IndexState::Ready && !progress.closed && progress.applied < of
            });
        let progress = waited.unwrap_or_else(PoisonError::into_inner).0;
        match &progress.state {
            IndexState::Failed(_) => Err(ReadError::Closed),
            _ if progress.closed => Err(ReadError::Closed),
            IndexState::Ready if progress.applied >= of => Ok(()),
            IndexState::Ready | IndexState::CatchingUp => Err(ReadError::CatchingUp {
                applied: progress.applied,
                of,
            }),
        }
    }

    /// sled panics on some damaged files: that ends the index, not the thread that asked.
    pub(crate) fn ask<T>(
        &self,
        question: impl FnOnce(&View) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        self.settle()?;
        let view = self.view()?;
        let answer = catch_unwind(AssertUnwindSafe(|| question(&view)));
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
