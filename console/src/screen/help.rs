//! Help: drawn from the table that handles the keys, and the table of words.

use crate::keys::{BINDINGS, Group};
use crate::look::Tone;
use crate::model::Model;
use crate::palette::WORDS;
use crate::pen::{Pen, Piece, dim, plain, strong};
use crate::screen::window;
use crate::station::Fresh;
use crate::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Draws help, scrolled by rows.
pub(super) fn draw(model: &Model, rows: usize, area: Rect, buf: &mut Buffer) {
    let title = format!("help: {}", model.screen.word());
    let inner = window(model, &title, (76, area.height), area, buf);
    let mut pen = Pen::new(buf, inner, model.manners.look, Fresh::Live);
    let lines = lines(model);
    let most = lines.len().saturating_sub(pen.left());
    for line in lines.into_iter().skip(rows.min(most)) {
        pen.row(&line);
    }
}

fn lines(model: &Model) -> Vec<Vec<Piece>> {
    let mut lines = Vec::new();
    for (group, title) in Group::ALL {
        lines.push(vec![(Tone::Title, title.to_owned())]);
        for binding in BINDINGS.iter().filter(|binding| binding.group == group) {
            let name = if binding.rebindable {
                binding.name
            } else {
                "fixed"
            };
            lines.push(vec![
                strong(format!(
                    "  {}",
                    text::left(&model.manners.keys.keys(binding.name), 20)
                )),
                plain(text::left(binding.help, 42)),
                dim(name),
            ]);
        }
    }
    lines.push(vec![(
        Tone::Title,
        "COMMANDS (:word, may be shortened; the same in --plain)".to_owned(),
    )]);
    for word in WORDS {
        let usage = format!("{} {}", word.name, word.arguments);
        lines.push(vec![
            strong(format!("  {}", text::left(&usage, 32))),
            plain(word.help),
        ]);
    }
    let fields = model.screen.fields();
    if !fields.is_empty() {
        lines.push(vec![(
            Tone::Title,
            "FIELDS of this screen's filter".to_owned(),
        )]);
        lines.push(vec![plain(format!("  {}", fields.join(" ")))]);
    }
    lines
}
