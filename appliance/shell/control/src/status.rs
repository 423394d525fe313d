//! How the box is: read from any thread, written by the control thread.

use crate::commits::Commits;
use crate::control::Control;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::{IndexState, JournalHealth};
use vocab::UnixMillis;

/// What the control thread lets others see without asking it.
#[derive(Debug)]
pub struct Health {
    started_at: UnixMillis,
    stopping: AtomicBool,
    degraded: AtomicBool,
    store_problem: Mutex<Option<String>>,
    commits: Mutex<Commits>,
    rooms: AtomicU64,
    participants: AtomicU64,
    tracks: AtomicU64,
    exchanges: AtomicU64,
    turns: AtomicU64,
    saving: AtomicBool,
    draining: AtomicBool,
    audit_problem: Mutex<Option<String>>,
}

/// Whether the control thread lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// Its turns since the start: at least one per second, as long as it is not stuck.
    pub turns: u64,
    /// It waits for the disk. Media goes on meanwhile, so a slow disk is no reason to end calls.
    pub saving: bool,
}

/// How the box is, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Since when it runs.
    pub started_at: UnixMillis,
    /// Newcomers are admitted.
    pub ready: bool,
    /// Why not, for an operator; empty when all is well.
    pub problems: Vec<String>,
    /// Why events cannot be saved; `None`: they can.
    pub store_problem: Option<String>,
    /// What is damaged of the journal or its index; `None`: nothing known.
    pub store_damaged: Option<String>,
    /// Rooms that live now.
    pub rooms: u64,
    /// Participants present now.
    pub participants: u64,
    /// Tracks published now.
    pub tracks: u64,
    /// Open WHIP and WHEP sessions.
    pub exchanges: u64,
    /// Nobody new is admitted: an operator wants it so, or the box is about to stop.
    pub draining: bool,
    /// Why the audit journal cannot be written (the alarm `AUDIT-UNWRITABLE`).
    pub audit_problem: Option<String>,
}

impl Health {
    pub(crate) fn new(started_at: UnixMillis) -> Self {
        Self {
            started_at,
            stopping: AtomicBool::new(false),
            degraded: AtomicBool::new(false),
            store_problem: Mutex::new(None),
            commits: Mutex::default(),
            rooms: AtomicU64::new(0),
            participants: AtomicU64::new(0),
            tracks: AtomicU64::new(0),
            exchanges: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            saving: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            audit_problem: Mutex::new(None),
        }
    }

    /// Whether newcomers are admitted.
    pub fn is_ready(&self) -> bool {
        !self.stopping.load(Ordering::Relaxed) && !self.degraded.load(Ordering::Relaxed)
    }

    /// All of it.
    pub fn status(&self) -> Status {
        let mut problems = Vec::new();
        if self.stopping.load(Ordering::Relaxed) {
            problems.push("the box is stopping".to_owned());
        }
        let store_problem = self.store_problem.lock();
        let store_problem = store_problem
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        problems.extend(store_problem.clone());
        Status {
            started_at: self.started_at,
            ready: problems.is_empty(),
            problems,
            store_problem,
            store_damaged: None,
            rooms: self.rooms.load(Ordering::Relaxed),
            participants: self.participants.load(Ordering::Relaxed),
            tracks: self.tracks.load(Ordering::Relaxed),
            exchanges: self.exchanges.load(Ordering::Relaxed),
            draining: false,
            audit_problem: None,
        }
    }

    /// One more turn of the control thread.
    pub(crate) fn turned(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    /// Runs what may wait long for the disk.
    pub(crate) fn saving<R>(&self, save: impl FnOnce() -> R) -> R {
        self.saving.store(true, Ordering::Relaxed);
        let saved = save();
        self.saving.store(false, Ordering::Relaxed);
        saved
    }

    /// A batch with events was put on disk, and took so long.
    pub(crate) fn note_commit(&self, took: Duration, now: Instant) {
        let commits = self.commits.lock();
        commits
            .unwrap_or_else(PoisonError::into_inner)
            .note(took, now);
    }

    fn commit_p99(&self, now: Instant) -> Option<Duration> {
        let commits = self.commits.lock();
        commits.unwrap_or_else(PoisonError::into_inner).p99(now)
    }

    pub(crate) fn set_stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Sets or clears what is wrong with the store. True when that changed whether it works.
    pub(crate) fn set_store_problem(&self, problem: Option<String>) -> bool {
        let degraded = problem.is_some();
        let changed = self.degraded.swap(degraded, Ordering::Relaxed) != degraded;
        if changed || degraded {
            *self
                .store_problem
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = problem;
        }
        if changed {
            metrics::gauge!("ringward_store_degraded").set(if degraded { 1.0 } else { 0.0 });
        }
        changed
    }

    pub(crate) fn set_counts(&self, rooms: u64, participants: u64, tracks: u64, exchanges: u64) {
        for (cell, name, value) in [
            (&self.rooms, "ringward_rooms", rooms),
            (&self.participants, "ringward_participants", participants),
            (&self.tracks, "ringward_tracks", tracks),
            (&self.exchanges, "ringward_whip_whep_sessions", exchanges),
        ] {
            if cell.swap(value, Ordering::Relaxed) != value {
                metrics::gauge!(name).set(value as f64);
            }
        }
    }

    /// Whether nobody new is admitted: an operator wants it so, or the box is about to stop.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn set_draining(&self, draining: bool) {
        if self.draining.swap(draining, Ordering::Relaxed) != draining {
            metrics::gauge!("ringward_draining").set(f64::from(u8::from(draining)));
        }
    }

    /// Sets or clears why the audit journal cannot be written. True when that changed.
    pub(crate) fn set_audit_problem(&self, problem: Option<&str>) -> bool {
        let known = self.audit_problem.lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        if known.as_deref() == problem {
            return false;
        }
        let unwritable = f64::from(u8::from(problem.is_some()));
        metrics::gauge!("ringward_audit_unwritable").set(unwritable);
        *known = problem.map(str::to_owned);
        true
    }

    /// Adds what operators did and can do.
    fn tell_operators(&self, status: &mut Status) {
        if self.is_draining() {
            status.draining = true;
            status.ready = false;
            let drains = "the box drains: it admits nobody new";
            status.problems.push(drains.to_owned());
        }
        let problem = self.audit_problem.lock();
        let problem = problem.unwrap_or_else(PoisonError::into_inner).clone();
        status.problems.extend(
            problem
                .iter()
                .map(|why| format!("the audit journal cannot be written: {why}")),
        );
        status.audit_problem = problem;
    }
}

impl crate::ControlHandle {
    /// Whether the control thread turns.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        Pulse {
            turns: self.health.turns.load(Ordering::Relaxed),
            saving: self.health.saving.load(Ordering::Relaxed),
        }
    }

    /// Whether newcomers are refused because the box is about to end.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.health.stopping.load(Ordering::Relaxed)
            || *self.stopped.borrow()
            || self.stopped.has_changed().is_err()
    }

    /// How the box is, without asking the control thread.
    #[must_use]
    pub fn status(&self) -> Status {
        let mut status = self.health.status();
        // Damage in the past is told, and does not keep anybody out today.
        if let JournalHealth::Damaged(problem) = self.reader.journal_health() {
            status.store_damaged = Some(problem.clone());
            status.problems.push(problem);
        }
        // So does an index that is behind: events are read from the journal meanwhile.
        let index = self.reader.index_status();
        match index.state {
            IndexState::Ready => {}
            IndexState::CatchingUp => status.problems.push(format!(
                "the index is catching up: {} of {} events",
                index.applied, index.of
            )),
            IndexState::Failed(why) => {
                let problem = format!("the index failed ({why}); the next start rebuilds it");
                status.store_damaged.get_or_insert_with(|| problem.clone());
                status.problems.push(problem);
            }
        }
        if *self.stopped.borrow() || self.stopped.has_changed().is_err() {
            status.ready = false;
            if status.problems.is_empty() {
                status
                    .problems
                    .push("the control thread has ended; restart the box".to_owned());
            }
        }
        self.health.tell_operators(&mut status);
        status
    }

    /// The 99th percentile of the journal's group commits of the last minute; `None`: there was
    /// none.
    #[must_use]
    pub fn commit_p99(&self) -> Option<Duration> {
        self.health.commit_p99(Instant::now())
    }
}

impl Control {
    /// Facts of the start: name and value.
    pub fn facts(&self) -> Vec<(String, String)> {
        self.config.facts.clone()
    }
}
