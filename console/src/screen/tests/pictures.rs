//! The pictures of the operator's tour are what the console draws today.
//!
//! `RINGWARD_UPDATE_PICTURES=1 cargo test -p ringward-console pictures` draws them anew.

use super::picture::svg;
use super::{at, drawn};
use crate::model::Model;
use crate::sample::{UNICODE, arm, press};
use crate::screen::Screen;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../appliance/docs/images")
}

fn tour() -> Vec<(&'static str, Model, (u16, u16))> {
    let mut card = at(Screen::Rooms, UNICODE);
    arm(&mut card);
    press(&mut card, "X Enter s Tab m l e e Tab 7 F");
    vec![
        ("overview", at(Screen::Overview, UNICODE), (100, 26)),
        ("rooms", at(Screen::Rooms, UNICODE), (130, 26)),
        ("room", at(Screen::Room, UNICODE), (100, 24)),
        ("why", at(Screen::Devices, UNICODE), (100, 26)),
        ("card", card, (100, 26)),
        ("events", at(Screen::Events, UNICODE), (100, 22)),
        ("health", at(Screen::Health, UNICODE), (100, 24)),
    ]
}

#[test]
fn the_pictures_of_the_tour_are_current() {
    for (name, model, size) in tour() {
        let file = folder().join(format!("console-{name}.svg"));
        let picture = svg(&drawn(&model, size), &format!("Ringward console: {name}"));
        if std::env::var_os("RINGWARD_UPDATE_PICTURES").is_some() {
            std::fs::write(&file, &picture).expect("written");
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            kept == picture,
            "{} is not what the console draws; RINGWARD_UPDATE_PICTURES=1 draws it anew",
            file.display()
        );
    }
}
