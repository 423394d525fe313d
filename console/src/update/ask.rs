//! What is asked for without a key: as often as the screen that is shown needs it.

use crate::action::Request;
use crate::card::Step;
use crate::model::{Dialog, Model};
use crate::picture::Picture;
use crate::screen::Screen;
use crate::station::Link;

/// The newest events and audit, on screen 5.
pub(crate) const EVENTS_EVERY_MS: u64 = 5_000;
/// The audit elsewhere, for what ended this shift.
const AUDIT_EVERY_MS: u64 = 60_000;
/// Who is in rooms with devices, on screen 4.
pub(crate) const DEVICES_EVERY_MS: u64 = 5_000;
/// The same elsewhere.
const DEVICES_ELSEWHERE_MS: u64 = 30_000;
/// Failed attempts reach back so long.
const ATTEMPTS_MS: u64 = 3_600_000;
/// Most rooms asked for their devices: two requests a second at most.
pub(crate) const MAX_DEVICE_ROOMS: usize = 50;

/// A card that is open is told to the box so often; it believes three times as long.
pub(crate) const CARD_EVERY_MS: u64 = 2_000;

/// A card that is open and not sent yet, so that other consoles know.
pub(super) fn card(model: &mut Model) -> Option<Request> {
    let now_ms = model.clock.now_ms;
    let Some(Dialog::Card(card)) = &mut model.dialog else {
        return None;
    };
    let is_due = card.told_ms.is_none_or(|at| now_ms >= at + CARD_EVERY_MS);
    if !is_due || !matches!(card.step, Step::Impact | Step::Form) {
        return None;
    }
    let (station, room) = (card.bound.station, card.bound.room_sid.clone()?);
    card.told_ms = Some(now_ms);
    Some(Request::HoldCard { station, room })
}

/// What is due for the box that is shown.
pub(super) fn due(model: &mut Model) -> Vec<Request> {
    let (index, now_ms, screen) = (model.current, model.clock.now_ms, model.screen);
    let to_ms = model.replay.as_ref().map(|replay| replay.at_ms + 1);
    let station = model.station_mut();
    let mut requests = Vec::new();
    if station.link != Link::Up {
        return requests;
    }
    let audit_every = if screen == Screen::Events {
        EVENTS_EVERY_MS
    } else {
        AUDIT_EVERY_MS
    };
    if station.audit.due(audit_every, now_ms) {
        requests.push(Request::Audit { station: index });
    }
    if screen == Screen::Events && station.events.due(EVENTS_EVERY_MS, now_ms) {
        requests.push(Request::Events {
            station: index,
            to_ms,
        });
    }
    let devices_every = if screen == Screen::Devices {
        DEVICES_EVERY_MS
    } else {
        DEVICES_ELSEWHERE_MS
    };
    if station.devices.due(devices_every, now_ms) {
        let sids = rooms_with_devices(&station.live);
        requests.push(Request::Devices {
            station: index,
            sids,
        });
    }
    if screen == Screen::Devices && station.attempts.due(DEVICES_EVERY_MS, now_ms) {
        let since_ms = station.clock_ms(now_ms).saturating_sub(ATTEMPTS_MS);
        requests.push(Request::Attempts {
            station: index,
            since_ms,
        });
    }
    requests
}

/// Rooms with devices, those in trouble first.
fn rooms_with_devices(picture: &Picture) -> Vec<String> {
    let mut rooms: Vec<_> = picture
        .rooms
        .values()
        .filter(|room| room.devices > 0)
        .collect();
    rooms.sort_by_key(|room| {
        (
            room.alarm.is_none(),
            room.flags.is_empty(),
            room.sid.clone(),
        )
    });
    rooms
        .into_iter()
        .take(MAX_DEVICE_ROOMS)
        .map(|room| room.sid.clone())
        .collect()
}
