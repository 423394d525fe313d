//! How bad it is, as exit codes that monitoring reads (the Monitoring Plugins' convention).

use anyhow::{Error, Result};
use std::process::ExitCode;
use wire::admin::{AlarmState, AlarmView, Priority};

/// What `--help` says of them.
pub(crate) const EXIT_CODES: &str = "Exit codes, for monitoring: \
0 all is well, 1 something needs somebody soon, 2 something needs somebody now, \
3 not known: the box does not answer, or there is no such thing";

/// How bad it is, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grade {
    /// All is well.
    Fine,
    /// Somebody is needed soon.
    Warning,
    /// Somebody is needed now.
    Critical,
}

/// Not known.
pub(crate) const UNKNOWN: u8 = 3;

impl Grade {
    /// Of alarms: what is shelved or has returned needs nobody now.
    pub(crate) fn of_alarms(alarms: &[AlarmView]) -> Self {
        let stands = |alarm: &&AlarmView| {
            matches!(
                alarm.state,
                AlarmState::Unacknowledged | AlarmState::Acknowledged
            )
        };
        let grades = alarms
            .iter()
            .filter(stands)
            .map(|alarm| match alarm.priority {
                Priority::High => Self::Critical,
                Priority::Medium | Priority::Low => Self::Warning,
            });
        grades.max().unwrap_or(Self::Fine)
    }

    /// The exit code.
    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Fine => 0,
            Self::Warning => 1,
            Self::Critical => 2,
        })
    }

    /// As monitoring writes it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Fine => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        }
    }
}

/// The exit code of a question; what went wrong is handed to `say`.
pub(crate) fn exit(outcome: Result<Grade>, say: impl FnOnce(&Error)) -> ExitCode {
    match outcome {
        Ok(grade) => grade.code(),
        Err(error) => {
            say(&error);
            ExitCode::from(UNKNOWN)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(priority: Priority, state: AlarmState) -> AlarmView {
        AlarmView {
            id: "LOSS:10.0.0.0/24".to_owned(),
            code: "LOSS".to_owned(),
            priority,
            subject: "10.0.0.0/24".to_owned(),
            state,
            raised_at_ms: 0,
            cause: String::new(),
            consequence: String::new(),
            action: String::new(),
            time_allowed_s: 60,
            by: None,
            reason: None,
            until_ms: None,
            silenced_until_ms: None,
            count: 1,
        }
    }

    #[test]
    fn the_worst_alarm_that_stands_decides() {
        use AlarmState::{Acknowledged, Returned, Shelved, Unacknowledged};
        for (name, alarms, want) in [
            ("none", vec![], Grade::Fine),
            (
                "one low",
                vec![(Priority::Low, Unacknowledged)],
                Grade::Warning,
            ),
            (
                "a high one",
                vec![
                    (Priority::Low, Unacknowledged),
                    (Priority::High, Acknowledged),
                ],
                Grade::Critical,
            ),
            ("shelved", vec![(Priority::High, Shelved)], Grade::Fine),
            ("returned", vec![(Priority::High, Returned)], Grade::Fine),
        ] {
            let alarms: Vec<_> = alarms.into_iter().map(|(p, s)| alarm(p, s)).collect();
            assert_eq!(Grade::of_alarms(&alarms), want, "{name}");
        }
    }
}
