//! The board of technical alarms, for every thread of the box.

mod file;
mod view;

use crate::clock;
use alarm::{AlarmId, Board, Cause, ChangeAlarmError, Changed, Code, Kept, Output, Priority};
use file::KeptFile;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wire::admin::{AlarmScore, AlarmView};

/// News that nobody has taken; beyond it the oldest is forgotten. The board itself forgets nothing.
const MAX_NEWS: usize = 1_000;

/// What has no cause that could go: it stands until somebody acknowledges it.
const HAPPENED_ONCE: [Code; 1] = [Code::BreakGlass];

/// All technical alarms of the box. Cheap to clone; every call takes microseconds, but for one
/// that an operator's answer is kept on disk by.
#[derive(Debug, Clone)]
pub struct AlarmBoard(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    board: Board,
    file: Option<KeptFile>,
    kept: Vec<Kept>,
    news: VecDeque<News>,
}

/// Something to put on record: ids only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Somebody is to hear of it.
    Raised {
        /// Which.
        id: String,
        /// How urgent.
        priority: Priority,
    },
    /// It is normal again.
    Gone {
        /// Which.
        id: String,
    },
}

impl AlarmBoard {
    /// A board that keeps operators' answers in `folder`, and knows those of the last run. A file
    /// that cannot be read is said in the log and is as none: then alarms are asked of operators
    /// twice, which is the safe side.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        let file = KeptFile::new(folder);
        let mut board = Board::default();
        let kept = file.read();
        board.recall(kept, clock::now());
        let kept = board.kept();
        Self::with(board, Some(file), kept)
    }

    /// A board that keeps nothing on disk, for tests of what raises alarms.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::with(Board::default(), None, Vec::new())
    }

    fn with(board: Board, file: Option<KeptFile>, kept: Vec<Kept>) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            board,
            file,
            kept,
            news: VecDeque::new(),
        })))
    }

    /// The cause is there, as of now: said again and again while it is, at most once a second.
    /// `subject` is what it is about, empty for the box; `text` one sentence that names no person;
    /// `count` how many things the one cause touches.
    pub fn raise(&self, code: Code, subject: &str, text: &str, count: u32) {
        let cause = Cause {
            text: text.to_owned(),
            count,
        };
        self.lock()
            .change(|board, now| board.raise(code, subject, cause, now));
    }

    /// The cause is not there, as of now.
    pub fn clear(&self, code: Code, subject: &str) {
        self.lock()
            .change(|board, now| board.clear(code, subject, now));
    }

    /// The cause is there about these subjects and no others.
    pub fn only(&self, code: Code, subjects: &[String]) {
        self.lock()
            .change(|board, now| board.clear_others(code, subjects, now));
    }

    /// Raises or clears.
    pub fn set(&self, code: Code, subject: &str, cause: Option<&str>) {
        match cause {
            Some(text) => self.raise(code, subject, text, 1),
            None => self.clear(code, subject),
        }
    }

    /// Lets time pass: once a second.
    pub fn tick(&self) {
        self.lock().change(Board::handle_timeout);
    }

    /// Somebody knows of it. What happened once is over with that.
    ///
    /// # Errors
    /// It is not there, or on the shelf.
    pub fn acknowledge(&self, id: &str, by: &str) -> Result<Changed, ChangeAlarmError> {
        let id = AlarmId::parse(id).ok_or(ChangeAlarmError::NotFound)?;
        self.lock().change(|board, now| {
            let changed = board.acknowledge(&id, by, now)?;
            if HAPPENED_ONCE.contains(&id.code()) {
                board.clear(id.code(), id.subject(), now);
            }
            Ok(changed)
        })
    }

    /// It makes no sound and does not blink for two minutes.
    ///
    /// # Errors
    /// It is not there, or on the shelf.
    pub fn silence(&self, id: &str) -> Result<Changed, ChangeAlarmError> {
        let id = AlarmId::parse(id).ok_or(ChangeAlarmError::NotFound)?;
        self.lock().change(|board, now| board.silence(&id, now))
    }

    /// Puts it away for so long, at most eight hours.
    ///
    /// # Errors
    /// It is not there, no reason is given, or the time is none that is allowed.
    pub fn shelve(
        &self,
        id: &str,
        by: &str,
        reason: &str,
        time: Duration,
    ) -> Result<Changed, ChangeAlarmError> {
        let id = AlarmId::parse(id).ok_or(ChangeAlarmError::NotFound)?;
        self.lock()
            .change(|board, now| board.shelve(&id, by, reason, time, now))
    }

    /// Takes it from the shelf.
    ///
    /// # Errors
    /// It is not there, or not on the shelf.
    pub fn unshelve(&self, id: &str) -> Result<Changed, ChangeAlarmError> {
        let id = AlarmId::parse(id).ok_or(ChangeAlarmError::NotFound)?;
        self.lock().change(|board, now| board.unshelve(&id, now))
    }

    /// Everything that is not normal, most urgent first.
    #[must_use]
    pub fn alarms(&self) -> Vec<AlarmView> {
        self.lock().board.alarms().map(view::alarm).collect()
    }

    /// How the alarm system does.
    #[must_use]
    pub fn score(&self) -> AlarmScore {
        view::score(self.lock().board.score(clock::now()))
    }

    /// What was raised and what became normal since this was last asked, oldest first, at most
    /// 1,000: for the audit journal.
    #[must_use]
    pub fn take_news(&self) -> Vec<News> {
        self.lock().news.drain(..).collect()
    }

    /// What is observed, lasting or not.
    #[cfg(test)]
    pub(crate) fn observed(&self) -> Vec<String> {
        self.lock()
            .board
            .observed()
            .map(ToString::to_string)
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere leaves a board that still says what it knows.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn change<R>(&mut self, change: impl FnOnce(&mut Board, alarm::Moment) -> R) -> R {
        let result = change(&mut self.board, clock::now());
        let mut has_changed = false;
        loop {
            match self.board.poll_output() {
                Output::Wait(_) => break,
                Output::Changed(_) => {}
                Output::Raised(id) => self.raised(&id),
                Output::Gone(id) => {
                    tracing::info!(alarm = %id, "an alarm is normal again");
                    self.tell(News::Gone { id: id.to_string() });
                }
            }
            has_changed = true;
        }
        if has_changed {
            self.keep();
        }
        result
    }

    fn raised(&mut self, id: &AlarmId) {
        let definition = id.code().definition();
        let cause = self.board.alarm(id).map(|alarm| alarm.cause.text.as_str());
        let cause = cause.unwrap_or_default();
        match definition.priority {
            Priority::High => tracing::error!(alarm = %id, cause, "an alarm was raised"),
            Priority::Medium | Priority::Low => {
                tracing::warn!(alarm = %id, cause, "an alarm was raised");
            }
        }
        metrics::counter!("ringward_alarms_raised_total", "code" => definition.name).increment(1);
        let (id, priority) = (id.to_string(), definition.priority);
        self.tell(News::Raised { id, priority });
    }

    fn tell(&mut self, news: News) {
        if self.news.len() >= MAX_NEWS {
            self.news.pop_front();
        }
        self.news.push_back(news);
    }

    /// Puts operators' answers on disk when they changed.
    fn keep(&mut self) {
        let kept = self.board.kept();
        if kept == self.kept {
            return;
        }
        self.kept = kept;
        if let Some(file) = &self.file {
            file.write(&self.kept);
        }
    }
}

#[cfg(test)]
mod tests;
