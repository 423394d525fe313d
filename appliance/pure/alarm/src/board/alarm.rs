//! One alarm.

use super::Cause;
use super::keep::Recalled;
use crate::code::Code;
use crate::moment::Moment;
use std::fmt;
use std::time::{Duration, Instant};

/// `CODE` or `CODE:subject`: the same cause about the same thing is the same alarm.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AlarmId {
    code: Code,
    text: String,
}

impl AlarmId {
    /// The id of this cause about this thing; an empty subject is the box.
    #[must_use]
    pub fn new(code: Code, subject: &str) -> Self {
        let name = code.name();
        let text = match subject {
            "" => name.to_owned(),
            subject => format!("{name}:{subject}"),
        };
        Self { code, text }
    }

    /// Reads an id as it is shown; `None`: no alarm has such an id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, subject) = text.split_once(':').unwrap_or((text, ""));
        let id = Self::new(Code::from_name(name)?, subject);
        (id.text == text).then_some(id)
    }

    /// As shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Of which code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// About what; empty: the box.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.text.split_once(':').map_or("", |(_, subject)| subject)
    }
}

impl fmt::Display for AlarmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// By urgency, then by name.
impl Ord for AlarmId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.code, &self.text).cmp(&(other.code, &other.text))
    }
}

impl PartialOrd for AlarmId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// ISA-18.2's states that are not normal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// The cause is there, nobody has acknowledged it.
    Unacknowledged,
    /// The cause is there, somebody knows.
    Acknowledged,
    /// The cause is gone, nobody has acknowledged it.
    Returned,
    /// Put away for a time, with a reason.
    Shelved,
}

/// A place on the shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shelf {
    pub(super) by: String,
    pub(super) reason: String,
    pub(super) until: Moment,
}

/// One alarm, or a cause that has not lasted long enough to be one.
#[derive(Debug, Clone)]
pub struct Alarm {
    /// Its name.
    pub id: AlarmId,
    /// What kind.
    pub code: Code,
    /// About what; empty: the box.
    pub subject: String,
    /// What was seen last.
    pub cause: Cause,
    /// When it was raised last.
    pub raised: Moment,
    /// Who acknowledged it.
    pub by: Option<String>,
    /// Makes no sound until then.
    pub silenced: Option<Moment>,
    /// Where it stands; `None`: it is normal, or not yet an alarm.
    pub(super) standing: Option<State>,
    pub(super) shelf: Option<Shelf>,
    /// Whether the cause is there, as last observed, and since when that is so.
    pub(super) observed: bool,
    since: Instant,
    /// Whether the cause is there, with the code's delays.
    pub(super) active: bool,
}

impl Alarm {
    pub(super) fn new(id: AlarmId, code: Code, subject: &str, now: Moment) -> Self {
        Self {
            id,
            code,
            subject: subject.to_owned(),
            cause: Cause {
                text: String::new(),
                count: 0,
            },
            raised: now,
            by: None,
            silenced: None,
            standing: None,
            shelf: None,
            observed: false,
            since: now.instant,
            active: false,
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> State {
        // Only what stands somewhere is handed out.
        self.standing.unwrap_or(State::Acknowledged)
    }

    /// Who put it on the shelf, why, and until when.
    #[must_use]
    pub fn shelf(&self) -> Option<(&str, &str, Moment)> {
        let shelf = self.shelf.as_ref()?;
        Some((&shelf.by, &shelf.reason, shelf.until))
    }

    /// Whether its cause is there.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.active
    }

    pub(super) fn is_shown(&self) -> bool {
        self.standing.is_some()
    }

    /// Nothing is there, nothing is to be known, nothing is on its way.
    pub(super) fn is_over(&self) -> bool {
        self.standing.is_none() && !self.active && !self.observed
    }

    pub(super) fn observe(&mut self, is_there: bool, now: Moment) {
        if self.observed != is_there {
            self.observed = is_there;
            self.since = now.instant;
        }
    }

    /// Takes what was seen; true if it is described otherwise than before.
    pub(super) fn describe(&mut self, cause: Cause) -> bool {
        if self.cause == cause {
            return false;
        }
        self.cause = cause;
        true
    }

    /// When what is observed becomes so.
    pub(super) fn due(&self) -> Option<Instant> {
        let definition = self.code.definition();
        let delay: Duration = match (self.observed, self.active) {
            (true, false) => definition.raise_after,
            (false, true) => definition.clear_after,
            _ => return None,
        };
        Some(self.since + delay)
    }

    /// When something happens by itself.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let silence = self.silenced.map(|until| until.instant);
        let shelf = self.shelf.as_ref().map(|shelf| shelf.until.instant);
        [self.due(), silence, shelf].into_iter().flatten().min()
    }

    /// The cause is there. True if somebody is to hear of it: on the shelf nobody is.
    pub(super) fn activate(&mut self, now: Moment) -> bool {
        self.active = true;
        if self.standing == Some(State::Shelved) {
            return false;
        }
        self.raised = now;
        self.standing = Some(State::Unacknowledged);
        self.by = None;
        self.silenced = None;
        true
    }

    /// The cause is gone.
    pub(super) fn deactivate(&mut self) {
        self.active = false;
        self.standing = match self.standing {
            Some(State::Unacknowledged) => Some(State::Returned),
            Some(State::Acknowledged) => None,
            other => other,
        };
    }

    pub(super) fn acknowledge(&mut self, by: &str) {
        self.standing = self.active.then_some(State::Acknowledged);
        self.by = Some(by.to_owned());
        self.silenced = None;
    }

    pub(super) fn shelve(&mut self, shelf: Shelf) {
        self.standing = Some(State::Shelved);
        self.silenced = None;
        self.shelf = Some(shelf);
    }

    /// Back from the shelf. True if somebody is to hear of it.
    pub(super) fn unshelve(&mut self, now: Moment) -> bool {
        (self.shelf, self.standing, self.by) = (None, None, None);
        if self.active {
            self.standing = Some(State::Unacknowledged);
            self.raised = now;
        }
        self.active
    }

    pub(super) fn recall(&mut self, recalled: Recalled) {
        if let Some(raised) = recalled.raised {
            self.raised.unix = raised;
        }
        match recalled.shelf {
            Some(shelf) => self.shelve(shelf),
            None => self.acknowledge(recalled.by.as_deref().unwrap_or_default()),
        }
    }
}
