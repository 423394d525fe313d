use super::*;

fn end() -> Action {
    Action {
        verb: Verb::End,
        target: Target::Room("RM_1".into()),
        reason: Reason::Test,
        note: String::new(),
        deadline: DEFAULT_DEADLINE,
        key: None,
        minutes: None,
    }
}

#[test]
fn an_action_is_refused_at_its_first_limit_and_not_before() {
    let note = |text: &str| Action {
        note: text.to_owned(),
        ..end()
    };
    let key = |text: &str| Action {
        key: Some(text.to_owned()),
        ..end()
    };
    for (name, action, want) in [
        ("plain", end(), Ok(())),
        ("200 characters", note(&"ä".repeat(200)), Ok(())),
        (
            "201 characters",
            note(&"ä".repeat(201)),
            Err(InvalidAction::NoteTooLong),
        ),
        (
            "an escape sequence",
            note("a\u{1b}[2J"),
            Err(InvalidAction::Control),
        ),
        ("a line break", note("a\nb"), Err(InvalidAction::Control)),
        (
            "other without a note",
            Action {
                reason: Reason::Other,
                ..note("  ")
            },
            Err(InvalidAction::NoNote),
        ),
        ("a key", key(&"k".repeat(64)), Ok(())),
        ("a long key", key(&"k".repeat(65)), Err(InvalidAction::Key)),
        ("a key with a space", key("a b"), Err(InvalidAction::Key)),
        (
            "no id",
            Action {
                target: Target::Room("".into()),
                ..end()
            },
            Err(InvalidAction::Id),
        ),
        (
            "an alarm is not ended",
            Action {
                target: Target::Alarm("CERT-EXPIRED".to_owned()),
                ..end()
            },
            Err(InvalidAction::Target(Verb::End)),
        ),
        (
            "no minutes",
            Action {
                minutes: Some(0),
                ..end()
            },
            Err(InvalidAction::Minutes),
        ),
        (
            "an hour to wait",
            Action {
                deadline: Duration::from_hours(1),
                ..end()
            },
            Err(InvalidAction::Deadline),
        ),
    ] {
        assert_eq!(action.check(), want, "{name}");
    }
}

#[test]
fn what_erases_or_opens_never_breaks_the_glass() {
    for verb in Verb::ALL {
        let action = Action {
            verb,
            reason: Reason::Safety,
            ..end()
        };
        let protects = matches!(verb, Verb::End | Verb::Mute | Verb::BlockRejoin);
        assert_eq!(action.breaks_glass(), protects, "{verb:?}");
        assert!(
            !Action {
                reason: Reason::Requested,
                ..action
            }
            .breaks_glass()
        );
    }
}

#[test]
fn a_viewer_may_do_nothing() {
    for verb in Verb::ALL {
        assert!(verb.needs() > Role::Viewer, "{verb:?}");
    }
}
