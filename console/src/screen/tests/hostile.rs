//! Names that would rule a terminal: 500 of them, through every way out.

use super::{drawn, rows_of};
use crate::action::{Action, Heard};
use crate::ingest;
use crate::model::Model;
use crate::sample::{self, ASCII, MONO, UNICODE, empty, hear, press, say};
use crate::screen::{Screen, page_text, row_text, rows_text};
use crate::update::update;
use serde_json::{Value, json};

/// What a terminal obeys, what turns text around, and what takes no place.
fn is_hostile(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{0300}'..='\u{036F}')
}

const SEEDS: [&str; 10] = [
    "\u{1b}[2J\u{1b}[H",
    "\u{1b}]52;c;cm0gLXJmIC8=\u{7}",
    "\u{9b}6n",
    "\u{1b}[6n",
    "\u{202e}gnp.exe",
    "a\u{200b}\u{200d}\u{feff}b",
    "\u{1b}P+q544e\u{1b}\\",
    "\r\n\u{b}\u{c}\u{8}\u{7f}",
    "\u{1b}[?1049l\u{1b}[?1000h",
    "\u{2066}\u{2067}x\u{2069}",
];

/// Five hundred names, and one of a megabyte.
fn names() -> Vec<String> {
    let mut names: Vec<String> = (0..500)
        .map(|n| format!("{}{n}{}", SEEDS[n % SEEDS.len()], SEEDS[n / 50]))
        .collect();
    names[499] = "\u{0301}".repeat(1 << 20);
    names
}

/// The value with every text replaced by a hostile one; ids stay, so that lists fill.
fn poisoned(value: &mut Value, names: &mut impl Iterator<Item = String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                let closed = [
                    "change", "sid", "role", "priority", "state", "path", "stage", "grade",
                    "phase", "room_sid", "id", "alarm", "type",
                ];
                if !closed.contains(&key.as_str()) || field.is_object() || field.is_array() {
                    poisoned(field, names);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| poisoned(item, names)),
        Value::String(text) => *text = names.next().unwrap_or_default(),
        _ => {}
    }
}

fn hostile<T: serde::Serialize + serde::de::DeserializeOwned>(
    value: &T,
    names: &mut impl Iterator<Item = String>,
) -> T {
    let mut value = serde_json::to_value(value).expect("JSON");
    poisoned(&mut value, names);
    ingest::value(value.to_string().as_bytes()).expect("still of the API")
}

/// A console that only ever heard hostile texts.
fn besieged(look: crate::look::Look) -> Model {
    let names = names();
    let mut names = names.into_iter().cycle();
    let mut model = empty(look);
    let rooms: Vec<Value> = (0..500)
        .map(|n| {
            let mut room =
                serde_json::to_value(sample::room(&format!("RM_{n:012}"), "x")).expect("JSON");
            room["name"] = json!(names.next());
            room["ward"] = json!(names.next());
            room["flags"] = json!([names.next()]);
            room
        })
        .collect();
    let mut frame =
        serde_json::to_value(sample::frame(sample::NOW_MS, sample::snapshot(Vec::new())))
            .expect("JSON");
    frame["rooms"] = json!(rooms);
    frame["alarms"] = serde_json::to_value(sample::alarms()).expect("JSON");
    poisoned(&mut frame["alarms"], &mut names);
    frame["box"]["name"] = json!(names.next());
    frame["box"]["version"] = json!(names.next());
    frame["box"]["problems"] = json!([names.next(), names.next()]);
    let frame = ingest::value(frame.to_string().as_bytes()).expect("a frame");
    hear(&mut model, Heard::Frame(Box::new(frame)));
    let mut detail = sample::detail();
    detail.room.sid = "RM_000000000000".to_owned();
    let detail = hostile(&detail, &mut names);
    hear(&mut model, Heard::Devices(Ok(vec![detail.clone()])));
    hear(
        &mut model,
        Heard::Why(Ok(Box::new(hostile(&sample::why(), &mut names)))),
    );
    hear(
        &mut model,
        Heard::Attempts(Ok(vec![hostile(&sample::why().attempt, &mut names)])),
    );
    hear(
        &mut model,
        Heard::Lost(ingest::text(&names.next().expect("endless"))),
    );
    let change = wire::admin::Change::Detail {
        detail: Box::new(detail),
    };
    hear(
        &mut model,
        Heard::Frame(Box::new(sample::frame(sample::NOW_MS + 1, change))),
    );
    model
}

fn assert_clean(what: &str, text: &str) {
    let found: Vec<char> = text.chars().filter(|c| is_hostile(*c)).collect();
    assert!(found.is_empty(), "{what}: {found:?}");
}

#[test]
fn no_hostile_name_reaches_a_cell_a_copy_an_export_or_a_plain_line() {
    for look in [UNICODE, MONO, ASCII] {
        let mut model = besieged(look);
        say(&mut model, "room RM_000000000000");
        let mut shown = 0;
        for screen in Screen::ALL {
            model.screen = screen;
            press(&mut model, "j k j");
            for size in [(60, 20), (80, 24), (120, 40), (200, 50)] {
                let text = rows_of(&drawn(&model, size)).concat();
                assert_clean(&format!("{screen:?} {size:?}"), &text);
                shown += text
                    .matches(if look.ascii { '?' } else { '\u{FFFD}' })
                    .count();
            }
            assert_clean("copy", &row_text(&model).unwrap_or_default());
            assert_clean("export", &page_text(&model));
            for row in rows_text(&mut model) {
                assert_clean("plain", &row);
            }
        }
        assert!(shown > 100, "the names were really shown: {shown}");
    }
}

#[test]
fn no_hostile_name_leaves_through_cards_filters_pastes_or_errors() {
    let mut model = besieged(UNICODE);
    for keys in ["2 X Enter", "H", "? PgDn PgDn"] {
        press(&mut model, keys);
        assert_clean(keys, &rows_of(&drawn(&model, (120, 40))).concat());
        press(&mut model, "Esc");
    }
    for name in names().into_iter().take(60) {
        for open in [":", "/"] {
            press(&mut model, open);
            update(&mut model, Action::Paste(name.clone()));
            press(&mut model, "Enter");
            assert_clean("typed", &rows_of(&drawn(&model, (80, 24))).concat());
            press(&mut model, "Esc");
        }
        let error = ingest::value::<wire::admin::Frame>(name.as_bytes()).expect_err("no frame");
        assert_clean("error", &error.to_string());
    }
}

#[test]
fn the_last_look_stops_what_would_slip_through_a_widget() {
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    let mut buf = Buffer::empty(Rect::new(0, 0, 4, 1));
    for (x, symbol) in ["\u{202e}", "\u{1b}[2J", "é", "\u{200b}"]
        .into_iter()
        .enumerate()
    {
        buf[(x as u16, 0)].set_symbol(symbol);
    }
    let mut ascii = buf.clone();
    crate::screen::seal::seal(&mut buf, UNICODE);
    let symbols: Vec<&str> = buf
        .content
        .iter()
        .map(ratatui::buffer::Cell::symbol)
        .collect();
    assert_eq!(symbols, ["?", "?", "é", "?"]);
    crate::screen::seal::seal(&mut ascii, ASCII);
    assert!(rows_of(&ascii).concat().is_ascii());
}
