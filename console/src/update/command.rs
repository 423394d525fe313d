//! Commands, whether a key or a word asked for them.

use super::{act, past, take};
use crate::action::Request;
use crate::command::Command;
use crate::filter::{Filter, MAX_FILTER_CHARS};
use crate::handover::Handover;
use crate::input::Input;
use crate::model::{Dialog, Login, MAX_NOTES, Model, Sort};
use crate::screen::Screen;
use crate::text;
use wire::admin::Verb;

/// Rows that a page moves by.
const PAGE: i64 = 10;

/// Longest account name and password taken, in characters.
const MAX_CREDENTIAL: usize = 128;

/// Does what was asked.
pub(super) fn run(model: &mut Model, command: Command) -> Vec<Request> {
    match command {
        Command::Show(screen) => show(model, screen),
        Command::NextPane => {
            model.second_pane = !model.second_pane;
            Vec::new()
        }
        Command::Open => open(model),
        Command::Back => back(model),
        Command::Move(rows) => step(model, rows.into()),
        Command::Page(pages) => step(model, i64::from(pages) * PAGE),
        Command::Top => step(model, i64::from(i32::MIN)),
        Command::Bottom => step(model, i64::from(i32::MAX)),
        Command::Filter(None) => {
            let now = model
                .filter()
                .map(|filter| filter.text().to_owned())
                .unwrap_or_default();
            model.dialog = Some(Dialog::Filter(Input::with(MAX_FILTER_CHARS, &now), None));
            Vec::new()
        }
        Command::Filter(Some(text)) => filter(model, &text),
        Command::Sort(word) => {
            model.sort = Sort::parse(&word).unwrap_or_default();
            let list = model.lists.entry(Screen::Rooms).or_default();
            list.let_go();
            Vec::new()
        }
        Command::Palette => {
            model.dialog = Some(Dialog::Palette(Input::new(MAX_FILTER_CHARS)));
            Vec::new()
        }
        Command::Help => {
            model.dialog = Some(Dialog::Help(0));
            Vec::new()
        }
        Command::Box(name) => station(model, &name),
        Command::Room(name) => room(model, &name),
        Command::Why => take::why(model),
        Command::WhyOf(of) => take::why_of(model, of),
        Command::WhySubnet => take::why_subnet(model),
        Command::Freeze => past::freeze(model),
        Command::ReplayBack => past::back(model),
        Command::ReplayForward => past::forward(model),
        Command::ReplayAt(when) => past::at(model, &when),
        Command::Live => past::live(model),
        Command::Unmask => act::at_once(model, Verb::Unmask),
        Command::Copy => take::copy(model),
        Command::Export(file) => take::export(model, file),
        Command::Refresh => refresh(model),
        Command::Arm => arm(model),
        Command::Disarm => {
            model.station_mut().armed_until_ms = None;
            model.say("read-only");
            Vec::new()
        }
        Command::End => act::card(model, Verb::End),
        Command::EndRoom => act::room_card(model, Verb::End),
        Command::Block => act::card(model, Verb::BlockRejoin),
        Command::Admit => act::card(model, Verb::Admit),
        Command::Mute => act::card(model, Verb::Mute),
        Command::Hold => act::room_card(model, Verb::Hold),
        Command::Release => act::room_card(model, Verb::Release),
        Command::Purge => act::room_card(model, Verb::Purge),
        Command::Drain => act::box_card(model, Verb::Drain),
        Command::Undrain => act::box_card(model, Verb::Undrain),
        Command::Acknowledge => act::alarm(model, Verb::Acknowledge),
        Command::Silence => act::alarm(model, Verb::Silence),
        Command::Unshelve => act::alarm(model, Verb::Unshelve),
        Command::Shelve => act::alarm_card(model, Verb::Shelve),
        Command::Confirm => {
            model.say("Ctrl-Y confirms a card; X opens one");
            Vec::new()
        }
        Command::Note(text) => note(model, &text),
        Command::Handover => {
            model.dialog = Some(Dialog::Handover(Box::new(Handover::new(model))));
            Vec::new()
        }
        Command::Lock => {
            lock(model);
            Vec::new()
        }
        Command::Login => {
            login(model, false, None);
            Vec::new()
        }
        Command::Redraw => vec![Request::Redraw],
        Command::Quit => quit(model),
    }
}

/// Another screen; where it leads back to is remembered.
pub(super) fn show(model: &mut Model, screen: Screen) -> Vec<Request> {
    if model.screen != screen {
        model.trail.retain(|before| *before != screen);
        model.trail.push(model.screen);
        model.screen = screen;
        model.second_pane = false;
        model.scroll = 0;
    }
    Vec::new()
}

fn back(model: &mut Model) -> Vec<Request> {
    if model.replay.is_some() || model.frozen.is_some() {
        return past::live(model);
    }
    if model.second_pane {
        model.second_pane = false;
    } else if model.filter().is_some() && model.screen != Screen::Room {
        model.filters.remove(&model.screen);
    } else if let Some(screen) = model.trail.pop() {
        model.screen = screen;
    } else {
        model.screen = Screen::Overview;
    }
    Vec::new()
}

fn step(model: &mut Model, rows: i64) -> Vec<Request> {
    let now_ms = model.clock.now_ms;
    if model.second_pane && model.screen == Screen::Devices {
        let to = (model.scroll as i64).saturating_add(rows).clamp(0, 200);
        model.scroll = to as usize;
    } else {
        model
            .lists
            .entry(model.screen)
            .or_default()
            .step(rows, now_ms);
    }
    Vec::new()
}

fn filter(model: &mut Model, text: &str) -> Vec<Request> {
    if model.screen.fields().is_empty() {
        model.screen = Screen::Rooms;
    }
    match Filter::parse(text, model.screen.fields()) {
        Ok(filter) => {
            model.filters.insert(model.screen, filter);
        }
        Err(error) => model.complain(format!("filter, {error}")),
    }
    Vec::new()
}

fn open(model: &mut Model) -> Vec<Request> {
    let selected = model
        .list()
        .and_then(|list| list.selected())
        .map(str::to_owned);
    match (model.screen, selected) {
        (Screen::Rooms, Some(sid)) => open_room(model, sid),
        (Screen::Room | Screen::Devices, _) => take::why(model),
        (Screen::Overview, Some(id)) => {
            let room = model
                .picture()
                .alarms
                .get(&id)
                .map(|alarm| alarm.subject.clone());
            match room.filter(|sid| model.picture().rooms.contains_key(sid)) {
                Some(sid) => open_room(model, sid),
                None => take::why(model),
            }
        }
        (Screen::Events, Some(id)) => {
            if let Some(sid) = take::room_of_line(model, &id) {
                return open_room(model, sid);
            }
            model.say("this line is about no room that lives");
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Shows a room, and asks for who is in it.
pub(super) fn open_room(model: &mut Model, sid: String) -> Vec<Request> {
    let station = model.current;
    model.station_mut().opened = Some(sid.clone());
    model.lists.remove(&Screen::Room);
    show(model, Screen::Room);
    vec![Request::Watch {
        station,
        room: Some(sid),
    }]
}

fn room(model: &mut Model, name: &str) -> Vec<Request> {
    let wanted = name.to_lowercase();
    let rooms = &model.picture().rooms;
    let found = rooms
        .values()
        .find(|room| room.sid == name || room.name == name)
        .or_else(|| {
            rooms
                .values()
                .find(|room| room.name.to_lowercase().contains(&wanted))
        });
    if let Some(sid) = found.map(|room| room.sid.clone()) {
        return open_room(model, sid);
    }
    model.complain(format!("no room `{name}` lives on this box"));
    Vec::new()
}

fn station(model: &mut Model, name: &str) -> Vec<Request> {
    let wanted = name.to_lowercase();
    let found = model
        .stations
        .iter()
        .position(|station| station.name.to_lowercase() == wanted);
    if let Some(index) = found {
        model.current = index;
        model.replay = None;
        model.frozen = None;
        model.lists.clear();
        model.say(format!(
            "{} ({})",
            model.station().name,
            model.station().place
        ));
    } else {
        let names: Vec<&str> = model.stations.iter().map(|s| s.name.as_str()).collect();
        model.complain(format!("no box `{name}`; there are {}", names.join(", ")));
    }
    Vec::new()
}

fn arm(model: &mut Model) -> Vec<Request> {
    if model.station().armed(model.clock.now_ms) {
        model.say("armed already; :disarm ends it");
        return Vec::new();
    }
    if model.station().accounts {
        login(model, true, None);
        return Vec::new();
    }
    act::at_once(model, Verb::Arm)
}

/// Asks for the account of the box that is shown.
pub(super) fn login(model: &mut Model, arm: bool, said: Option<String>) {
    if !model.station().accounts {
        model.say("this box knows you by your user id; there is nothing to log in to");
        return;
    }
    let operator = model.station().operator.clone();
    model.dialog = Some(Dialog::Login(Login {
        station: model.current,
        at_password: !operator.is_empty(),
        name: Input::with(MAX_CREDENTIAL, &operator),
        password: Input::new(MAX_CREDENTIAL),
        arm,
        asked: false,
        said,
    }));
}

/// Hides everything personal and takes the arms away.
pub(super) fn lock(model: &mut Model) {
    for station in &mut model.stations {
        station.armed_until_ms = None;
        station.unmasked_until_ms = None;
    }
    model.dialog = Some(Dialog::Locked);
}

fn note(model: &mut Model, text: &str) -> Vec<Request> {
    if model.notes.len() >= MAX_NOTES {
        model.complain(format!(
            "{MAX_NOTES} notes are kept until the handover; this one is not"
        ));
        return Vec::new();
    }
    let line = format!(
        "{} {}",
        model.minute(model.clock.wall_ms),
        text::cut(text, 200)
    );
    model.notes.push(line);
    model.say("noted for the handover");
    Vec::new()
}

fn refresh(model: &mut Model) -> Vec<Request> {
    let of = model.station().why_of.clone();
    let screen = model.screen;
    let station = model.station_mut();
    station.audit.asked_ms = None;
    station.events.asked_ms = None;
    station.devices.asked_ms = None;
    station.attempts.asked_ms = None;
    match of {
        Some(of) if screen == Screen::Devices => take::why_of(model, of),
        _ => Vec::new(),
    }
}

fn quit(model: &mut Model) -> Vec<Request> {
    let now_ms = model.clock.now_ms;
    if model.stations.iter().any(|station| station.armed(now_ms)) {
        model.dialog = Some(Dialog::Quit);
        return Vec::new();
    }
    vec![Request::Quit]
}
