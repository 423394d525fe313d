//! Writing rows into an area: styled pieces, rules, and tables whose columns give way.

use crate::look::{Look, Tone};
use crate::station::Fresh;
use crate::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

/// Writes row after row, from the top; what does not fit is left out.
pub(crate) struct Pen<'a> {
    buf: &'a mut Buffer,
    area: Rect,
    y: u16,
    look: Look,
    fresh: Fresh,
}

/// A piece of a row.
pub(crate) type Piece = (Tone, String);

/// A piece of data.
pub(crate) fn plain(text: impl Into<String>) -> Piece {
    (Tone::Plain, text.into())
}

/// A piece that matters less.
pub(crate) fn dim(text: impl Into<String>) -> Piece {
    (Tone::Dim, text.into())
}

/// A piece that an eye should find.
pub(crate) fn strong(text: impl Into<String>) -> Piece {
    (Tone::Strong, text.into())
}

impl<'a> Pen<'a> {
    /// A pen at the top of an area. What is not fresh is grey.
    pub(crate) fn new(buf: &'a mut Buffer, area: Rect, look: Look, fresh: Fresh) -> Self {
        let area = area.intersection(buf.area);
        Self {
            buf,
            area,
            y: 0,
            look,
            fresh,
        }
    }

    /// What is left of the area.
    pub(crate) fn here(&self) -> Rect {
        Rect {
            y: self.area.y + self.y,
            height: self.area.height.saturating_sub(self.y),
            ..self.area
        }
    }

    /// Rows that are left.
    pub(crate) fn left(&self) -> usize {
        usize::from(self.area.height.saturating_sub(self.y))
    }

    /// Columns.
    pub(crate) fn width(&self) -> usize {
        usize::from(self.area.width)
    }

    /// A figure, or `?` where it is too old.
    pub(crate) fn figure(&self, text: impl Into<String>) -> String {
        if self.fresh == Fresh::Unknown {
            text::UNKNOWN.to_owned()
        } else {
            text.into()
        }
    }

    fn style(&self, tone: Tone) -> Style {
        let grey = self.fresh != Fresh::Live;
        let tone = match tone {
            Tone::Plain | Tone::Strong | Tone::Low if grey => Tone::Dim,
            tone => tone,
        };
        self.look.style(tone)
    }

    /// One row of pieces.
    pub(crate) fn row(&mut self, pieces: &[Piece]) {
        self.write(pieces, None);
    }

    /// One row, all of it in one style where `tone` says so (the cursor).
    pub(crate) fn marked(&mut self, pieces: &[Piece], tone: Option<Tone>) {
        self.write(pieces, tone);
    }

    fn write(&mut self, pieces: &[Piece], over: Option<Tone>) {
        if self.left() == 0 {
            return;
        }
        let (mut x, y) = (self.area.x, self.area.y + self.y);
        let end = self.area.right();
        if let Some(tone) = over {
            let row = Rect::new(self.area.x, y, self.area.width, 1);
            self.buf.set_style(row, self.look.style(tone));
        }
        for (tone, piece) in pieces {
            if x >= end {
                break;
            }
            // The cursor's row keeps the marks of alarms.
            let alarm = matches!(tone, Tone::High | Tone::HighNew);
            let style = match over {
                Some(over) if !alarm => self.look.style(over),
                _ => self.style(*tone),
            };
            x = self
                .buf
                .set_stringn(x, y, piece, usize::from(end - x), style)
                .0;
        }
        self.y += 1;
    }

    /// An empty row.
    pub(crate) fn skip(&mut self) {
        self.y = self.y.saturating_add(1).min(self.area.height);
    }

    /// A heading on a rule over the whole width, with something at its right end.
    pub(crate) fn rule(&mut self, title: &str, right: &str) {
        let title = if title.is_empty() {
            String::new()
        } else {
            format!("{title} ")
        };
        let right = if right.is_empty() {
            String::new()
        } else {
            format!(" {right}")
        };
        let gap = self.width().saturating_sub(title.width() + right.width());
        let rule = self.look.rule().repeat(gap);
        self.row(&[
            (Tone::Strong, title),
            (Tone::Dim, rule),
            (Tone::Title, right),
        ]);
    }

    /// A text in as many rows as it takes.
    pub(crate) fn paragraph(&mut self, tone: Tone, indent: &str, body: &str) {
        let width = self.width().saturating_sub(indent.width());
        for line in text::wrap(body, width) {
            self.row(&[dim(indent), (tone, line)]);
        }
    }

    /// What is left of the area.
    pub(crate) fn rest(self) -> (&'a mut Buffer, Rect) {
        let area = self.here();
        (self.buf, area)
    }
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// Its heading.
    pub(crate) head: &'static str,
    /// Its width; the first column of width 0 takes what is left.
    pub(crate) width: usize,
    /// Figures stand at the right.
    pub(crate) right: bool,
    /// Where it is narrow, columns of the highest rank go first; rank 0 stays.
    pub(crate) rank: u8,
}

/// A column, short.
pub(crate) const fn column(head: &'static str, width: usize, right: bool, rank: u8) -> Column {
    Column {
        head,
        width,
        right,
        rank,
    }
}

/// Narrowest a flexible column gets before others give way.
const LEAST_FLEXIBLE: usize = 8;

/// A table's columns as they fit a width.
pub(crate) struct Table {
    columns: Vec<(usize, Column)>,
}

impl Table {
    /// Fits columns into a width.
    pub(crate) fn new(columns: &[Column], width: usize) -> Self {
        let mut columns: Vec<(usize, Column)> = columns.iter().copied().enumerate().collect();
        let need = |columns: &[(usize, Column)]| -> usize {
            columns
                .iter()
                .map(|(_, c)| c.width.max(if c.width == 0 { LEAST_FLEXIBLE } else { 0 }) + 1)
                .sum()
        };
        while need(&columns) > width + 1 {
            let last = columns.iter().map(|(_, c)| c.rank).max().unwrap_or(0);
            let Some(at) = columns
                .iter()
                .rposition(|(_, c)| c.rank == last)
                .filter(|_| last > 0)
            else {
                break;
            };
            columns.remove(at);
        }
        let fixed: usize = columns.iter().map(|(_, c)| c.width + 1).sum();
        if let Some((_, flexible)) = columns.iter_mut().find(|(_, c)| c.width == 0) {
            flexible.width = (width + 1).saturating_sub(fixed);
        }
        Self { columns }
    }

    /// The headings.
    pub(crate) fn head(&self) -> Piece {
        let heads = self
            .columns
            .iter()
            .map(|(_, column)| column.cell(column.head));
        dim(heads.collect::<Vec<_>>().join(" "))
    }

    /// A row; `cells` has one piece for every column asked for, fitting or not.
    pub(crate) fn row(&self, cells: &[Piece]) -> Vec<Piece> {
        let mut pieces = Vec::with_capacity(self.columns.len() * 2);
        for (index, column) in &self.columns {
            let Some((tone, cell)) = cells.get(*index) else {
                continue;
            };
            pieces.push((*tone, column.cell(cell)));
            pieces.push(plain(" "));
        }
        pieces
    }
}

impl Column {
    fn cell(&self, text: &str) -> String {
        if self.right {
            text::right(text, self.width)
        } else {
            text::left(text, self.width)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_give_way_by_rank_and_the_flexible_one_takes_the_rest() {
        const COLUMNS: [Column; 4] = [
            column("ID", 7, false, 0),
            column("ROOM", 0, false, 0),
            column("RTT", 4, true, 2),
            column("LOSS", 5, true, 1),
        ];
        for (width, want) in [
            (40, "ID      ROOM                   RTT  LOSS"),
            (24, "ID      ROOM        LOSS"),
            (16, "ID      ROOM    "),
        ] {
            let (_, head) = Table::new(&COLUMNS, width).head();
            assert_eq!(head.trim_end(), want.trim_end(), "{width}");
        }
    }
}
