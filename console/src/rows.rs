//! What rows of lists know, by the names that filters use.

use crate::filter::{Fact, Subject};
use crate::look;
use crate::screen::events::Line;
use crate::station::Seen;
use wire::admin::{AlarmState, AlarmView, LiveRoom, Path};

/// Fields of a room.
pub(crate) const ROOM_FIELDS: &[&str] = &[
    "id", "room", "ward", "age", "ppl", "dev", "wait", "path", "loss", "rtt", "rec", "hold",
    "locked", "flag", "alarm",
];

/// A room in a list.
pub(crate) struct RoomRow<'a> {
    pub(crate) room: &'a LiveRoom,
    pub(crate) age_ms: u64,
}

impl Subject for RoomRow<'_> {
    fn fact(&self, field: &str) -> Option<Fact> {
        let room = self.room;
        let number = |value: u32| Fact::Number(value.into());
        Some(match field {
            "id" => Fact::Text(room.sid.clone()),
            "room" => Fact::Text(room.name.clone()),
            "ward" => room.ward.clone().map_or(Fact::Unknown, Fact::Text),
            "age" => Fact::Number(self.age_ms as f64),
            "ppl" => number(room.people),
            "dev" => number(room.devices),
            "wait" => number(room.waiting),
            "path" => room
                .path
                .map_or(Fact::Unknown, |path| Fact::Text(path_word(path).to_owned())),
            "loss" => room
                .loss_permille
                .map_or(Fact::Unknown, |loss| number(loss.into())),
            "rtt" => room.rtt_ms.map_or(Fact::Unknown, number),
            "rec" => Fact::Flag(room.recording),
            "hold" => Fact::Flag(room.hold),
            "locked" => Fact::Flag(room.locked),
            "flag" => Fact::Words(flags(room)),
            "alarm" => Fact::Words(room.alarm.iter().cloned().collect()),
            _ => return None,
        })
    }

    fn texts(&self) -> Vec<&str> {
        let room = self.room;
        let mut texts = vec![room.name.as_str(), &room.sid];
        texts.extend(room.ward.as_deref());
        texts.extend(room.alarm.as_deref());
        texts.extend(room.flags.iter().map(String::as_str));
        texts
    }
}

/// What an operator should know of it, and that somebody waits for another to end it.
fn flags(room: &LiveRoom) -> Vec<String> {
    let asked = room.end_requests.first().map(|_| "end?".to_owned());
    asked
        .into_iter()
        .chain(room.flags.iter().cloned())
        .collect()
}

/// A path's word.
pub(crate) fn path_word(path: Path) -> &'static str {
    match path {
        Path::Udp => "udp",
        Path::Tcp => "tcp",
        Path::TurnTls => "tls",
        Path::None => "none",
    }
}

/// Fields of an alarm.
pub(crate) const ALARM_FIELDS: &[&str] = &["code", "subject", "mark", "state", "count"];

/// An alarm in a list.
pub(crate) struct AlarmRow<'a> {
    pub(crate) alarm: &'a AlarmView,
}

impl Subject for AlarmRow<'_> {
    fn fact(&self, field: &str) -> Option<Fact> {
        let alarm = self.alarm;
        Some(match field {
            "code" => Fact::Text(alarm.code.clone()),
            "subject" => Fact::Text(alarm.subject.clone()),
            "mark" => Fact::Text(look::mark(alarm.priority).to_owned()),
            "state" => Fact::Text(state_word(alarm.state).to_owned()),
            "count" => Fact::Number(alarm.count.into()),
            _ => return None,
        })
    }

    fn texts(&self) -> Vec<&str> {
        let alarm = self.alarm;
        vec![&alarm.code, &alarm.subject, &alarm.cause, &alarm.action]
    }
}

/// An alarm's state in three letters.
pub(crate) fn state_word(state: AlarmState) -> &'static str {
    match state {
        AlarmState::Unacknowledged => "UN",
        AlarmState::Acknowledged => "ACK",
        AlarmState::Returned => "RTN",
        AlarmState::Shelved => "SHV",
    }
}

/// Fields of a device or person.
pub(crate) const SEEN_FIELDS: &[&str] = &[
    "id", "name", "room", "ward", "role", "state", "path", "loss", "rtt", "silent", "quality",
];

/// A device or person in a list.
pub(crate) struct SeenRow<'a> {
    pub(crate) seen: &'a Seen,
}

impl Subject for SeenRow<'_> {
    fn fact(&self, field: &str) -> Option<Fact> {
        let who = &self.seen.who;
        let number = |value: u64| Fact::Number(value as f64);
        Some(match field {
            "id" => Fact::Text(who.sid.clone()),
            "name" => Fact::Text(who.identity.clone()),
            "room" => Fact::Text(self.seen.room.clone()),
            "ward" => self.seen.ward.clone().map_or(Fact::Unknown, Fact::Text),
            "role" => Fact::Text(who.role.clone()),
            "state" => Fact::Text(who.state.clone()),
            "path" => Fact::Text(path_word(who.path).to_owned()),
            "loss" => who
                .loss_permille
                .map_or(Fact::Unknown, |loss| number(loss.into())),
            "rtt" => who.rtt_ms.map_or(Fact::Unknown, |rtt| number(rtt.into())),
            "silent" => who.silent_ms.map_or(Fact::Unknown, number),
            "quality" => who.quality.clone().map_or(Fact::Unknown, Fact::Text),
            _ => return None,
        })
    }

    fn texts(&self) -> Vec<&str> {
        vec![
            &self.seen.who.identity,
            &self.seen.room,
            &self.seen.who.role,
            &self.seen.who.sid,
        ]
    }
}

/// Fields of a line of screen 5.
pub(crate) const EVENT_FIELDS: &[&str] = &["who", "act", "target", "text"];

/// A line of screen 5.
pub(crate) struct EventRow<'a> {
    pub(crate) line: &'a Line,
}

impl Subject for EventRow<'_> {
    fn fact(&self, field: &str) -> Option<Fact> {
        Some(Fact::Text(match field {
            "who" => self.line.who.clone(),
            "act" => self.line.act.clone(),
            "target" => self.line.target.clone(),
            "text" => self.line.text.clone(),
            _ => return None,
        }))
    }

    fn texts(&self) -> Vec<&str> {
        let line = self.line;
        vec![&line.who, &line.act, &line.target, &line.text]
    }
}
