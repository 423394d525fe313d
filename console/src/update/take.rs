//! What is looked up or carried away: why, copy, export.

use super::command;
use crate::action::Request;
use crate::model::Model;
use crate::screen::{self, Screen};

/// Why the one under the cursor can or cannot connect.
pub(super) fn why(model: &mut Model) -> Vec<Request> {
    if let Some(of) = under_cursor(model) {
        why_of(model, of)
    } else {
        model.complain("the cursor is on nobody; :why IDENTITY asks about anybody");
        Vec::new()
    }
}

/// Why somebody can or cannot connect.
pub(super) fn why_of(model: &mut Model, of: String) -> Vec<Request> {
    let now_ms = model.clock.now_ms;
    let station = model.current;
    let known = model.station_mut();
    if known.why_of.as_ref() != Some(&of) {
        known.why = crate::station::Fetched::default();
    }
    known.why_of = Some(of.clone());
    known.why.asked_ms = Some(now_ms);
    command::show(model, Screen::Devices);
    model.scroll = 0;
    vec![Request::Why { station, of }]
}

/// The same for the subnet of the one under the cursor.
pub(super) fn why_subnet(model: &mut Model) -> Vec<Request> {
    let attempt = attempt_under_cursor(model).map(|attempt| attempt.subnet.clone());
    let alarm = model
        .list()
        .and_then(|list| list.selected())
        .and_then(|id| model.picture().alarms.get(id))
        .map(|alarm| alarm.subject.clone());
    let shown = model
        .station()
        .why
        .value
        .as_ref()
        .map(|why| why.attempt.subnet.clone());
    let subnet = if model.screen == Screen::Overview {
        alarm
    } else {
        attempt.or(shown)
    };
    if let Some(subnet) = subnet {
        why_of(model, subnet)
    } else {
        model.complain("no subnet is known here; d asks about one person first");
        Vec::new()
    }
}

fn attempt_under_cursor(model: &Model) -> Option<&wire::admin::AttemptView> {
    let id = model.list()?.selected()?;
    let attempts = model.station().attempts.value.as_ref()?;
    attempts.iter().find(|attempt| attempt.id == id)
}

fn under_cursor(model: &Model) -> Option<String> {
    let selected = model.list()?.selected()?;
    match model.screen {
        Screen::Overview => Some(model.picture().alarms.get(selected)?.subject.clone()),
        Screen::Rooms => Some(selected.to_owned()),
        Screen::Room => {
            let detail = model.picture().detail.as_ref()?;
            let who = detail.participants.iter().find(|who| {
                who.sid == selected || who.tracks.iter().any(|track| track.sid == selected)
            })?;
            Some(who.sid.clone())
        }
        Screen::Devices => match attempt_under_cursor(model) {
            Some(attempt) => attempt.sid.clone().or_else(|| attempt.identity.clone()),
            None => Some(selected.to_owned()),
        },
        Screen::Events => screen::events::line(model, selected).and_then(|line| line.who_sid),
        Screen::Health => None,
    }
}

/// The room that a line of screen 5 is about, if it lives.
pub(super) fn room_of_line(model: &Model, id: &str) -> Option<String> {
    let target = screen::events::line(model, id)?.target;
    model
        .picture()
        .rooms
        .contains_key(&target)
        .then_some(target)
}

/// The row under the cursor, without frames or cut words; never more than the screen may show.
pub(super) fn copy(model: &mut Model) -> Vec<Request> {
    let text = masked(model, screen::row_text);
    if let Some(text) = text {
        model.say(format!("copied: {}", crate::text::cut(&text, 60)));
        vec![Request::Copy(text)]
    } else {
        model.complain("the cursor is on nothing that could be copied");
        Vec::new()
    }
}

/// The whole list or page to a file.
pub(super) fn export(model: &mut Model, file: Option<String>) -> Vec<Request> {
    let text = masked(model, screen::page_text);
    vec![Request::Export {
        file,
        title: model.screen.word(),
        text,
    }]
}

/// What leaves the console is masked, whatever the screen shows.
fn masked<T>(model: &mut Model, make: impl Fn(&Model) -> T) -> T {
    let shown = model.station_mut().unmasked_until_ms.take();
    let made = make(model);
    model.station_mut().unmasked_until_ms = shown;
    made
}
