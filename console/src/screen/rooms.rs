//! Screen 2: every room that lives, the worst first.

use crate::look::{Look, Tone, mark};
use crate::model::Model;
use crate::pen::{Column, Pen, Piece, Table, column, dim, plain, strong};
use crate::rows::path_word;
use crate::screen::{beside, counted, nothing, pointer, visible, wall};
use crate::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use wire::admin::LiveRoom;

const COLUMNS: [Column; 11] = [
    column("ID", 7, false, 0),
    column("ROOM", 0, false, 0),
    column("AGE", 5, true, 2),
    column("PPL", 3, true, 0),
    column("DEV", 3, true, 3),
    column("WAIT", 4, true, 4),
    column("PATH", 4, false, 1),
    column("LOSS", 5, true, 0),
    column("RTT", 5, true, 3),
    column("REC", 3, false, 1),
    column("FLAG", 14, false, 0),
];

/// Draws the screen; says where the rows of its list are.
pub(super) fn draw(model: &Model, area: Rect, buf: &mut Buffer) -> Rect {
    let (list, pane) = beside(area);
    if let Some(pane) = pane {
        wall(model, pane, buf);
        detail(model, pane, buf);
    }
    let mut pen = Pen::new(buf, list, model.manners.look, model.fresh());
    let shown = model.list().map_or(0, |list| list.order().len());
    let filter = model
        .filter()
        .map_or_else(String::new, |filter| format!("  filter: {}", filter.text()));
    pen.rule(
        &text::cut(
            &format!(
                "ROOMS {}{filter}",
                counted(shown, model.picture().rooms.len())
            ),
            pen.width().saturating_sub(14),
        ),
        &format!("sort:{}", model.sort.word()),
    );
    let table = Table::new(&COLUMNS, pen.width().saturating_sub(2));
    pen.row(&[plain("  "), table.head()]);
    let place = pen.here();
    let rows = visible(model, pen.left());
    if rows.is_empty() {
        nothing(
            &mut pen,
            if model.filter().is_some() {
                "no room passes the filter"
            } else {
                "no room lives"
            },
        );
    }
    for (sid, selected) in rows {
        let Some(room) = model.picture().rooms.get(&sid) else {
            continue;
        };
        let mut pieces = vec![plain(pointer(selected))];
        pieces.extend(table.row(&cells(model, room, &pen)));
        pen.marked(&pieces, selected.then_some(Tone::Cursor));
    }
    place
}

fn cells(model: &Model, room: &LiveRoom, pen: &Pen) -> Vec<Piece> {
    let loss = room
        .loss_permille
        .map_or_else(|| text::NONE.to_owned(), text::permille);
    let rtt = room
        .rtt_ms
        .map_or_else(|| text::NONE.to_owned(), |rtt| format!("{rtt}ms"));
    let loss_tone = match room.loss_permille {
        Some(50..) => Tone::Medium,
        Some(20..) => Tone::Low,
        _ => Tone::Plain,
    };
    vec![
        plain(text::short_id(&room.sid)),
        strong(model.room_name(&room.name)),
        plain(pen.figure(text::age(model.since(room.created_at_ms)))),
        plain(pen.figure(room.people.to_string())),
        plain(pen.figure(room.devices.to_string())),
        plain(pen.figure(room.waiting.to_string())),
        plain(room.path.map_or(text::NONE, path_word)),
        (loss_tone, pen.figure(loss)),
        plain(pen.figure(rtt)),
        plain(if room.recording { "on" } else { "off" }),
        flags(model, room),
    ]
}

/// The alarm's mark and the words an operator should know.
fn flags(model: &Model, room: &LiveRoom) -> Piece {
    let priority = model.picture().priority_of(room);
    let mut words: Vec<&str> = priority.map(mark).into_iter().collect();
    let asks = room.end_requests.first();
    let asks = asks.map(|request| format!("END?{}", request.by));
    words.extend(asks.as_deref());
    let code = room
        .alarm
        .as_deref()
        .and_then(|id| model.picture().alarms.get(id));
    let code = code.map(|alarm| alarm.code.to_lowercase());
    words.extend(code.as_deref());
    words.extend(room.flags.iter().map(String::as_str));
    if room.hold {
        words.push("hold");
    }
    if room.locked {
        words.push("locked");
    }
    let tone = asks.as_ref().map_or(Tone::Plain, |_| Tone::Medium);
    (priority.map_or(tone, Look::tone), words.join(" "))
}

fn selected(model: &Model) -> Option<&LiveRoom> {
    let sid = model.list()?.selected()?;
    model.picture().rooms.get(sid).map(|room| &**room)
}

/// Everything known about the room under the cursor.
fn detail(model: &Model, area: Rect, buf: &mut Buffer) {
    let mut pen = Pen::new(buf, area, model.manners.look, model.fresh());
    let Some(room) = selected(model) else {
        pen.rule("ROOM", "");
        nothing(&mut pen, "none is under the cursor");
        return;
    };
    pen.rule(&text::cut(&model.room_name(&room.name), 30), "");
    let none = || text::NONE.to_owned();
    let rows = [
        ("id", room.sid.clone()),
        ("ward", ward(model, room).unwrap_or_else(none)),
        (
            "since",
            format!(
                "{} ({})",
                model.time(room.created_at_ms),
                pen.figure(text::span(model.since(room.created_at_ms)))
            ),
        ),
        ("people", pen.figure(room.people.to_string())),
        ("devices", pen.figure(room.devices.to_string())),
        ("waiting", pen.figure(room.waiting.to_string())),
        (
            "worst path",
            room.path.map_or(text::NONE, path_word).to_owned(),
        ),
        (
            "worst loss",
            pen.figure(room.loss_permille.map_or_else(none, text::permille)),
        ),
        (
            "worst rtt",
            pen.figure(room.rtt_ms.map_or_else(none, |rtt| format!("{rtt} ms"))),
        ),
        (
            "recording",
            if room.recording { "on" } else { "off" }.to_owned(),
        ),
        (
            "hold",
            if room.hold { "yes: no Purge" } else { "none" }.to_owned(),
        ),
        (
            "locked",
            if room.locked { "nobody new" } else { "no" }.to_owned(),
        ),
        (
            "flags",
            if room.flags.is_empty() {
                none()
            } else {
                room.flags.join(" ")
            },
        ),
    ];
    for (name, value) in rows {
        pen.row(&[dim(text::left(name, 12)), plain(value)]);
    }
    for request in &room.end_requests {
        let (by, until) = (&request.by, model.time(request.until_ms));
        let told = format!("{by} asks, until {until}: X confirms");
        pen.row(&[(Tone::Medium, format!("{}{told}", text::left("end?", 12)))]);
    }
    let alarm = room
        .alarm
        .as_deref()
        .and_then(|id| model.picture().alarms.get(id));
    if let Some(alarm) = alarm {
        pen.skip();
        pen.row(&[
            (Look::tone(alarm.priority), mark(alarm.priority).to_owned()),
            strong(format!(" {}", alarm.code)),
        ]);
        pen.paragraph(Tone::Plain, "  ", &alarm.cause);
        pen.row(&[(Tone::Title, "DO".to_owned())]);
        pen.paragraph(Tone::Plain, "  ", &alarm.action);
    }
}

/// Its ward. One that is the beginning of the name is as masked as that.
fn ward(model: &Model, room: &LiveRoom) -> Option<String> {
    let ward = room.ward.as_ref()?;
    let name = model.room_name(&room.name);
    let tells = name != room.name && room.name.starts_with(ward);
    Some(if tells { name } else { ward.clone() })
}

/// The room under the cursor as one line.
pub(super) fn row_text(model: &Model) -> Option<String> {
    let room = selected(model)?;
    Some(format!(
        "{} {} people {} devices {} loss {} {}",
        room.sid,
        model.room_name(&room.name),
        room.people,
        room.devices,
        room.loss_permille
            .map_or_else(|| text::NONE.to_owned(), text::permille),
        room.flags.join(" ")
    ))
}
