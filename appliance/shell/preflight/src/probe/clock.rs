//! Whether the clock is right: tokens carry times, and so does the record of what happened.

use crate::finding::{Code, Finding};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 2026-01-01: no box was built before it.
const BUILT: Duration = Duration::from_hours(490_896);

pub(crate) struct Clock {
    /// Since 1970.
    pub(crate) now: Duration,
    /// Whether the kernel counts the clock as synchronised; unknown where nobody says.
    pub(crate) follows: Option<bool>,
    /// Our clock minus the time server's in milliseconds, where chrony says.
    pub(crate) offset_ms: Option<f64>,
}

pub(crate) fn measure() -> Clock {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let offset_ms = chrony();
    Clock {
        now,
        follows: offset_ms.map(|_| true).or_else(timedated),
        offset_ms,
    }
}

/// systemd asks the kernel (`adjtimex(2)`, `STA_UNSYNC`).
fn timedated() -> Option<bool> {
    if Path::new("/run/systemd/timesync/synchronized").exists() {
        return Some(true);
    }
    match said(
        "timedatectl",
        &["show", "--property=NTPSynchronized", "--value"],
    )?
    .trim()
    {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// `chronyc -c tracking`: comma-separated, the fifth is the offset in seconds, the last says whether
/// it follows anybody.
fn chrony() -> Option<f64> {
    tracking(&said("chronyc", &["-c", "tracking"])?)
}

fn tracking(line: &str) -> Option<f64> {
    let fields: Vec<&str> = line.trim().split(',').collect();
    let is_synchronised = *fields.last()? == "Normal";
    let seconds: f64 = fields.get(4)?.parse().ok()?;
    is_synchronised.then_some(seconds * 1_000.0)
}

fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let is_well = output.status.success();
    is_well.then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Tokens are taken with up to a minute's difference; a second is what a time server easily keeps.
const OFFSET_MS: f64 = 1_000.0;

pub(crate) fn judge(clock: &Clock) -> Finding {
    if clock.now < BUILT {
        return Finding::fail(
            Code::Clock,
            "the clock stands before 2026: every token is refused as not valid yet",
            "set it (`timedatectl set-time`), then name a time server: NTP= in \
             /etc/systemd/timesyncd.conf",
        );
    }
    match (clock.follows, clock.offset_ms) {
        (_, Some(offset)) if offset.abs() > OFFSET_MS => Finding::warn(
            Code::Clock,
            format!("the clock differs by {offset:.0} ms from its time server"),
            "`chronyc makestep`",
        ),
        (Some(true), Some(offset)) => Finding::pass(
            Code::Clock,
            format!("follows a time server, {offset:.1} ms away"),
        ),
        (Some(true), None) => Finding::pass(Code::Clock, "follows a time server"),
        (Some(false), _) => Finding::warn(
            Code::Clock,
            "the clock follows no time server: it will drift, and tokens be refused",
            "name the hospital's time server: NTP= in /etc/systemd/timesyncd.conf, then \
             `timedatectl set-ntp true`",
        ),
        (None, _) => Finding::warn(
            Code::Clock,
            "nobody here says whether the clock follows a time server",
            "install one that does: `apt install systemd-timesyncd` or `chrony`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Grade;

    #[test]
    fn the_clock_is_judged_by_its_time_and_whom_it_follows() {
        for (name, now, follows, offset_ms, want) in [
            ("1970", 0, Some(true), None, Grade::Fail),
            (
                "a second before the first box",
                BUILT.as_secs() - 1,
                None,
                None,
                Grade::Fail,
            ),
            ("follows", BUILT.as_secs(), Some(true), None, Grade::Pass),
            (
                "a second away",
                BUILT.as_secs(),
                Some(true),
                Some(-1_000.0),
                Grade::Pass,
            ),
            (
                "more",
                BUILT.as_secs(),
                Some(true),
                Some(-1_000.5),
                Grade::Warn,
            ),
            (
                "follows nobody",
                BUILT.as_secs(),
                Some(false),
                None,
                Grade::Warn,
            ),
            ("unknown", BUILT.as_secs(), None, None, Grade::Warn),
        ] {
            let clock = Clock {
                now: Duration::from_secs(now),
                follows,
                offset_ms,
            };
            assert_eq!(judge(&clock).grade, want, "{name}");
        }
    }

    #[test]
    fn what_chrony_says_is_read_by_its_columns() {
        let line = "C0A80001,192.168.0.1,3,1700000000.1,0.000012,0.0,0.0,0.0,0.0,0.0,0.0,0.0,64.2,Normal\n";
        assert_eq!(tracking(line), Some(0.012));
        assert_eq!(
            tracking("00000000,,0,0.0,0.0,0,0,0,0,0,0,0,0,Not synchronised\n"),
            None
        );
        assert_eq!(tracking(""), None);
    }
}
