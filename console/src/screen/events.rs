//! Screen 5: what happened and who did it, newest first, and whether the audit's chain holds.

use crate::look::Tone;
use crate::model::Model;
use crate::pen::{Column, Pen, Piece, Table, column, dim, plain, strong};
use crate::screen::{beside, counted, nothing, pointer, visible, wall};
use crate::station::Fresh;
use crate::text;
use crate::update::EVENTS_EVERY_MS;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use wire::admin::{AuditEntry, AuditPhase};
use wire::{EventView, Value};

const COLUMNS: [Column; 5] = [
    column("TIME", 8, false, 0),
    column("WHO", 10, false, 0),
    column("ACT", 20, false, 0),
    column("TARGET", 10, false, 1),
    column("REASON/RESULT", 0, false, 0),
];

/// One line of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// `A` and the audit's number, or `E` and the journal's.
    pub(crate) id: String,
    /// When, on the box's clock.
    pub(crate) at_ms: u64,
    /// Who, as it may be shown.
    pub(crate) who: String,
    /// Its presence, where there is one.
    pub(crate) who_sid: Option<String>,
    /// What.
    pub(crate) act: String,
    /// To what.
    pub(crate) target: String,
    /// Why, or what became of it.
    pub(crate) text: String,
    /// Somebody acted; not just something happened.
    pub(crate) acted: bool,
}

/// Every line known, newest first; up to the moment that is shown.
pub(crate) fn lines(model: &Model) -> Vec<Line> {
    let station = model.station();
    let until = model
        .replay
        .as_ref()
        .map_or(u64::MAX, |replay| replay.at_ms);
    let audit = station.audit.value.iter().flat_map(|page| &page.items);
    let events = station.events.value.iter().flatten();
    let mut lines: Vec<Line> = audit
        .map(audit_line)
        .chain(events.map(|event| event_line(model, event)))
        .filter(|line| line.at_ms <= until)
        .collect();
    lines.sort_by(|a, b| (b.at_ms, &b.id).cmp(&(a.at_ms, &a.id)));
    lines
}

/// One of them.
pub(crate) fn line(model: &Model, id: &str) -> Option<Line> {
    lines(model).into_iter().find(|line| line.id == id)
}

fn audit_line(entry: &AuditEntry) -> Line {
    let mark = match entry.phase {
        AuditPhase::Intent => "?",
        AuditPhase::Outcome => "!",
        AuditPhase::Fact => "",
    };
    Line {
        // Numbers of one width sort as texts do.
        id: format!("A{:020}", entry.sequence),
        at_ms: entry.at_ms,
        who: entry.actor.clone(),
        who_sid: None,
        act: format!("{}{mark}", entry.act.to_uppercase()),
        target: entry.target.clone(),
        text: format!("{} {}", entry.reason, entry.detail)
            .trim()
            .to_owned(),
        acted: true,
    }
}

fn event_line(model: &Model, event: &EventView) -> Line {
    let who = event.actor.as_deref().map_or_else(
        || "system".to_owned(),
        |actor| model.person(actor, "standard"),
    );
    let data = event
        .data
        .iter()
        .map(|(name, value)| format!("{name}={}", shown(value)));
    let peer = event
        .peer
        .as_deref()
        .map(|peer| format!("with {}", model.person(peer, "standard")));
    let text: Vec<String> = peer.into_iter().chain(data).collect();
    Line {
        id: format!("E{:020}", event.sequence),
        at_ms: event.at_ms,
        who,
        who_sid: event.actor_sid.clone(),
        act: event.event_type.clone(),
        target: event.room_sid.clone(),
        text: format!("{} {}", model.room_name(&event.room), text.join(" "))
            .trim()
            .to_owned(),
        acted: false,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Bool(set) => set.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Numbers(numbers) => {
            let pairs = numbers
                .iter()
                .map(|(name, number)| format!("{name}:{number}"));
            pairs.collect::<Vec<_>>().join(",")
        }
    }
}

/// Draws the screen; says where the rows of its list are.
pub(super) fn draw(model: &Model, area: Rect, buf: &mut Buffer) -> Rect {
    let lines = lines(model);
    let (list, pane) = beside(area);
    let chosen = model.list().and_then(|list| list.selected());
    if let Some(pane) = pane {
        wall(model, pane, buf);
        detail(
            model,
            lines.iter().find(|line| Some(line.id.as_str()) == chosen),
            pane,
            buf,
        );
    }
    let station = model.station();
    let fresh = Fresh::of(station.audit.at_ms, EVENTS_EVERY_MS, model.clock.now_ms);
    let mut pen = Pen::new(buf, list, model.manners.look, fresh);
    let shown = model.list().map_or(0, |list| list.order().len());
    pen.rule(
        &format!("EVENTS & AUDIT {}", counted(shown, lines.len())),
        &chain(model),
    );
    for why in [&station.audit.trouble, &station.events.trouble]
        .into_iter()
        .flatten()
    {
        pen.row(&[(Tone::Medium, text::cut(&format!("! {why}"), pen.width()))]);
    }
    let table = Table::new(&COLUMNS, pen.width().saturating_sub(2));
    pen.row(&[plain("  "), table.head()]);
    let place = pen.here();
    let rows = visible(model, pen.left());
    if rows.is_empty() {
        nothing(&mut pen, "nothing happened, or nothing passes the filter");
    }
    for (id, selected) in rows {
        let Some(line) = lines.iter().find(|line| line.id == id) else {
            continue;
        };
        let mut pieces = vec![plain(pointer(selected))];
        pieces.extend(table.row(&cells(model, line)));
        pen.marked(&pieces, selected.then_some(Tone::Cursor));
    }
    place
}

fn cells(model: &Model, line: &Line) -> Vec<Piece> {
    let tone = if line.acted {
        Tone::Strong
    } else {
        Tone::Plain
    };
    vec![
        dim(model.time(line.at_ms)),
        plain(line.who.clone()),
        (tone, line.act.clone()),
        plain(text::short_id(&line.target)),
        plain(line.text.clone()),
    ]
}

/// How the audit's chain is, in a few words.
fn chain(model: &Model) -> String {
    match &model.station().audit.value {
        None => "audit not read yet".to_owned(),
        Some(page) => match &page.chain.problem {
            None => format!("chain OK #{} verified", page.chain.verified),
            Some(problem) => format!(
                "CHAIN BROKEN after #{}: {}",
                page.chain.verified,
                text::cut(problem, 40)
            ),
        },
    }
}

fn detail(model: &Model, line: Option<&Line>, area: Rect, buf: &mut Buffer) {
    let mut pen = Pen::new(buf, area, model.manners.look, Fresh::Live);
    let Some(line) = line else {
        pen.rule("LINE", "");
        nothing(&mut pen, "none is under the cursor");
        return;
    };
    let number = line
        .id
        .trim_start_matches(['A', 'E'])
        .trim_start_matches('0');
    pen.rule(
        &line.act,
        &format!("{} #{number}", if line.acted { "audit" } else { "journal" }),
    );
    pen.row(&[
        dim("when    "),
        plain(model.date(line.at_ms)),
        plain(
            model
                .time(line.at_ms)
                .get(5..)
                .unwrap_or_default()
                .to_owned(),
        ),
    ]);
    pen.row(&[dim("who     "), strong(line.who.clone())]);
    if let Some(sid) = &line.who_sid {
        pen.row(&[dim("as      "), plain(sid.clone())]);
    }
    pen.row(&[dim("target  "), plain(line.target.clone())]);
    pen.skip();
    pen.paragraph(Tone::Plain, "", &line.text);
}

/// The line under the cursor as one line.
pub(super) fn row_text(model: &Model) -> Option<String> {
    let line = line(model, model.list()?.selected()?)?;
    let time = model.time(line.at_ms);
    Some(format!(
        "{time} {} {} {} {}",
        line.who, line.act, line.target, line.text
    ))
}
