//! Alarms as operators see them.

use alarm::{Alarm, Priority, Score, State};
use wire::admin::{AlarmScore, AlarmState, AlarmView, Priority as Urgency};

/// What an alarm without a subject is about.
const BOX: &str = "box";

pub(super) fn alarm(alarm: &Alarm) -> AlarmView {
    let definition = alarm.code.definition();
    let shelf = alarm.shelf();
    AlarmView {
        id: alarm.id.to_string(),
        code: definition.name.to_owned(),
        priority: match definition.priority {
            Priority::High => Urgency::High,
            Priority::Medium => Urgency::Medium,
            Priority::Low => Urgency::Low,
        },
        subject: match alarm.subject.as_str() {
            "" => BOX.to_owned(),
            subject => subject.to_owned(),
        },
        state: match alarm.state() {
            State::Unacknowledged => AlarmState::Unacknowledged,
            State::Acknowledged => AlarmState::Acknowledged,
            State::Returned => AlarmState::Returned,
            State::Shelved => AlarmState::Shelved,
        },
        raised_at_ms: alarm.raised.unix.0,
        cause: alarm.cause.text.clone(),
        consequence: definition.consequence.to_owned(),
        action: definition.action.to_owned(),
        time_allowed_s: u32::try_from(definition.time_allowed.as_secs()).unwrap_or(u32::MAX),
        by: shelf
            .map(|(by, ..)| by.to_owned())
            .or_else(|| alarm.by.clone()),
        reason: shelf.map(|(_, reason, _)| reason.to_owned()),
        until_ms: shelf.map(|(_, _, until)| until.unix.0),
        silenced_until_ms: alarm.silenced.map(|until| until.unix.0),
        count: alarm.cause.count,
    }
}

pub(super) fn score(score: Score) -> AlarmScore {
    AlarmScore {
        per_hour: score.per_hour,
        per_ten_minutes: score.per_ten_minutes,
        chattering: score.chattering,
        stale: score.stale,
    }
}
