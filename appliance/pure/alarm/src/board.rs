//! Where each alarm stands.

mod alarm;
mod keep;
#[cfg(test)]
mod tests;

use crate::code::Code;
use crate::moment::Moment;
use crate::score::{Raises, STALE_AFTER, Score};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

pub use alarm::{Alarm, AlarmId, State};
pub use keep::{Kept, KeptState, RECALL};

use alarm::Shelf;

/// Most alarms at once. One cause is one alarm, so this many are a flood that nobody can read;
/// beyond it a new one is counted by [`Board::refused`] and not shown.
pub const MAX_ALARMS: usize = 500;

/// Longest time on the shelf (ISA-18.2 as `console.md` quotes it: one shift).
pub const MAX_SHELF: Duration = Duration::from_hours(8);

/// How long a silenced alarm makes no sound and does not blink.
pub const SILENCE: Duration = Duration::from_mins(2);

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// In one sentence. It must name no person.
    pub text: String,
    /// How many things the one cause touches.
    pub count: u32,
}

/// Why an alarm was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChangeAlarmError {
    /// Nothing of that id is on the board.
    #[error("there is no such alarm now; it may have returned to normal")]
    NotFound,
    /// What is on the shelf is not acknowledged or silenced: it is taken from the shelf first.
    #[error("the alarm is shelved; unshelve it first")]
    Shelved,
    /// It is not on the shelf.
    #[error("the alarm is not shelved")]
    NotShelved,
    /// Not between one minute and [`MAX_SHELF`].
    #[error("an alarm can be shelved for 1 to 480 minutes")]
    ShelfTime,
    /// Why something is put away is part of putting it away.
    #[error("say why the alarm is shelved")]
    ReasonMissing,
}

/// What a change did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It is so now.
    Done,
    /// It was so already.
    Already,
}

/// What became different; drained with [`Board::poll_output`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// It is new, or in another state, or its cause is described otherwise.
    Changed(AlarmId),
    /// It is raised: somebody is to hear of it.
    Raised(AlarmId),
    /// It is normal again.
    Gone(AlarmId),
    /// Nothing happens by itself before then; `None`: ever.
    Wait(Option<Instant>),
}

/// All alarms that are not normal.
///
/// After any call, drain [`Self::poll_output`] until [`Output::Wait`].
#[derive(Debug, Default)]
pub struct Board {
    alarms: BTreeMap<AlarmId, Alarm>,
    /// What the last run knew of alarms that have not been seen since.
    recalled: BTreeMap<AlarmId, keep::Recalled>,
    raises: Raises,
    refused: u64,
    outputs: VecDeque<Output>,
}

impl Board {
    /// The cause is there, as of now. It becomes an alarm when it has lasted.
    pub fn raise(&mut self, code: Code, subject: &str, cause: Cause, now: Moment) {
        let id = AlarmId::new(code, subject);
        if !self.alarms.contains_key(&id) {
            if self.alarms.len() >= MAX_ALARMS {
                self.refused += 1;
                return;
            }
            let alarm = Alarm::new(id.clone(), code, subject, now);
            self.alarms.insert(id.clone(), alarm);
        }
        let Some(alarm) = self.alarms.get_mut(&id) else {
            return;
        };
        alarm.observe(true, now);
        if alarm.describe(cause) && alarm.is_shown() {
            self.outputs.push_back(Output::Changed(id.clone()));
        }
        self.settle(&id, now);
    }

    /// The cause is not there, as of now. The alarm returns when that has lasted.
    pub fn clear(&mut self, code: Code, subject: &str, now: Moment) {
        self.clear_id(&AlarmId::new(code, subject), now);
    }

    /// [`Self::clear`] for every alarm of the code but these subjects.
    pub fn clear_others(&mut self, code: Code, but: &[String], now: Moment) {
        let gone: Vec<AlarmId> = self
            .alarms
            .values()
            .filter(|alarm| alarm.code == code && !but.contains(&alarm.subject))
            .map(|alarm| alarm.id.clone())
            .collect();
        for id in gone {
            self.clear_id(&id, now);
        }
    }

    fn clear_id(&mut self, id: &AlarmId, now: Moment) {
        if let Some(alarm) = self.alarms.get_mut(id) {
            alarm.observe(false, now);
            self.settle(id, now);
        }
    }

    /// Somebody knows of it. One that has returned is normal then.
    pub fn acknowledge(
        &mut self,
        id: &AlarmId,
        by: &str,
        now: Moment,
    ) -> Result<Changed, ChangeAlarmError> {
        let alarm = self.shown(id)?;
        let changed = match alarm.state() {
            State::Shelved => return Err(ChangeAlarmError::Shelved),
            State::Acknowledged => Changed::Already,
            State::Unacknowledged | State::Returned => {
                alarm.acknowledge(by);
                self.tell(id);
                Changed::Done
            }
        };
        self.settle(id, now);
        Ok(changed)
    }

    /// It makes no sound and does not blink for [`SILENCE`]; it is still unacknowledged.
    pub fn silence(&mut self, id: &AlarmId, now: Moment) -> Result<Changed, ChangeAlarmError> {
        let alarm = self.shown(id)?;
        match alarm.state() {
            State::Shelved => Err(ChangeAlarmError::Shelved),
            State::Acknowledged => Ok(Changed::Already),
            State::Unacknowledged | State::Returned => {
                alarm.silenced = Some(now.after(SILENCE));
                self.tell(id);
                Ok(Changed::Done)
            }
        }
    }

    /// Puts it away for so long, at most [`MAX_SHELF`] from now on.
    pub fn shelve(
        &mut self,
        id: &AlarmId,
        by: &str,
        reason: &str,
        time: Duration,
        now: Moment,
    ) -> Result<Changed, ChangeAlarmError> {
        if time < Duration::from_mins(1) || time > MAX_SHELF {
            return Err(ChangeAlarmError::ShelfTime);
        }
        if reason.trim().is_empty() {
            return Err(ChangeAlarmError::ReasonMissing);
        }
        let alarm = self.shown(id)?;
        alarm.shelve(Shelf {
            by: by.to_owned(),
            reason: reason.to_owned(),
            until: now.after(time),
        });
        self.tell(id);
        Ok(Changed::Done)
    }

    /// Takes it from the shelf: if its cause is there it is unacknowledged, else it is normal.
    pub fn unshelve(&mut self, id: &AlarmId, now: Moment) -> Result<Changed, ChangeAlarmError> {
        if self.shown(id)?.state() != State::Shelved {
            return Err(ChangeAlarmError::NotShelved);
        }
        self.take_from_shelf(id, now);
        Ok(Changed::Done)
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Moment) {
        let ids: Vec<AlarmId> = self.alarms.keys().cloned().collect();
        for id in ids {
            self.settle(&id, now);
            let Some(alarm) = self.alarms.get_mut(&id) else {
                continue;
            };
            if alarm
                .silenced
                .is_some_and(|until| until.instant <= now.instant)
            {
                alarm.silenced = None;
                self.outputs.push_back(Output::Changed(id.clone()));
            }
            let shelf = alarm.shelf.as_ref();
            if shelf.is_some_and(|shelf| shelf.until.instant <= now.instant) {
                self.take_from_shelf(&id, now);
            }
        }
        self.forget_recalled(now);
    }

    /// The next thing that became different.
    pub fn poll_output(&mut self) -> Output {
        self.outputs
            .pop_front()
            .unwrap_or_else(|| Output::Wait(self.deadline()))
    }

    /// Everything that is not normal, in the order of the table.
    pub fn alarms(&self) -> impl Iterator<Item = &Alarm> {
        self.alarms.values().filter(|alarm| alarm.is_shown())
    }

    /// The alarm of that id, if it is not normal.
    #[must_use]
    pub fn alarm(&self, id: &AlarmId) -> Option<&Alarm> {
        self.alarms.get(id).filter(|alarm| alarm.is_shown())
    }

    /// Causes that are there as last observed, whether or not they have lasted.
    pub fn observed(&self) -> impl Iterator<Item = &AlarmId> {
        self.alarms
            .values()
            .filter(|alarm| alarm.observed)
            .map(|alarm| &alarm.id)
    }

    /// How the alarm system does.
    #[must_use]
    pub fn score(&self, now: Moment) -> Score {
        let is_stale = |alarm: &&Alarm| {
            let stands = now.instant.saturating_duration_since(alarm.raised.instant);
            alarm.active && alarm.state() != State::Shelved && stands > STALE_AFTER
        };
        Score {
            stale: u32::try_from(self.alarms().filter(is_stale).count()).unwrap_or(u32::MAX),
            ..self.raises.score(now.instant)
        }
    }

    /// Alarms that found no place, since the start.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    fn shown(&mut self, id: &AlarmId) -> Result<&mut Alarm, ChangeAlarmError> {
        let alarm = self.alarms.get_mut(id).filter(|alarm| alarm.is_shown());
        alarm.ok_or(ChangeAlarmError::NotFound)
    }

    /// Says where it stands now.
    fn tell(&mut self, id: &AlarmId) {
        let output = match self.alarm(id) {
            Some(_) => Output::Changed(id.clone()),
            None => Output::Gone(id.clone()),
        };
        self.outputs.push_back(output);
    }

    /// Lets what was observed for long enough be so.
    fn settle(&mut self, id: &AlarmId, now: Moment) {
        let Some(alarm) = self.alarms.get_mut(id) else {
            return;
        };
        if alarm.due().is_some_and(|due| due <= now.instant) {
            if alarm.observed {
                self.activate(id, now);
            } else {
                alarm.deactivate();
                self.tell(id);
            }
        }
        if self.alarms.get(id).is_some_and(Alarm::is_over) {
            self.alarms.remove(id);
        }
    }

    fn activate(&mut self, id: &AlarmId, now: Moment) {
        let recalled = self.recalled.remove(id);
        let Some(alarm) = self.alarms.get_mut(id) else {
            return;
        };
        let is_new = alarm.activate(now);
        match recalled {
            // The last run's operators know of it.
            Some(recalled) => alarm.recall(recalled),
            None if is_new => {
                self.raises.note(id, now.instant);
                self.outputs.push_back(Output::Raised(id.clone()));
            }
            None => {}
        }
        self.tell(id);
    }

    fn take_from_shelf(&mut self, id: &AlarmId, now: Moment) {
        let Some(alarm) = self.alarms.get_mut(id) else {
            return;
        };
        if alarm.unshelve(now) {
            self.raises.note(id, now.instant);
            self.outputs.push_back(Output::Raised(id.clone()));
        }
        self.tell(id);
        self.settle(id, now);
    }

    fn deadline(&self) -> Option<Instant> {
        let own = self.alarms.values().filter_map(Alarm::deadline);
        let recalled = self.recalled.values().map(|recalled| recalled.until);
        own.chain(recalled).min()
    }
}
