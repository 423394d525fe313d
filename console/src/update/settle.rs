//! Lists after a change: which rows, in which order, and where the cursor is.

use crate::filter::Subject;
use crate::model::{Dialog, Model, Sort};
use crate::rows::{AlarmRow, EventRow, RoomRow, SeenRow};
use crate::screen::{Screen, devices, events};
use crate::station::Fresh;
use std::cmp::Reverse;

/// Brings the list of the screen up to date. Its rows keep their places while a dialog is open or
/// somebody works in it.
pub(super) fn settle(model: &mut Model) {
    let ids = match model.screen {
        Screen::Overview => alarms(model),
        Screen::Rooms => rooms(model),
        Screen::Room => people(model),
        Screen::Devices => seen(model),
        Screen::Events => lines(model),
        Screen::Health => return,
    };
    // Behind a lock nobody works: the worst comes to the top.
    let works = model
        .dialog
        .as_ref()
        .is_some_and(|dialog| !matches!(dialog, Dialog::Locked));
    let held = works || model.fresh() == Fresh::Unknown;
    let now_ms = model.clock.now_ms;
    // What has happened never changes its place: the newest line belongs at the top at once.
    let stands = model.screen == Screen::Events;
    let list = model.lists.entry(model.screen).or_default();
    if stands {
        list.let_go();
    }
    list.set(ids, held && !stands, now_ms);
}

fn passes(model: &Model, row: &impl Subject) -> bool {
    model.filter().is_none_or(|filter| filter.matches(row))
}

fn alarms(model: &Model) -> Vec<String> {
    let alarms = model.picture().alarms_in_order().into_iter();
    alarms
        .filter(|alarm| passes(model, &AlarmRow { alarm }))
        .map(|alarm| alarm.id.clone())
        .collect()
}

fn rooms(model: &Model) -> Vec<String> {
    let picture = model.picture();
    let mut rooms: Vec<_> = picture
        .rooms
        .values()
        .filter(|room| {
            passes(
                model,
                &RoomRow {
                    room,
                    age_ms: model.since(room.created_at_ms),
                },
            )
        })
        .collect();
    match model.sort {
        Sort::Worst => rooms.sort_by_cached_key(|room| {
            let priority = picture
                .priority_of(room)
                .map_or(3, |priority| priority as u8);
            (
                priority,
                room.end_requests.is_empty(),
                room.flags.is_empty(),
                Reverse(room.loss_permille),
                &room.name,
                &room.sid,
            )
        }),
        Sort::Name => rooms.sort_by_key(|room| (&room.name, &room.sid)),
        Sort::Age => rooms.sort_by_key(|room| (room.created_at_ms, &room.sid)),
        Sort::People => rooms.sort_by_key(|room| (Reverse(room.people), &room.sid)),
        Sort::Loss => rooms.sort_by_key(|room| (Reverse(room.loss_permille), &room.sid)),
    }
    rooms.into_iter().map(|room| room.sid.clone()).collect()
}

/// Each participant, and its tracks below it.
fn people(model: &Model) -> Vec<String> {
    let detail = model.picture().detail.as_ref();
    let opened = model.station().opened.as_ref();
    let people = detail
        .filter(|detail| Some(&detail.room.sid) == opened)
        .into_iter()
        .flat_map(|detail| &detail.participants);
    people
        .flat_map(|who| std::iter::once(&who.sid).chain(who.tracks.iter().map(|track| &track.sid)))
        .cloned()
        .collect()
}

fn seen(model: &Model) -> Vec<String> {
    let mut seen: Vec<_> = model
        .station()
        .devices
        .value
        .iter()
        .flat_map(|seen| seen.values())
        .filter(|seen| devices::belongs(&seen.who) && passes(model, &SeenRow { seen }))
        .collect();
    seen.sort_by_key(|seen| {
        let fine = devices::trouble(&seen.who).is_none();
        (
            fine,
            seen.who.role != "device",
            &seen.who.identity,
            &seen.who.sid,
        )
    });
    let attempts = devices::failed(model).map(|attempt| attempt.id.clone());
    seen.into_iter()
        .map(|seen| seen.who.sid.clone())
        .chain(attempts)
        .collect()
}

fn lines(model: &Model) -> Vec<String> {
    let lines = events::lines(model).into_iter();
    lines
        .filter(|line| passes(model, &EventRow { line }))
        .map(|line| line.id)
        .collect()
}
