//! Screen 3: who is in a room, what they send, and how it reaches them.

use crate::look::{Look, Tone, mark};
use crate::model::Model;
use crate::pen::{Column, Pen, Piece, Table, column, dim, plain, strong};
use crate::rows::path_word;
use crate::screen::{beside, nothing, pointer, visible, wall};
use crate::station::{Fresh, INTERVAL_MS};
use crate::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use wire::admin::{LiveParticipant, LiveTrack, RoomDetail};

const COLUMNS: [Column; 10] = [
    column("PARTICIPANT", 0, false, 0),
    column("ROLE", 8, false, 1),
    column("PATH", 4, false, 0),
    column("UP kb/s", 7, true, 0),
    column("DOWN", 6, true, 0),
    column("LOSS", 5, true, 0),
    column("JIT", 4, true, 3),
    column("RTT", 5, true, 2),
    column("STATE", 9, false, 1),
    column("LAST", 5, true, 0),
];

/// Draws the screen; says where the rows of its list are.
pub(super) fn draw(model: &Model, area: Rect, buf: &mut Buffer) -> Rect {
    let (list, pane) = beside(area);
    if let Some(pane) = pane {
        wall(model, pane, buf);
        detail_pane(model, pane, buf);
    }
    let fresh = fresh(model);
    let mut pen = Pen::new(buf, list, model.manners.look, fresh);
    let Some(sid) = &model.station().opened else {
        pen.rule("ROOM", "");
        nothing(&mut pen, "no room was opened yet: 2, then Enter on one");
        return Rect::ZERO;
    };
    head(model, sid, &mut pen);
    let Some(detail) = shown(model) else {
        nothing(&mut pen, waiting(model, sid));
        return Rect::ZERO;
    };
    let table = Table::new(&COLUMNS, pen.width().saturating_sub(2));
    pen.row(&[plain("  "), table.head()]);
    let left = pen.here();
    let place = Rect {
        height: left.height.saturating_sub(1),
        ..left
    };
    let rows = visible(model, place.height.into());
    if rows.is_empty() {
        nothing(&mut pen, "nobody is in it");
    }
    for (id, selected) in rows {
        let mut pieces = vec![plain(pointer(selected))];
        pieces.extend(row(model, detail, &id, &table, &pen));
        pen.marked(&pieces, selected.then_some(Tone::Cursor));
    }
    place
}

/// Who is in it is as old as the last word about it, not as the link.
fn fresh(model: &Model) -> Fresh {
    if model.is_live() {
        let detail = Fresh::of(model.station().detail_ms, INTERVAL_MS, model.clock.now_ms);
        detail.max(model.fresh())
    } else {
        Fresh::Live
    }
}

fn waiting(model: &Model, sid: &str) -> &'static str {
    if model.replay.is_some() {
        "who was in a room is not replayed; screen 5 has who came and went"
    } else if model.station().live.rooms.contains_key(sid) {
        "asking the box who is in it"
    } else {
        "it has ended; screen 5 has who was in it"
    }
}

/// What the box said about the room that is open, not about the one before.
fn shown(model: &Model) -> Option<&RoomDetail> {
    let opened = model.station().opened.as_ref()?;
    model
        .picture()
        .detail
        .as_deref()
        .filter(|detail| detail.room.sid == *opened)
}

fn head(model: &Model, sid: &str, pen: &mut Pen) {
    let Some(room) = model.picture().rooms.get(sid) else {
        pen.rule(&format!("{} ended", text::short_id(sid)), "");
        return;
    };
    let masked = if model.station().unmasked(model.clock.now_ms) {
        "NAMES SHOWN".to_owned()
    } else {
        format!("names masked ({} unmask)", model.manners.keys.key("unmask"))
    };
    pen.rule(
        &format!(
            "{} {}",
            text::short_id(sid),
            text::cut(&model.room_name(&room.name), 24)
        ),
        &masked,
    );
    let yes = |set: bool, word: &'static str| if set { word } else { "none" };
    let mut pieces = vec![
        dim("open "),
        plain(pen.figure(text::age(model.since(room.created_at_ms)))),
        dim("  hold "),
        plain(yes(room.hold, "YES")),
        dim("  rec "),
        plain(if room.recording { "on" } else { "off" }),
        dim("  wait "),
        plain(pen.figure(room.waiting.to_string())),
        dim("  flags "),
        plain(if room.flags.is_empty() {
            text::NONE.to_owned()
        } else {
            room.flags.join(" ")
        }),
    ];
    if let Some(request) = room.end_requests.first() {
        let asks = format!("  END?{} {}", request.by, text::short_id(&request.sid));
        pieces.push((Tone::Medium, asks));
    }
    if let Some(alarm) = room
        .alarm
        .as_deref()
        .and_then(|id| model.picture().alarms.get(id))
    {
        pieces.push(plain("  "));
        pieces.push((
            Look::tone(alarm.priority),
            format!("{} {}", mark(alarm.priority), alarm.code),
        ));
    }
    pen.row(&pieces);
}

fn row(model: &Model, detail: &RoomDetail, id: &str, table: &Table, pen: &Pen) -> Vec<Piece> {
    for who in &detail.participants {
        if who.sid == id {
            return table.row(&person(model, who, pen));
        }
        if let Some(track) = who.tracks.iter().find(|track| track.sid == id) {
            return vec![dim("   "), plain(text::left(&track_text(track), 40))];
        }
    }
    Vec::new()
}

fn person(model: &Model, who: &LiveParticipant, pen: &Pen) -> Vec<Piece> {
    let none = || text::NONE.to_owned();
    let silent = who.silent_ms.map_or_else(none, text::span);
    let late = who.silent_ms.is_some_and(|ms| ms > 5_000);
    let loss_tone = match who.loss_permille {
        Some(50..) => Tone::Medium,
        Some(20..) => Tone::Low,
        _ => Tone::Plain,
    };
    vec![
        strong(model.person(&who.identity, &who.role)),
        plain(who.role.clone()),
        plain(path_word(who.path)),
        plain(pen.figure(who.up_kbps.to_string())),
        plain(pen.figure(who.down_kbps.to_string())),
        (
            loss_tone,
            pen.figure(who.loss_permille.map_or_else(none, text::permille)),
        ),
        plain(pen.figure(who.jitter_ms.map_or_else(none, |ms| ms.to_string()))),
        plain(pen.figure(who.rtt_ms.map_or_else(none, |ms| format!("{ms}ms")))),
        plain(state(who)),
        (
            if late { Tone::Medium } else { Tone::Plain },
            pen.figure(silent),
        ),
    ]
}

/// LiveKit's quality where there is one, else the state of the connection.
fn state(who: &LiveParticipant) -> String {
    match (&who.quality, who.state.as_str()) {
        (Some(quality), "active") => quality.clone(),
        (_, state) => state.to_owned(),
    }
}

/// `camera video/VP8 1280x720`.
fn track_text(track: &LiveTrack) -> String {
    let kind = if track.mime_type.is_empty() {
        &track.kind
    } else {
        &track.mime_type
    };
    let size = if track.width > 0 {
        format!(" {}x{}", track.width, track.height)
    } else {
        String::new()
    };
    let muted = if track.muted { " MUTED" } else { "" };
    format!("{} {kind}{size}{muted}", track.source)
}

/// Everything known about the one under the cursor.
fn detail_pane(model: &Model, area: Rect, buf: &mut Buffer) {
    let mut pen = Pen::new(buf, area, model.manners.look, fresh(model));
    let Some(who) = selected(model) else {
        pen.rule("PARTICIPANT", "");
        nothing(&mut pen, "none is under the cursor");
        return;
    };
    pen.rule(
        &text::cut(&model.person(&who.identity, &who.role), 30),
        &who.role,
    );
    let none = || text::NONE.to_owned();
    let rows = [
        ("id", who.sid.clone()),
        (
            "since",
            format!(
                "{} ({})",
                model.time(who.joined_at_ms),
                pen.figure(text::span(model.since(who.joined_at_ms)))
            ),
        ),
        ("state", who.state.clone()),
        ("quality", who.quality.clone().unwrap_or_else(none)),
        ("path", path_word(who.path).to_owned()),
        ("sends", pen.figure(format!("{} kbit/s", who.up_kbps))),
        ("is sent", pen.figure(format!("{} kbit/s", who.down_kbps))),
        (
            "loss",
            pen.figure(who.loss_permille.map_or_else(none, text::permille)),
        ),
        (
            "jitter",
            pen.figure(who.jitter_ms.map_or_else(none, |ms| format!("{ms} ms"))),
        ),
        (
            "round trip",
            pen.figure(who.rtt_ms.map_or_else(none, |ms| format!("{ms} ms"))),
        ),
        (
            "last heard",
            pen.figure(who.silent_ms.map_or_else(none, text::span)),
        ),
    ];
    for (name, value) in rows {
        pen.row(&[dim(text::left(name, 12)), plain(value)]);
    }
    pen.skip();
    pen.row(&[(Tone::Title, format!("TRACKS {}", who.tracks.len()))]);
    for track in &who.tracks {
        pen.row(&[
            dim("  "),
            plain(track_text(track)),
            dim(format!("  {}", track.sid)),
        ]);
    }
}

fn selected(model: &Model) -> Option<&LiveParticipant> {
    let id = model.list()?.selected()?;
    shown(model)?
        .participants
        .iter()
        .find(|who| who.sid == id || who.tracks.iter().any(|track| track.sid == id))
}

/// The one under the cursor as one line.
pub(super) fn row_text(model: &Model) -> Option<String> {
    let who = selected(model)?;
    Some(format!(
        "{} {} {} path {} loss {} {}",
        who.sid,
        model.person(&who.identity, &who.role),
        who.role,
        path_word(who.path),
        who.loss_permille
            .map_or_else(|| text::NONE.to_owned(), text::permille),
        who.state
    ))
}
