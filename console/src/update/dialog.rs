//! Keys while something lies over the screen.

use super::{act, command};
use crate::action::Request;
use crate::card::{self, Outcome};
use crate::chord::{Chord, Code};
use crate::filter::Filter;
use crate::handover::digest;
use crate::keys::BINDINGS;
use crate::model::{Dialog, Login, Model, Pending};
use crate::palette;
use crate::screen::Screen;
use vocab::Redacted;
use wire::admin::{ActionRequest, Reason, Target, Verb};

/// Takes a key for the dialog that is open.
pub(super) fn key(model: &mut Model, chord: Chord) -> Vec<Request> {
    let Some(dialog) = model.dialog.take() else {
        return Vec::new();
    };
    match dialog {
        Dialog::Card(card) => card_key(model, card, chord),
        Dialog::Help(rows) => {
            model.dialog = help_key(rows, chord);
            Vec::new()
        }
        Dialog::Palette(mut input) => match chord.code {
            Code::Esc => Vec::new(),
            Code::Enter if input.text().trim().is_empty() => Vec::new(),
            Code::Enter => match palette::parse(input.text()) {
                Ok(asked) => command::run(model, asked),
                Err(why) => {
                    model.complain(why);
                    model.dialog = Some(Dialog::Palette(input));
                    Vec::new()
                }
            },
            Code::Tab => {
                let done = palette::complete(input.text(), &|word| names(model, word));
                input.set(&done);
                model.dialog = Some(Dialog::Palette(input));
                Vec::new()
            }
            _ => {
                input.handle_key(chord);
                model.dialog = Some(Dialog::Palette(input));
                Vec::new()
            }
        },
        Dialog::Filter(mut input, _) => {
            match chord.code {
                Code::Esc => return Vec::new(),
                Code::Enter => match parse_filter(model, input.text()) {
                    Ok(()) => return Vec::new(),
                    Err(error) => model.dialog = Some(Dialog::Filter(input, Some(error))),
                },
                _ => {
                    input.handle_key(chord);
                    model.dialog = Some(Dialog::Filter(input, None));
                }
            }
            Vec::new()
        }
        Dialog::Login(login) => login_key(model, login, chord),
        Dialog::Handover(handover) => handover_key(model, handover, chord),
        Dialog::Quit => match chord.code {
            Code::Char('y' | 'Y') => vec![Request::Quit],
            _ => Vec::new(),
        },
        Dialog::Locked => {
            if chord.code != Code::Enter {
                model.dialog = Some(Dialog::Locked);
            } else if model.station().accounts {
                command::login(model, false, Some("locked: log in again".to_owned()));
            }
            Vec::new()
        }
    }
}

fn card_key(model: &mut Model, mut card: Box<card::Card>, chord: Chord) -> Vec<Request> {
    let now_ms = model.clock.now_ms;
    let bound = &card.bound;
    let armed = model
        .stations
        .get(bound.station)
        .is_some_and(|station| station.armed(now_ms));
    match card.handle_key(chord, armed, now_ms) {
        Outcome::Close => Vec::new(),
        Outcome::Stay => {
            model.dialog = Some(Dialog::Card(card));
            Vec::new()
        }
        Outcome::Send(request) => {
            let (station, tag) = (card.bound.station, card.tag);
            let title = card.bound.title.clone();
            model.pending.insert(
                tag,
                Pending {
                    station,
                    verb: request.verb,
                    title,
                },
            );
            model.dialog = Some(Dialog::Card(card));
            vec![Request::Act {
                station,
                tag,
                request: Box::new(request),
            }]
        }
    }
}

fn help_key(rows: usize, chord: Chord) -> Option<Dialog> {
    let most = BINDINGS.len() + palette::WORDS.len();
    match chord.code {
        Code::Down | Code::Char('j') => Some(Dialog::Help((rows + 1).min(most))),
        Code::Up | Code::Char('k') => Some(Dialog::Help(rows.saturating_sub(1))),
        Code::PageDown | Code::Char(' ') => Some(Dialog::Help((rows + 10).min(most))),
        Code::PageUp => Some(Dialog::Help(rows.saturating_sub(10))),
        _ => None,
    }
}

fn parse_filter(model: &mut Model, text: &str) -> Result<(), crate::filter::FilterError> {
    if model.screen.fields().is_empty() {
        model.screen = Screen::Rooms;
    }
    let filter = Filter::parse(text, model.screen.fields())?;
    model.filters.insert(model.screen, filter);
    Ok(())
}

/// Names that may follow a word, for completion.
fn names(model: &Model, word: &str) -> Vec<String> {
    match word {
        "box" => model
            .stations
            .iter()
            .map(|station| station.name.clone())
            .collect(),
        "room" => model
            .picture()
            .rooms
            .values()
            .map(|room| match model.room_name(&room.name) {
                shown if shown == room.name => shown,
                _ => room.sid.clone(),
            })
            .collect(),
        "sort" => ["worst", "name", "age", "people", "loss"]
            .map(str::to_owned)
            .to_vec(),
        "filter" | "rooms" => model
            .screen
            .fields()
            .iter()
            .map(|field| format!("{field}:"))
            .collect(),
        _ => Vec::new(),
    }
}

fn login_key(model: &mut Model, mut login: Login, chord: Chord) -> Vec<Request> {
    let typed = !login.name.text().is_empty() && !login.password.text().is_empty();
    match chord.code {
        Code::Esc => {
            if login
                .said
                .as_deref()
                .is_some_and(|said| said.starts_with("locked"))
            {
                model.dialog = Some(Dialog::Locked);
            }
            return Vec::new();
        }
        _ if login.asked => {}
        Code::Enter if login.at_password && typed => {
            login.asked = true;
            let request = Request::Login {
                station: login.station,
                name: login.name.text().to_owned(),
                password: Redacted::new(login.password.text().to_owned()),
                arm: login.arm,
            };
            login.password.set("");
            model.dialog = Some(Dialog::Login(login));
            return vec![request];
        }
        Code::Enter | Code::Tab | Code::BackTab | Code::Up | Code::Down => {
            login.at_password = !login.at_password;
        }
        _ if login.at_password => {
            login.password.handle_key(chord);
        }
        _ => {
            login.name.handle_key(chord);
        }
    }
    model.dialog = Some(Dialog::Login(login));
    Vec::new()
}

fn handover_key(
    model: &mut Model,
    mut handover: Box<crate::handover::Handover>,
    chord: Chord,
) -> Vec<Request> {
    let confirms = chord
        == Chord {
            code: Code::Char('y'),
            ctrl: true,
            alt: false,
        };
    let mut requests = Vec::new();
    match chord.code {
        Code::Esc => return requests,
        _ if handover.tag.is_some() => {}
        _ if confirms => match handover.signed() {
            Ok(text) => {
                let request = ActionRequest {
                    verb: Verb::Handover,
                    target: Target::Box,
                    reason: Reason::Requested,
                    note: format!("sha256 {}", digest(&text)),
                    deadline_ms: None,
                    key: None,
                    minutes: None,
                };
                handover.tag = Some(model.next_tag);
                let title = model.station().name.clone();
                requests.push(act::send(model, request, title));
                requests.push(Request::Export {
                    file: None,
                    title: "handover",
                    text,
                });
            }
            Err(missing) => model.complain(missing),
        },
        Code::Tab | Code::BackTab | Code::Enter => handover.at_incoming = !handover.at_incoming,
        Code::PageDown | Code::Down => handover.scroll = (handover.scroll + 1).min(500),
        Code::PageUp | Code::Up => handover.scroll = handover.scroll.saturating_sub(1),
        _ if handover.at_incoming => {
            handover.incoming.handle_key(chord);
        }
        _ => {
            handover.outgoing.handle_key(chord);
        }
    }
    model.dialog = Some(Dialog::Handover(handover));
    requests
}

/// Types a pasted text where one is typed.
pub(super) fn paste(model: &mut Model, text: &str) {
    match &mut model.dialog {
        Some(Dialog::Card(card)) => card.paste(text),
        Some(Dialog::Palette(input) | Dialog::Filter(input, _)) => input.paste(text),
        Some(Dialog::Login(login)) if login.at_password => login.password.paste(text),
        Some(Dialog::Login(login)) => login.name.paste(text),
        _ => {}
    }
}
