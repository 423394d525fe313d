#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod model;

use super::*;
use crate::Code::{CertExpired, DiskLow, Loss};
use std::time::Instant;
use vocab::UnixMillis;

fn start() -> Moment {
    Moment {
        instant: Instant::now(),
        unix: UnixMillis(1_700_000_000_000),
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn cause(count: u32) -> Cause {
    Cause {
        text: format!("{count} of them"),
        count,
    }
}

/// What was said, without the last word.
fn said(board: &mut Board) -> Vec<Output> {
    let outputs = std::iter::from_fn(|| match board.poll_output() {
        Output::Wait(_) => None,
        output => Some(output),
    });
    outputs.collect()
}

fn state(board: &Board, id: &AlarmId) -> Option<State> {
    board.alarm(id).map(Alarm::state)
}

#[test]
fn a_cause_is_an_alarm_once_it_has_lasted_and_one_however_often_it_is_seen() {
    let (mut board, now) = (Board::default(), start());
    let id = AlarmId::new(Loss, "10.30.0.0/24");
    for second in 0..30 {
        board.raise(Loss, id.subject(), cause(3), now.after(seconds(second)));
        assert_eq!(state(&board, &id), None, "after {second} s");
    }
    assert_eq!(said(&mut board), []);
    board.raise(Loss, id.subject(), cause(3), now.after(seconds(30)));
    let raised = [Output::Raised(id.clone()), Output::Changed(id.clone())];
    assert_eq!(said(&mut board), raised);
    board.raise(Loss, id.subject(), cause(3), now.after(seconds(31)));
    assert_eq!(said(&mut board), [], "seen again, nothing new");
    board.raise(Loss, id.subject(), cause(5), now.after(seconds(32)));
    assert_eq!(said(&mut board), [Output::Changed(id.clone())]);
    assert_eq!(board.alarm(&id).unwrap().cause.count, 5);
    assert_eq!(board.score(now.after(seconds(32))).per_hour, 1);
}

#[test]
fn a_cause_that_comes_and_goes_does_not_chatter() {
    let (mut board, now) = (Board::default(), start());
    for second in 0..600 {
        let at = now.after(seconds(second));
        // 25 s there, 25 s gone; an alarm needs 30 s of it.
        if second % 50 < 25 {
            board.raise(Loss, "", cause(1), at);
        } else {
            board.clear(Loss, "", at);
        }
        board.handle_timeout(at);
    }
    assert_eq!(said(&mut board), []);
}

#[test]
fn a_gap_in_a_standing_cause_returns_nothing() {
    let (mut board, now, id) = (Board::default(), start(), AlarmId::new(CertExpired, ""));
    board.raise(CertExpired, "", cause(1), now);
    said(&mut board);
    board.clear(CertExpired, "", now.after(seconds(1)));
    board.raise(CertExpired, "", cause(1), now.after(seconds(9)));
    board.handle_timeout(now.after(seconds(60)));
    assert_eq!(said(&mut board), []);
    assert_eq!(state(&board, &id), Some(State::Unacknowledged));
}

#[test]
fn acknowledged_and_gone_is_normal_and_gone_unacknowledged_is_returned() {
    let (mut board, now, id) = (Board::default(), start(), AlarmId::new(CertExpired, ""));
    board.raise(CertExpired, "", cause(1), now);
    board.clear(CertExpired, "", now);
    board.handle_timeout(now.after(seconds(10)));
    assert_eq!(state(&board, &id), Some(State::Returned));
    said(&mut board);
    let acknowledged = board.acknowledge(&id, "mlee", now.after(seconds(11)));
    assert_eq!(acknowledged, Ok(Changed::Done));
    assert_eq!(said(&mut board), [Output::Gone(id.clone())]);
    assert_eq!(board.alarms().count(), 0);

    board.raise(CertExpired, "", cause(1), now.after(seconds(20)));
    let at = now.after(seconds(21));
    assert_eq!(board.acknowledge(&id, "mlee", at), Ok(Changed::Done));
    assert_eq!(board.acknowledge(&id, "lee", at), Ok(Changed::Already));
    assert_eq!(board.alarm(&id).unwrap().by.as_deref(), Some("mlee"));
    board.clear(CertExpired, "", at);
    assert_eq!(board.poll_output(), Output::Raised(id.clone()));
    said(&mut board);
    board.handle_timeout(now.after(seconds(31)));
    assert_eq!(said(&mut board), [Output::Gone(id)]);
}

#[test]
fn what_is_shelved_says_nothing_for_at_most_eight_hours() {
    let (mut board, now, id) = (Board::default(), start(), AlarmId::new(DiskLow, ""));
    board.raise(DiskLow, "", cause(1), now);
    board.handle_timeout(now.after(seconds(10)));
    let at = now.after(seconds(11));
    let shelve = |board: &mut Board, reason, time| board.shelve(&id, "mlee", reason, time, at);
    for (name, reason, time, want) in [
        (
            "no reason",
            " ",
            seconds(600),
            ChangeAlarmError::ReasonMissing,
        ),
        (
            "below a minute",
            "disk ordered",
            seconds(59),
            ChangeAlarmError::ShelfTime,
        ),
        (
            "above eight hours",
            "disk ordered",
            MAX_SHELF + seconds(1),
            ChangeAlarmError::ShelfTime,
        ),
    ] {
        assert_eq!(shelve(&mut board, reason, time), Err(want), "{name}");
    }
    assert_eq!(
        shelve(&mut board, "disk ordered", MAX_SHELF),
        Ok(Changed::Done)
    );
    said(&mut board);
    assert_eq!(
        board.acknowledge(&id, "mlee", at),
        Err(ChangeAlarmError::Shelved)
    );
    // Gone, and there again, while it is on the shelf.
    board.clear(DiskLow, "", at);
    board.handle_timeout(at.after(seconds(400)));
    board.raise(DiskLow, "", cause(2), at.after(seconds(500)));
    board.handle_timeout(at.after(seconds(600)));
    let raised = |output: &Output| matches!(output, Output::Raised(_));
    assert!(!said(&mut board).iter().any(raised));
    assert_eq!(
        board.poll_output(),
        Output::Wait(Some(at.instant + MAX_SHELF))
    );
    board.handle_timeout(at.after(MAX_SHELF));
    assert_eq!(state(&board, &id), Some(State::Unacknowledged));
    assert!(said(&mut board).iter().any(raised), "back from the shelf");
}

#[test]
fn a_silenced_alarm_is_loud_again_after_two_minutes() {
    let (mut board, now, id) = (Board::default(), start(), AlarmId::new(CertExpired, ""));
    assert_eq!(board.silence(&id, now), Err(ChangeAlarmError::NotFound));
    board.raise(CertExpired, "", cause(1), now);
    assert_eq!(board.silence(&id, now), Ok(Changed::Done));
    assert!(board.alarm(&id).unwrap().silenced.is_some());
    assert_eq!(state(&board, &id), Some(State::Unacknowledged));
    said(&mut board);
    assert_eq!(
        board.poll_output(),
        Output::Wait(Some(now.instant + SILENCE))
    );
    board.handle_timeout(now.after(SILENCE));
    assert_eq!(said(&mut board), [Output::Changed(id.clone())]);
    assert!(board.alarm(&id).unwrap().silenced.is_none());
}

#[test]
fn answers_outlive_a_restart_and_alarms_do_not() {
    let (mut before, now) = (Board::default(), start());
    let ids = ["a", "b", "c"].map(|subject| AlarmId::new(CertExpired, subject));
    for id in &ids {
        before.raise(CertExpired, id.subject(), cause(1), now);
    }
    before.acknowledge(&ids[0], "mlee", now).unwrap();
    let hour = seconds(3_600);
    before.shelve(&ids[1], "lee", "ordered", hour, now).unwrap();

    // The clock was set meanwhile; the shelf's end is on the box's clock.
    let mut later = start();
    later.unix = now.after(hour / 2).unix;
    let mut board = Board::default();
    board.recall(before.kept(), later);
    assert_eq!(board.alarms().count(), 0, "nothing was seen yet");
    assert_eq!(
        board.kept(),
        before.kept(),
        "a second restart knows as much"
    );
    for id in &ids {
        board.raise(CertExpired, id.subject(), cause(1), later);
    }
    let states = ids.each_ref().map(|id| state(&board, id).unwrap());
    let want = [State::Acknowledged, State::Shelved, State::Unacknowledged];
    assert_eq!(states, want);
    let raised: Vec<_> = said(&mut board)
        .into_iter()
        .filter(|output| matches!(output, Output::Raised(_)))
        .collect();
    assert_eq!(raised, [Output::Raised(ids[2].clone())]);
    assert_eq!(board.alarm(&ids[0]).unwrap().raised.unix, now.unix);
    board.handle_timeout(later.after(hour / 2));
    assert_eq!(state(&board, &ids[1]), Some(State::Unacknowledged));
}

#[test]
fn what_nobody_can_have_kept_is_not_believed() {
    let now = start();
    let kept = |id: &str, until: Option<Duration>| Kept {
        id: id.to_owned(),
        state: match until {
            None => KeptState::Acknowledged,
            Some(left) => KeptState::Shelved {
                reason: "r".to_owned(),
                until_ms: now.after(left).unix.0,
            },
        },
        by: "mlee".to_owned(),
        raised_at_ms: 0,
    };
    let mut board = Board::default();
    board.recall(
        vec![
            kept("FIRE", None),
            kept("LOSS:", None),
            kept("LOSS:a", Some(Duration::ZERO)),
            kept("LOSS:b", Some(MAX_SHELF + seconds(1))),
        ],
        now,
    );
    assert_eq!(board.kept(), []);
    board.recall(vec![kept("LOSS:c", None)], now);
    board.handle_timeout(now.after(seconds(899)));
    assert_eq!(board.kept().len(), 1);
    board.handle_timeout(now.after(RECALL));
    assert_eq!(board.kept(), [], "not seen again within its time");
}

#[test]
fn a_flood_of_causes_fills_the_board_and_no_more() {
    let (mut board, now) = (Board::default(), start());
    for subject in 0..=MAX_ALARMS {
        board.raise(CertExpired, &subject.to_string(), cause(1), now);
    }
    assert_eq!(board.alarms().count(), MAX_ALARMS);
    assert_eq!(board.refused(), 1);
    let score = board.score(now);
    assert!(score.per_ten_minutes > crate::FLOOD, "{score:?}");
}

#[test]
fn only_subjects_that_were_not_seen_are_cleared() {
    let (mut board, now) = (Board::default(), start());
    board.raise(CertExpired, "a", cause(1), now);
    board.raise(CertExpired, "b", cause(1), now);
    board.clear_others(CertExpired, &["b".to_owned()], now);
    board.handle_timeout(now.after(seconds(10)));
    let states: Vec<_> = board
        .alarms()
        .map(|a| (a.subject.as_str(), a.state()))
        .collect();
    assert_eq!(
        states,
        [("a", State::Returned), ("b", State::Unacknowledged)]
    );
}

#[test]
fn an_alarm_that_stands_for_a_day_is_stale_unless_it_is_shelved() {
    let (mut board, now, id) = (Board::default(), start(), AlarmId::new(CertExpired, ""));
    board.raise(CertExpired, "", cause(1), now);
    let day = now.after(STALE_AFTER);
    assert_eq!(board.score(day).stale, 0);
    let later = day.after(seconds(1));
    assert_eq!(board.score(later).stale, 1);
    board.shelve(&id, "mlee", "r", seconds(60), later).unwrap();
    assert_eq!(board.score(later).stale, 0);
}
