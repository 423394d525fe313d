//! The last look at every cell before it leaves for the terminal.

use crate::look::Look;
use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthStr;
use vocab::DisplayText;

/// Replaces what a terminal would obey or could not show. Texts are clean since they were read
/// (`ingest`); this holds whatever a widget did to them since.
pub(super) fn seal(buf: &mut Buffer, look: Look) {
    for cell in &mut buf.content {
        let symbol = cell.symbol();
        if let [b' '..=b'~'] = symbol.as_bytes() {
            continue;
        }
        if look.ascii {
            let plain = plain(symbol);
            cell.set_symbol(plain);
        } else if !is_clean(symbol) {
            cell.set_symbol("?");
        }
    }
}

fn is_clean(symbol: &str) -> bool {
    !symbol.is_empty() && DisplayText::new(symbol).as_str() == symbol && symbol.width() <= 2
}

fn plain(symbol: &str) -> &'static str {
    match symbol {
        "" => " ",
        "─" => "-",
        "│" => "|",
        "┌" | "┐" | "└" | "┘" => "+",
        "…" => "~",
        _ => "?",
    }
}
