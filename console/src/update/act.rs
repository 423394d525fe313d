//! Actions: the cards, and the few that need none. Each names an id that is bound here and then.

use crate::action::Request;
use crate::card::{Bound, Card};
use crate::model::{Dialog, Model, Pending};
use crate::screen::Screen;
use crate::station::{Link, Station};
use crate::text;
use wire::admin::{ActionRequest, Reason, Role, Target, Verb};

/// Armed so long, as the box is told.
const ARMED_MINUTES: u32 = (crate::station::ARMED_MS / 60_000) as u32;

/// A card for what the cursor is on.
pub(super) fn card(model: &mut Model, verb: Verb) -> Vec<Request> {
    match under_cursor(model) {
        Some((target, room_sid, title)) => open(model, verb, target, room_sid, title),
        None => nothing(model, "the cursor is on nothing that can be acted on"),
    }
}

/// A card for the room that is shown or under the cursor.
pub(super) fn room_card(model: &mut Model, verb: Verb) -> Vec<Request> {
    let sid = match model.screen {
        Screen::Room => model.station().opened.clone(),
        _ => under_cursor(model).and_then(|(_, room_sid, _)| room_sid),
    };
    let room = sid.and_then(|sid| model.picture().rooms.get(&sid).cloned());
    match room {
        Some(room) => {
            let target = Target::Room {
                sid: room.sid.clone(),
            };
            open(
                model,
                verb,
                target,
                Some(room.sid.clone()),
                model.room_name(&room.name),
            )
        }
        None => nothing(model, "no room is shown or under the cursor"),
    }
}

/// A card for the box.
pub(super) fn box_card(model: &mut Model, verb: Verb) -> Vec<Request> {
    let title = model.station().name.clone();
    open(model, verb, Target::Box, None, title)
}

/// A card for the alarm under the cursor.
pub(super) fn alarm_card(model: &mut Model, verb: Verb) -> Vec<Request> {
    match alarm_under_cursor(model) {
        Some((id, title)) => open(model, verb, Target::Alarm { id }, None, title),
        None => nothing(model, "no alarm is under the cursor; screen 1 lists them"),
    }
}

/// What concerns an alarm and takes nothing away is done at once.
pub(super) fn alarm(model: &mut Model, verb: Verb) -> Vec<Request> {
    let Some((id, title)) = alarm_under_cursor(model) else {
        return nothing(model, "no alarm is under the cursor; screen 1 lists them");
    };
    if let Err(why) = settled(model)
        .and_then(|()| allowed(model, verb))
        .and_then(|()| armed(model))
    {
        return nothing(model, &why);
    }
    let request = request(verb, Target::Alarm { id }, Reason::Other, "at the console");
    vec![send(model, request, title)]
}

/// What only shows or allows more is done at once; the box writes it down.
pub(super) fn at_once(model: &mut Model, verb: Verb) -> Vec<Request> {
    if let Err(why) = allowed(model, verb) {
        return nothing(model, &why);
    }
    let mut request = request(verb, Target::Box, Reason::Requested, "at the console");
    if verb == Verb::Arm {
        request.minutes = Some(ARMED_MINUTES);
    }
    let title = model.station().name.clone();
    vec![send(model, request, title)]
}

fn request(verb: Verb, target: Target, reason: Reason, note: &str) -> ActionRequest {
    ActionRequest {
        verb,
        target,
        reason,
        note: note.to_owned(),
        deadline_ms: None,
        key: None,
        minutes: None,
    }
}

/// Sends an action to the box that is shown.
pub(super) fn send(model: &mut Model, mut request: ActionRequest, title: String) -> Request {
    let (station, tag) = (model.current, model.next_tag);
    model.next_tag += 1;
    request.key.get_or_insert_with(|| format!("console-{tag}"));
    model.pending.insert(
        tag,
        Pending {
            station,
            verb: request.verb,
            title,
        },
    );
    Request::Act {
        station,
        tag,
        request: Box::new(request),
    }
}

fn open(
    model: &mut Model,
    verb: Verb,
    target: Target,
    room_sid: Option<String>,
    title: String,
) -> Vec<Request> {
    if let Err(why) = settled(model) {
        return nothing(model, &why);
    }
    match make(model, verb, target, room_sid, title) {
        Ok(card) => {
            model.dialog = Some(Dialog::Card(Box::new(card)));
            Vec::new()
        }
        Err(why) => nothing(model, &why),
    }
}

/// A card for one id, or why there is none.
pub(crate) fn make(
    model: &mut Model,
    verb: Verb,
    target: Target,
    room_sid: Option<String>,
    title: String,
) -> Result<Card, String> {
    allowed(model, verb)?;
    if verb == Verb::Mute && !matches!(target, Target::Track { .. }) {
        return Err("mute is for a track: open the room and put the cursor on one".to_owned());
    }
    if matches!(verb, Verb::Admit | Verb::BlockRejoin)
        && !matches!(target, Target::Participant { .. })
    {
        return Err("that is for a person: open the room and put the cursor on one".to_owned());
    }
    let tag = model.next_tag;
    model.next_tag += 1;
    let bound = Bound {
        station: model.current,
        verb,
        target,
        room_sid,
        title,
    };
    Ok(Card::new(bound, tag))
}

/// Actions need a live picture, a box that hears us, and a role.
fn allowed(model: &Model, verb: Verb) -> Result<(), String> {
    let station = model.station();
    if !model.is_live() {
        return Err("what is shown is not the present: Esc first".to_owned());
    }
    if station.link != Link::Up {
        return Err(format!(
            "the link to {} is lost: nothing can be done there",
            station.name
        ));
    }
    let needs = least_role(verb);
    if station.role() < needs {
        return Err(format!(
            "{} may not: it takes the role {needs:?}, this connection is {:?}; ask an administrator",
            who(station),
            station.role(),
        ));
    }
    Ok(())
}

/// What the cursor is on is what the operator saw there.
fn settled(model: &Model) -> Result<(), String> {
    if model
        .list()
        .is_some_and(|list| list.is_startled(model.clock.now_ms))
    {
        return Err("what the cursor was on has just gone: look again".to_owned());
    }
    Ok(())
}

fn who(station: &Station) -> &str {
    if station.operator.is_empty() {
        "you"
    } else {
        &station.operator
    }
}

fn armed(model: &Model) -> Result<(), String> {
    if model.station().armed(model.clock.now_ms) {
        Ok(())
    } else {
        Err("read-only: :arm first".to_owned())
    }
}

fn least_role(verb: Verb) -> Role {
    match verb {
        Verb::Hold
        | Verb::Release
        | Verb::Purge
        | Verb::Drain
        | Verb::Undrain
        | Verb::BlockRejoin => Role::Admin,
        Verb::Handover => Role::Viewer,
        _ => Role::Operator,
    }
}

/// What can be acted on under the cursor: target, its room, what a person calls it.
fn under_cursor(model: &Model) -> Option<(Target, Option<String>, String)> {
    let selected = model.list()?.selected()?;
    match model.screen {
        Screen::Overview => {
            let sid = &model.picture().alarms.get(selected)?.subject;
            room(model, sid)
        }
        Screen::Rooms => room(model, selected),
        Screen::Room => {
            let detail = model.picture().detail.as_ref()?;
            let sid = Some(detail.room.sid.clone());
            detail.participants.iter().find_map(|who| {
                let name = model.person(&who.identity, &who.role);
                if who.sid == selected {
                    let target = Target::Participant {
                        sid: who.sid.clone(),
                    };
                    return Some((
                        target,
                        sid.clone(),
                        format!("{name} in {}", model.room_name(&detail.room.name)),
                    ));
                }
                let track = who.tracks.iter().find(|track| track.sid == selected)?;
                let target = Target::Track {
                    sid: track.sid.clone(),
                };
                Some((
                    target,
                    sid.clone(),
                    format!(
                        "{} of {name} in {}",
                        track.source,
                        model.room_name(&detail.room.name)
                    ),
                ))
            })
        }
        Screen::Devices => {
            let seen = model.station().devices.value.as_ref()?.get(selected)?;
            let name = model.person(&seen.who.identity, &seen.who.role);
            let target = Target::Participant {
                sid: seen.who.sid.clone(),
            };
            Some((
                target,
                Some(seen.room_sid.clone()),
                format!("{name} in {}", model.room_name(&seen.room)),
            ))
        }
        Screen::Events | Screen::Health => None,
    }
}

fn room(model: &Model, sid: &str) -> Option<(Target, Option<String>, String)> {
    let room = model.picture().rooms.get(sid)?;
    Some((
        Target::Room {
            sid: sid.to_owned(),
        },
        Some(sid.to_owned()),
        model.room_name(&room.name),
    ))
}

fn alarm_under_cursor(model: &Model) -> Option<(String, String)> {
    let picture = model.picture();
    let selected = model.list().and_then(|list| list.selected());
    let id = match model.screen {
        Screen::Overview => selected?.to_owned(),
        Screen::Rooms => picture.rooms.get(selected?)?.alarm.clone()?,
        Screen::Room => picture
            .rooms
            .get(model.station().opened.as_ref()?)?
            .alarm
            .clone()?,
        Screen::Devices | Screen::Events | Screen::Health => return None,
    };
    let alarm = picture.alarms.get(&id)?;
    let title = format!("{} {}", alarm.code, text::short_id(&alarm.subject));
    Some((id, title))
}

fn nothing(model: &mut Model, why: &str) -> Vec<Request> {
    model.complain(why);
    Vec::new()
}
