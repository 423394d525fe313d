//! Every screen and dialog as it is drawn, and the pictures of the operator's tour.

mod dialogs;
mod hostile;
mod mouse;
mod picture;
mod pictures;

use super::*;
use crate::look::Look;
use crate::sample;
use crate::sample::{ASCII, MONO, UNICODE, night, press, say};
use ratatui::style::{Color, Modifier, Style};
use std::fmt::Write as _;

const SIZES: [(u16, u16); 3] = [(60, 20), (80, 24), (120, 40)];
const LOOKS: [(&str, Look); 3] = [("colour", UNICODE), ("mono", MONO), ("ascii", ASCII)];

/// What a terminal of this size shows.
fn drawn(model: &Model, (width, height): (u16, u16)) -> Buffer {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    render(model, area, &mut buf);
    buf
}

/// Rows as text, then where which style is.
fn described(buf: &Buffer) -> String {
    let mut text = String::new();
    for row in rows_of(buf) {
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text.push_str("--\n");
    let width = usize::from(buf.area.width);
    for (y, row) in buf.content.chunks(width).enumerate() {
        let mut runs = String::new();
        let mut from = 0;
        for x in 1..=width {
            if x == width || row[x].style() != row[from].style() {
                let style = named(row[from].style());
                if !style.is_empty() {
                    let _ = write!(runs, " {from}-{}:{style}", x - 1);
                }
                from = x;
            }
        }
        if !runs.is_empty() {
            let _ = writeln!(text, "{y:>2}{runs}");
        }
    }
    text
}

fn named(style: Style) -> String {
    let colour = |colour: Option<Color>| match colour {
        None | Some(Color::Reset) => String::new(),
        Some(Color::Indexed(n)) => n.to_string(),
        Some(other) => other.to_string(),
    };
    let (fg, bg) = (colour(style.fg), colour(style.bg));
    let mut name = fg;
    if !bg.is_empty() {
        let _ = write!(name, "/{bg}");
    }
    for (modifier, letter) in [
        (Modifier::BOLD, "+b"),
        (Modifier::UNDERLINED, "+u"),
        (Modifier::REVERSED, "+r"),
        (Modifier::SLOW_BLINK, "+blink"),
    ] {
        if style.add_modifier.contains(modifier) {
            name.push_str(letter);
        }
    }
    name
}

/// Brings a console to a screen as an operator would.
fn at(screen: Screen, look: Look) -> Model {
    let mut model = night(look);
    match screen {
        Screen::Overview => {}
        Screen::Rooms => drop(press(&mut model, "2")),
        Screen::Room => {
            press(&mut model, "2");
            say(&mut model, "room ICU-07");
            let detail = Box::new(sample::detail());
            let frame = sample::frame(sample::NOW_MS + 900, wire::admin::Change::Detail { detail });
            sample::hear(&mut model, crate::action::Heard::Frame(Box::new(frame)));
            press(&mut model, "j");
        }
        Screen::Devices => {
            say(&mut model, "why pat-4712");
            sample::hear(
                &mut model,
                crate::action::Heard::Why(Ok(Box::new(sample::why()))),
            );
            press(&mut model, "j");
        }
        Screen::Events => drop(press(&mut model, "5 j")),
        Screen::Health => drop(press(&mut model, "6")),
    }
    model
}

#[test]
fn every_screen_at_every_size_in_every_look() {
    for screen in Screen::ALL {
        for size in SIZES {
            for (name, look) in LOOKS {
                let text = described(&drawn(&at(screen, look), size));
                let name = format!("{}_{}x{}_{name}", screen.word(), size.0, size.1);
                insta::assert_snapshot!(name, text);
            }
        }
    }
}

#[test]
fn ascii_looks_are_ascii_and_mono_looks_have_no_colour() {
    for screen in Screen::ALL {
        for size in SIZES {
            let text = rows_of(&drawn(&at(screen, ASCII), size)).concat();
            assert!(text.is_ascii(), "{screen:?} {size:?}: {text}");
            let mono = drawn(&at(screen, MONO), size);
            let coloured =
                |cell: &ratatui::buffer::Cell| cell.fg != Color::Reset || cell.bg != Color::Reset;
            assert!(!mono.content.iter().any(coloured), "{screen:?} {size:?}");
        }
    }
}

#[test]
fn a_terminal_that_is_too_small_is_told_and_still_counts_alarms() {
    let text = rows_of(&drawn(&night(ASCII), (59, 20))).join("\n");
    assert!(
        text.contains("59x20 is too small: 60x20 at least"),
        "{text}"
    );
    assert!(text.contains("***1"), "{text}");
    for size in [(1, 1), (10, 2), (0, 0), (60, 19)] {
        drawn(&night(ASCII), size);
    }
}

#[test]
fn alarms_and_age_stay_on_every_screen_at_every_size() {
    for screen in Screen::ALL {
        for size in SIZES {
            let first = rows_of(&drawn(&at(screen, UNICODE), size)).swap_remove(0);
            for part in ["***1", "**2", "*0", "READ-ONLY", "live 0."] {
                assert!(
                    first.contains(part),
                    "{screen:?} {size:?}: {part} in {first}"
                );
            }
        }
    }
}

#[test]
fn old_figures_turn_grey_and_then_to_question_marks() {
    let mut model = at(Screen::Rooms, UNICODE);
    let heard = model.station().heard_ms.expect("heard");
    let row = |model: &Model| {
        rows_of(&drawn(model, (80, 24)))
            .into_iter()
            .find(|r| r.contains("ER-2"))
    };
    for (age, figures) in [(2_500, true), (3_001, false)] {
        model.clock.now_ms = heard + age;
        let row = row(&model).expect("a row");
        assert_eq!(row.contains("3.2%"), figures, "{age}: {row}");
        assert_eq!(row.contains('?'), !figures, "{age}: {row}");
    }
}

#[test]
fn a_lost_link_keeps_what_was_known_and_says_so() {
    let mut model = at(Screen::Rooms, ASCII);
    sample::hear(
        &mut model,
        crate::action::Heard::Lost("unix:/run/x: Connection refused".to_owned()),
    );
    let after_ms = model.clock.now_ms - 1_000_000 + 65_000;
    sample::tick(&mut model, after_ms);
    insta::assert_snapshot!("link_lost", described(&drawn(&model, (80, 24))));
}

#[test]
fn a_room_that_is_called_after_somebody_is_masked_on_every_screen_and_page() {
    let mut model = night(UNICODE);
    let named = |detail: &mut wire::admin::RoomDetail| {
        detail.room.name = "visit-maria".to_owned();
        detail.room.ward = Some("visit".to_owned());
    };
    let mut detail = sample::detail();
    named(&mut detail);
    let sid = detail.room.sid.clone();
    let room = detail.room.clone();
    let details = vec![detail.clone()];
    sample::hear(&mut model, crate::action::Heard::Devices(Ok(details)));
    let detail = Box::new(detail);
    for change in [
        wire::admin::Change::Room { room },
        wire::admin::Change::Detail { detail },
    ] {
        let at_ms = model.station().live.at_ms + 1;
        let frame = Box::new(sample::frame(at_ms, change));
        sample::hear(&mut model, crate::action::Heard::Frame(frame));
    }
    let mut told = String::new();
    say(&mut model, &format!("room {sid}"));
    for key in ["1", "2", "3", "4", "5", "6", "2 X", "Esc H"] {
        press(&mut model, key);
        told.push_str(&rows_of(&drawn(&model, (160, 50))).join("\n"));
        told.push_str(&page_text(&model));
        told.push_str(&row_text(&model).unwrap_or_default());
    }
    assert!(told.contains("v####"), "{told}");
    assert!(!told.contains("visit") && !told.contains("maria"), "{told}");
    let model = &mut model;
    press(model, "Esc 2");
    model.station_mut().unmasked_until_ms = Some(u64::MAX);
    assert!(
        rows_of(&drawn(model, (160, 50)))
            .concat()
            .contains("visit-maria")
    );
}
