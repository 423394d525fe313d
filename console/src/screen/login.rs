//! Small windows: an account, the question before leaving.

use crate::look::Tone;
use crate::model::{Login, Model};
use crate::pen::{Pen, dim, plain, strong};
use crate::screen::window;
use crate::station::Fresh;
use crate::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Draws the account being typed.
pub(super) fn draw(model: &Model, login: &Login, area: Rect, buf: &mut Buffer) {
    let Some(station) = model.stations.get(login.station) else {
        return;
    };
    let title = if login.arm {
        "arm: log in again"
    } else {
        "log in"
    };
    let inner = window(model, title, (64, 9), area, buf);
    let mut pen = Pen::new(buf, inner, model.manners.look, Fresh::Live);
    pen.row(&[
        dim("Box       "),
        plain(format!("{}  {}", station.name, station.place)),
    ]);
    let at = |here: bool| if here { Tone::Cursor } else { Tone::Plain };
    pen.row(&[
        dim("Account   "),
        (at(!login.at_password), text::left(login.name.text(), 30)),
    ]);
    let stars = "*".repeat(login.password.text().chars().count());
    pen.row(&[
        dim("Password  "),
        (at(login.at_password), text::left(&stars, 30)),
    ]);
    pen.skip();
    match (&login.said, login.asked) {
        (_, true) => pen.row(&[plain("asking the box ...")]),
        (Some(said), false) => pen.paragraph(Tone::Medium, "! ", said),
        (None, false) => pen.row(&[dim("Sent to this box only, over TLS; never kept")]),
    }
}

/// Draws the question before leaving.
pub(super) fn draw_quit(model: &Model, area: Rect, buf: &mut Buffer) {
    let inner = window(model, "leave", (56, 6), area, buf);
    let mut pen = Pen::new(buf, inner, model.manners.look, Fresh::Live);
    pen.row(&[strong("You are armed.")]);
    pen.row(&[
        plain("Leave? "),
        strong("y"),
        plain(" leaves, any other key stays"),
    ]);
}
