//! The shift's summary, to be read and signed.

use crate::handover::Handover;
use crate::look::Tone;
use crate::model::Model;
use crate::pen::{Pen, dim, plain, strong};
use crate::screen::window;
use crate::station::Fresh;
use crate::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Draws the summary.
pub(super) fn draw(model: &Model, handover: &Handover, area: Rect, buf: &mut Buffer) {
    let inner = window(model, "handover", (100, area.height), area, buf);
    let mut pen = Pen::new(buf, inner, model.manners.look, Fresh::Live);
    let rows: Vec<String> = handover
        .body
        .lines()
        .flat_map(|line| wrapped(line, pen.width()))
        .collect();
    let height = pen.left().saturating_sub(3);
    let first = handover.scroll.min(rows.len().saturating_sub(height));
    for row in rows.iter().skip(first).take(height) {
        pen.row(&[plain(row.clone())]);
    }
    while pen.left() > 3 {
        pen.skip();
    }
    let at = |here: bool| if here { Tone::Cursor } else { Tone::Plain };
    pen.row(&[
        dim("Outgoing "),
        (
            at(!handover.at_incoming),
            text::left(handover.outgoing.text(), 24),
        ),
        dim("  Incoming "),
        (
            at(handover.at_incoming),
            text::left(handover.incoming.text(), 24),
        ),
    ]);
    match handover.tag {
        None => pen.row(&[
            strong("Ctrl-Y"),
            plain(" signs: saved as a file, its SHA-256 goes to the audit"),
        ]),
        Some(tag) if model.pending.contains_key(&tag) => {
            pen.row(&[plain("Signed; the audit is being told ...")]);
        }
        Some(_) => pen.row(&[strong("Signed."), plain(" Esc closes")]),
    }
}

fn wrapped(line: &str, width: usize) -> Vec<String> {
    let indent: String = line.chars().take_while(|c| *c == ' ').collect();
    let lines = text::wrap(line, width.saturating_sub(indent.len()));
    lines
        .into_iter()
        .map(|line| format!("{indent}{line}"))
        .collect()
}
