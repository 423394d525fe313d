//! What boxes say.

use super::{act, command};
use crate::action::{Heard, Request};
use crate::card::Step;
use crate::model::{Dialog, Model, Pending};
use crate::station::{ARMED_MS, Link, UNMASKED_MS};
use wire::admin::{ActionAnswer, Outcome, Verb};

/// Takes in what a box said. Only what asks for something answers with requests.
pub(super) fn hear(model: &mut Model, index: usize, heard: Heard) -> Vec<Request> {
    let now_ms = model.clock.now_ms;
    let Some(station) = model.stations.get_mut(index) else {
        return Vec::new();
    };
    match heard {
        Heard::Frame(frame) => station.hear(*frame, now_ms),
        Heard::Lost(why) => {
            let since_ms = match station.link {
                Link::Down { since_ms, .. } => since_ms,
                _ => now_ms,
            };
            station.link = Link::Down { why, since_ms };
        }
        Heard::LoginNeeded(why) => {
            station.link = Link::Login { why: why.clone() };
            // Who logs in next may be somebody else.
            station.armed_until_ms = None;
            station.unmasked_until_ms = None;
            if index == model.current && model.dialog.is_none() {
                command::login(model, false, Some(why));
            }
        }
        Heard::LoggedIn { operator, arm } => return logged_in(model, index, operator, arm),
        Heard::LoginRefused(why) => {
            if let Some(Dialog::Login(login)) = &mut model.dialog {
                login.asked = false;
                login.said = Some(why);
            } else {
                model.complain(why);
            }
        }
        Heard::Answer { tag, answer } => answered(model, tag, answer),
        Heard::Audit(answer) => station.audit.take(answer, now_ms),
        Heard::Events(answer) => station.events.take(answer, now_ms),
        Heard::Why(answer) => station.why.take(answer.map(|why| *why), now_ms),
        Heard::Attempts(answer) => station.attempts.take(answer, now_ms),
        Heard::Devices(Ok(details)) => station.take_devices(details, now_ms),
        Heard::Devices(Err(why)) => station.devices.take(Err(why), now_ms),
    }
    Vec::new()
}

fn logged_in(model: &mut Model, index: usize, operator: String, arm: bool) -> Vec<Request> {
    if matches!(model.dialog, Some(Dialog::Login(_))) {
        model.dialog = None;
    }
    if let Some(station) = model.stations.get_mut(index) {
        station.operator = operator;
        if matches!(station.link, Link::Login { .. }) {
            station.link = Link::Connecting;
        }
    }
    if arm && index == model.current {
        return act::at_once(model, Verb::Arm);
    }
    let station = model.stations.get(index);
    if let Some(operator) = station.map(|station| station.operator.clone()) {
        model.say(format!("logged in as {operator}"));
    }
    Vec::new()
}

fn answered(model: &mut Model, tag: u64, answer: Result<ActionAnswer, String>) {
    let Some(pending) = model.pending.remove(&tag) else {
        return;
    };
    if let Ok(answer) = &answer {
        take_effect(model, &pending, answer);
    }
    if let Some(Dialog::Card(card)) = &mut model.dialog
        && card.tag == tag
    {
        card.step = Step::Answered(answer);
        return;
    }
    match answer {
        Ok(answer) => {
            let said = format!("{}: {}", words(&pending, answer.outcome), answer.detail);
            let text = format!("{said} (audit #{})", answer.audit);
            if worked(answer.outcome) {
                model.say(text);
            } else {
                model.complain(text);
            }
        }
        Err(why) => model.complain(format!(
            "{} {}: {why}",
            verb_word(pending.verb),
            pending.title
        )),
    }
}

fn take_effect(model: &mut Model, pending: &Pending, answer: &ActionAnswer) {
    let now_ms = model.clock.now_ms;
    let Some(station) = model.stations.get_mut(pending.station) else {
        return;
    };
    // The audit has something new.
    station.audit.asked_ms = None;
    if !worked(answer.outcome) {
        return;
    }
    match pending.verb {
        Verb::Arm => station.armed_until_ms = Some(now_ms + ARMED_MS),
        Verb::Unmask => station.unmasked_until_ms = Some(now_ms + UNMASKED_MS),
        _ => {}
    }
}

/// It is as wanted now.
pub(crate) fn worked(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Done | Outcome::Forced | Outcome::Already)
}

fn words(pending: &Pending, outcome: Outcome) -> String {
    format!(
        "{} {} {}",
        verb_word(pending.verb),
        pending.title,
        outcome_word(outcome)
    )
}

/// An action's name, as it is shown.
pub(crate) fn verb_word(verb: Verb) -> &'static str {
    match verb {
        Verb::End => "END",
        Verb::Admit => "ADMIT",
        Verb::Mute => "MUTE",
        Verb::Hold => "HOLD",
        Verb::Release => "RELEASE",
        Verb::Purge => "PURGE",
        Verb::BlockRejoin => "BLOCK",
        Verb::Drain => "DRAIN",
        Verb::Undrain => "UNDRAIN",
        Verb::Acknowledge => "ACK",
        Verb::Silence => "SILENCE",
        Verb::Shelve => "SHELVE",
        Verb::Unshelve => "UNSHELVE",
        Verb::Unmask => "UNMASK",
        Verb::Arm => "ARM",
        Verb::Handover => "HANDOVER",
    }
}

/// What became of it, as it is shown.
pub(crate) fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "DONE",
        Outcome::Forced => "FORCED",
        Outcome::Already => "ALREADY SO",
        Outcome::Waiting => "WAITS FOR A SECOND PERSON",
        Outcome::Refused => "REFUSED",
        Outcome::Failed => "FAILED",
    }
}
