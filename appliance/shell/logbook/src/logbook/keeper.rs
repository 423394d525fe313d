//! The thread that judges once a second, writes what changed, and throws old days away.

use super::Inner;
use crate::clock;
use crate::pages::{Pages, Written};
use attempt::Record;
use std::io;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;
use vocab::UnixMillis;

/// How often the undecided are judged: a cause is named within 10 s, and an alarm needs no more.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often the files are put on the disk and old ones thrown away, in intervals.
const HOUSEKEEPING: u64 = 10;
/// Most lines written in one interval; the rest is counted. Some 100 joins in a second are a storm.
const MAX_LINES_PER_INTERVAL: usize = 400;
/// Of these, lines about people whose token proves nothing.
const MAX_UNPROVEN_LINES: usize = 20;

/// What writes.
#[derive(Debug)]
pub(super) struct Keeper {
    pages: Pages,
    failing: bool,
    turn: u64,
}

/// Starts the thread; it ends with the last handle.
pub(super) fn start(inner: &Arc<Inner>) -> io::Result<()> {
    let inner = Arc::downgrade(inner);
    std::thread::Builder::new()
        .name("logbook".to_owned())
        .spawn(move || run(&inner))
        .map(drop)
}

fn run(inner: &Weak<Inner>) {
    while let Some(inner) = inner.upgrade() {
        inner.keep();
        drop(inner);
        std::thread::sleep(INTERVAL);
    }
}

impl Inner {
    /// One turn: judge, write, and now and then tidy up.
    pub(super) fn keep(&self) {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keeper) = keeper.as_mut() {
            let now = clock::now();
            let changed = self.shelf().judge(now);
            let outcome = keeper.keep(&changed, now);
            keeper.say(outcome);
        }
    }
}

impl Keeper {
    pub(super) fn new(pages: Pages) -> Self {
        Self {
            pages,
            failing: false,
            turn: 0,
        }
    }

    pub(super) fn let_go(&mut self) {
        self.pages.let_go();
    }

    fn keep(&mut self, changed: &[Record], now: UnixMillis) -> io::Result<()> {
        let is_due = self.turn.is_multiple_of(HOUSEKEEPING);
        self.turn += 1;
        let pages = &mut self.pages;
        let mut unproven = 0;
        for (written, record) in changed.iter().enumerate() {
            unproven += usize::from(!record.proven);
            let is_allowed = written < MAX_LINES_PER_INTERVAL
                && (record.proven || unproven <= MAX_UNPROVEN_LINES);
            if !is_allowed || pages.write(record, now)? == Written::Full {
                metrics::counter!("ringward_attempts_unwritten_total").increment(1);
            }
        }
        if is_due {
            pages.sync()?;
            pages.prune(now)?;
        }
        Ok(())
    }

    /// Once when the disk begins to refuse, once when it takes again.
    fn say(&mut self, outcome: io::Result<()>) {
        match outcome {
            Ok(()) if std::mem::take(&mut self.failing) => {
                tracing::info!("attempts to connect are written again");
            }
            Ok(()) => {}
            Err(error) => {
                metrics::counter!("ringward_attempts_unwritten_total").increment(1);
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(
                        %error,
                        folder = %self.pages.folder().display(),
                        "attempts to connect are not written; calls go on, their history has a gap"
                    );
                }
            }
        }
    }
}
