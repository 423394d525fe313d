//! What an operator should know about a room at a glance.
//!
//! | Flag | When |
//! |---|---|
//! | `empty` | nobody is in it |
//! | `stuck` | somebody has been joining for more than 15 s without a transport |
//! | `poor` | somebody loses more than 5 %, has a round trip above 400 ms, or a connection judged `poor` or `lost` |
//! | `no-media` | somebody has had an unmuted track for 10 s, and no media came from anybody for 10 s |
//! | `one-way` | media comes from one and not from another who should send; or media comes and somebody who watches is sent none |
//! | `not-udp` | somebody's media takes a path other than UDP |
//!
//! Whoever came less than ten seconds ago is given time.

use control::live::{PresentNow, Quality};
use std::time::Duration;
use watch::{FLOWING, LOSS_PERMILLE, Moment, Reading};
use wire::admin::Path;

/// A transport that is not up by then will not be: clients give up after 15 s.
const JOIN_TIME: Duration = Duration::from_secs(15);

/// A round trip at which people talk over each other (ITU-T G.114 allows 400 ms at most).
const ROUND_TRIP_POOR: Duration = Duration::from_millis(400);

/// Somebody in a room, with how their transports do.
pub(super) struct One<'a> {
    pub(super) present: &'a PresentNow,
    pub(super) reading: Reading,
    pub(super) path: Path,
}

impl One<'_> {
    fn age(&self, now: Moment) -> Duration {
        Duration::from_millis(now.unix.0.saturating_sub(self.present.joined_at.0))
    }

    fn is_settled(&self, now: Moment) -> bool {
        self.present.connected && self.age(now) > FLOWING
    }

    fn is_poor(&self) -> bool {
        let reading = &self.reading;
        reading
            .loss_permille
            .is_some_and(|loss| loss > LOSS_PERMILLE)
            || reading
                .round_trip
                .is_some_and(|trip| trip > ROUND_TRIP_POOR)
            || matches!(self.present.quality, Some(Quality::Lost | Quality::Poor))
    }
}

/// The flags of a room with these people, in the order of the table.
pub(super) fn of(people: &[One<'_>], now: Moment) -> Vec<String> {
    let settled = || people.iter().filter(move |one| one.is_settled(now));
    let senders = || settled().filter(|one| one.present.sending > 0);
    let is_heard = people.iter().any(|one| one.reading.is_heard);
    let is_missed = senders().any(|one| !one.reading.is_heard);
    let is_untold = settled().any(|one| one.present.watching > 0 && !one.reading.is_told);
    let is_stuck = |one: &One<'_>| !one.present.connected && one.age(now) > JOIN_TIME;
    let flags = [
        ("empty", people.is_empty()),
        ("stuck", people.iter().any(is_stuck)),
        ("poor", people.iter().any(One::is_poor)),
        ("no-media", is_missed && !is_heard),
        ("one-way", is_heard && (is_missed || is_untold)),
        (
            "not-udp",
            people
                .iter()
                .any(|one| matches!(one.path, Path::Tcp | Path::TurnTls)),
        ),
    ];
    flags
        .into_iter()
        .filter(|(_, is_so)| *is_so)
        .map(|(flag, _)| flag.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;
    use vocab::UnixMillis;

    const NOW_MS: u64 = 1_700_000_000_000;

    fn now() -> Moment {
        Moment {
            instant: Instant::now(),
            unix: UnixMillis(NOW_MS),
        }
    }

    /// Somebody who came a minute ago and is connected.
    fn somebody(sending: u32, watching: u32) -> PresentNow {
        PresentNow {
            sid: "PA_1".into(),
            identity: "one".into(),
            role: "standard",
            state: "active",
            waits: false,
            joined_at: UnixMillis(NOW_MS - 60_000),
            peers: [None, None],
            connected: true,
            sending,
            watching,
            quality: None,
            tracks: Vec::new(),
        }
    }

    fn reading(is_heard: bool, is_told: bool) -> Reading {
        Reading {
            is_heard,
            is_told,
            ..Reading::default()
        }
    }

    fn flags(people: &[(PresentNow, Reading)]) -> Vec<String> {
        let people: Vec<One<'_>> = people
            .iter()
            .map(|(present, reading)| One {
                present,
                reading: *reading,
                path: Path::Udp,
            })
            .collect();
        of(&people, now())
    }

    #[test]
    fn a_flag_is_raised_by_its_rule_and_no_other() {
        let (heard, told, both, silent) = (
            reading(true, false),
            reading(false, true),
            reading(true, true),
            reading(false, false),
        );
        let new = |present: PresentNow| PresentNow {
            joined_at: UnixMillis(NOW_MS - 10_000),
            ..present
        };
        let joining = |seconds: u64| PresentNow {
            connected: false,
            joined_at: UnixMillis(NOW_MS - seconds * 1_000),
            ..somebody(0, 0)
        };
        for (name, people, want) in [
            ("nobody", vec![], &["empty"][..]),
            (
                "two who talk",
                vec![(somebody(1, 1), both), (somebody(1, 1), both)],
                &[],
            ),
            (
                "a listener and a speaker",
                vec![(somebody(1, 0), heard), (somebody(0, 1), told)],
                &[],
            ),
            (
                "all muted",
                vec![(somebody(0, 1), silent), (somebody(0, 1), silent)],
                &[],
            ),
            (
                "two of whom nothing comes",
                vec![(somebody(1, 1), silent), (somebody(1, 1), silent)],
                &["no-media"],
            ),
            (
                "one of whom nothing comes",
                vec![(somebody(1, 1), both), (somebody(1, 1), told)],
                &["one-way"],
            ),
            (
                "one who is sent nothing",
                vec![(somebody(1, 1), both), (somebody(1, 1), heard)],
                &["one-way"],
            ),
            (
                "somebody new",
                vec![(somebody(1, 1), both), (new(somebody(1, 1)), silent)],
                &[],
            ),
            ("joining", vec![(joining(15), silent)], &[]),
            ("joining for ever", vec![(joining(16), silent)], &["stuck"]),
        ] {
            assert_eq!(flags(&people), want, "{name}");
        }
    }

    #[test]
    fn a_poor_connection_is_lossy_far_away_or_judged_so() {
        let measured = |loss: u16, trip_ms: u64| Reading {
            loss_permille: Some(loss),
            round_trip: Some(Duration::from_millis(trip_ms)),
            ..reading(true, true)
        };
        let judged = |quality| PresentNow {
            quality: Some(quality),
            ..somebody(1, 1)
        };
        for (name, one, is_poor) in [
            ("five per cent", (somebody(1, 1), measured(50, 20)), false),
            ("more", (somebody(1, 1), measured(51, 20)), true),
            ("400 ms", (somebody(1, 1), measured(0, 400)), false),
            ("longer", (somebody(1, 1), measured(0, 401)), true),
            (
                "judged good",
                (judged(Quality::Good), reading(true, true)),
                false,
            ),
            (
                "judged poor",
                (judged(Quality::Poor), reading(true, true)),
                true,
            ),
            (
                "judged lost",
                (judged(Quality::Lost), reading(true, true)),
                true,
            ),
        ] {
            assert_eq!(flags(&[one]) == ["poor"], is_poor, "{name}");
        }
    }
}
