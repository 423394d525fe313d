//! Screen 1: what needs somebody, and the figures of the box on one page.

use crate::look::{Look, Tone, mark};
use crate::model::Model;
use crate::pen::{Column, Pen, Piece, Table, column, dim, plain, strong};
use crate::picture::calls;
use crate::rows::state_word;
use crate::screen::{beside, counted, nothing, pointer, visible, wall};
use crate::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use wire::admin::{AlarmState, AlarmView, AuditPhase, Priority};

/// Rows of figures at the bottom, side by side and, where it is narrow, in two storeys.
const FIGURE_ROWS: usize = 4;
/// See [`FIGURE_ROWS`].
const NARROW_FIGURE_ROWS: usize = 7;

/// Rows of the alarm under the cursor, where there is no pane beside the list for it.
const DETAIL_ROWS: usize = 5;

const COLUMNS: [Column; 6] = [
    column("", 3, false, 0),
    column("", 3, false, 0),
    column("SINCE", 5, false, 2),
    column("ALARM", 16, false, 0),
    column("WHERE", 12, false, 1),
    column("WHAT", 0, false, 0),
];

/// Draws the screen; says where the rows of its list are.
pub(super) fn draw(model: &Model, area: Rect, buf: &mut Buffer) -> Rect {
    let (list, pane) = beside(area);
    if let Some(pane) = pane {
        wall(model, pane, buf);
        detail(model, pane, buf);
    }
    let figure_rows = if list.width >= 76 {
        FIGURE_ROWS
    } else {
        NARROW_FIGURE_ROWS
    };
    let detail_rows = if pane.is_none() && list.height >= 18 {
        DETAIL_ROWS
    } else {
        0
    };
    let below = u16::try_from(figure_rows + detail_rows).unwrap_or(0);
    let above = Rect {
        height: list.height.saturating_sub(below),
        ..list
    };
    let mut pen = Pen::new(buf, above, model.manners.look, model.fresh());
    let place = alarms(model, &mut pen);
    let under = Rect {
        y: above.bottom(),
        height: list.height - above.height,
        ..list
    };
    let mut pen = Pen::new(buf, under, model.manners.look, model.fresh());
    if detail_rows > 0 {
        under_cursor(model, &mut pen);
    }
    figures(model, &mut pen);
    place
}

fn alarms(model: &Model, pen: &mut Pen) -> Rect {
    let all = model.picture().alarms.len();
    let shown = model.list().map_or(0, |list| list.order().len());
    pen.rule(&format!("ALARMS {}", counted(shown, all)), "technical");
    let table = Table::new(&COLUMNS, pen.width().saturating_sub(2));
    let place = pen.here();
    let rows = visible(model, pen.left());
    if rows.is_empty() {
        nothing(pen, "no alarm stands");
    }
    for (id, selected) in rows {
        let Some(alarm) = model.picture().alarms.get(&id) else {
            continue;
        };
        let mut pieces = vec![plain(pointer(selected))];
        pieces.extend(table.row(&cells(model, alarm)));
        pen.marked(&pieces, selected.then_some(Tone::Cursor));
    }
    place
}

/// The alarm under the cursor in four rows: what, why, what then, what to do.
fn under_cursor(model: &Model, pen: &mut Pen) {
    let Some(alarm) = selected(model) else {
        pen.rule("", "");
        (1..DETAIL_ROWS).for_each(|_| pen.skip());
        return;
    };
    let left =
        (u64::from(alarm.time_allowed_s) * 1_000).saturating_sub(model.since(alarm.raised_at_ms));
    let left = if left == 0 {
        "time is up".to_owned()
    } else {
        format!("{} left", pen.figure(text::span(left)))
    };
    pen.rule(
        &format!(
            "{} {} {}",
            mark(alarm.priority),
            alarm.code,
            subject(model, alarm)
        ),
        &left,
    );
    for (name, body) in [
        ("CAUSE", &alarm.cause),
        ("ELSE", &alarm.consequence),
        ("DO", &alarm.action),
    ] {
        let body = text::cut(body, pen.width().saturating_sub(6));
        pen.row(&[(Tone::Title, text::left(name, 6)), plain(body)]);
    }
    let by = alarm
        .by
        .as_ref()
        .map_or_else(String::new, |by| format!("by {by}"));
    let until = alarm
        .until_ms
        .map_or_else(String::new, |at| format!(" until {}", model.minute(at)));
    let reason = alarm
        .reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(" ({reason})"));
    pen.row(&[dim(format!("      {by}{until}{reason}"))]);
}

fn cells(model: &Model, alarm: &AlarmView) -> Vec<Piece> {
    let calm = alarm.state == AlarmState::Shelved;
    let tone = match alarm.priority {
        _ if calm => Tone::Dim,
        Priority::High if calls(alarm, model.picture().at_ms) => Tone::HighNew,
        priority => Look::tone(priority),
    };
    let text_tone = if calm { Tone::Dim } else { Tone::Plain };
    let many = if alarm.count > 1 {
        format!(" ({}x)", alarm.count)
    } else {
        String::new()
    };
    vec![
        (tone, mark(alarm.priority).to_owned()),
        (text_tone, state_word(alarm.state).to_owned()),
        dim(model.minute(alarm.raised_at_ms)),
        (text_tone, alarm.code.clone()),
        (text_tone, subject(model, alarm)),
        (
            text_tone,
            format!("{}{many}  do: {}", alarm.cause, alarm.action),
        ),
    ]
}

/// A room by its name; anything else as the box calls it.
fn subject(model: &Model, alarm: &AlarmView) -> String {
    let room = model.picture().rooms.get(&alarm.subject);
    room.map_or_else(
        || text::short_id(&alarm.subject),
        |room| model.room_name(&room.name),
    )
}

fn figures(model: &Model, pen: &mut Pen) {
    let wide = pen.width() >= 76;
    let columns = if wide { 4 } else { 2 };
    let width = pen.width() / columns;
    let blocks = [
        rooms(model, pen),
        devices(model, pen),
        paths(model, pen),
        health(model, pen),
    ];
    for group in blocks.chunks(columns) {
        for line in 0..3 {
            let mut pieces: Vec<Piece> = Vec::new();
            for block in group {
                if !pieces.is_empty() {
                    pieces.push(dim(format!("{} ", model.manners.look.wall())));
                }
                let tone = if line == 0 { Tone::Title } else { Tone::Plain };
                let body = block.get(line).map(String::as_str).unwrap_or_default();
                pieces.push((tone, text::left(body, width.saturating_sub(2))));
            }
            pen.row(&pieces);
        }
    }
    curve(model, pen);
}

fn rooms(model: &Model, pen: &Pen) -> [String; 3] {
    let rooms = || model.picture().rooms.values();
    let flagged = |flag: &str| {
        rooms()
            .filter(|room| room.flags.iter().any(|f| f == flag))
            .count()
    };
    let waiting: u32 = rooms().map(|room| room.waiting).sum();
    let recording = rooms().filter(|room| room.recording).count();
    [
        format!("ROOMS {}", pen.figure(rooms().count().to_string())),
        format!(
            "poor {} empty {}",
            pen.figure(flagged("poor").to_string()),
            pen.figure(flagged("empty").to_string())
        ),
        format!(
            "wait {} rec {}",
            pen.figure(waiting.to_string()),
            pen.figure(recording.to_string())
        ),
    ]
}

fn devices(model: &Model, pen: &Pen) -> [String; 3] {
    let rooms = || model.picture().rooms.values();
    let devices: u32 = rooms().map(|room| room.devices).sum();
    let people: u32 = rooms().map(|room| room.people).sum();
    let seen = model.station().devices.value.as_ref();
    let trouble = seen.map(|seen| {
        seen.values()
            .filter(|seen| {
                seen.who.role == "device" && super::devices::trouble(&seen.who).is_some()
            })
            .count()
    });
    [
        format!("PEOPLE {}", pen.figure(people.to_string())),
        format!("devices {}", pen.figure(devices.to_string())),
        match trouble {
            Some(count) if model.is_live() => {
                format!("in trouble {}", pen.figure(count.to_string()))
            }
            _ => String::new(),
        },
    ]
}

fn paths(model: &Model, pen: &Pen) -> [String; 3] {
    let picture = model.picture();
    let [udp, tcp, tls] = picture.health.paths;
    let mut losses: Vec<u16> = picture
        .rooms
        .values()
        .filter_map(|room| room.loss_permille)
        .collect();
    losses.sort_unstable();
    let p95 = losses
        .get((losses.len() * 95).div_ceil(100).saturating_sub(1))
        .copied();
    [
        format!("PATHS udp {}", pen.figure(udp.to_string())),
        format!(
            "tcp {} tls {}",
            pen.figure(tcp.to_string()),
            pen.figure(tls.to_string())
        ),
        p95.map_or_else(String::new, |loss| {
            format!("loss p95 {}", pen.figure(text::permille(loss)))
        }),
    ]
}

fn health(model: &Model, pen: &Pen) -> [String; 3] {
    let health = &model.picture().health;
    let disk = health.disk.map(|disk| {
        let percent = disk.used_percent();
        let full = disk
            .full_in_days
            .map_or_else(String::new, |days| format!(" {days}d"));
        format!("disk {}%{full}", pen.figure(percent.to_string()))
    });
    let state = match (health.draining, health.ready) {
        (true, _) => "BOX DRAINS",
        (false, true) => "BOX",
        (false, false) => "BOX NOT READY",
    };
    [
        state.to_owned(),
        format!(
            "cpu {}% mem {}",
            pen.figure(health.cpu_percent.to_string()),
            pen.figure(text::bytes(health.memory_bytes))
        ),
        disk.unwrap_or_default(),
    ]
}

/// People, minute by minute, over the last hour.
fn curve(model: &Model, pen: &mut Pen) {
    let hour = &model.picture().health.hour;
    let ended = format!("ended this shift {}", ended(model));
    let room = pen.width().saturating_sub(ended.len() + 26).min(60);
    let shown = hour.len().saturating_sub(room);
    let recent = hour.get(shown..).unwrap_or_default();
    let most = recent.iter().copied().max().unwrap_or(0);
    let bars: String = recent
        .iter()
        .map(|people| model.manners.look.bar((*people).into(), most.into()))
        .collect();
    let minutes = recent.len();
    pen.row(&[
        dim(format!("{minutes} min people ")),
        plain(bars),
        dim(format!(" peak {}   ", pen.figure(most.to_string()))),
        dim(ended),
    ]);
}

/// What was ended since this console was started; `?` as long as the audit has not been read.
fn ended(model: &Model) -> String {
    model.station().audit.value.as_ref().map_or_else(
        || text::UNKNOWN.to_owned(),
        |page| {
            let since = model.started_wall_ms;
            page.items
                .iter()
                .filter(|entry| entry.act == "end" && entry.phase == AuditPhase::Outcome)
                .filter(|entry| entry.at_ms >= since)
                .count()
                .to_string()
        },
    )
}

/// The alarm under the cursor, in words.
fn detail(model: &Model, area: Rect, buf: &mut Buffer) {
    let mut pen = Pen::new(buf, area, model.manners.look, model.fresh());
    let Some(alarm) = selected(model) else {
        pen.rule("ALARM", "");
        nothing(&mut pen, "none is under the cursor");
        return;
    };
    pen.rule(
        &format!("{} {}", mark(alarm.priority), alarm.code),
        state_word(alarm.state),
    );
    pen.row(&[
        strong(subject(model, alarm)),
        dim(format!("  {}", alarm.subject)),
    ]);
    let left =
        (u64::from(alarm.time_allowed_s) * 1_000).saturating_sub(model.since(alarm.raised_at_ms));
    let since = text::span(model.since(alarm.raised_at_ms));
    pen.row(&[
        dim("for "),
        plain(pen.figure(since)),
        dim("  time left "),
        plain(if left == 0 {
            "none".to_owned()
        } else {
            pen.figure(text::span(left))
        }),
    ]);
    pen.skip();
    for (title, body) in [
        ("CAUSE", &alarm.cause),
        ("IF NOBODY ACTS", &alarm.consequence),
        ("DO", &alarm.action),
    ] {
        pen.row(&[(Tone::Title, title.to_owned())]);
        pen.paragraph(Tone::Plain, "  ", body);
    }
    if let Some(by) = &alarm.by {
        let until = alarm
            .until_ms
            .map_or_else(String::new, |at| format!(" until {}", model.minute(at)));
        pen.row(&[dim("by "), plain(by.clone()), dim(until)]);
    }
}

fn selected(model: &Model) -> Option<&AlarmView> {
    let id = model.list()?.selected()?;
    model.picture().alarms.get(id).map(|alarm| &**alarm)
}

/// The alarm under the cursor as one line.
pub(super) fn row_text(model: &Model) -> Option<String> {
    let alarm = selected(model)?;
    Some(format!(
        "{} {} {} {}: {} Do: {}",
        mark(alarm.priority),
        model.time(alarm.raised_at_ms),
        alarm.code,
        alarm.subject,
        alarm.cause,
        alarm.action
    ))
}
