//! A terminal's screen as an SVG picture.

use super::rows_of;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use std::fmt::Write as _;

const COLUMN: f32 = 8.4;
const ROW: f32 = 18.0;
const GROUND: &str = "#14161a";
const INK: &str = "#d0d0d0";

/// The picture of a buffer.
pub(super) fn svg(buf: &Buffer, title: &str) -> String {
    let (columns, rows) = (buf.area.width, buf.area.height);
    let (width, height) = (
        f32::from(columns) * COLUMN + 16.0,
        f32::from(rows) * ROW + 16.0,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n<title>{title}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{GROUND}\"/>\n\
         <g font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"14\" xml:space=\"preserve\">\n"
    );
    for (y, row) in buf.content.chunks(usize::from(columns)).enumerate() {
        let mut from = 0;
        for x in 1..=row.len() {
            if x == row.len() || row[x].style() != row[from].style() {
                run(&mut svg, buf, y, from, x);
                from = x;
            }
        }
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

fn run(svg: &mut String, buf: &Buffer, y: usize, from: usize, to: usize) {
    let cell = &buf[(from as u16, y as u16)];
    let reversed = cell.modifier.contains(Modifier::REVERSED);
    let (mut ink, mut ground) = (colour(cell.fg, INK), colour(cell.bg, ""));
    if reversed {
        let swapped = if ground.is_empty() {
            GROUND.to_owned()
        } else {
            ground
        };
        (ink, ground) = (swapped, ink);
    }
    let (left, top) = (8.0 + from as f32 * COLUMN, 8.0 + y as f32 * ROW);
    let width = (to - from) as f32 * COLUMN;
    if !ground.is_empty() {
        let _ = writeln!(
            svg,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{ROW}\" fill=\"{ground}\"/>"
        );
    }
    let cells = from as u16..to as u16;
    let text: String = cells.map(|x| buf[(x, y as u16)].symbol()).collect();
    if text.trim().is_empty() {
        return;
    }
    let weight = if cell.modifier.contains(Modifier::BOLD) {
        " font-weight=\"bold\""
    } else {
        ""
    };
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let baseline = top + 13.5;
    let _ = writeln!(
        svg,
        "<text x=\"{left:.1}\" y=\"{baseline:.1}\" textLength=\"{width:.1}\" fill=\"{ink}\"{weight}>{escaped}</text>"
    );
}

/// The colours a common terminal has.
fn colour(colour: Color, default: &str) -> String {
    match colour {
        Color::Indexed(n @ 16..=231) => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + step * 40 };
            let n = n - 16;
            format!(
                "#{:02x}{:02x}{:02x}",
                level(n / 36),
                level(n / 6 % 6),
                level(n % 6)
            )
        }
        Color::Indexed(n @ 232..) => {
            let grey = 8 + (n - 232) * 10;
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
        _ => default.to_owned(),
    }
}

#[test]
fn a_picture_holds_every_word_of_the_screen() {
    let model = crate::sample::night(crate::sample::UNICODE);
    let buf = super::drawn(&model, (80, 24));
    let picture = svg(&buf, "x");
    for word in rows_of(&buf)
        .join(" ")
        .split_whitespace()
        .filter(|w| w.chars().all(char::is_alphanumeric))
    {
        assert!(picture.contains(word), "{word}");
    }
}
