use super::*;

fn bound(verb: Verb) -> Bound {
    Bound {
        station: 0,
        verb,
        target: Target::Room {
            sid: "RM_abc22B8".to_owned(),
        },
        room_sid: Some("RM_abc22B8".to_owned()),
        title: "CONS-5".to_owned(),
    }
}

/// Keys as a person types them, a tenth of a second apart.
struct Hand {
    card: Card,
    now_ms: u64,
}

impl Hand {
    fn on(bound: Bound) -> Self {
        Self {
            card: Card::new(bound, 7),
            now_ms: 0,
        }
    }

    fn press(&mut self, key: &str) -> Outcome {
        self.now_ms += 100;
        self.card
            .handle_key(key.parse().expect(key), true, self.now_ms)
    }

    fn keys(&mut self, keys: &str) -> Outcome {
        keys.split(' ')
            .fold(Outcome::Stay, |_, key| self.press(key))
    }
}

#[test]
fn a_card_ends_what_it_was_opened_for() {
    let mut hand = Hand::on(bound(Verb::End));
    let outcome = hand.keys("Enter s Tab o k Tab 2 2 b 8 Ctrl-Y");
    let Outcome::Send(request) = outcome else {
        panic!("{outcome:?} {:?}", hand.card.missing)
    };
    assert_eq!(request.target, bound(Verb::End).target);
    assert_eq!(
        (request.reason, request.note.as_str()),
        (Reason::StuckEmpty, "ok")
    );
    assert_eq!(hand.card.step, Step::Sent);
}

#[test]
fn nothing_is_sent_before_everything_is_there() {
    for (keys, missing) in [
        ("Enter Ctrl-Y", "choose a reason"),
        (
            "Enter s Tab Tab 2 2 b 9 Ctrl-Y",
            "the last four do not match",
        ),
        ("Enter s Ctrl-Y", "the last four do not match"),
        ("Enter o Tab Tab 2 2 B 8 Ctrl-Y", "OTHER needs a note"),
    ] {
        let mut hand = Hand::on(bound(Verb::End));
        assert_eq!(hand.keys(keys), Outcome::Stay, "{keys}");
        assert_eq!(hand.card.missing, Some(missing), "{keys}");
    }
    let mut hand = Hand::on(bound(Verb::End));
    assert_eq!(
        hand.keys("Ctrl-Y X X y Y Space"),
        Outcome::Stay,
        "not from the first step"
    );
    assert_eq!(hand.card.step, Step::Impact);
}

#[test]
fn read_only_sends_nothing() {
    let mut hand = Hand::on(bound(Verb::End));
    hand.keys("Enter s Tab Tab 2 2 b 8");
    let key = "Ctrl-Y".parse().expect("a key");
    assert_eq!(hand.card.handle_key(key, false, 9_000), Outcome::Stay);
    assert_eq!(hand.card.missing, Some("read-only: Esc, then :arm"));
}

#[test]
fn a_key_held_down_is_pressed_once() {
    let mut hand = Hand::on(bound(Verb::End));
    hand.keys("Enter s Tab Tab");
    let two: Chord = "2".parse().expect("a key");
    for now in [2_000, 2_030, 2_060, 2_090] {
        hand.card.handle_key(two, true, now);
    }
    assert_eq!(hand.card.last_four.as_ref().map(Input::text), Some("2"));
    hand.now_ms = 3_000;
    hand.keys("2 b 8");
    assert!(matches!(hand.press("Ctrl-Y"), Outcome::Send(_)));
    assert_eq!(hand.press("Ctrl-Y"), Outcome::Stay, "it is on its way");
}

#[test]
fn shelving_is_bounded_and_needs_no_last_four() {
    for (minutes, sent) in [("0", false), ("480", true), ("481", false)] {
        let mut hand = Hand::on(bound(Verb::Shelve));
        hand.keys("m Tab Tab Backspace Backspace");
        for digit in minutes.chars() {
            hand.press(&digit.to_string());
        }
        assert_eq!(
            matches!(hand.press("Ctrl-Y"), Outcome::Send(_)),
            sent,
            "{minutes}"
        );
    }
}

#[test]
fn escape_closes_at_every_step() {
    for keys in ["Esc", "Enter Esc", "Enter s Tab Tab 2 2 b 8 Ctrl-Y Esc"] {
        assert_eq!(
            Hand::on(bound(Verb::End)).keys(keys),
            Outcome::Close,
            "{keys}"
        );
    }
}

#[test]
fn the_same_action_tried_again_has_the_same_key() {
    let mut hand = Hand::on(bound(Verb::End));
    let Outcome::Send(first) = hand.keys("Enter s Tab Tab 2 2 b 8 Ctrl-Y") else {
        panic!("sent")
    };
    hand.card.step = Step::Answered(Err("the link was lost".to_owned()));
    let Outcome::Send(second) = hand.press("Ctrl-Y") else {
        panic!("sent again")
    };
    assert_eq!(first.key, second.key);
}
