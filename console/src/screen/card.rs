//! The card of an action: what it is bound to, how that is now, and the form.

use crate::card::{Card, Field, REASONS, Step, is_grave, reason_code};
use crate::look::Tone;
use crate::model::Model;
use crate::pen::{Pen, dim, plain, strong};
use crate::screen::window;
use crate::station::{Fresh, Station};
use crate::text;
use crate::update::{outcome_word, verb_word, worked};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use wire::admin::{LiveRoom, Target, Verb};

/// Draws the card.
pub(super) fn draw(model: &Model, card: &Card, area: Rect, buf: &mut Buffer) {
    let verb = verb_word(card.bound.verb);
    let title = format!("{verb} {}", text::short_id(card.id()));
    let inner = window(model, &title, (76, 16), area, buf);
    let mut pen = Pen::new(buf, inner, model.manners.look, Fresh::Live);
    pen.row(&[
        strong(format!("{verb} {} ", kind(&card.bound.target))),
        strong(text::cut(&card.bound.title, 40)),
        dim(format!("  {}", card.id())),
    ]);
    for line in impact(model, card) {
        pen.row(&[plain(text::cut(&line, pen.width()))]);
    }
    pen.paragraph(Tone::Plain, "", &format!("Effect: {}", effect(card)));
    pen.skip();
    match &card.step {
        Step::Impact => {
            pen.row(&[
                strong("Enter"),
                plain(" goes on to the reason    "),
                strong("Esc"),
                plain(" cancels (default)"),
            ]);
        }
        Step::Form => form(model, card, &mut pen),
        Step::Sent => pen.row(&[strong("Sent. The box writes the audit before it acts ...")]),
        Step::Answered(Ok(answer)) => {
            let tone = if worked(answer.outcome) {
                Tone::Strong
            } else {
                Tone::Medium
            };
            let took = match answer.waits_until_ms {
                Some(_) => String::new(),
                None => format!(" in {} ms", answer.took_ms),
            };
            let word = outcome_word(answer.outcome);
            pen.row(&[(tone, format!("{word}{took}, audit #{}", answer.audit))]);
            pen.paragraph(Tone::Plain, "", &answer.detail);
            if let Some(until) = answer.waits_until_ms {
                let until = format!(
                    "Until {} somebody else's End confirms it",
                    model.time(until)
                );
                pen.row(&[strong(until)]);
            }
            pen.row(&[dim("Esc closes")]);
        }
        Step::Answered(Err(why)) => {
            pen.row(&[(Tone::Medium, "NOT KNOWN TO BE DONE".to_owned())]);
            pen.paragraph(Tone::Plain, "", why);
            pen.row(&[
                strong("Ctrl-Y"),
                plain(" tries the same again    "),
                strong("Esc"),
                plain(" closes"),
            ]);
        }
    }
}

fn kind(target: &Target) -> &'static str {
    match target {
        Target::Room { .. } => "room",
        Target::Participant { .. } => "person",
        Target::Track { .. } => "track",
        Target::Alarm { .. } => "alarm",
        Target::Box => "box",
    }
}

/// How the thing is now, found by its id.
fn impact(model: &Model, card: &Card) -> Vec<String> {
    let Some(station) = model.stations.get(card.bound.station) else {
        return Vec::new();
    };
    let picture = &station.live;
    let fresh = station.fresh(model.clock.now_ms);
    let mut lines = Vec::new();
    if fresh == Fresh::Unknown {
        lines.push("Figures are too old to be trusted: the link is lost".to_owned());
    }
    if matches!(card.bound.target, Target::Box) {
        let health = &picture.health;
        lines.push(format!(
            "{} people in {} rooms now",
            health.participants, health.rooms
        ));
        return lines;
    }
    let Some(sid) = &card.bound.room_sid else {
        return lines;
    };
    match picture.rooms.get(sid) {
        Some(room) => {
            let age = text::age(
                station
                    .clock_ms(model.clock.now_ms)
                    .saturating_sub(room.created_at_ms),
            );
            lines.push(format!(
                "Now: people {}, devices {}, waiting {}",
                room.people, room.devices, room.waiting
            ));
            lines.push(format!(
                "Recording {}   hold {}   open for {age}",
                if room.recording { "ON" } else { "off" },
                if room.hold { "YES" } else { "none" },
            ));
            let others = room.card_holders.iter();
            let others = others.filter(|who| **who != station.operator);
            lines.extend(others.take(2).map(|who| {
                let who = text::cut(who, 20);
                format!("{who} has a card of this session open too")
            }));
            lines.extend(second_person(model, station, card, room));
        }
        None if matches!(card.step, Step::Impact | Step::Form) => {
            lines.push("It has ended by itself; nothing is left to do".to_owned());
        }
        None => {}
    }
    lines
}

/// Who else has to end it, where it is held.
fn second_person(model: &Model, station: &Station, card: &Card, room: &LiveRoom) -> Option<String> {
    let takes_two = matches!(
        (card.bound.verb, &card.bound.target),
        (Verb::End, Target::Room { .. } | Target::Participant { .. })
    );
    if !takes_two || !room.hold {
        return None;
    }
    let mut requests = room.end_requests.iter();
    Some(match requests.find(|request| request.sid == card.id()) {
        Some(own) if own.by == station.operator => format!(
            "Held: you asked to end it; until {} somebody else may",
            model.time(own.until_ms)
        ),
        Some(request) => format!(
            "{} asks to end this held session: your End confirms it",
            text::cut(&request.by, 20)
        ),
        None => {
            "Held: your End waits 5 min for somebody else's. SAFETY does not, and alarms".to_owned()
        }
    })
}

fn effect(card: &Card) -> &'static str {
    match (card.bound.verb, &card.bound.target) {
        (Verb::End, Target::Room { .. }) => {
            "everybody is dropped within 2 s; documents and messages are KEPT. A room of the same name may begin anew."
        }
        (Verb::End, Target::Participant { .. }) => {
            "this presence is dropped within 2 s; it may come back with its token."
        }
        (Verb::End, _) => "this track stops; its publisher stays and may publish again.",
        (Verb::Purge, _) => {
            "its connection records (addresses, browsers) are ERASED for ever. The audit keeps that they were."
        }
        (Verb::BlockRejoin, _) => "it may not come back to this room for so long.",
        (Verb::Drain, _) => {
            "nobody new is admitted, also after a restart; those present go on. Undrain ends it."
        }
        (Verb::Undrain, _) => "newcomers are admitted again.",
        (Verb::Hold, _) => "the record cannot be purged until the Hold is released.",
        (Verb::Release, _) => "the record may be purged again.",
        (Verb::Shelve, _) => "the alarm is put away, for 8 h at most; it comes back by itself.",
        (Verb::Mute, _) => "nobody hears or sees it until its publisher unmutes it.",
        (Verb::Admit, _) => {
            "who waits may publish and watch from now on; its client is told and stays connected."
        }
        _ => "it is written to the audit.",
    }
}

fn form(model: &Model, card: &Card, pen: &mut Pen) {
    let at = |field: Field| {
        if card.focus == field {
            Tone::Cursor
        } else {
            Tone::Plain
        }
    };
    let reason = card
        .reason
        .and_then(|index| REASONS.get(index))
        .map_or("choose: arrows", |r| reason_code(*r));
    let arrow = if model.manners.look.ascii { "v" } else { "▾" };
    pen.row(&[
        dim("Reason     "),
        (
            at(Field::Reason),
            format!("[{} {arrow}]", text::left(reason, 14)),
        ),
    ]);
    let note = card.note.text();
    let tail: String = note
        .chars()
        .skip(note.chars().count().saturating_sub(54))
        .collect();
    pen.row(&[dim("Note       "), (at(Field::Note), text::left(&tail, 56))]);
    if let Some(minutes) = &card.minutes {
        pen.row(&[
            dim("Minutes    "),
            (at(Field::Minutes), text::left(minutes.text(), 5)),
        ]);
    }
    if let Some(four) = &card.last_four {
        pen.row(&[
            dim("Last four  "),
            (at(Field::LastFour), text::left(four.text(), 5)),
            dim("  type the last four characters of the id above"),
        ]);
    }
    match card.missing {
        Some(missing) => pen.row(&[(Tone::Medium, format!("! {missing}"))]),
        None => pen.skip(),
    }
    let armed = model
        .stations
        .get(card.bound.station)
        .is_some_and(|s| s.armed(model.clock.now_ms));
    if armed {
        let does = if is_grave(card.bound.verb) {
            " ends it"
        } else {
            " does it"
        };
        pen.row(&[
            strong("Ctrl-Y"),
            plain(format!("{does}    ")),
            strong("Esc"),
            plain(" cancels (default)   no key repeats accepted"),
        ]);
    } else {
        pen.row(&[(Tone::Medium, "READ-ONLY: Esc, then :arm".to_owned())]);
    }
}
