//! `ringward forecast`: when a box that admits nobody new would be empty.

use crate::admin::{Admin, block_on};
use crate::boot;
use crate::cli::ForecastArguments;
use anyhow::Result;
use std::fmt;
use wire::admin::LiveRoom;
use wire::{Page, SessionView};

/// How far back rooms are looked at: a month has all kinds of days.
const DAYS: u64 = 30;

/// Most of them: the latest say the most, and the answer is wanted now.
const MAX_SESSIONS: usize = 5_000;

/// Entries per page: the most that the box gives.
const PAGE: usize = 1_000;

/// With fewer rooms in the past nothing is foretold.
const LEAST: usize = 20;

/// Which share of what is open has ended by then.
const PERCENT: u64 = 90;

/// What is open, and how it goes on if it goes on as it always did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
struct Forecast {
    /// Rooms that live now.
    open: usize,
    /// Age of the oldest.
    longest_ms: u64,
    /// Rooms of the past that it is judged by.
    judged_by: usize,
    /// In this time nine of ten have ended; absent where too little is known.
    most_ended_in_ms: Option<u64>,
}

/// Prints a sentence, or one JSON object.
#[expect(clippy::print_stdout, reason = "a command's result")]
pub(crate) fn run(arguments: &ForecastArguments) -> Result<()> {
    let now = boot::now()?.0;
    let (rooms, durations) = block_on(async {
        let admin = Admin::at(&arguments.at)?;
        let rooms: Vec<LiveRoom> = serde_json::from_value(admin.get("/admin/rooms", &[]).await?)?;
        Ok((rooms, past(&admin, now).await?))
    })?;
    let created = rooms.iter().map(|room| room.created_at_ms);
    let ages: Vec<u64> = created.map(|at| now.saturating_sub(at)).collect();
    let forecast = forecast(&ages, durations);
    if arguments.at.json {
        println!("{}", serde_json::to_string(&forecast)?);
    } else {
        println!("{forecast}");
    }
    Ok(())
}

/// How long the rooms of the last days lasted.
async fn past(admin: &Admin, now: u64) -> Result<Vec<u64>> {
    let from = now.saturating_sub(DAYS * 24 * 3_600 * 1_000);
    let mut durations = Vec::new();
    let mut cursor: Option<String> = None;
    while durations.len() < MAX_SESSIONS {
        let mut query = vec![
            ("open", "false".to_owned()),
            ("order", "desc".to_owned()),
            ("from", from.to_string()),
            ("limit", PAGE.to_string()),
        ];
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let page: Page<SessionView> =
            serde_json::from_value(admin.get("/admin/sessions", &query).await?)?;
        durations.extend(page.items.iter().filter_map(|session| {
            Some(session.ended_at_ms?.saturating_sub(session.started_at_ms))
        }));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    Ok(durations)
}

/// Of the past rooms that lasted longer than an open one has by now, some share ended within a given
/// time after that age. The forecast is the least time in which that share, averaged over the open
/// rooms, reaches nine tenths. A room older than any of the past is not foretold: it counts as staying.
fn forecast(ages: &[u64], mut durations: Vec<u64>) -> Forecast {
    durations.sort_unstable();
    let mut forecast = Forecast {
        open: ages.len(),
        longest_ms: ages.iter().copied().max().unwrap_or(0),
        judged_by: durations.len(),
        most_ended_in_ms: None,
    };
    if ages.is_empty() {
        forecast.most_ended_in_ms = Some(0);
    } else if durations.len() >= LEAST {
        forecast.most_ended_in_ms = least_time(ages, &durations);
    }
    forecast
}

fn least_time(ages: &[u64], durations: &[u64]) -> Option<u64> {
    let most = *durations.last()?;
    let enough = |time: u64| {
        let shares = ages.iter().map(|age| share(*age, time, durations));
        shares.sum::<f64>() * 100.0 >= (PERCENT * ages.len() as u64) as f64
    };
    if !enough(most) {
        return None;
    }
    // The share only grows with time: halve the span until the least one is found.
    let (mut too_short, mut long_enough) = (0, most);
    while too_short + 1 < long_enough {
        let middle = too_short + (long_enough - too_short) / 2;
        if enough(middle) {
            long_enough = middle;
        } else {
            too_short = middle;
        }
    }
    Some(long_enough)
}

/// The share of rooms longer than `age` that were over `time` later. `durations` are sorted.
fn share(age: u64, time: u64, durations: &[u64]) -> f64 {
    let until = |limit: u64| durations.partition_point(|duration| *duration <= limit);
    let longer = durations.len() - until(age);
    if longer == 0 {
        return 0.0;
    }
    (until(age + time) - until(age)) as f64 / longer as f64
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = |ms: u64| ms.div_ceil(60_000);
        if self.open == 0 {
            return f.write_str("no room is open: the box can be stopped now");
        }
        let (rooms, are) = if self.open == 1 {
            ("room", "is")
        } else {
            ("rooms", "are")
        };
        write!(
            f,
            "{} {rooms} {are} open, the longest for {} min; ",
            self.open,
            minutes(self.longest_ms)
        )?;
        match self.most_ended_in_ms {
            Some(time) => write!(
                f,
                "by {} rooms of the last {DAYS} days, {PERCENT} % end within {} min",
                self.judged_by,
                minutes(time)
            ),
            None if self.judged_by < LEAST => write!(
                f,
                "only {} rooms ended in the last {DAYS} days: too few to foretell from",
                self.judged_by
            ),
            None => write!(
                f,
                "they last longer than the {} rooms of the last {DAYS} days: ask who is in them",
                self.judged_by
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    /// A hundred rooms of 1 to 100 minutes.
    fn past() -> Vec<u64> {
        (1..=100).map(|minutes| minutes * MINUTE).collect()
    }

    #[test]
    fn the_forecast_is_what_the_past_says_of_rooms_as_old() {
        for (name, ages, durations, want) in [
            ("nobody", vec![], past(), Some(0)),
            ("a new room", vec![0], past(), Some(90 * MINUTE)),
            (
                "one of 50 minutes",
                vec![50 * MINUTE],
                past(),
                Some(45 * MINUTE),
            ),
            (
                "one that is nearly over",
                vec![99 * MINUTE],
                past(),
                Some(MINUTE),
            ),
            (
                "older than all of the past",
                vec![100 * MINUTE],
                past(),
                None,
            ),
            ("too little past", vec![0], vec![MINUTE; LEAST - 1], None),
            ("just enough", vec![0], vec![MINUTE; LEAST], Some(MINUTE)),
        ] {
            assert_eq!(forecast(&ages, durations).most_ended_in_ms, want, "{name}");
        }
    }

    #[test]
    fn the_forecast_is_said_in_a_sentence() {
        let said = forecast(&[0, 41 * MINUTE], past()).to_string();
        assert!(
            said.starts_with("2 rooms are open, the longest for 41 min; by 100 rooms"),
            "{said}"
        );
        assert!(said.contains("90 % end within"), "{said}");
        assert!(
            forecast(&[], past())
                .to_string()
                .contains("can be stopped now")
        );
        assert!(forecast(&[1], vec![]).to_string().contains("too few"));
        assert!(
            forecast(&[100 * MINUTE], past())
                .to_string()
                .contains("ask who")
        );
    }
}
