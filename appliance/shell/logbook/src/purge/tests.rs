//! What is erased, what stays, and what a kill leaves.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::pages::Pages;
use crate::{Logbook, Wanted};
use attempt::Door;

const DAY: u64 = 86_400_000;

/// The beginning of one of the last days: older ones a logbook throws away.
fn day(n: u64) -> u64 {
    (crate::clock::now().0 / DAY - 10 + n) * DAY
}

fn purge() -> Purge {
    Purge {
        session: "RM_old".to_owned(),
        room: "ward".to_owned(),
        from: UnixMillis(day(1)),
        until: UnixMillis(day(3)),
    }
}

fn record(id: &str, session: Option<&str>, room: &str, at: u64) -> Record {
    let mut record = Record::new(id.to_owned(), Door::Rtc, UnixMillis(at));
    record.set_bearer(&format!("who-{id}"), room, true);
    record.remote = Some("10.30.0.7:9".parse().unwrap());
    if let Some(session) = session {
        record.set_sid(&format!("PA_{id}"), session);
    }
    record
}

#[test]
fn a_session_covers_its_presences_and_who_tried_to_reach_it_while_it_lived() {
    for (name, record, want) in [
        ("of it", record("1", Some("RM_old"), "ward", day(9)), true),
        (
            "of the next",
            record("2", Some("RM_new"), "ward", day(2)),
            false,
        ),
        ("refused then", record("3", None, "ward", day(2)), true),
        (
            "its first join",
            record("4", None, "ward", day(1) - LEAD_MS),
            true,
        ),
        (
            "before it",
            record("5", None, "ward", day(1) - LEAD_MS - 1),
            false,
        ),
        ("at its end", record("6", None, "ward", day(3)), true),
        ("after it", record("7", None, "ward", day(3) + 1), false),
        ("another room", record("8", None, "icu", day(2)), false),
    ] {
        assert_eq!(purge().covers(&record), want, "{name}");
    }
}

/// Days with attempts of two sessions, the first torn at its end.
fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut pages = Pages::open(folder.path()).unwrap();
    for (n, id) in [(1, "1"), (2, "2"), (3, "3"), (4, "4")] {
        let now = UnixMillis(day(n));
        // Its first word does not say yet of which session it is.
        let early = record(id, None, "", now.0);
        let late = record(id, Some("RM_old"), "ward", now.0);
        let other = record(&format!("9{id}"), Some("RM_new"), "ward", now.0);
        for record in [&early, &other, &late] {
            pages.write(record, now).unwrap();
        }
    }
    let (_, first) = pages::days(folder.path()).unwrap().remove(0);
    let torn = line::write(&record("1", Some("RM_old"), "ward", day(1))).unwrap();
    let mut file = OpenOptions::new().append(true).open(first).unwrap();
    file.write_all(&torn[..torn.len() - 9]).unwrap();
    folder
}

/// Everything in the folder as one text.
fn bytes(folder: &Path) -> String {
    let files = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    files
        .map(|f| String::from_utf8(fs::read(f).unwrap()).unwrap())
        .collect()
}

#[test]
fn the_bytes_of_a_session_are_gone_and_all_others_stay() {
    let folder = filled();
    purge().order(folder.path()).unwrap();
    let erased = purge().carry_out(folder.path()).unwrap();
    assert_eq!(erased.len(), 4);
    let left = bytes(folder.path());
    assert!(
        !left.contains("RM_old") && !left.contains("who-1"),
        "{left}"
    );
    for id in ["91", "92", "93", "94"] {
        assert!(left.contains(&format!("who-{id}")), "{id}");
    }
    assert_eq!(orders(folder.path()).unwrap(), [], "and so is the order");
    assert_eq!(purge().carry_out(folder.path()).unwrap().len(), 0);
}

#[test]
fn an_order_that_a_kill_left_is_carried_out_at_the_next_start() {
    // Killed after the order, and after each file that was written anew.
    for written in 0..=4 {
        let folder = filled();
        purge().order(folder.path()).unwrap();
        let ids = ["1", "2", "3", "4"].map(str::to_owned).into();
        for (of, path) in pages::days(folder.path()).unwrap().iter().take(written) {
            purge().erase_from(folder.path(), *of, path, &ids).unwrap();
        }
        fs::write(
            folder
                .path()
                .join(format!("{}.{DRAFT}", Day::of(UnixMillis(day(4))))),
            "half",
        )
        .unwrap();
        let logbook = Logbook::open(folder.path()).unwrap();
        let left = 4 - written;
        assert_eq!(
            logbook.made_good(),
            [("RM_old".to_owned(), left)],
            "{written}"
        );
        assert!(!bytes(folder.path()).contains("RM_old"), "{written}");
        assert!(logbook.why(&Wanted::parse("PA_4")).is_none(), "{written}");
    }
}

#[test]
fn what_is_erased_is_not_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let logbook = Logbook::open(folder.path()).unwrap();
    let key = logbook.begin(Door::Rtc, None);
    logbook.note(key, |record, now| {
        record.set_bearer("pat", "ward", true);
        record.set_sid("PA_1", "RM_old");
        record.ended = Some(attempt::Ended { at: now });
    });
    logbook.flush();
    assert!(bytes(folder.path()).contains("RM_old"));
    logbook.order(&purge()).unwrap();
    assert_eq!(logbook.erase(&purge()).unwrap(), 1);
    logbook.note(key, |record, _| record.reports = 1);
    logbook.flush();
    assert!(!bytes(folder.path()).contains("RM_old"));
    for whom in ["RM_old", "PA_1", "pat"] {
        assert!(logbook.why_of_old(&Wanted::parse(whom)).unwrap().is_none());
        assert!(logbook.why(&Wanted::parse(whom)).is_none());
    }
}

#[test]
fn no_session_names_a_file_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    for session in ["", "../x", "RM_/x"] {
        let session = session.to_owned();
        let order = Purge { session, ..purge() };
        order.order(folder.path()).unwrap_err();
    }
}
