use super::*;
use crate::action::Heard;
use crate::model::Sort;
use crate::sample::{self, NOW_MS, UNICODE, arm, done, hear, night, press, say, tick};
use crate::screen::Screen;
use crate::station::{ARMED_MS, Link, UNMASKED_MS};
use proptest::prelude::*;
use wire::admin::{Change, LiveRoom, Target, Verb};

/// The action among requests.
fn acted(requests: &[Request]) -> Option<(&Verb, &Target)> {
    requests.iter().find_map(|request| match request {
        Request::Act { request, .. } => Some((&request.verb, &request.target)),
        _ => None,
    })
}

/// What may happen to a list while a card is open.
#[derive(Debug, Clone)]
enum Upheaval {
    Room {
        n: usize,
        loss: u16,
        people: u32,
        poor: bool,
    },
    Gone(usize),
    New(usize),
    Time(u64),
    Snapshot,
}

fn upheaval() -> impl Strategy<Value = Upheaval> {
    prop_oneof![
        (0..14_usize, 0..900_u16, 0..9_u32, any::<bool>()).prop_map(|(n, loss, people, poor)| {
            Upheaval::Room {
                n,
                loss,
                people,
                poor,
            }
        }),
        (0..14_usize).prop_map(Upheaval::Gone),
        (0..50_usize).prop_map(Upheaval::New),
        (1..40_000_u64).prop_map(Upheaval::Time),
        Just(Upheaval::Snapshot),
    ]
}

fn happens(model: &mut Model, sids: &[String], upheaval: Upheaval) {
    let frame = |model: &mut Model, change| {
        let at_ms = model.station().live.at_ms + 1;
        hear(model, Heard::Frame(Box::new(sample::frame(at_ms, change))));
    };
    match upheaval {
        Upheaval::Room {
            n,
            loss,
            people,
            poor,
        } => {
            let flags = if poor {
                vec!["poor".to_owned()]
            } else {
                Vec::new()
            };
            let room = sample::room(&sids[n % sids.len()], &format!("A-{loss}"));
            let room = LiveRoom {
                loss_permille: Some(loss),
                people,
                flags,
                ..room
            };
            frame(model, Change::Room { room });
        }
        Upheaval::Gone(n) => frame(
            model,
            Change::RoomGone {
                sid: sids[n % sids.len()].clone(),
            },
        ),
        Upheaval::New(n) => {
            let room = sample::room(&format!("RM_new{n:09}"), "AAA-new");
            frame(
                model,
                Change::Room {
                    room: LiveRoom {
                        loss_permille: Some(999),
                        ..room
                    },
                },
            );
        }
        Upheaval::Time(ms) => {
            let after = model.clock.now_ms - 1_000_000 + ms;
            tick(model, after.min(ARMED_MS - 60_000));
        }
        Upheaval::Snapshot => {
            let rooms = sids
                .iter()
                .rev()
                .map(|sid| sample::room(sid, "Z"))
                .collect();
            frame(model, sample::snapshot(rooms));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// btop#846: a list that sorts itself anew under an open card must never change its target.
    #[test]
    fn a_resorting_list_under_an_open_card_never_changes_its_target(
        row in 0..14_usize,
        before in prop::collection::vec(upheaval(), 0..12),
        during in prop::collection::vec(upheaval(), 1..40),
    ) {
        let mut model = night(UNICODE);
        let sids: Vec<String> = model.station().live.rooms.keys().cloned().collect();
        press(&mut model, "2");
        arm(&mut model);
        (0..row).for_each(|_| drop(press(&mut model, "j")));
        let disturbed = before.iter().any(|each| matches!(each, Upheaval::Gone(_) | Upheaval::Snapshot));
        for upheaval in before {
            happens(&mut model, &sids, upheaval);
        }
        let under_cursor = model.list().and_then(|list| list.selected()).map(str::to_owned);
        // What the operator saw under the cursor when the hand came down.
        let bound = under_cursor.expect("a room");
        press(&mut model, "X");
        if model.dialog.is_none() {
            prop_assert!(disturbed, "only a row that went away keeps the card shut");
            return Ok(());
        }
        press(&mut model, "Enter o Tab o k Tab");
        for upheaval in during {
            happens(&mut model, &sids, upheaval);
        }
        for c in crate::text::last_four(&bound).chars() {
            press(&mut model, &c.to_string());
        }
        let requests = press(&mut model, "Ctrl-Y");
        prop_assert_eq!(acted(&requests), Some((&Verb::End, &Target::Room { sid: bound })));
    }
}

#[test]
fn no_key_but_the_confirmed_card_ever_ends_anybody() {
    for screen in ["1", "2", "3", "4", "5", "6"] {
        let mut model = night(UNICODE);
        arm(&mut model);
        press(&mut model, screen);
        for byte in b' '..=b'~' {
            for key in [
                char::from(byte).to_string(),
                format!("Ctrl-{}", char::from(byte)),
                format!("Alt-{}", char::from(byte)),
            ] {
                let Ok(chord) = key.parse() else { continue };
                let requests = update(&mut model, Action::Key(chord));
                let verb = acted(&requests).map(|(verb, _)| *verb);
                assert!(
                    !matches!(
                        verb,
                        Some(Verb::End | Verb::Purge | Verb::Drain | Verb::BlockRejoin)
                    ),
                    "{key} on {screen}"
                );
                model.dialog = None;
                model.screen = Screen::ALL[screen.parse::<usize>().expect("a digit") - 1];
            }
        }
    }
}

#[test]
fn arming_lasts_ten_minutes_and_the_box_knows() {
    let mut model = night(UNICODE);
    let requests = say(&mut model, "arm");
    assert_eq!(acted(&requests), Some((&Verb::Arm, &Target::Box)));
    assert!(
        !model.station().armed(model.clock.now_ms),
        "not before the box has written it down"
    );
    let Request::Act { tag, .. } = &requests[0] else {
        panic!("an action")
    };
    hear(
        &mut model,
        Heard::Answer {
            tag: *tag,
            answer: done("armed"),
        },
    );
    assert!(model.station().armed(model.clock.now_ms));
    let after = model.clock.now_ms - 1_000_000;
    model.manners.lock_after_ms = u64::MAX;
    tick(&mut model, after + ARMED_MS);
    assert!(!model.station().armed(model.clock.now_ms));
    assert!(
        model
            .toast
            .as_ref()
            .is_some_and(|toast| toast.text.contains("read-only again"))
    );
}

#[test]
fn an_action_the_box_refuses_does_not_arm() {
    let mut model = night(UNICODE);
    let requests = say(&mut model, "arm");
    let Request::Act { tag, .. } = &requests[0] else {
        panic!("an action")
    };
    hear(
        &mut model,
        Heard::Answer {
            tag: *tag,
            answer: Err("the audit cannot be written".to_owned()),
        },
    );
    assert!(!model.station().armed(model.clock.now_ms));
    assert!(
        model
            .toast
            .as_ref()
            .is_some_and(|toast| toast.bad && toast.text.contains("audit"))
    );
}

#[test]
fn names_are_shown_for_a_minute_after_the_box_wrote_it_down() {
    let mut model = night(UNICODE);
    assert_eq!(model.person("pat-4711", "standard"), "pat-####");
    let requests = press(&mut model, "U");
    assert_eq!(acted(&requests), Some((&Verb::Unmask, &Target::Box)));
    assert_eq!(model.person("pat-4711", "standard"), "pat-####", "not yet");
    let Some(Request::Act { tag, .. }) = requests.iter().find(|r| matches!(r, Request::Act { .. }))
    else {
        panic!("an action")
    };
    hear(
        &mut model,
        Heard::Answer {
            tag: *tag,
            answer: done("for 60 s"),
        },
    );
    assert_eq!(model.person("pat-4711", "standard"), "pat-4711");
    let after = model.clock.now_ms - 1_000_000;
    tick(&mut model, after + UNMASKED_MS - 1);
    assert_eq!(model.person("pat-4711", "standard"), "pat-4711");
    tick(&mut model, after + UNMASKED_MS);
    assert_eq!(model.person("pat-4711", "standard"), "pat-####");
}

#[test]
fn what_leaves_the_console_is_masked_while_the_screen_is_not() {
    let mut model = night(UNICODE);
    model.station_mut().unmasked_until_ms = Some(u64::MAX);
    press(&mut model, "5 G");
    for (keys, what) in [("y", "copy"), ("e", "export")] {
        let requests = press(&mut model, keys);
        let text = requests.iter().find_map(|request| match request {
            Request::Copy(text) | Request::Export { text, .. } => Some(text),
            _ => None,
        });
        let text = text.expect(what);
        assert!(
            text.contains("dr-####") && !text.contains("4410"),
            "{what}: {text}"
        );
    }
    assert_eq!(
        model.person("pat-4711", "standard"),
        "pat-4711",
        "the screen still shows them"
    );
}

#[test]
fn nothing_can_be_done_where_the_link_is_lost_or_the_past_is_shown() {
    let mut model = night(UNICODE);
    arm(&mut model);
    press(&mut model, "2");
    hear(&mut model, Heard::Lost("gone".to_owned()));
    press(&mut model, "X");
    assert!(model.dialog.is_none());
    assert!(
        model
            .toast
            .as_ref()
            .is_some_and(|toast| toast.text.contains("link"))
    );
    model.station_mut().link = Link::Up;
    press(&mut model, "Space X");
    assert!(model.dialog.is_none());
    assert!(
        model
            .toast
            .as_ref()
            .is_some_and(|toast| toast.text.contains("not the present"))
    );
}

#[test]
fn a_missing_right_is_named_with_its_remedy() {
    let mut model = night(UNICODE);
    std::sync::Arc::make_mut(&mut model.station_mut().live).role = Some(wire::admin::Role::Viewer);
    press(&mut model, "2 X");
    let toast = model
        .toast
        .as_ref()
        .map(|toast| toast.text.clone())
        .unwrap_or_default();
    assert!(
        toast.contains("Operator") && toast.contains("administrator"),
        "{toast}"
    );
}

#[test]
fn an_idle_console_locks_disarms_and_masks() {
    let mut model = night(UNICODE);
    arm(&mut model);
    model.station_mut().unmasked_until_ms = Some(u64::MAX);
    let after = model.key_ms - 1_000_000 + model.manners.lock_after_ms;
    tick(&mut model, after - 1);
    assert!(model.dialog.is_none());
    tick(&mut model, after);
    assert!(matches!(model.dialog, Some(Dialog::Locked)));
    assert!(!model.station().armed(model.clock.now_ms));
    assert_eq!(model.person("pat-4711", "standard"), "pat-####");
    press(&mut model, "j 2 q");
    assert!(
        matches!(model.dialog, Some(Dialog::Locked)),
        "only Enter unlocks"
    );
    press(&mut model, "Enter");
    assert!(model.dialog.is_none());
}

#[test]
fn leaving_asks_only_when_armed() {
    let mut model = night(UNICODE);
    assert!(matches!(press(&mut model, "q").last(), Some(Request::Quit)));
    arm(&mut model);
    assert!(
        !press(&mut model, "q")
            .iter()
            .any(|request| matches!(request, Request::Quit))
    );
    assert!(
        !press(&mut model, "n")
            .iter()
            .any(|request| matches!(request, Request::Quit))
    );
    assert!(
        press(&mut model, "q y")
            .iter()
            .any(|request| matches!(request, Request::Quit))
    );
}

#[test]
fn a_handover_is_signed_saved_and_its_digest_goes_to_the_audit() {
    let mut model = night(UNICODE);
    press(&mut model, "H");
    assert!(
        press(&mut model, "Ctrl-Y").is_empty(),
        "the incoming one has not signed"
    );
    let requests = press(&mut model, "j d o e Ctrl-Y");
    let text = requests.iter().find_map(|request| match request {
        Request::Export { text, .. } => Some(text.clone()),
        _ => None,
    });
    let text = text.expect("a file");
    assert!(
        text.contains("UDP-BLOCK") && text.contains("Incoming: jdoe"),
        "{text}"
    );
    let note = requests.iter().find_map(|request| match request {
        Request::Act { request, .. } => Some(request.note.clone()),
        _ => None,
    });
    assert_eq!(
        note,
        Some(format!("sha256 {}", crate::handover::digest(&text)))
    );
}

#[test]
fn a_flood_of_words_from_a_box_does_not_sort_for_each() {
    let mut model = night(UNICODE);
    press(&mut model, "2");
    let before = model.list().map(|list| list.order().to_vec());
    let room = LiveRoom {
        loss_permille: Some(999),
        ..sample::room("RM_aaaaaaaa0000", "AAA")
    };
    hear(
        &mut model,
        Heard::Frame(Box::new(sample::frame(NOW_MS + 1, Change::Room { room }))),
    );
    assert_eq!(
        model.list().map(|list| list.order().to_vec()),
        before,
        "the next tick sorts"
    );
}

#[test]
fn replay_walks_back_and_returns_to_the_present() {
    let mut model = night(UNICODE);
    for n in 1..4 {
        let room = LiveRoom {
            people: n,
            ..sample::room("RM_aaaaaaaa7F3A", "ICU-07")
        };
        let at_ms = NOW_MS + u64::from(n) * 10_000;
        hear(
            &mut model,
            Heard::Frame(Box::new(sample::frame(at_ms, Change::Room { room }))),
        );
    }
    let people = |model: &Model| model.picture().rooms["RM_aaaaaaaa7F3A"].people;
    assert_eq!(people(&model), 3);
    press(&mut model, "[");
    assert_eq!(people(&model), 2);
    press(&mut model, "[ [");
    assert_eq!(people(&model), 3, "the first moment, when three were there");
    press(&mut model, "] ]");
    assert_eq!(people(&model), 2);
    press(&mut model, "] ]");
    assert!(model.is_live());
}

#[test]
fn several_boxes_are_kept_apart() {
    let mut model = night(UNICODE);
    let other = crate::station::Station::new("BOX-2", "unix:/run/b.sock", false, "mlee");
    model.stations.push(other);
    arm(&mut model);
    say(&mut model, "box box-2");
    assert_eq!(model.current, 1);
    assert!(model.picture().rooms.is_empty());
    assert!(
        !model.station().armed(model.clock.now_ms),
        "armed is the other box"
    );
    say(&mut model, "box BOX-3");
    assert!(
        model
            .toast
            .as_ref()
            .is_some_and(|toast| toast.text.contains("BOX-1, BOX-2"))
    );
}

#[test]
fn rooms_are_sorted_by_what_needs_somebody() {
    let mut model = night(UNICODE);
    press(&mut model, "2");
    let names = |model: &Model| -> Vec<String> {
        let order = model.list().expect("a list").order();
        order
            .iter()
            .take(3)
            .map(|sid| model.picture().rooms[sid].name.clone())
            .collect()
    };
    assert_eq!(names(&model), ["ICU-07", "ER-2", "CONS-5"]);
    say(&mut model, "sort age");
    assert_eq!(model.sort, Sort::Age);
    tick(&mut model, 30_000);
    assert_eq!(names(&model)[0], "CONS-5");
}

#[test]
fn a_session_that_is_over_takes_the_arms_away() {
    let mut model = night(UNICODE);
    arm(&mut model);
    hear(&mut model, Heard::LoginNeeded("log in".to_owned()));
    assert!(!model.station().armed(model.clock.now_ms));
    assert!(matches!(model.station().link, Link::Login { .. }));
}

#[test]
fn escape_and_a_quick_key_are_two_keys_unless_the_second_ends_somebody() {
    let mut model = night(UNICODE);
    press(&mut model, "2");
    arm(&mut model);
    say(&mut model, "filter ppl>0");
    for key in ["Alt-X", "Ctrl-Alt-y", "Alt-@"] {
        press(&mut model, key);
        assert!(model.dialog.is_none() && model.filter().is_some(), "{key}");
    }
    press(&mut model, "Alt-5");
    assert_eq!(model.screen, Screen::Events);
    press(&mut model, "2");
    assert!(model.filter().is_none(), "Esc took it away");
}

#[test]
fn an_open_card_is_told_every_two_seconds_until_it_is_sent_or_closed() {
    let mut model = night(UNICODE);
    let told = |requests: &[Request]| {
        let of_room = |request: &&Request| matches!(request, Request::HoldCard { room, .. } if room == "RM_aaaaaaaa7F3A");
        requests.iter().filter(of_room).count()
    };
    press(&mut model, "2");
    assert_eq!(told(&press(&mut model, "X")), 1);
    let opened_ms = model.clock.now_ms - 1_000_000;
    for (after_ms, want) in [(1_999, 0), (2_000, 1), (3_999, 0), (4_000, 1)] {
        let requests = tick(&mut model, opened_ms + after_ms);
        assert_eq!(told(&requests), want, "{after_ms}");
    }
    press(&mut model, "Esc");
    assert_eq!(told(&tick(&mut model, opened_ms + 9_000)), 0, "closed");
}
