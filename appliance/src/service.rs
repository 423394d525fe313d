//! Speaking with the service manager (systemd): ready, how it goes, alive, stopping. Without one
//! all of it does nothing.

use crate::boot::STOP_TIMEOUT;
use control::ControlHandle;
use control::status::Status;
use sd_notify::NotifyState;
use std::convert::Infallible;
use std::time::{Duration, Instant};
use worker::Turns;

/// How often the status line is brought up to date when no watchdog asks for more.
const STATUS_INTERVAL: Duration = Duration::from_secs(2);

/// How long the control thread may wait for the disk. A disk that hangs for longer does not come
/// back by itself, and nobody new could join until it does.
const MAX_SAVING: Duration = Duration::from_mins(1);

/// What is looked at before the watchdog is fed.
pub(crate) struct Vitals {
    pub(crate) workers: Turns,
    pub(crate) control: ControlHandle,
}

/// Says that the box serves.
pub(crate) fn ready(status: &Status) {
    tell(&[NotifyState::Ready, NotifyState::Status(&line(status, None))]);
}

/// Says that the box will stop, and that the manager is to wait for so long: the settings may ask
/// for more than the unit's `TimeoutStopSec=`.
pub(crate) fn draining(most: Duration) {
    let patience = (most + 2 * STOP_TIMEOUT).as_micros();
    tell(&[
        NotifyState::Stopping,
        NotifyState::ExtendTimeoutUsec(u32::try_from(patience).unwrap_or(u32::MAX)),
    ]);
}

/// Says that the box stops.
pub(crate) fn stopping() {
    tell(&[
        NotifyState::Stopping,
        NotifyState::Status("Stopping: clients are told to come back"),
    ]);
}

/// Keeps status and watchdog up to date for as long as it is polled; `ends_by` is when a box that
/// drains stops at the latest. A thread that has not turned
/// for half the watchdog's interval stops the feeding; then the manager ends the box and starts it
/// again.
pub(crate) async fn watch(vitals: &Vitals, ends_by: Option<Instant>) -> Infallible {
    let watchdog = sd_notify::watchdog_enabled();
    let interval = watchdog.map_or(STATUS_INTERVAL, |most| most / 4);
    let patience = watchdog.map_or(Duration::MAX, |most| most / 2);
    let mut pulses = Pulses::new(patience);
    let mut said = String::new();
    loop {
        let now = Instant::now();
        let stuck = pulses.stuck(vitals, now);
        let left = ends_by.map(|at| at.saturating_duration_since(now));
        let text = match &stuck {
            Some(who) => format!("Stuck: {who} does not turn; the watchdog is not fed"),
            None => line(&vitals.control.status(), left),
        };
        if text != said {
            if stuck.is_some() {
                tracing::error!("{text}");
            }
            tell(&[NotifyState::Status(&text)]);
            said = text;
        }
        if stuck.is_none() && watchdog.is_some() {
            tell(&[NotifyState::Watchdog]);
        }
        tokio::time::sleep(interval).await;
    }
}

/// A manager that is gone needs no news.
fn tell(news: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(news) {
        tracing::debug!(%error, "the service manager was not told");
    }
}

/// What `systemctl status` shows; `left` is what a box that drains still has.
fn line(status: &Status, left: Option<Duration>) -> String {
    let counts = format!(
        "{} rooms, {} participants",
        status.rooms, status.participants
    );
    // Said only once it is so: until then somebody may still come in.
    if let Some(left) = left.filter(|_| status.draining) {
        let left = left.as_secs();
        return format!("Draining: {counts}; stops when they have gone, within {left} s");
    }
    match (status.ready, status.problems.first()) {
        (true, None) => format!("Serving: {counts}"),
        (true, Some(problem)) => format!("Serving, degraded: {counts}; {problem}"),
        (false, problem) => format!(
            "Not admitting: {counts}; {}",
            problem.map_or("no reason is known", String::as_str)
        ),
    }
}

/// When each thread was last seen to have turned.
struct Pulses {
    patience: Duration,
    seen: Vec<(u64, Instant)>,
}

impl Pulses {
    fn new(patience: Duration) -> Self {
        Self {
            patience,
            seen: Vec::new(),
        }
    }

    /// Who is stuck.
    fn stuck(&mut self, vitals: &Vitals, now: Instant) -> Option<String> {
        let pulse = vitals.control.pulse();
        let patience = if pulse.saving {
            self.patience.max(MAX_SAVING)
        } else {
            self.patience
        };
        let mut turns = vec![(pulse.turns, patience)];
        let workers = vitals.workers.counts();
        turns.extend(workers.into_iter().map(|turns| (turns, self.patience)));
        Some(match self.still(&turns, now)?.checked_sub(1) {
            None => "the control thread".to_owned(),
            Some(worker) => format!("media thread {worker}"),
        })
    }

    /// The first thread that stands still for longer than its patience.
    fn still(&mut self, turns: &[(u64, Duration)], now: Instant) -> Option<usize> {
        self.seen.resize(turns.len(), (u64::MAX, now));
        for ((turns, _), seen) in turns.iter().zip(&mut self.seen) {
            if *turns != seen.0 {
                *seen = (*turns, now);
            }
        }
        let mut threads = turns.iter().zip(&self.seen);
        threads.position(|((_, patience), (_, at))| now.saturating_duration_since(*at) > *patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(2_500);

    #[test]
    fn a_thread_is_stuck_when_it_stood_still_longer_than_its_patience() {
        let began = Instant::now();
        let at = |ms| began + Duration::from_millis(ms);
        let mut pulses = Pulses::new(PATIENCE);
        let mut still = |turns: [u64; 3], now| {
            let turns = turns.map(|turns| (turns, PATIENCE));
            pulses.still(&turns, now)
        };
        for (name, turns, ms, want) in [
            ("the first look", [0, 0, 0], 0, None),
            ("all turn", [1, 1, 1], 1_250, None),
            ("one stands still", [2, 1, 2], 2_500, None),
            ("exactly its patience", [3, 1, 3], 3_750, None),
            ("one moment longer", [4, 1, 4], 3_751, Some(1)),
            ("still", [5, 1, 5], 5_000, Some(1)),
            ("it turns again", [6, 2, 6], 6_250, None),
        ] {
            assert_eq!(still(turns, at(ms)), want, "{name}");
        }
    }

    #[test]
    fn the_status_says_who_is_here_and_why_nobody_is_admitted() {
        let mut status = Status {
            started_at: vocab::UnixMillis(0),
            ready: true,
            problems: Vec::new(),
            store_problem: None,
            store_damaged: None,
            rooms: 2,
            participants: 5,
            tracks: 9,
            exchanges: 0,
            draining: false,
            audit_problem: None,
        };
        assert_eq!(line(&status, None), "Serving: 2 rooms, 5 participants");
        let left = Some(Duration::from_secs(8));
        assert_eq!(line(&status, left), line(&status, None));
        status.draining = true;
        assert_eq!(
            line(&status, left),
            "Draining: 2 rooms, 5 participants; stops when they have gone, within 8 s"
        );
        status.problems.push("the disk is full".to_owned());
        assert!(line(&status, None).starts_with("Serving, degraded"));
        status.ready = false;
        assert_eq!(
            line(&status, None),
            "Not admitting: 2 rooms, 5 participants; the disk is full"
        );
    }
}
