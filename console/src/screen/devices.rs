//! Screen 4: devices and people in trouble on the left, why somebody cannot connect on the right.

use crate::look::Tone;
use crate::model::Model;
use crate::pen::{Column, Pen, Piece, Table, column, dim, plain, strong};
use crate::rows::path_word;
use crate::screen::{nothing, pointer, visible, wall, why};
use crate::station::{Fresh, Seen};
use crate::text;
use crate::update::DEVICES_EVERY_MS;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use wire::admin::{AttemptView, Grade, LiveParticipant, Path};

/// Silent for longer is trouble.
pub(super) const SILENT_MS: u64 = 5_000;
/// Loss from here on is trouble: 5 %.
pub(super) const LOSS_PERMILLE: u16 = 50;
/// Below that there is one pane at a time.
const TWO_PANES: u16 = 78;

const COLUMNS: [Column; 4] = [
    column("WHO", 0, false, 0),
    column("", 4, false, 0),
    column("WHAT", 12, false, 0),
    column("ROOM", 8, false, 2),
];

/// Draws the screen; says where the rows of its list are.
pub(super) fn draw(model: &Model, area: Rect, buf: &mut Buffer) -> Rect {
    if area.width < TWO_PANES {
        if model.second_pane {
            why::draw(model, area, buf);
            return Rect::ZERO;
        }
        return list(model, area, buf);
    }
    let width = area.width * 9 / 20;
    let place = list(model, Rect { width, ..area }, buf);
    let pane = Rect {
        x: area.x + width + 3,
        width: area.width - width - 3,
        ..area
    };
    wall(
        model,
        Rect {
            x: pane.x - 1,
            ..pane
        },
        buf,
    );
    let pane = checklist(model, pane, buf);
    why::draw(model, pane, buf);
    place
}

/// The checklist of the device under the cursor; says what it leaves of the pane.
fn checklist(model: &Model, pane: Rect, buf: &mut Buffer) -> Rect {
    let devices = &model.station().devices;
    let selected = model.list().and_then(|list| list.selected());
    let seen = selected.and_then(|id| devices.value.as_ref()?.get(id));
    let Some(seen) = seen.filter(|seen| seen.who.role == "device" && model.is_live()) else {
        return pane;
    };
    let fresh = Fresh::of(devices.at_ms, DEVICES_EVERY_MS, model.clock.now_ms);
    let mut pen = Pen::new(buf, pane, model.manners.look, fresh);
    super::checklist::draw(model, seen, fresh, &mut pen);
    pen.here()
}

fn list(model: &Model, area: Rect, buf: &mut Buffer) -> Rect {
    let devices = &model.station().devices;
    let now_ms = model.clock.now_ms;
    let fresh = Fresh::of(devices.at_ms, DEVICES_EVERY_MS, now_ms);
    let mut pen = Pen::new(buf, area, model.manners.look, fresh);
    let age = devices.at_ms.map_or_else(
        || "not read yet".to_owned(),
        |at| format!("{} ago", text::span(now_ms.saturating_sub(at))),
    );
    pen.rule("DEVICES, TROUBLE FIRST", &age);
    if !model.is_live() {
        nothing(&mut pen, "devices are not replayed: Esc");
        return Rect::ZERO;
    }
    if let Some(why) = &devices.trouble {
        pen.row(&[(Tone::Medium, text::cut(&format!("! {why}"), pen.width()))]);
    }
    let table = Table::new(&COLUMNS, pen.width().saturating_sub(2));
    pen.row(&[plain("  "), table.head()]);
    let place = pen.here();
    let rows = visible(model, pen.left());
    if rows.is_empty() {
        nothing(&mut pen, "no device, nobody in trouble");
    }
    for (id, selected) in rows {
        let cells = devices
            .value
            .as_ref()
            .and_then(|seen| seen.get(&id))
            .map(|seen| cells(model, seen))
            .or_else(|| {
                failed(model)
                    .find(|attempt| attempt.id == id)
                    .map(|a| attempt(model, a))
            });
        let Some(cells) = cells else { continue };
        let mut pieces = vec![plain(pointer(selected))];
        pieces.extend(table.row(&cells));
        pen.marked(
            &pieces,
            (selected && !model.second_pane).then_some(Tone::Cursor),
        );
    }
    place
}

fn cells(model: &Model, seen: &Seen) -> Vec<Piece> {
    let who = &seen.who;
    let (tone, word, what) = match trouble(who) {
        Some(what) => (Tone::Medium, "WARN", what),
        None => (Tone::Plain, "ok", fine(who)),
    };
    vec![
        strong(model.person(&who.identity, &who.role)),
        (tone, word.to_owned()),
        (
            if tone == Tone::Plain {
                Tone::Plain
            } else {
                Tone::Strong
            },
            what,
        ),
        dim(model.room_name(&seen.room)),
    ]
}

fn attempt(model: &Model, attempt: &AttemptView) -> Vec<Piece> {
    let who = attempt.identity.as_deref().map_or_else(
        || attempt.remote.clone(),
        |identity| model.person(identity, "standard"),
    );
    let stage = attempt
        .stages
        .iter()
        .find(|stage| stage.grade == Grade::Fail);
    let what = stage.map_or_else(String::new, |stage| {
        format!("at {}", why::stage_word(stage.stage))
    });
    vec![
        strong(who),
        (Tone::Medium, "FAIL".to_owned()),
        (Tone::Strong, what),
        dim(model.minute(attempt.at_ms)),
    ]
}

/// It is a device, or a person in trouble.
pub(crate) fn belongs(who: &LiveParticipant) -> bool {
    who.role == "device" || trouble(who).is_some()
}

/// What is wrong with it as far as the box sees it now; its own self-tests are not known here.
pub(crate) fn trouble(who: &LiveParticipant) -> Option<String> {
    if let Some(ms) = who.silent_ms.filter(|ms| *ms > SILENT_MS) {
        return Some(format!("silent {}", text::span(ms)));
    }
    if let Some(loss) = who.loss_permille.filter(|loss| *loss >= LOSS_PERMILLE) {
        return Some(format!("loss {}", text::permille(loss)));
    }
    if who.state == "active" && who.path == Path::None {
        return Some("no path".to_owned());
    }
    if who.quality.as_deref() == Some("lost") {
        return Some("lost".to_owned());
    }
    None
}

/// What it does, where nothing is wrong.
fn fine(who: &LiveParticipant) -> String {
    let video = who.tracks.iter().find(|track| track.height > 0);
    match video {
        Some(track) => format!("{}p {}", track.height, path_word(who.path)),
        None => format!("{} {}kb/s", path_word(who.path), who.up_kbps),
    }
}

/// Attempts of the last hour that failed, the newest first; one per identity and address.
pub(crate) fn failed(model: &Model) -> impl Iterator<Item = &AttemptView> {
    let attempts = model
        .station()
        .attempts
        .value
        .as_deref()
        .unwrap_or_default();
    let mut seen = std::collections::HashSet::new();
    attempts
        .iter()
        .filter(|attempt| {
            attempt
                .stages
                .iter()
                .any(|stage| stage.grade == Grade::Fail)
        })
        .filter(move |attempt| seen.insert((attempt.identity.as_ref(), &attempt.remote)))
}

/// The row under the cursor, or the advice on the right when that has it.
pub(super) fn row_text(model: &Model) -> Option<String> {
    if model.second_pane {
        return why::advice(model);
    }
    let id = model.list()?.selected()?;
    if let Some(seen) = model
        .station()
        .devices
        .value
        .as_ref()
        .and_then(|seen| seen.get(id))
    {
        let who = &seen.who;
        let name = model.person(&who.identity, &who.role);
        let what = trouble(who).unwrap_or_else(|| fine(who));
        return Some(format!(
            "{} {name} in {}: {what}",
            who.sid,
            model.room_name(&seen.room)
        ));
    }
    let attempt = failed(model).find(|attempt| attempt.id == id)?;
    let stage = attempt
        .stages
        .iter()
        .find(|stage| stage.grade == Grade::Fail)?;
    Some(format!(
        "{} {} from {}: {} {}",
        attempt.id,
        model.time(attempt.at_ms),
        attempt.remote,
        why::stage_word(stage.stage),
        stage.evidence
    ))
}
