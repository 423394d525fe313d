//! Everything that lies over a screen.

use super::{at, described, drawn};
use crate::action::{Action, Heard};
use crate::model::Model;
use crate::sample::{self, ASCII, UNICODE, arm, done, hear, press, say};
use crate::screen::Screen;
use crate::station::Station;
use crate::update::update;
use wire::admin::EndRequest;

fn shown(name: &str, model: &Model) {
    insta::assert_snapshot!(name, described(&drawn(model, (80, 24))));
}

#[test]
fn the_kill_card_step_by_step() {
    let mut model = at(Screen::Rooms, ASCII);
    press(&mut model, "G X");
    shown("card_1_impact_read_only", &model);
    press(&mut model, "Enter");
    shown("card_2_form_read_only", &model);
    press(&mut model, "Esc");
    arm(&mut model);
    press(&mut model, "Home X Enter s Tab n o b o d y Tab 2 2");
    shown("card_2_form_typed", &model);
    press(&mut model, "Ctrl-Y");
    shown("card_2_form_missing", &model);
}

#[test]
fn the_kill_card_says_what_became_of_it() {
    let mut model = at(Screen::Rooms, UNICODE);
    arm(&mut model);
    press(&mut model, "X Enter s Tab m l e e Tab 7 F 3 A Ctrl-Y");
    shown("card_3_sent", &model);
    let tag = *model.pending.keys().next().expect("on its way");
    hear(
        &mut model,
        Heard::Answer {
            tag,
            answer: done("3 transports, record kept"),
        },
    );
    shown("card_4_done", &model);
    press(&mut model, "Esc X Enter s Tab m l e e Tab 7 F 3 A Ctrl-Y");
    let tag = *model.pending.keys().next().expect("on its way");
    hear(
        &mut model,
        Heard::Answer {
            tag,
            answer: Err("unix:/run/x: no answer in time".to_owned()),
        },
    );
    shown("card_4_not_known", &model);
}

/// Of the first room: held, and perhaps somebody wants to end it.
fn held(asks: Option<&str>) -> Model {
    let mut model = at(Screen::Rooms, ASCII);
    let room = model.picture().rooms["RM_aaaaaaaa7F3A"].as_ref().clone();
    let request = |by: &str| EndRequest {
        sid: room.sid.clone(),
        by: by.to_owned(),
        until_ms: sample::NOW_MS + 247_000,
    };
    let room = wire::admin::LiveRoom {
        hold: true,
        end_requests: asks.map(request).into_iter().collect(),
        card_holders: vec!["jdoe".to_owned(), "mlee".to_owned()],
        ..room
    };
    let change = wire::admin::Change::Room { room };
    let frame = sample::frame(sample::NOW_MS + 100, change);
    hear(&mut model, Heard::Frame(Box::new(frame)));
    arm(&mut model);
    model
}

#[test]
fn a_held_session_waits_for_a_second_person_and_everybody_sees_who_asks() {
    let mut model = held(None);
    press(&mut model, "X");
    shown("card_held", &model);
    press(&mut model, "Enter s Tab Tab 7 F 3 A Ctrl-Y");
    let tag = *model.pending.keys().next().expect("on its way");
    let waits = wire::admin::ActionAnswer {
        outcome: wire::admin::Outcome::Waiting,
        waits_until_ms: Some(sample::NOW_MS + 300_000),
        ..done("held: a second person has to end it too").expect("an answer")
    };
    let answer = Ok(waits);
    hear(&mut model, Heard::Answer { tag, answer });
    shown("card_held_waits", &model);

    let mut other = held(Some("jdoe"));
    for size in super::SIZES {
        let name = format!("rooms_asked_{}x{}", size.0, size.1);
        insta::assert_snapshot!(name, described(&drawn(&other, size)));
    }
    press(&mut other, "X");
    shown("card_held_asked", &other);
    let mut own = held(Some("mlee"));
    press(&mut own, "X");
    shown("card_held_own", &own);
}

#[test]
fn who_waits_is_seen_to_and_is_let_in_by_a_card() {
    let mut model = at(Screen::Room, ASCII);
    let mut detail = sample::detail();
    detail.room.waiting = 1;
    let pat = detail
        .participants
        .iter_mut()
        .find(|who| who.identity.starts_with("pat"));
    let pat = pat.expect("somebody");
    pat.state = "waiting".to_owned();
    pat.tracks.clear();
    pat.quality = Some("excellent".to_owned());
    let room = detail.room.clone();
    let detail = Box::new(detail);
    for change in [
        wire::admin::Change::Room { room },
        wire::admin::Change::Detail { detail },
    ] {
        let frame = sample::frame(sample::NOW_MS + 1_000, change);
        hear(&mut model, Heard::Frame(Box::new(frame)));
    }
    for size in super::SIZES {
        let name = format!("room_waiting_{}x{}", size.0, size.1);
        insta::assert_snapshot!(name, described(&drawn(&model, size)));
    }
    arm(&mut model);
    press(&mut model, "Home j j j w r");
    shown("card_admit", &model);
}

#[test]
fn a_shelved_alarm_has_a_card_too() {
    let mut model = at(Screen::Overview, ASCII);
    arm(&mut model);
    press(&mut model, "S m");
    shown("card_shelve", &model);
}

#[test]
fn help_is_drawn_from_the_tables() {
    let mut model = at(Screen::Rooms, ASCII);
    press(&mut model, "?");
    shown("help", &model);
    press(&mut model, "PgDn PgDn PgDn PgDn");
    shown("help_scrolled", &model);
}

#[test]
fn the_palette_offers_what_fits() {
    let mut model = at(Screen::Rooms, ASCII);
    press(&mut model, ": u n");
    shown("palette", &model);
    press(&mut model, "h Tab Enter");
    shown("palette_wrong", &model);
}

#[test]
fn a_filter_error_points_at_its_column() {
    let mut model = at(Screen::Rooms, ASCII);
    press(&mut model, "/");
    update(&mut model, Action::Paste("ward:ICU & los>2%".to_owned()));
    press(&mut model, "Enter");
    shown("filter_wrong", &model);
    press(&mut model, "Ctrl-U");
    update(&mut model, Action::Paste("flag!=none & loss>2%".to_owned()));
    press(&mut model, "Enter");
    shown("filter", &model);
}

#[test]
fn an_account_is_asked_for() {
    let mut model = at(Screen::Rooms, ASCII);
    model.stations[0] = Station::new("BOX-2", "https://box-2.example", true, "mlee");
    hear(
        &mut model,
        Heard::LoginNeeded("an account is needed".to_owned()),
    );
    press(&mut model, "s e c");
    shown("login", &model);
}

#[test]
fn the_handover_is_signed_by_both() {
    let mut model = at(Screen::Overview, ASCII);
    say(&mut model, "note otoscope lent to ER");
    press(&mut model, "H j d o e");
    shown("handover", &model);
}

#[test]
fn who_is_armed_is_asked_before_leaving() {
    let mut model = at(Screen::Overview, ASCII);
    arm(&mut model);
    press(&mut model, "q");
    shown("quit", &model);
}

#[test]
fn a_locked_console_masks_names_and_goes_on_showing_alarms() {
    let mut model = at(Screen::Room, ASCII);
    model.station_mut().unmasked_until_ms = Some(u64::MAX);
    say(&mut model, "lock");
    shown("locked", &model);
}

#[test]
fn frozen_and_replayed_say_so() {
    let mut model = at(Screen::Rooms, ASCII);
    press(&mut model, "Space");
    shown("frozen", &model);
    press(&mut model, "Space");
    for seconds in 1..5 {
        let health = Box::default();
        let change = wire::admin::Change::Box { health };
        let frame = sample::frame(sample::NOW_MS + seconds * 20_000, change);
        hear(&mut model, Heard::Frame(Box::new(frame)));
    }
    press(&mut model, "[ [");
    shown("replay", &model);
}
