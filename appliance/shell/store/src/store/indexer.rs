//! The thread behind the journal: opens the index, catches it up, keeps it there. Nobody waits for
//! it but those who ask it something.

use super::ladder::{self, CatchUpError, Climbed, Flaw};
use crate::index::{BATCH_EVENTS, Index};
use crate::journal::log::Log;
use crate::journal::record::Hash;
use crate::query::StoredEvent;
use crate::reader::{IndexState, Shared};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use vocab::UnixMillis;

/// Events handed over in memory; a thread that is further behind reads them from the journal.
/// At some 300 bytes each, 2.5 MB.
const MAX_FED: usize = 8_192;

/// How long to wait before a disk that refused is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// How often catching up says where it is.
const SAY_PROGRESS: Duration = Duration::from_secs(2);

/// What the thread needs to know.
pub(crate) struct IndexerConfig {
    pub(crate) dir: PathBuf,
    pub(crate) cache_bytes: u64,
    pub(crate) now: UnixMillis,
    /// Where the journal ended when it was opened.
    pub(crate) opened: u64,
}

/// The thread, from outside.
pub(crate) struct Indexer {
    feed: Arc<Feed>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Feed {
    state: Mutex<FeedState>,
    changed: Condvar,
}

#[derive(Default)]
struct FeedState {
    events: VecDeque<(StoredEvent, Hash)>,
    stop: bool,
}

impl Indexer {
    /// Starts the thread. Where the kernel gives none, questions about rooms are refused and
    /// events come from the journal.
    pub(crate) fn start(config: IndexerConfig, log: Arc<Log>, shared: Arc<Shared>) -> Self {
        let feed = Arc::new(Feed::default());
        let work = Work {
            config,
            log,
            shared: shared.clone(),
            feed: feed.clone(),
        };
        let thread = thread::Builder::new()
            .name("index".to_owned())
            .spawn(move || work.run());
        if let Err(error) = &thread {
            shared.set_state(IndexState::Failed(error.to_string()));
        }
        Self {
            feed,
            thread: thread.ok(),
        }
    }

    /// Hands over what is on disk now. Never waits for the index.
    pub(crate) fn feed(&self, group: impl Iterator<Item = (StoredEvent, Hash)>) {
        let mut state = self.feed.state();
        state.events.extend(group);
        let surplus = state.events.len().saturating_sub(MAX_FED);
        state.events.drain(..surplus);
        drop(state);
        self.feed.changed.notify_all();
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.feed.state().stop = true;
        self.feed.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Feed {
    fn state(&self) -> MutexGuard<'_, FeedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopped(&self) -> bool {
        self.state().stop
    }

    /// Waits; `false` when told to stop.
    fn pause(&self, most: Duration) -> bool {
        let waited = self
            .changed
            .wait_timeout_while(self.state(), most, |state| !state.stop);
        !waited.unwrap_or_else(PoisonError::into_inner).0.stop
    }
}

/// What to apply next.
enum Next {
    /// These, handed over.
    Fed(Vec<(StoredEvent, Hash)>),
    /// What the journal has up to this record.
    Journal(u64),
    /// Nothing any more.
    Stop,
}

struct Work {
    config: IndexerConfig,
    log: Arc<Log>,
    shared: Arc<Shared>,
    feed: Arc<Feed>,
}

impl Work {
    fn run(self) {
        let Some(mut index) = self.open() else { return };
        loop {
            let done = catch_unwind(AssertUnwindSafe(|| self.step(&mut index)));
            match done {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => break,
                Ok(Err(error)) if error.is_damage() => {
                    tracing::error!(%error, "the index is damaged; the next start rebuilds it");
                    return self.give_up(index, error.to_string());
                }
                Ok(Err(error)) if error.is_final() => {
                    tracing::error!(%error, "the index cannot follow a damaged journal");
                    self.close(index);
                    return self.shared.set_state(IndexState::Failed(error.to_string()));
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the index stays behind the journal; it is opened anew");
                    let Some(anew) = self.reopen(index) else {
                        return;
                    };
                    index = anew;
                }
                Err(_) => {
                    tracing::error!("the index panicked and is closed; the next start rebuilds it");
                    return self.give_up(index, "sled panicked".to_owned());
                }
            }
        }
        // What is not flushed is replayed: an error costs time, not facts.
        let _ = catch_unwind(AssertUnwindSafe(|| index.flush()));
        self.close(index);
    }

    fn open(&self) -> Option<Index> {
        let IndexerConfig {
            dir,
            cache_bytes,
            now,
            opened,
        } = &self.config;
        loop {
            match ladder::climb(dir, *cache_bytes, &self.log, *opened, *now) {
                Ok(Climbed { index, fate, lost }) => {
                    if lost > 0 {
                        tracing::error!(
                            events = lost,
                            "the index knows acknowledged events that the journal has lost"
                        );
                    }
                    tracing::info!(?fate, applied = index.applied().sequence, "index opened");
                    self.shared.opened(index.view(), fate, lost);
                    return Some(index);
                }
                Err(Flaw::Index { reason, .. } | Flaw::Journal(reason)) => {
                    tracing::error!(%reason, "the index can neither be used nor rebuilt");
                    self.shared.set_state(IndexState::Failed(reason));
                    return None;
                }
                Err(Flaw::Disk(reason)) => {
                    tracing::warn!(%reason, "the disk refuses the index; it is tried again");
                    if !self.feed.pause(RETRY) {
                        return None;
                    }
                }
            }
        }
    }

    /// Applies what comes next; `false` when told to stop.
    fn step(&self, index: &mut Index) -> Result<bool, CatchUpError> {
        if self.shared.is_closed() {
            return Ok(false);
        }
        match self.next(index.applied().sequence) {
            Next::Stop => return Ok(false),
            Next::Fed(events) => {
                index.apply(&events)?;
                self.show(index);
            }
            Next::Journal(to) => self.catch_up(index, to)?,
        }
        Ok(true)
    }

    fn next(&self, applied: u64) -> Next {
        let mut state = self.feed.state();
        loop {
            if state.stop {
                return Next::Stop;
            }
            while state
                .events
                .front()
                .is_some_and(|(first, _)| first.sequence <= applied)
            {
                state.events.pop_front();
            }
            let synced = self.log.synced();
            let first = state.events.front().map(|(first, _)| first.sequence);
            if first == Some(applied + 1) {
                let count = state.events.len().min(BATCH_EVENTS);
                return Next::Fed(state.events.drain(..count).collect());
            }
            if applied < synced {
                return Next::Journal(first.map_or(synced, |first| first - 1));
            }
            self.shared.reached(applied);
            state = self
                .feed
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn catch_up(&self, index: &mut Index, to: u64) -> Result<(), CatchUpError> {
        let from = index.applied().sequence + 1;
        let mut group = Vec::with_capacity(BATCH_EVENTS);
        let mut said = Instant::now();
        self.log.replay(from, to, &mut |stored, hash| {
            group.push((stored, hash));
            if group.len() == BATCH_EVENTS {
                index.apply(&group)?;
                group.clear();
                self.show(index);
                if said.elapsed() >= SAY_PROGRESS {
                    said = Instant::now();
                    let (applied, of) = (index.applied().sequence, self.log.synced());
                    tracing::info!(applied, of, "the index is catching up");
                }
                return Ok::<_, CatchUpError>(!self.feed.is_stopped());
            }
            Ok(true)
        })?;
        index.apply(&group)?;
        self.show(index);
        Ok(())
    }

    fn show(&self, index: &Index) {
        self.shared.show(index.view());
        let behind = self.log.synced().saturating_sub(index.applied().sequence);
        metrics::gauge!("ringward_index_behind").set(behind as f64);
    }

    fn give_up(&self, index: Index, reason: String) {
        self.shared.suspect();
        self.close(index);
        self.shared.set_state(IndexState::Failed(reason));
    }

    /// sled keeps its first error for good: only a new handle can succeed.
    fn reopen(&self, index: Index) -> Option<Index> {
        self.shared.withdraw();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(index)));
        if self.feed.pause(RETRY) {
            self.open()
        } else {
            None
        }
    }

    fn close(&self, index: Index) {
        self.shared.close();
        // A sled that has panicked may panic again while it is dropped.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(index)));
    }
}

/// Moves the index in `dir` aside, so that the next opening builds it anew.
pub(crate) fn discard(dir: &Path, now: UnixMillis) -> std::io::Result<()> {
    let path = dir.join("index");
    if path.exists() {
        ladder::move_aside(dir, &path, now)?;
    }
    Ok(())
}
