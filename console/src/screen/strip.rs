//! The first two rows of every screen: which box, how old, how many alarms, and the worst of them
//! or what is not as usual. They never scroll away.

use crate::look::{Tone, mark};
use crate::model::Model;
use crate::pen::{Pen, Piece, plain};
use crate::picture::calls;
use crate::screen::Screen;
use crate::station::{Fresh, Link};
use crate::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;
use wire::admin::{AlarmState, Priority};

/// Draws the strip.
pub(super) fn draw(model: &Model, (buf, area): (&mut Buffer, Rect)) {
    let look = model.manners.look;
    let mut pen = Pen::new(buf, area, look, Fresh::Live);
    first(model, &mut pen);
    second(model, &mut pen);
}

/// A piece of the first row; where it is narrow, pieces of the highest rank go first.
type Ranked = (u8, Piece);

fn first(model: &Model, pen: &mut Pen) {
    let station = model.station();
    let mut pieces: Vec<Ranked> = vec![(0, (Tone::Strip, text::cut(&station.name, 16)))];
    if !station.operator.is_empty() {
        pieces.push((
            2,
            (
                Tone::Strip,
                format!("op:{}", text::cut(&station.operator, 12)),
            ),
        ));
    }
    pieces.push((0, mode(model)));
    pieces.push((0, age(model)));
    pieces.extend(counts(model).map(|piece| (0, piece)));
    pieces.extend(elsewhere(model).map(|piece| (1, piece)));
    let heard = station.heard_ms.is_some();
    let clock_ms = if heard {
        model.shown_at_ms()
    } else {
        model.clock.wall_ms
    };
    pieces.push((1, (Tone::Strip, model.time(clock_ms))));
    if let Some(offset) = model.picture().health.clock_offset_ms {
        pieces.push((3, (Tone::Strip, format!("ntp{offset:+.1}ms"))));
    }
    let width = |pieces: &[Ranked]| {
        pieces
            .iter()
            .map(|(_, (_, p))| p.width() + 2)
            .sum::<usize>()
    };
    while width(&pieces) > pen.width() + 1 {
        let worst = pieces.iter().map(|(rank, _)| *rank).max().unwrap_or(0);
        let Some(at) = pieces
            .iter()
            .rposition(|(rank, _)| *rank == worst && worst > 0)
        else {
            break;
        };
        pieces.remove(at);
    }
    let mut row = Vec::new();
    for (_, piece) in pieces {
        row.push(piece);
        row.push((Tone::Strip, "  ".to_owned()));
    }
    row.push((Tone::Strip, " ".repeat(pen.width())));
    pen.row(&row);
}

fn mode(model: &Model) -> Piece {
    let station = model.station();
    let now_ms = model.clock.now_ms;
    match station
        .armed_until_ms
        .map(|until| until.saturating_sub(now_ms))
    {
        Some(left) if left > 0 => (Tone::Banner, format!(" ARMED {} ", text::span(left))),
        _ => (Tone::Strip, "READ-ONLY".to_owned()),
    }
}

fn age(model: &Model) -> Piece {
    let station = model.station();
    let now_ms = model.clock.now_ms;
    if model.replay.is_some() {
        return (Tone::Banner, " REPLAY ".to_owned());
    }
    if let Some((_, since)) = &model.frozen {
        return (
            Tone::Banner,
            format!(" FROZEN {} ", text::span(now_ms.saturating_sub(*since))),
        );
    }
    let Some(heard) = station.heard_ms else {
        return (Tone::Strip, "no data yet".to_owned());
    };
    let age = text::span(now_ms.saturating_sub(heard));
    match station.fresh(now_ms) {
        Fresh::Live => (Tone::Strip, format!("live {age}")),
        Fresh::Late => (Tone::Strip, format!("late {age}")),
        Fresh::Unknown => (Tone::Banner, format!(" OLD {age} ")),
    }
}

fn counts(model: &Model) -> impl Iterator<Item = Piece> {
    let picture = model.picture();
    let counts = picture.alarm_counts();
    let new_high = picture.has_calling_high();
    [Priority::High, Priority::Medium, Priority::Low]
        .into_iter()
        .zip(counts)
        .map(move |(priority, count)| {
            let tone = match (priority, count) {
                (_, 0) => Tone::Strip,
                (Priority::High, _) if new_high => Tone::HighNew,
                (Priority::High, _) => Tone::High,
                _ => Tone::Strip,
            };
            (tone, format!("{}{count}", mark(priority)))
        })
}

/// Other boxes with alarms, or out of reach.
fn elsewhere(model: &Model) -> Option<Piece> {
    let others = model
        .stations
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != model.current);
    let worst = others
        .filter_map(|(_, station)| {
            let [high, medium, _] = station.live.alarm_counts();
            let lost = matches!(station.link, Link::Down { .. });
            let says = match (high, medium, lost) {
                (1.., _, _) => format!("***{high}"),
                (0, _, true) => "lost".to_owned(),
                (0, 1.., false) => format!("**{medium}"),
                (0, 0, false) => return None,
            };
            Some((
                high == 0,
                format!("{}:{says}", text::cut(&station.name, 10)),
            ))
        })
        .min();
    worst.map(|(calm, says)| (if calm { Tone::Strip } else { Tone::High }, says))
}

fn second(model: &Model, pen: &mut Pen) {
    if let Some(says) = unusual(model) {
        let padded = text::left(&says, pen.width());
        pen.row(&[(Tone::Banner, padded)]);
        return;
    }
    let picture = model.picture();
    let worst = picture
        .alarms_in_order()
        .into_iter()
        .find(|alarm| alarm.state != AlarmState::Shelved);
    if let Some(alarm) = worst.filter(|_| model.screen != Screen::Overview) {
        let tone = match alarm.priority {
            Priority::High if calls(alarm, model.picture().at_ms) => Tone::HighNew,
            priority => crate::look::Look::tone(priority),
        };
        let rest = format!(
            " {} {} {}: {}",
            model.minute(alarm.raised_at_ms),
            alarm.code,
            text::short_id(&alarm.subject),
            alarm.cause,
        );
        pen.row(&[
            (tone, mark(alarm.priority).to_owned()),
            plain(text::cut(&rest, pen.width() - 3)),
        ]);
        return;
    }
    let score = picture.score;
    let says = "NOT A PATIENT ALARM SYSTEM";
    let flood = if score.per_ten_minutes > 10 {
        "  FLOOD"
    } else {
        ""
    };
    let figures = format!(
        "{} alarms/h, {} chatter, {} stale{flood}",
        score.per_hour, score.chattering, score.stale
    );
    let room = pen.width().saturating_sub(says.width() + 2);
    let figures = text::right(&figures, room);
    pen.row(&[
        (Tone::Title, says.to_owned()),
        plain("  "),
        (Tone::Title, figures),
    ]);
}

/// What is not as usual, for the banner.
fn unusual(model: &Model) -> Option<String> {
    let station = model.station();
    let now_ms = model.clock.now_ms;
    if let Some(replay) = &model.replay {
        let ago = text::span(station.clock_ms(now_ms).saturating_sub(replay.at_ms));
        return Some(format!(
            "REPLAY {}, {ago} ago, as this console saw it   [ back  ] on  Esc present",
            model.time(replay.at_ms)
        ));
    }
    match &station.link {
        Link::Down { why, since_ms } => {
            let since = text::span(now_ms.saturating_sub(*since_ms));
            Some(format!(
                "LINK LOST {since}, trying again for ever; nothing can be done: {why}"
            ))
        }
        Link::Login { why } => Some(format!("LOG IN with :login   {why}")),
        Link::Connecting => Some(format!("connecting to {}", station.place)),
        Link::Up if model.frozen.is_some() => {
            Some("FROZEN: what is shown is not the present   Space or Esc goes on".to_owned())
        }
        Link::Up => None,
    }
}
