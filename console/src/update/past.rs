//! Standing still and walking back.

use crate::action::Request;
use crate::model::{Model, Replay};
use std::sync::Arc;

/// The display stands still, or goes on.
pub(super) fn freeze(model: &mut Model) -> Vec<Request> {
    if model.replay.is_some() {
        return live(model);
    }
    model.frozen = match model.frozen.take() {
        Some(_) => None,
        None => Some((Arc::clone(&model.station().live), model.clock.now_ms)),
    };
    Vec::new()
}

/// The present.
pub(super) fn live(model: &mut Model) -> Vec<Request> {
    model.frozen = None;
    if model.replay.take().is_some() {
        model.station_mut().events.asked_ms = None;
    }
    Vec::new()
}

/// An earlier moment.
pub(super) fn back(model: &mut Model) -> Vec<Request> {
    let from = model
        .replay
        .as_ref()
        .map_or(model.station().live.at_ms, |replay| replay.at_ms);
    match model.station().history.before(from) {
        Some(at_ms) => show(model, at_ms),
        None => nothing_older(model),
    }
}

/// A later moment; the last one is the present.
pub(super) fn forward(model: &mut Model) -> Vec<Request> {
    let Some(replay) = &model.replay else {
        model.say("this is the present; [ goes back");
        return Vec::new();
    };
    match model.station().history.after(replay.at_ms) {
        Some(at_ms) => show(model, at_ms),
        None => live(model),
    }
}

/// A moment by its time of day, or so long ago.
pub(super) fn at(model: &mut Model, when: &str) -> Vec<Request> {
    let now_ms = model.station().clock_ms(model.clock.now_ms);
    let Some(wanted) = moment(model, when, now_ms) else {
        model.complain("a time is 02:11, or how long ago: 20m, 2h");
        return Vec::new();
    };
    // The moment at that time is the last one before the next.
    match model.station().history.before(wanted + 1) {
        Some(at_ms) => show(model, at_ms),
        None => nothing_older(model),
    }
}

fn moment(model: &Model, when: &str, now_ms: u64) -> Option<u64> {
    if let Some((hours, minutes)) = when.split_once(':') {
        let wanted = hours.parse::<u64>().ok()? * 60 + minutes.parse::<u64>().ok()?;
        let clock = model.minute(now_ms);
        let (now_hours, now_minutes) = clock.split_once(':')?;
        let now = now_hours.parse::<u64>().ok()? * 60 + now_minutes.parse::<u64>().ok()?;
        let ago_minutes = (now + 1_440).checked_sub(wanted)? % 1_440;
        return now_ms.checked_sub(ago_minutes * 60_000);
    }
    let (number, factor) = match when.strip_suffix('m') {
        Some(minutes) => (minutes, 60_000),
        None => (when.strip_suffix('h')?, 3_600_000),
    };
    now_ms.checked_sub(number.parse::<u64>().ok()?.checked_mul(factor)?)
}

fn show(model: &mut Model, at_ms: u64) -> Vec<Request> {
    let Some(picture) = model.station().history.picture(at_ms) else {
        return nothing_older(model);
    };
    model.frozen = None;
    model.replay = Some(Replay {
        at_ms,
        picture: Arc::new(picture),
    });
    model.station_mut().events.asked_ms = None;
    Vec::new()
}

fn nothing_older(model: &mut Model) -> Vec<Request> {
    let says = match model.station().history.oldest() {
        Some(oldest) => format!(
            "replay begins at {}, when this console began to watch; screen 5 has what came before",
            model.time(oldest)
        ),
        None => "nothing has been seen yet that could be replayed".to_owned(),
    };
    model.say(says);
    Vec::new()
}
