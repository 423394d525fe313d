//! What lies under the mouse is what is drawn there.

use super::*;
use crate::action::{Action, Request};
use crate::update::update;

fn click(model: &mut Model, size: (u16, u16), x: u16, y: u16) -> bool {
    let area = Rect::new(0, 0, size.0, size.1);
    let spot = spot(model, area, Position::new(x, y));
    let found = spot.is_some();
    if let Some(spot) = spot {
        let requests = update(model, Action::Click(spot));
        let acts = |request: &Request| matches!(request, Request::Act { .. } | Request::Quit);
        assert!(!requests.iter().any(acts), "it only finds");
    }
    found
}

#[test]
fn a_click_puts_the_cursor_on_the_row_that_is_drawn_there() {
    for screen in [
        Screen::Overview,
        Screen::Rooms,
        Screen::Room,
        Screen::Devices,
        Screen::Events,
    ] {
        for size in SIZES {
            let mut found = 0;
            for y in 0..size.1 {
                let mut model = at(screen, ASCII);
                let before = rows_of(&drawn(&model, size))[usize::from(y)].replacen('>', " ", 1);
                // The foot has the screens' names.
                if y + 1 == size.1 || !click(&mut model, size, 5, y) {
                    continue;
                }
                found += 1;
                let after = rows_of(&drawn(&model, size));
                let cursor = after.iter().find(|row| row.starts_with("> "));
                let cursor = cursor.expect("a cursor").replacen('>', " ", 1);
                let list = before.len().min(24);
                assert_eq!(
                    cursor[..list],
                    before[..list],
                    "{screen:?} {size:?} row {y}"
                );
            }
            let rows = at(screen, ASCII)
                .list()
                .map_or(0, |list| list.order().len());
            assert!(found > 0 && found <= rows, "{screen:?} {size:?}: {found}");
        }
    }
}

#[test]
fn a_click_on_a_screens_name_shows_it() {
    for screen in Screen::ALL {
        for size in [(80, 24), (120, 40)] {
            let mut model = at(Screen::Rooms, ASCII);
            let foot = rows_of(&drawn(&model, size)).pop().expect("a foot");
            let name = format!(
                "{}{}",
                model.manners.keys.key(screen.binding()),
                screen.tab()
            );
            let x = foot.find(&name).expect(&name) as u16;
            assert!(click(&mut model, size, x, size.1 - 1));
            assert_eq!(model.screen, screen);
            let end = x + name.len() as u16;
            assert!(
                !click(&mut model, size, end, size.1 - 1),
                "between two names"
            );
        }
    }
}

#[test]
fn the_mouse_does_nothing_where_a_dialog_wants_keys() {
    let size = (80, 24);
    let mut model = at(Screen::Rooms, ASCII);
    sample::arm(&mut model);
    press(&mut model, "X");
    let card = rows_of(&drawn(&model, size)).join("\n");
    let selected = model
        .list()
        .and_then(|list| list.selected())
        .map(str::to_owned);
    for y in 0..size.1 {
        for x in 0..size.0 {
            assert!(!click(&mut model, size, x, y));
        }
    }
    update(&mut model, Action::Wheel(1));
    update(&mut model, Action::Click(Spot::Tab(Screen::Health)));
    assert_eq!(rows_of(&drawn(&model, size)).join("\n"), card);
    assert_eq!(
        model
            .list()
            .and_then(|list| list.selected())
            .map(str::to_owned),
        selected
    );
}
