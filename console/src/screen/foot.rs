//! The last two rows: what is typed or said, and the keys that matter here.

use crate::input::Input;
use crate::look::Tone;
use crate::model::{Dialog, Model};
use crate::palette::{self, WORDS};
use crate::pen::{Pen, Piece, dim, plain, strong};
use crate::screen::Screen;
use crate::station::Fresh;
use crate::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use unicode_width::UnicodeWidthStr;

/// Most words offered at once.
const MAX_OFFERED: usize = 8;

/// Draws the foot.
pub(super) fn draw(model: &Model, area: Rect, buf: &mut Buffer) {
    let line = Rect { height: 1, ..area };
    match &model.dialog {
        Some(Dialog::Palette(input)) => typed(model, ":", input, None, line, buf),
        Some(Dialog::Filter(input, error)) => {
            let wrong = error
                .as_ref()
                .map(|error| (error.column, error.problem.clone()));
            typed(model, "/", input, wrong, line, buf);
        }
        Some(Dialog::Locked) => locked(model, line, buf),
        _ => said(model, line, buf),
    }
    keys(
        model,
        Rect {
            y: area.y + 1,
            height: 1,
            ..area
        },
        buf,
    );
}

/// A line being typed, its cursor, and what is wrong with it.
fn typed(
    model: &Model,
    prompt: &str,
    input: &Input,
    wrong: Option<(usize, String)>,
    area: Rect,
    buf: &mut Buffer,
) {
    let look = model.manners.look;
    let width = usize::from(area.width);
    // Long lines show their end, where typing goes on.
    let before: String = input.text().chars().take(input.cursor()).collect();
    let over = (before.width() + 3).saturating_sub(width);
    let shown: String = input.text().chars().skip(over).collect();
    let mut pen = Pen::new(buf, area, look, Fresh::Live);
    pen.row(&[strong(prompt), plain(&shown)]);
    if let Some((column, problem)) = wrong {
        let says = format!(" ^{column} {problem}");
        let x = area.x
            + u16::try_from(shown.width() + 1)
                .unwrap_or(u16::MAX)
                .min(area.width);
        let left = usize::from(area.right() - x);
        let says = text::cut(&says, left);
        buf.set_stringn(x, area.y, says, left, look.style(Tone::Medium));
        underline(buf, area, column.saturating_sub(over));
    }
    let x = area.x + 1 + u16::try_from(before.width().saturating_sub(over)).unwrap_or(0);
    if let Some(cell) = buf.cell_mut((x, area.y)) {
        let style = cell.style().add_modifier(Modifier::REVERSED);
        cell.set_style(style);
    }
}

/// Marks the column that an error is about.
fn underline(buf: &mut Buffer, area: Rect, column: usize) {
    let x = area.x + u16::try_from(column).unwrap_or(0);
    if let Some(cell) = buf.cell_mut((x, area.y)) {
        let style = cell
            .style()
            .add_modifier(Modifier::UNDERLINED | Modifier::BOLD);
        cell.set_style(style);
    }
}

/// Alarms go on being shown, names do not.
fn locked(model: &Model, area: Rect, buf: &mut Buffer) {
    let mut pen = Pen::new(buf, area, model.manners.look, Fresh::Live);
    let how = if model.station().accounts {
        "Enter asks for your account"
    } else {
        "Enter unlocks"
    };
    let says = format!("LOCKED: names masked, read-only   {how}");
    pen.row(&[(Tone::Banner, text::left(&says, usize::from(area.width)))]);
}

fn said(model: &Model, area: Rect, buf: &mut Buffer) {
    let mut pen = Pen::new(buf, area, model.manners.look, Fresh::Live);
    let left_out = model.picture().left_out;
    if let Some(toast) = &model.toast {
        let tone = if toast.bad {
            Tone::Medium
        } else {
            Tone::Strong
        };
        let mark = if toast.bad { "! " } else { "" };
        let width = pen.width();
        pen.row(&[(tone, text::cut(&format!("{mark}{}", toast.text), width))]);
    } else if left_out > 0 {
        let says = format!("! {left_out} rooms or alarms are beyond what a console keeps");
        pen.row(&[(Tone::Medium, says)]);
    } else if let Some(filter) = model.filter() {
        pen.row(&[
            dim("filter: "),
            strong(filter.text()),
            dim("   Esc shows all"),
        ]);
    }
}

/// From here on the foot names the screens; below that it says which keys they have.
const TABS_FROM: u16 = 80;

/// The screens' names, with the keys that lead to them.
fn tabs(model: &Model, width: u16) -> Vec<(Screen, String)> {
    if width < TABS_FROM || model.dialog.is_some() {
        return Vec::new();
    }
    let tab = |screen: Screen| {
        let word = screen.tab();
        let key = model.manners.keys.key(screen.binding());
        (screen, format!("{key}{word}"))
    };
    Screen::ALL.into_iter().map(tab).collect()
}

/// The screen whose name is drawn at this column.
pub(super) fn tab_at(model: &Model, width: u16, column: u16) -> Option<Screen> {
    let mut end = 0;
    tabs(model, width).into_iter().find_map(|(screen, name)| {
        let begin = end;
        end += name.width() + 1;
        (begin..end - 1).contains(&column.into()).then_some(screen)
    })
}

fn keys(model: &Model, area: Rect, buf: &mut Buffer) {
    let mut pen = Pen::new(buf, area, model.manners.look, Fresh::Live);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut used = 0;
    for (screen, name) in tabs(model, area.width) {
        used += name.width() + 1;
        let here = screen == model.screen;
        pieces.push((if here { Tone::Cursor } else { Tone::Dim }, name));
        pieces.push(plain(" "));
    }
    if used > 0 {
        used += 1;
        pieces.push(plain(" "));
    }
    for (key, word) in offered(model, used > 0) {
        let columns = key.width() + word.width() + 3;
        if used + columns > pen.width() + 2 {
            break;
        }
        used += columns;
        pieces.push(strong(key));
        pieces.push(dim(format!(" {word}  ")));
    }
    pen.row(&pieces);
}

fn offered(model: &Model, tabbed: bool) -> Vec<(String, &'static str)> {
    let fixed = |pairs: &[(&str, &'static str)]| {
        pairs
            .iter()
            .map(|(key, word)| ((*key).to_owned(), *word))
            .collect::<Vec<_>>()
    };
    match &model.dialog {
        Some(Dialog::Card(_)) => {
            return fixed(&[
                ("Esc", "cancel"),
                ("Tab", "next field"),
                ("Ctrl-Y", "confirm"),
            ]);
        }
        Some(Dialog::Help(_)) => return fixed(&[("Down", "more"), ("Esc", "close")]),
        Some(Dialog::Palette(_)) => {
            return fixed(&[("Tab", "complete"), ("Enter", "do it"), ("Esc", "cancel")]);
        }
        Some(Dialog::Filter(..)) => return fixed(&[("Enter", "filter"), ("Esc", "cancel")]),
        Some(Dialog::Login(_)) => {
            return fixed(&[
                ("Tab", "next field"),
                ("Enter", "log in"),
                ("Esc", "cancel"),
            ]);
        }
        Some(Dialog::Handover(_)) => {
            return fixed(&[
                ("Tab", "other name"),
                ("Ctrl-Y", "sign"),
                ("Down", "more"),
                ("Esc", "close"),
            ]);
        }
        Some(Dialog::Quit) => return fixed(&[("y", "leave"), ("Esc", "stay")]),
        Some(Dialog::Locked) => return fixed(&[("Enter", "unlock")]),
        None => {}
    }
    let keys = &model.manners.keys;
    let named = |names: &[(&str, &'static str)]| {
        names
            .iter()
            .map(|(name, word)| (keys.key(name), *word))
            .collect::<Vec<_>>()
    };
    let mut offered = match model.screen {
        Screen::Overview => named(&[
            ("open", "open"),
            ("why", "why"),
            ("acknowledge", "ack"),
            ("shelve", "shelve"),
        ]),
        Screen::Rooms => named(&[
            ("open", "open"),
            ("why", "why"),
            ("end", "end.."),
            ("filter", "filter"),
            ("copy", "copy"),
        ]),
        Screen::Room => named(&[
            ("why", "why"),
            ("end", "end.."),
            ("mute", "mute"),
            ("unmask", "unmask"),
            ("back", "back"),
        ]),
        Screen::Devices => named(&[
            ("open", "why"),
            ("why-subnet", "subnet"),
            ("pane", "pane"),
            ("copy", "copy"),
        ]),
        Screen::Events => named(&[
            ("filter", "filter"),
            ("replay-back", "replay"),
            ("export", "export"),
            ("handover", "handover"),
        ]),
        Screen::Health => named(&[("export", "export"), ("refresh", "refresh")]),
    };
    let mut general = vec![(keys.key("palette"), "cmd"), (keys.key("help"), "help")];
    if !tabbed {
        general.insert(0, ("1-6".to_owned(), "screens"));
    }
    // Help is found on every screen, and on the first one before anything else.
    if tabbed || model.screen == Screen::Overview {
        offered.splice(0..0, general);
    } else {
        offered.extend(general);
    }
    offered
}

/// Words that fit what is typed, above the line.
pub(super) fn draw_words(model: &Model, input: &Input, area: Rect, buf: &mut Buffer) {
    use ratatui::widgets::{Clear, Widget};
    let start = input.text().split(' ').next().unwrap_or_default();
    let words: Vec<&palette::Word> = if input.text().is_empty() {
        WORDS.iter().take(MAX_OFFERED).collect()
    } else if input.text().contains(' ') {
        WORDS.iter().filter(|word| word.name == start).collect()
    } else {
        palette::matching(start)
            .into_iter()
            .take(MAX_OFFERED)
            .collect()
    };
    let height = u16::try_from(words.len()).unwrap_or(0).min(area.height);
    let area = Rect {
        y: area.bottom() - height,
        height,
        ..area
    };
    Clear.render(area, buf);
    let mut pen = Pen::new(buf, area, model.manners.look, Fresh::Live);
    for word in words {
        pen.row(&[
            strong(text::left(
                &format!(" {} {}", word.name, word.arguments),
                32,
            )),
            dim(word.help),
        ]);
    }
}
