//! A purge that a kill interrupted, over the whole process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "tests"
)]

#[path = "support/daemon.rs"]
mod daemon;

use daemon::{Daemon, ended, ringward};
use logbook::{Logbook, Purge};
use std::fs;
use std::path::Path;
use vocab::UnixMillis;

const SESSION: &str = "RM_purged";

/// A data folder whose box was to erase a session, and was killed before it did.
fn interrupted() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("attempts");
    let logbook = Logbook::open(&folder).unwrap();
    for (n, session) in [SESSION, "RM_other"].into_iter().enumerate() {
        let key = logbook.begin(attempt::Door::Rtc, None);
        logbook.note(key, |record, now| {
            record.set_bearer("pat", "ward", true);
            record.set_sid(&format!("PA_{n}"), session);
            record.ended = Some(attempt::Ended { at: now });
        });
    }
    logbook.flush();
    let purge = Purge {
        session: SESSION.to_owned(),
        room: "ward".to_owned(),
        from: UnixMillis(0),
        until: UnixMillis(0),
    };
    logbook.order(&purge).unwrap();
    data
}

fn kept(data: &Path) -> String {
    let files = fs::read_dir(data.join("attempts")).unwrap();
    let files = files.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    files.collect()
}

#[test]
fn the_next_start_finishes_a_purge_and_the_audit_journal_says_so() {
    let data = interrupted();
    assert!(kept(data.path()).contains(SESSION));
    let daemon = Daemon::by(ringward(), data, &[]);
    let left = kept(daemon.data());
    assert!(
        !left.contains(SESSION) && left.contains("RM_other"),
        "{left}"
    );
    let mut audit = ringward();
    audit
        .args(["audit", "--act", "purge", "--data"])
        .arg(daemon.data());
    let (status, shown) = ended(&mut audit);
    assert!(status.success(), "{shown}");
    assert!(
        shown.contains(SESSION) && shown.contains("1 connection records erased"),
        "{shown}"
    );
}
