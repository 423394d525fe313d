//! What happens to what is known: the one place that changes the model.

mod act;
mod ask;
mod command;
mod dialog;
mod heard;
mod past;
mod settle;
mod take;

pub(crate) use act::make as make_card;
pub(crate) use ask::{DEVICES_EVERY_MS, EVENTS_EVERY_MS};
pub(crate) use heard::{outcome_word, verb_word, worked};

use crate::action::{Action, Clock, Request};
use crate::chord::{Chord, Code};
use crate::command::Command;
use crate::keys::PREFIX;
use crate::model::{Dialog, Model, TOAST_MS};
use crate::screen::Spot;

/// Takes in what happened; says what others have to do.
pub(crate) fn update(model: &mut Model, action: Action) -> Vec<Request> {
    let mut requests = match action {
        Action::Key(chord) => key(model, chord),
        Action::Paste(text) => {
            dialog::paste(model, &text);
            Vec::new()
        }
        // The mouse finds; what takes anything away takes keys.
        Action::Wheel(_) | Action::Click(_) if model.dialog.is_some() => Vec::new(),
        Action::Wheel(rows) => command::run(model, Command::Move(rows)),
        Action::Click(spot) => click(model, spot),
        Action::Tick(clock) => tick(model, clock),
        Action::Heard(station, heard) => return heard::hear(model, station, heard),
        Action::Noted(Ok(text)) => {
            model.say(text);
            Vec::new()
        }
        Action::Noted(Err(text)) => {
            model.complain(text);
            Vec::new()
        }
    };
    settle::settle(model);
    requests.extend(ask::card(model));
    requests.extend(ask::due(model));
    requests
}

fn click(model: &mut Model, spot: Spot) -> Vec<Request> {
    model.key_ms = model.clock.now_ms;
    match spot {
        Spot::Tab(screen) => command::run(model, Command::Show(screen)),
        Spot::Row(id) => {
            model.second_pane = false;
            let now_ms = model.clock.now_ms;
            model
                .lists
                .entry(model.screen)
                .or_default()
                .select(&id, now_ms);
            Vec::new()
        }
    }
}

fn key(model: &mut Model, chord: Chord) -> Vec<Request> {
    model.key_ms = model.clock.now_ms;
    if model.dialog.is_some() {
        return dialog::key(model, chord);
    }
    if model.half.take() == Some(chord) {
        return command::run(model, Command::Top);
    }
    if chord == PREFIX {
        model.half = Some(chord);
        return Vec::new();
    }
    if let Some(command) = model.manners.keys.command(chord) {
        command::run(model, command)
    } else if let Some(plain) = after_escape(model, chord) {
        // A terminal tells Esc and a quick key after it as one key with Alt.
        let mut requests = command::run(model, Command::Back);
        requests.extend(key(model, plain));
        requests
    } else {
        let hint = match chord.code {
            Code::Char('c' | 'd') if chord.ctrl => "; q leaves",
            Code::Char('x') => "; ending is X",
            _ => "",
        };
        model.say(format!(
            "{chord} means nothing here{hint}; ? lists the keys"
        ));
        Vec::new()
    }
}

/// The key without its Alt; not where that would begin to end somebody.
fn after_escape(model: &Model, chord: Chord) -> Option<Chord> {
    let plain = Chord {
        alt: false,
        ..chord
    };
    let command = model.manners.keys.command(plain)?;
    let ends = matches!(command, Command::End | Command::Confirm);
    (chord.alt && !ends).then_some(plain)
}

/// Time takes away what was given for a while.
fn tick(model: &mut Model, clock: Clock) -> Vec<Request> {
    model.clock = clock;
    let now_ms = clock.now_ms;
    let mut disarmed = Vec::new();
    for station in &mut model.stations {
        if station.armed_until_ms.is_some() && !station.armed(now_ms) {
            station.armed_until_ms = None;
            disarmed.push(station.name.clone());
        }
        if station.unmasked_until_ms.is_some() && !station.unmasked(now_ms) {
            station.unmasked_until_ms = None;
        }
    }
    if !disarmed.is_empty() {
        model.say(format!("{} is read-only again", disarmed.join(", ")));
    }
    if model
        .toast
        .as_ref()
        .is_some_and(|toast| now_ms >= toast.at_ms + TOAST_MS)
    {
        model.toast = None;
    }
    let idle_ms = now_ms.saturating_sub(model.key_ms);
    if idle_ms >= model.manners.lock_after_ms && !matches!(model.dialog, Some(Dialog::Locked)) {
        command::lock(model);
    }
    Vec::new()
}

#[cfg(test)]
mod tests;
