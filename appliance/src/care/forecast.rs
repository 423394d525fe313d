//! `ringward forecast`: when a box that admits nobody new would be empty.

use crate::admin::{Admin, block_on};
use crate::boot;
use crate::cli::ForecastArguments;
use crate::moment;
use anyhow::Result;
use std::fmt;
use vocab::DisplayText;
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

/// Who is there, and how it goes on if it goes on as it always did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Forecast {
    /// When it was made.
    #[serde(skip)]
    at_ms: u64,
    /// Rooms with somebody in them.
    open: usize,
    /// People and devices in them.
    people: u64,
    /// Age of the oldest.
    longest_ms: u64,
    /// Its name.
    longest: String,
    /// Rooms of the past that it is judged by.
    judged_by: usize,
    /// In this time nine of ten have ended; absent where too little is known.
    most_ended_in_ms: Option<u64>,
}

/// How long the rooms of the last days lasted, shortest first.
pub(crate) struct Past(Vec<u64>);

/// Prints a sentence, or one JSON object.
pub(crate) fn run(arguments: &ForecastArguments) -> Result<()> {
    let forecast = block_on(async {
        let admin = Admin::at(&arguments.at)?;
        Past::read(&admin).await?.forecast(&admin).await
    })?;
    forecast.say(arguments.at.json)
}

impl Forecast {
    /// How many are in rooms, people and devices.
    pub(crate) fn inside(&self) -> u64 {
        self.people
    }

    /// Prints a sentence, or one JSON object.
    #[expect(clippy::print_stdout, reason = "a command's result")]
    pub(crate) fn say(&self, is_json: bool) -> Result<()> {
        if is_json {
            println!("{}", serde_json::to_string(self)?);
        } else {
            println!("{self}");
        }
        Ok(())
    }
}

impl Past {
    /// Asks the box for the rooms of the last days.
    pub(crate) async fn read(admin: &Admin) -> Result<Self> {
        let from = boot::now()?.0.saturating_sub(DAYS * 24 * 3_600 * 1_000);
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
        durations.sort_unstable();
        Ok(Self(durations))
    }

    /// What it says of the rooms that are open now.
    pub(crate) async fn forecast(&self, admin: &Admin) -> Result<Forecast> {
        let rooms: Vec<LiveRoom> = serde_json::from_value(admin.get("/admin/rooms", &[]).await?)?;
        Ok(forecast(&rooms, &self.0, boot::now()?.0))
    }
}

/// Of the past rooms that lasted longer than an open one has by now, some share ended within a given
/// time after that age. The forecast is the least time in which that share, averaged over the open
/// rooms, reaches nine tenths. A room older than any of the past is not foretold: it counts as staying.
fn forecast(rooms: &[LiveRoom], durations: &[u64], now: u64) -> Forecast {
    let inside = |room: &LiveRoom| u64::from(room.people) + u64::from(room.devices);
    let mut open: Vec<&LiveRoom> = rooms.iter().filter(|room| inside(room) > 0).collect();
    open.sort_by_key(|room| room.created_at_ms);
    let age = |room: &&LiveRoom| now.saturating_sub(room.created_at_ms);
    let ages: Vec<u64> = open.iter().map(age).collect();
    Forecast {
        at_ms: now,
        open: open.len(),
        people: open.iter().map(|room| inside(room)).sum(),
        longest_ms: ages.first().copied().unwrap_or(0),
        longest: open
            .first()
            .map_or_else(String::new, |room| room.name.clone()),
        judged_by: durations.len(),
        most_ended_in_ms: match ages.len() {
            0 => Some(0),
            _ if durations.len() < LEAST => None,
            _ => least_time(&ages, durations),
        },
    }
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
            return f.write_str("nobody is in a room: the box can be stopped now");
        }
        let (rooms, are) = if self.open == 1 {
            ("room", "is")
        } else {
            ("rooms", "are")
        };
        write!(
            f,
            "{} {rooms} with {} inside {are} open, the longest ({}) for {} min; ",
            self.open,
            self.people,
            DisplayText::new(&self.longest),
            minutes(self.longest_ms)
        )?;
        match self.most_ended_in_ms {
            Some(time) => write!(
                f,
                "by {} rooms of the last {DAYS} days, {PERCENT} % end within {} min, by {}",
                self.judged_by,
                minutes(time),
                moment::minute(self.at_ms.saturating_add(time))
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
    const NOW: u64 = 1_700_000_000_000;

    /// A hundred rooms of 1 to 100 minutes.
    fn past() -> Vec<u64> {
        (1..=100).map(|minutes| minutes * MINUTE).collect()
    }

    /// Rooms that have lived so long, with two people in each.
    fn rooms(ages: &[u64]) -> Vec<LiveRoom> {
        let room = |(place, age): (usize, &u64)| {
            serde_json::from_value(serde_json::json!({
                "sid": "RM_1", "name": format!("ward-{place}"), "created_at_ms": NOW - age,
                "people": 1, "devices": 1, "waiting": 0, "recording": false, "hold": false,
                "locked": false,
            }))
        };
        let rooms = ages.iter().enumerate().map(room);
        rooms.collect::<Result<_, _>>().expect("a room")
    }

    fn of(ages: &[u64], durations: &[u64]) -> Forecast {
        forecast(&rooms(ages), durations, NOW)
    }

    #[test]
    fn the_forecast_is_what_the_past_says_of_rooms_as_old() {
        let short = |count| vec![MINUTE; count];
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
            ("too little past", vec![0], short(LEAST - 1), None),
            ("just enough", vec![0], short(LEAST), Some(MINUTE)),
        ] {
            assert_eq!(of(&ages, &durations).most_ended_in_ms, want, "{name}");
        }
    }

    #[test]
    fn a_room_without_anybody_holds_nobody_up() {
        let mut rooms = rooms(&[10 * MINUTE, 90 * MINUTE]);
        (rooms[1].people, rooms[1].devices) = (0, 0);
        let forecast = forecast(&rooms, &past(), NOW);
        let said = (forecast.open, forecast.people, forecast.longest.as_str());
        assert_eq!(said, (1, 2, "ward-0"));
        assert_eq!(forecast.longest_ms, 10 * MINUTE);
    }

    #[test]
    fn the_forecast_is_said_in_a_sentence() {
        let said = of(&[0, 41 * MINUTE], &past()).to_string();
        assert!(
            said.starts_with(
                "2 rooms with 4 inside are open, the longest (ward-1) for 41 min; by 100 rooms"
            ),
            "{said}"
        );
        assert!(
            said.contains("90 % end within 80 min, by 2023-11-14T23:33Z"),
            "{said}"
        );
        for (ages, durations, want) in [
            (&[][..], past(), "can be stopped now"),
            (&[1], vec![], "too few"),
            (&[100 * MINUTE], past(), "ask who"),
        ] {
            let said = of(ages, &durations).to_string();
            assert!(said.contains(want), "{said}");
        }
    }
}
