//! The funnel: every stage of one attempt to connect, where it stopped, and what to say.

use crate::look::{Look, Tone};
use crate::model::Model;
use crate::pen::{Pen, Piece, strong};
use crate::screen::nothing;
use crate::station::Fresh;
use crate::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use wire::admin::{Grade, Priority, Stage, StageView, WhyView};

/// Draws the funnel.
pub(super) fn draw(model: &Model, area: Rect, buf: &mut Buffer) {
    let station = model.station();
    let mut pen = Pen::new(buf, area, model.manners.look, Fresh::Live);
    let asked = station.why.at_ms.map_or_else(String::new, |at| {
        format!("{} ago", text::span(model.clock.now_ms.saturating_sub(at)))
    });
    pen.rule(if model.second_pane { "> WHY" } else { "WHY" }, &asked);
    let Some(of) = &station.why_of else {
        nothing(&mut pen, "d on somebody, or :why IDENTITY, says");
        nothing(&mut pen, "why they can or cannot connect");
        return;
    };
    if let Some(why) = &station.why.trouble {
        pen.paragraph(Tone::Medium, "! ", why);
    }
    let Some(why) = &station.why.value else {
        if station.why.trouble.is_none() {
            nothing(&mut pen, &format!("asking about {}", text::short_id(of)));
        }
        return;
    };
    for piece in lines(model, why, pen.width())
        .into_iter()
        .skip(model.scroll)
    {
        pen.row(&[piece]);
    }
}

/// Every line of the funnel.
fn lines(model: &Model, why: &WhyView, width: usize) -> Vec<Piece> {
    let mut lines = head(model, why, width);
    let stages = &why.attempt.stages;
    let passed: Vec<&str> = stages
        .iter()
        .filter(|s| s.grade == Grade::Pass)
        .map(|s| stage_word(s.stage))
        .collect();
    if !passed.is_empty() {
        wrapped(&mut lines, Tone::Plain, "PASS ", &passed.join(", "), width);
    }
    for stage in stages.iter().filter(|stage| stage.grade == Grade::Warn) {
        told(&mut lines, Look::tone(Priority::Low), "WARN ", stage, width);
    }
    for stage in stages.iter().filter(|stage| stage.grade == Grade::Fail) {
        told(
            &mut lines,
            Look::tone(Priority::Medium),
            "FAIL ",
            stage,
            width,
        );
    }
    let skipped: Vec<&str> = stages
        .iter()
        .filter(|s| s.grade == Grade::Skip)
        .map(|s| stage_word(s.stage))
        .collect();
    if !skipped.is_empty() {
        wrapped(&mut lines, Tone::Dim, "SKIP ", &skipped.join(", "), width);
    }
    if let Some(finding) = &why.finding {
        wrapped(
            &mut lines,
            Tone::Strong,
            "CAUSE ",
            &format!("{}: {}", finding.code, finding.evidence),
            width,
        );
        wrapped(
            &mut lines,
            Tone::Strong,
            "SAY   ",
            &format!("\"{}\"", finding.say),
            width,
        );
        wrapped(&mut lines, Tone::Plain, "NET   ", &finding.network, width);
    } else {
        lines.push(strong("CAUSE none: nothing blocks it"));
    }
    for group in &why.groups {
        let says = format!(
            "{} {}: {} of {} with this cause",
            group.by, group.value, group.failed, group.of
        );
        wrapped(&mut lines, Tone::Plain, "ALSO  ", &says, width);
    }
    lines
}

fn head(model: &Model, why: &WhyView, width: usize) -> Vec<Piece> {
    let attempt = &why.attempt;
    let who = attempt.identity.as_deref().map_or_else(
        || "somebody without a token".to_owned(),
        |identity| model.person(identity, "standard"),
    );
    let verdict = match &why.finding {
        Some(finding) => format!("{who} cannot connect: {}", finding.code),
        None => format!("{who} is connected, or nothing is known yet"),
    };
    let client = attempt.client.as_deref().unwrap_or("an unknown client");
    let room = attempt.room.as_deref();
    let room = room.map_or_else(|| text::NONE.to_owned(), |name| model.room_name(name));
    let device = attempt
        .device
        .as_deref()
        .map_or_else(String::new, |device| format!(", {device}"));
    let when = model.time(attempt.at_ms);
    let mut lines = Vec::new();
    wrapped(&mut lines, Tone::Strong, "", &verdict, width);
    let from = format!(
        "{when} room {room} from {} in {}",
        attempt.remote, attempt.subnet
    );
    wrapped(&mut lines, Tone::Dim, "", &from, width);
    wrapped(
        &mut lines,
        Tone::Dim,
        "",
        &format!("{client}{device}"),
        width,
    );
    lines
}

fn told(lines: &mut Vec<Piece>, tone: Tone, word: &str, stage: &StageView, width: usize) {
    wrapped(
        lines,
        tone,
        word,
        &format!("{}: {}", stage_word(stage.stage), stage.evidence),
        width,
    );
}

fn wrapped(lines: &mut Vec<Piece>, tone: Tone, word: &str, body: &str, width: usize) {
    let indent = " ".repeat(word.len());
    for (index, line) in text::wrap(body, width.saturating_sub(word.len()))
        .into_iter()
        .enumerate()
    {
        let word = if index == 0 { word } else { &indent };
        lines.push((tone, format!("{word}{line}")));
    }
}

/// A stage in the words of the funnel.
pub(crate) fn stage_word(stage: Stage) -> &'static str {
    match stage {
        Stage::Reach => "tcp",
        Stage::Tls => "tls",
        Stage::Signal => "websocket",
        Stage::Token => "token",
        Stage::Admission => "admitted",
        Stage::Codec => "codec",
        Stage::Udp => "udp",
        Stage::Tcp => "ice-tcp",
        Stage::Turn => "turn-tls",
        Stage::Dtls => "dtls",
        Stage::Up => "packets up",
        Stage::Down => "packets down",
        Stage::Client => "browser",
    }
}

/// What to forward, as clean text.
pub(super) fn advice(model: &Model) -> Option<String> {
    let why = model.station().why.value.as_ref()?;
    let finding = why.finding.as_ref()?;
    Some(format!(
        "{}: {}\n{}\n{}",
        finding.code, finding.evidence, finding.say, finding.network
    ))
}

/// Every line of the funnel, or why there is none.
pub(super) fn text_lines(model: &Model) -> Vec<String> {
    /// Wide enough that sentences stay whole.
    const COLUMNS: usize = 500;
    let station = model.station();
    let mut rows: Vec<String> = station.why.trouble.iter().cloned().collect();
    if let Some(why) = &station.why.value {
        rows.extend(lines(model, why, COLUMNS).into_iter().map(|(_, line)| line));
    }
    rows
}
