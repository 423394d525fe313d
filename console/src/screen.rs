//! The six screens, and what lies over them. Drawing reads the model and writes cells; it changes
//! nothing and asks nobody.

mod card;
mod checklist;
pub(crate) mod devices;
pub(crate) mod events;
mod foot;
mod handover;
mod health;
mod help;
mod login;
mod overview;
mod room;
mod rooms;
mod seal;
mod strip;
mod why;

use crate::model::{Dialog, Model};
use crate::pen::Pen;
use crate::rows;
use crate::text;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// Least columns and rows; below that the console says so instead of drawing half a figure.
pub(crate) const MIN_COLUMNS: u16 = 60;
/// See [`MIN_COLUMNS`].
pub(crate) const MIN_ROWS: u16 = 20;

/// From here on there is a pane with details beside lists.
const WIDE_COLUMNS: u16 = 120;

/// Width of that pane.
const DETAIL_COLUMNS: u16 = 40;

/// Rows of the strip above and of the foot below.
const STRIP_ROWS: u16 = 2;
const FOOT_ROWS: u16 = 2;

/// An exported page is so wide.
const PAGE_COLUMNS: u16 = 160;

/// Most rows of an exported page; who needs more asks the box (`ringward rooms --json`).
const MAX_PAGE_ROWS: u16 = 1_000;

/// One of the six.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Screen {
    /// Alarms and figures.
    Overview,
    /// The rooms.
    Rooms,
    /// Who is in a room.
    Room,
    /// Devices, and why somebody cannot connect.
    Devices,
    /// Events and audit.
    Events,
    /// How the box is.
    Health,
}

impl Screen {
    /// In the order of their keys.
    pub(crate) const ALL: [Self; 6] = [
        Self::Overview,
        Self::Rooms,
        Self::Room,
        Self::Devices,
        Self::Events,
        Self::Health,
    ];

    /// Its word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Rooms => "rooms",
            Self::Room => "room",
            Self::Devices => "devices",
            Self::Events => "events",
            Self::Health => "health",
        }
    }

    /// Its row in the table of keys.
    fn binding(self) -> &'static str {
        match self {
            Self::Health => "box",
            other => other.word(),
        }
    }

    /// Its name in the foot.
    fn tab(self) -> &'static str {
        match self {
            Self::Overview => "over",
            Self::Devices => "dev",
            Self::Health => "box",
            other => other.word(),
        }
    }

    /// Fields a filter may name here; none where there is nothing to filter.
    pub(crate) fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Overview => rows::ALARM_FIELDS,
            Self::Rooms => rows::ROOM_FIELDS,
            Self::Devices => rows::SEEN_FIELDS,
            Self::Events => rows::EVENT_FIELDS,
            Self::Room | Self::Health => &[],
        }
    }
}

/// Draws everything.
pub(crate) fn render(model: &Model, area: Rect, buf: &mut Buffer) {
    let look = model.manners.look;
    if area.width < MIN_COLUMNS || area.height < MIN_ROWS {
        let mut pen = Pen::new(buf, area, look, model.fresh());
        pen.row(&[crate::pen::strong(format!(
            "{}x{} is too small: {MIN_COLUMNS}x{MIN_ROWS} at least",
            area.width, area.height
        ))]);
        strip::draw(model, pen.rest());
        seal::seal(buf, look);
        return;
    }
    let (top, body, foot) = parts(area);
    strip::draw(model, (buf, top));
    draw_body(model, body, buf);
    draw_dialog(model, body, buf);
    foot::draw(model, foot, buf);
    seal::seal(buf, look);
}

/// Draws what lies between strip and foot; says where the rows of the list are.
fn draw_body(model: &Model, area: Rect, buf: &mut Buffer) -> Rect {
    match model.screen {
        Screen::Overview => overview::draw(model, area, buf),
        Screen::Rooms => rooms::draw(model, area, buf),
        Screen::Room => room::draw(model, area, buf),
        Screen::Devices => devices::draw(model, area, buf),
        Screen::Events => events::draw(model, area, buf),
        Screen::Health => {
            health::draw(model, area, buf);
            Rect::ZERO
        }
    }
}

/// What lies under the mouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spot {
    /// A row of the list, by its id.
    Row(String),
    /// A screen's name in the foot.
    Tab(Screen),
}

/// What lies there; nothing where a dialog wants keys. The rows are where drawing puts them.
pub(crate) fn spot(model: &Model, area: Rect, at: Position) -> Option<Spot> {
    if model.dialog.is_some() || area.width < MIN_COLUMNS || area.height < MIN_ROWS {
        return None;
    }
    let (_, body, foot) = parts(area);
    if at.y + 1 == foot.bottom() {
        return foot::tab_at(model, foot.width, at.x.checked_sub(foot.x)?).map(Spot::Tab);
    }
    let rows = draw_body(model, body, &mut Buffer::empty(area));
    let row = at.y.checked_sub(rows.y).filter(|_| rows.contains(at))?;
    let ids = visible(model, rows.height.into());
    ids.into_iter().nth(row.into()).map(|(id, _)| Spot::Row(id))
}

/// Strip, body and foot.
fn parts(area: Rect) -> (Rect, Rect, Rect) {
    let top = Rect {
        height: STRIP_ROWS,
        ..area
    };
    let foot = Rect {
        y: area.bottom() - FOOT_ROWS,
        height: FOOT_ROWS,
        ..area
    };
    let body = Rect {
        y: area.y + STRIP_ROWS,
        height: area.height - STRIP_ROWS - FOOT_ROWS,
        ..area
    };
    (top, body, foot)
}

fn draw_dialog(model: &Model, area: Rect, buf: &mut Buffer) {
    match &model.dialog {
        Some(Dialog::Card(card)) => card::draw(model, card, area, buf),
        Some(Dialog::Help(rows)) => help::draw(model, *rows, area, buf),
        Some(Dialog::Login(login)) => login::draw(model, login, area, buf),
        Some(Dialog::Handover(handover)) => handover::draw(model, handover, area, buf),
        Some(Dialog::Quit) => login::draw_quit(model, area, buf),
        Some(Dialog::Palette(input)) => foot::draw_words(model, input, area, buf),
        Some(Dialog::Filter(..) | Dialog::Locked) | None => {}
    }
}

/// The area of a list and, where it is wide, that of the pane beside it.
fn beside(area: Rect) -> (Rect, Option<Rect>) {
    if area.width < WIDE_COLUMNS {
        return (area, None);
    }
    let list = Rect {
        width: area.width - DETAIL_COLUMNS - 3,
        ..area
    };
    let pane = Rect {
        x: area.right() - DETAIL_COLUMNS,
        width: DETAIL_COLUMNS,
        ..area
    };
    (list, Some(pane))
}

/// A wall between the two.
fn wall(model: &Model, pane: Rect, buf: &mut Buffer) {
    let style = model.manners.look.style(crate::look::Tone::Dim);
    for y in pane.top()..pane.bottom() {
        buf.set_string(pane.x - 2, y, model.manners.look.wall(), style);
    }
}

/// An empty box with a frame in the middle of an area; its inside.
fn window(model: &Model, title: &str, size: (u16, u16), area: Rect, buf: &mut Buffer) -> Rect {
    use ratatui::widgets::{Block, Clear, Widget};
    // A sliver of the screen beside the window would only confuse.
    let whole = |wanted: u16, all: u16| if wanted + 6 >= all { all } else { wanted };
    let (width, height) = (whole(size.0, area.width), size.1.min(area.height));
    let window = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    Clear.render(window, buf);
    let block = Block::bordered()
        .title(format!(" {title} "))
        .style(model.manners.look.style(crate::look::Tone::Plain))
        .title_style(model.manners.look.style(crate::look::Tone::Strong));
    let inside = block.inner(window);
    block.render(window, buf);
    Rect {
        x: inside.x + 1,
        width: inside.width.saturating_sub(2),
        ..inside
    }
}

/// The row under the cursor as clean text.
pub(crate) fn row_text(model: &Model) -> Option<String> {
    match model.screen {
        Screen::Overview => overview::row_text(model),
        Screen::Rooms => rooms::row_text(model),
        Screen::Room => room::row_text(model),
        Screen::Devices => devices::row_text(model),
        Screen::Events => events::row_text(model),
        Screen::Health => Some(page_text(model)),
    }
}

/// Every row of the list as clean text: what a screen reader reads.
pub(crate) fn rows_text(model: &mut Model) -> Vec<String> {
    let ids = model
        .list()
        .map(|list| list.order().to_vec())
        .unwrap_or_default();
    if model.screen == Screen::Health {
        return page_text(model).lines().map(str::to_owned).collect();
    }
    let now_ms = model.clock.now_ms;
    ids.iter()
        .filter_map(|id| {
            model
                .lists
                .entry(model.screen)
                .or_default()
                .select(id, now_ms);
            row_text(model)
        })
        .collect()
}

/// The funnel as clean text.
pub(crate) fn why_text(model: &Model) -> Vec<String> {
    why::text_lines(model)
}

/// The whole screen as text, every row of its list.
pub(crate) fn page_text(model: &Model) -> String {
    let rows = model.list().map_or(0, |list| list.order().len());
    let height = u16::try_from(rows + 40)
        .unwrap_or(u16::MAX)
        .min(MAX_PAGE_ROWS);
    let area = Rect::new(0, 0, PAGE_COLUMNS, height);
    let mut buf = Buffer::empty(area);
    let strip = Rect { height: 1, ..area };
    strip::draw(model, (&mut buf, strip));
    let body = Rect {
        y: 1,
        height: height - 1,
        ..area
    };
    draw_body(model, body, &mut buf);
    seal::seal(&mut buf, model.manners.look);
    let lines: Vec<String> = rows_of(&buf)
        .into_iter()
        .map(|row| row.trim_end().to_owned())
        .collect();
    let page = lines.join("\n");
    format!("{}\n", page.trim_end())
}

/// The rows of a buffer as text.
pub(crate) fn rows_of(buf: &Buffer) -> Vec<String> {
    use unicode_width::UnicodeWidthStr;
    let width = usize::from(buf.area.width);
    let rows = buf.content.chunks(width.max(1)).map(|row| {
        let mut line = String::new();
        let mut covered = 0;
        for cell in row {
            // A wide character covers the cell after it.
            if covered == 0 {
                line.push_str(cell.symbol());
                covered = cell.symbol().width().saturating_sub(1);
            } else {
                covered -= 1;
            }
        }
        line
    });
    rows.collect()
}

/// `3 of 14`, or just how many.
fn counted(shown: usize, all: usize) -> String {
    if shown == all {
        all.to_string()
    } else {
        format!("{shown} of {all}")
    }
}

/// The rows of a list that fit, around its cursor: index and id.
fn visible(model: &Model, height: usize) -> Vec<(String, bool)> {
    let Some(list) = model.list() else {
        return Vec::new();
    };
    let selected = list.selected();
    let ids = list
        .order()
        .iter()
        .skip(list.first_row(height))
        .take(height);
    ids.map(|id| (id.clone(), Some(id.as_str()) == selected))
        .collect()
}

/// The cursor's mark.
fn pointer(selected: bool) -> &'static str {
    if selected { "> " } else { "  " }
}

/// A short sentence where there is nothing to list.
fn nothing(pen: &mut Pen, says: &str) {
    pen.row(&[crate::pen::dim(text::cut(
        &format!("  {says}"),
        pen.width(),
    ))]);
}

#[cfg(test)]
mod tests;
