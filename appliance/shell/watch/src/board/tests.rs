#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use wire::admin::AlarmState;

fn states(board: &AlarmBoard) -> Vec<(String, AlarmState)> {
    let alarms = board.alarms().into_iter();
    alarms.map(|alarm| (alarm.id, alarm.state)).collect()
}

#[test]
fn an_answer_given_before_a_restart_is_not_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let raise = |board: &AlarmBoard| {
        board.raise(Code::CertExpired, "", "expired yesterday", 1);
        board.raise(Code::RingFallback, "", "seccomp forbids it", 1);
    };
    {
        let board = AlarmBoard::open(folder.path());
        raise(&board);
        board.acknowledge("CERT-EXPIRED", "mlee").unwrap();
        let hour = Duration::from_hours(1);
        board
            .shelve("RING-FALLBACK", "lee", "kernel ordered", hour)
            .unwrap();
    }
    let board = AlarmBoard::open(folder.path());
    raise(&board);
    let want = [
        ("CERT-EXPIRED".to_owned(), AlarmState::Acknowledged),
        ("RING-FALLBACK".to_owned(), AlarmState::Shelved),
    ];
    assert_eq!(states(&board), want);
    let shelved = &board.alarms()[1];
    assert_eq!(shelved.by.as_deref(), Some("lee"));
    assert_eq!(shelved.reason.as_deref(), Some("kernel ordered"));
    assert_eq!(board.take_news(), [], "nobody is called for what is known");
}

#[test]
fn a_damaged_file_asks_again_and_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("alarms.json"), b"{\"id\":\"CERT-EX").unwrap();
    let board = AlarmBoard::open(folder.path());
    board.raise(Code::CertExpired, "", "expired yesterday", 1);
    assert_eq!(states(&board)[0].1, AlarmState::Unacknowledged);
    board.acknowledge("CERT-EXPIRED", "mlee").unwrap();
    let again = AlarmBoard::open(folder.path());
    again.raise(Code::CertExpired, "", "expired yesterday", 1);
    assert_eq!(states(&again)[0].1, AlarmState::Acknowledged);
}

#[test]
fn a_folder_that_cannot_be_written_costs_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let board = AlarmBoard::open(&gone);
    board.raise(Code::CertExpired, "", "expired yesterday", 1);
    assert_eq!(board.acknowledge("CERT-EXPIRED", "mlee"), Ok(Changed::Done));
    assert_eq!(states(&board)[0].1, AlarmState::Acknowledged);
}

#[test]
fn what_is_raised_and_what_is_over_is_told_once() {
    let board = AlarmBoard::in_memory();
    board.raise(Code::RingFallback, "", "seccomp forbids it", 1);
    board.raise(Code::RingFallback, "", "seccomp forbids it", 1);
    board.clear(Code::RingFallback, "");
    board.acknowledge("RING-FALLBACK", "mlee").unwrap();
    let id = "RING-FALLBACK".to_owned();
    let raised = News::Raised {
        id: id.clone(),
        priority: Priority::Low,
    };
    assert_eq!(board.take_news(), [raised, News::Gone { id }]);
    assert_eq!(board.take_news(), []);
}

#[test]
fn an_id_that_no_alarm_can_have_is_not_found() {
    let board = AlarmBoard::in_memory();
    for id in ["", "FIRE", "LOSS", "LOSS:", "loss:a", "LOSS:\u{1b}[2J"] {
        assert_eq!(
            board.acknowledge(id, "mlee"),
            Err(ChangeAlarmError::NotFound),
            "{id:?}"
        );
    }
}

#[test]
fn what_happened_once_stands_until_somebody_acknowledges_it() {
    let board = AlarmBoard::in_memory();
    board.raise(Code::BreakGlass, "RM_1", "one person ended it", 1);
    board.tick();
    let id = "BREAK-GLASS:RM_1".to_owned();
    assert_eq!(states(&board), [(id.clone(), AlarmState::Unacknowledged)]);
    board.acknowledge(&id, "jdoe").unwrap();
    assert_eq!(states(&board), []);
    let gone = News::Gone { id };
    assert_eq!(board.take_news().last(), Some(&gone));
}
