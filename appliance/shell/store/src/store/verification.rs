//! Proving the whole journal while the box already serves.

use crate::journal::recovery;
use crate::vfs::Vfs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What is known about the older files of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalHealth {
    /// They are being read.
    Checking,
    /// This many records, all that were there at opening, are whole and chained.
    Sound(u64),
    /// A file is damaged; the text names it and says what to do. What the index holds still serves.
    Damaged(String),
}

/// A thread that reads the journal once, at half a core at most.
pub(crate) struct Verification {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Verification {
    /// Starts proving records 1 to `to` in `dir`; the outcome goes to `health`, and to `gauge` as
    /// 0 or 1.
    pub(crate) fn start(
        disk: Arc<dyn Vfs>,
        dir: PathBuf,
        to: u64,
        health: Arc<OnceLock<JournalHealth>>,
        gauge: &'static str,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let work = move || {
            let mut began = Instant::now();
            let proved = recovery::verify(disk.as_ref(), &dir, to, &mut || {
                // As long asleep as awake: the other half of the core is for calls.
                thread::park_timeout(began.elapsed().min(Duration::from_secs(1)));
                began = Instant::now();
                !stopped.load(Ordering::Relaxed)
            });
            let outcome = match proved {
                Ok(records) if records == to => JournalHealth::Sound(records),
                Ok(_) => return,
                Err(error) => {
                    tracing::error!(%error, "the journal is damaged");
                    JournalHealth::Damaged(error.to_string())
                }
            };
            let damaged = matches!(outcome, JournalHealth::Damaged(_));
            metrics::gauge!(gauge).set(f64::from(u8::from(damaged)));
            let _ = health.set(outcome);
        };
        let thread = thread::Builder::new()
            .name("journal-verify".to_owned())
            .spawn(work);
        if let Err(error) = &thread {
            tracing::warn!(%error, "the journal's older files are not verified in this run");
        }
        Self {
            stop,
            thread: thread.ok(),
        }
    }
}

impl Drop for Verification {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
