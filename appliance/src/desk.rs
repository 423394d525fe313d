//! Operators' answers to alarms, on their way from audited actions to the board.

use control::action::{AlarmChange, AlarmDesk, AlarmVerdict, Verb};
use std::time::Duration;
use vocab::RoomSid;
use watch::{AlarmBoard, ChangeAlarmError, Changed, Code};

/// The board, as actions see it.
pub(crate) struct Desk(pub(crate) AlarmBoard);

impl AlarmDesk for Desk {
    fn change(&self, change: &AlarmChange) -> AlarmVerdict {
        let AlarmChange { id, by, reason, .. } = change;
        let changed = match change.verb {
            Verb::Acknowledge => self.0.acknowledge(id, by),
            Verb::Silence => self.0.silence(id),
            Verb::Unshelve => self.0.unshelve(id),
            Verb::Shelve => {
                let minutes = change.minutes.unwrap_or_default();
                let time = Duration::from_mins(u64::from(minutes));
                self.0.shelve(id, by, reason.as_str(), time)
            }
            _ => return AlarmVerdict::Refused("that is nothing to do with an alarm".to_owned()),
        };
        match changed {
            Ok(Changed::Done) => AlarmVerdict::Done(format!("{id} is answered")),
            Ok(Changed::Already) => AlarmVerdict::Already(format!("{id} was answered")),
            Err(ChangeAlarmError::NotFound) => AlarmVerdict::Unknown,
            Err(error) => AlarmVerdict::Refused(error.to_string()),
        }
    }

    fn glass_broken(&self, room: &RoomSid, audit: u64) {
        let text = format!(
            "one person ended a held session, or somebody in it, for safety (audit entry {audit})"
        );
        self.0.raise(Code::BreakGlass, room.as_str(), &text, 1);
    }
}
