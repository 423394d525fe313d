//! What a screen shows, as rows of text or of JSON.

use crate::model::Model;
use crate::screen::{self, Screen};
use crate::text;
use serde::Serialize;

/// What the screen needs is there, or there is a reason why it will not be.
pub(super) fn is_there(model: &Model, screen: Screen) -> bool {
    let station = model.station();
    match screen {
        Screen::Overview | Screen::Rooms | Screen::Health => station.heard_ms.is_some(),
        Screen::Room => {
            let opened = station.opened.as_ref();
            let known = opened.is_some_and(|sid| station.live.rooms.contains_key(sid));
            !known
                || station
                    .live
                    .detail
                    .as_ref()
                    .is_some_and(|detail| Some(&detail.room.sid) == opened)
        }
        Screen::Devices if station.why_of.is_some() => {
            station.why.value.is_some() || station.why.trouble.is_some()
        }
        Screen::Devices => station.devices.at_ms.is_some() || station.devices.trouble.is_some(),
        Screen::Events => {
            let audit = station.audit.at_ms.is_some() || station.audit.trouble.is_some();
            audit && (station.events.at_ms.is_some() || station.events.trouble.is_some())
        }
    }
}

/// The rows of the screen.
pub(super) fn rows(model: &mut Model, json: bool) -> Vec<String> {
    if json {
        return values(model);
    }
    let mut rows = vec![head(model)];
    if model.screen == Screen::Devices && model.station().why_of.is_some() {
        rows.extend(screen::why_text(model));
    } else {
        rows.extend(screen::rows_text(model));
    }
    rows
}

fn head(model: &Model) -> String {
    let station = model.station();
    let age = station.heard_ms.map_or_else(
        || "nothing heard yet".to_owned(),
        |at| format!("{} old", text::span(model.clock.now_ms.saturating_sub(at))),
    );
    let [high, medium, low] = model.picture().alarm_counts();
    let rows = model.list().map_or(0, |list| list.order().len());
    format!(
        "{} {}, {rows} rows, {age}; alarms: {high} high, {medium} medium, {low} low",
        station.name,
        model.screen.word(),
    )
}

fn values(model: &Model) -> Vec<String> {
    let station = model.station();
    let picture = &station.live;
    let order = || {
        model
            .list()
            .map(|list| list.order().to_vec())
            .unwrap_or_default()
    };
    match model.screen {
        Screen::Overview => lines(picture.alarms_in_order().into_iter().map(|alarm| &**alarm)),
        Screen::Rooms => lines(
            order()
                .iter()
                .filter_map(|sid| picture.rooms.get(sid))
                .map(|room| &**room),
        ),
        Screen::Room => lines(picture.detail.iter().map(|detail| &**detail)),
        Screen::Devices if station.why_of.is_some() => lines(station.why.value.iter()),
        Screen::Devices => {
            let seen = station.devices.value.as_ref();
            lines(
                order()
                    .iter()
                    .filter_map(|sid| seen?.get(sid))
                    .map(|seen| &seen.who),
            )
        }
        Screen::Events => {
            let mut rows = lines(station.audit.value.iter().flat_map(|page| &page.items));
            rows.extend(lines(station.events.value.iter().flatten()));
            rows
        }
        Screen::Health => lines(std::iter::once(&*picture.health)),
    }
}

fn lines<'a, T: Serialize + 'a>(values: impl Iterator<Item = &'a T>) -> Vec<String> {
    values
        .filter_map(|value| serde_json::to_string(value).ok())
        .collect()
}
