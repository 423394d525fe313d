//! What is remembered, folded, counted and told.

use super::*;
use crate::question::Wanted;
use crate::shelf::MAX_UNPROVEN;
use attempt::{Admission, Code, Transport};

fn origin(remote: &str) -> Origin {
    Origin {
        remote: remote.parse().unwrap(),
        local: "10.1.2.3:443".parse().unwrap(),
        secure: false,
    }
}

fn refuse(logbook: &Logbook, remote: &str, identity: &str, outcome: TokenOutcome) -> AttemptKey {
    let key = logbook.begin(Door::Rtc, Some(origin(remote)));
    logbook.note(key, |record, now| {
        record.signal.asked_at = Some(now);
        record.set_bearer(identity, "ward", outcome == TokenOutcome::Expired);
    });
    let token = Token {
        outcome,
        ..Token::default()
    };
    logbook.note_token(key, token);
    logbook.refused(key);
    key
}

fn admit(logbook: &Logbook, remote: &str, identity: &str) -> AttemptKey {
    let key = logbook.begin(Door::Rtc, Some(origin(remote)));
    logbook.note(key, |record, now| {
        record.signal.asked_at = Some(now);
        record.signal.open_at = Some(now);
        record.set_bearer(identity, "ward", true);
        record.token = Some(Token::default());
        record.admission = Some(Admission::Admitted(now));
    });
    key
}

/// Admitted, negotiated, and never heard of again.
fn blocked(logbook: &Logbook, remote: &str, identity: &str) -> AttemptKey {
    let key = admit(logbook, remote, identity);
    logbook.note(key, |record, now| {
        let mut transport = Transport::default();
        transport.candidates.udp = 1;
        transport.described(now);
        transport.failure = Some(attempt::Failure::NoPath(now));
        record.add_transport(transport);
    });
    key
}

fn code(logbook: &Logbook, who: &str) -> Option<&'static str> {
    let told = logbook.why(&Wanted::parse(who))?;
    told.diagnosis.finding.map(|finding| finding.code.as_str())
}

#[test]
fn who_keeps_trying_is_one_record_that_counts() {
    let logbook = Logbook::detached();
    for _ in 0..100 {
        refuse(&logbook, "10.0.0.7:9", "pat", TokenOutcome::Expired);
    }
    refuse(&logbook, "10.0.0.7:9", "ada", TokenOutcome::Expired);
    let told = logbook.why(&Wanted::parse("pat")).unwrap();
    assert_eq!(told.record.repeats, 99);
    assert_eq!(logbook.0.shelf().len(), 2);
    refuse(&logbook, "10.0.0.7:9", "pat", TokenOutcome::NoGrant);
    assert_eq!(
        code(&logbook, "pat"),
        Some("GRANT-MISSING"),
        "another cause, another record"
    );
    assert_eq!(logbook.0.shelf().len(), 3);
}

#[test]
fn strangers_push_out_strangers_only() {
    let logbook = Logbook::detached();
    refuse(&logbook, "10.0.0.7:9", "pat", TokenOutcome::Expired);
    let living = admit(&logbook, "10.0.0.8:9", "ada");
    for n in 0..MAX_UNPROVEN + 50 {
        refuse(
            &logbook,
            "10.9.9.9:9",
            &format!("mallory-{n}"),
            TokenOutcome::Signature,
        );
    }
    assert_eq!(logbook.0.shelf().len(), MAX_UNPROVEN + 2);
    assert_eq!(code(&logbook, "pat"), Some("TOKEN-EXPIRED"));
    assert_eq!(logbook.living("ada", "ward"), Some(living));
    assert_eq!(
        logbook.why(&Wanted::parse("mallory-0")),
        None,
        "the oldest went"
    );
}

#[test]
fn a_restart_remembers_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let logbook = Logbook::open(folder.path()).unwrap();
    blocked(&logbook, "10.0.0.7:9", "pat");
    logbook.flush();
    drop(logbook);
    let again = Logbook::open(folder.path()).unwrap();
    assert_eq!(code(&again, "pat"), Some("UDP-BLOCKED"));
    let old = again
        .why_of_old(&Wanted::parse("10.0.0.7"))
        .unwrap()
        .unwrap();
    assert_eq!(old.record.identity.as_deref(), Some("pat"));
    let all = again.attempts(&crate::Question::default()).unwrap();
    assert_eq!(all.len(), 1, "memory and file are told once");
}

#[test]
fn a_flood_of_repeats_costs_its_logarithm_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let logbook = Logbook::open(folder.path()).unwrap();
    for _ in 0..100 {
        refuse(&logbook, "10.0.0.7:9", "pat", TokenOutcome::Expired);
        logbook.flush();
    }
    let path = pages::days(folder.path()).unwrap()[0].1.clone();
    let lines = std::fs::read_to_string(path).unwrap().lines().count();
    assert_eq!(lines, 7, "1, 2, 4, … 64");
}

#[test]
fn the_second_cut_makes_a_proxy() {
    let logbook = Logbook::detached();
    let first = admit(&logbook, "10.0.0.7:9", "pat");
    logbook.closed(first, Closing::Cut);
    assert_eq!(code(&logbook, "pat"), Some("SIGNAL-LOST"));
    let other = admit(&logbook, "10.0.0.7:9", "ada");
    logbook.closed(other, Closing::Cut);
    assert_eq!(code(&logbook, "ada"), Some("SIGNAL-LOST"));
    let second = admit(&logbook, "10.0.0.7:9", "pat");
    logbook.closed(second, Closing::Cut);
    assert_eq!(code(&logbook, "pat"), Some("PROXY-BREAKS-WEBSOCKET"));
}

#[test]
fn three_that_fail_and_none_that_succeeds_make_a_blocked_subnet() {
    let logbook = Logbook::detached();
    blocked(&logbook, "10.30.0.1:9", "a");
    blocked(&logbook, "10.30.0.2:9", "b");
    refuse(&logbook, "10.30.0.3:9", "c", TokenOutcome::Expired);
    assert!(
        logbook.blocked().is_empty(),
        "two, and one that never came so far"
    );
    blocked(&logbook, "10.30.0.3:9", "c");
    let found = logbook.blocked();
    let told: Vec<_> = found
        .iter()
        .map(|b| (b.subnet.to_string(), b.failed, b.of))
        .collect();
    assert_eq!(told, [("10.30.0.0/24".to_owned(), 3, 3)]);
    let groups = logbook.groups(Code::UdpBlocked);
    assert_eq!(
        (groups[0].by, groups[0].failed, groups[0].of),
        ("subnet", 3, 4)
    );
    let through = admit(&logbook, "10.30.0.4:9", "d");
    logbook.note(through, |record, now| {
        let mut transport = Transport::default();
        transport.described(now);
        transport.pairs.push(attempt::Pair {
            remote: "10.30.0.4:5000".parse().unwrap(),
            protocol: attempt::Protocol::Udp,
            at: now,
            checks: 3,
            answered: 3,
            nominated: true,
        });
        record.add_transport(transport);
    });
    assert!(logbook.blocked().is_empty(), "one got through");
}

#[test]
fn files_are_for_the_boxs_own_user() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let logbook = Logbook::open(folder.path()).unwrap();
    refuse(&logbook, "10.0.0.7:9", "pat", TokenOutcome::Expired);
    logbook.flush();
    let path = pages::days(folder.path()).unwrap()[0].1.clone();
    assert_eq!(
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}
