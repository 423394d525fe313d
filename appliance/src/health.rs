//! `ringward health`, `alarms` and `status`: how the box is, for a person and for monitoring.

use crate::admin::{Admin, block_on};
use crate::cli::WatchArguments;
use crate::grade::Grade;
use crate::shown::{age, bytes, or_dash};
use anyhow::Result;
use std::fmt::Write as _;
use std::io::Write as _;
use vocab::DisplayText;
use wire::StatusView;
use wire::admin::{AlarmState, AlarmView, AlarmsView, BoxView, Priority};

/// Shown with every list of alarms.
const NOT_PATIENTS: &str = "technical alarms only: this is not a patient alarm system";

/// Prints how the box is.
pub(crate) fn health(arguments: &WatchArguments) -> Result<Grade> {
    let (health, alarms) = block_on(async {
        let admin = Admin::at(&arguments.at)?;
        let health: BoxView = serde_json::from_value(admin.get("/admin/health", &[]).await?)?;
        let alarms: AlarmsView = serde_json::from_value(admin.get("/admin/alarms", &[]).await?)?;
        Ok((health, alarms))
    })?;
    let mut out = std::io::stdout().lock();
    if arguments.at.json {
        writeln!(out, "{}", serde_json::to_string(&health)?)?;
    } else {
        write!(out, "{}", sheet(&health))?;
    }
    let own = if health.ready || health.draining {
        Grade::Fine
    } else {
        Grade::Critical
    };
    Ok(own.max(Grade::of_alarms(&alarms.alarms)))
}

/// Prints everything that is not normal.
pub(crate) fn alarms(arguments: &WatchArguments) -> Result<Grade> {
    let view: AlarmsView = block_on(async {
        Ok(serde_json::from_value(
            Admin::at(&arguments.at)?.get("/admin/alarms", &[]).await?,
        )?)
    })?;
    let mut out = std::io::stdout().lock();
    if arguments.at.json {
        for alarm in &view.alarms {
            writeln!(out, "{}", serde_json::to_string(alarm)?)?;
        }
    } else {
        write!(out, "{}", list(&view))?;
    }
    Ok(Grade::of_alarms(&view.alarms))
}

/// Prints one line, as monitoring reads it.
pub(crate) fn status(arguments: &WatchArguments) -> Result<Grade> {
    let status: StatusView = block_on(async {
        Ok(serde_json::from_value(
            Admin::at(&arguments.at)?.get("/admin/status", &[]).await?,
        )?)
    })?;
    let grade = match (status.ready, status.problems.is_empty()) {
        (true, true) => Grade::Fine,
        (true, false) => Grade::Warning,
        (false, _) => Grade::Critical,
    };
    let mut out = std::io::stdout().lock();
    if arguments.at.json {
        writeln!(out, "{}", serde_json::to_string(&status)?)?;
    } else {
        writeln!(out, "{}", summary(&status, grade))?;
    }
    Ok(grade)
}

/// The Monitoring Plugins' line: state, words, and figures behind the bar.
fn summary(status: &StatusView, grade: Grade) -> String {
    let said = if status.problems.is_empty() {
        "newcomers are admitted".to_owned()
    } else {
        DisplayText::new(&status.problems.join("; ")).to_string()
    };
    // The bar ends the words.
    let said = said.replace('|', "/");
    format!(
        "{}: {said} | rooms={} participants={} tracks={} exchanges={}",
        grade.word(),
        status.rooms,
        status.participants,
        status.tracks,
        status.exchanges
    )
}

fn list(view: &AlarmsView) -> String {
    let mut text = format!("{NOT_PATIENTS}\n");
    let score = &view.score;
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{} alarms; {} raised in the last hour, {} in ten minutes, {} chatter, {} stale\n",
        view.alarms.len(),
        score.per_hour,
        score.per_ten_minutes,
        score.chattering,
        score.stale
    );
    for alarm in &view.alarms {
        text.push_str(&entry(alarm));
    }
    text
}

fn entry(alarm: &AlarmView) -> String {
    let mark = match alarm.priority {
        Priority::High => "***",
        Priority::Medium => "** ",
        Priority::Low => "*  ",
    };
    let state = match alarm.state {
        AlarmState::Unacknowledged => "UNACKNOWLEDGED",
        AlarmState::Acknowledged => "ACKNOWLEDGED",
        AlarmState::Returned => "RETURNED",
        AlarmState::Shelved => "SHELVED",
    };
    let mut text = format!("{mark} {} {state}", DisplayText::new(&alarm.id));
    if let Some(by) = &alarm.by {
        let _ = write!(text, " by {}", DisplayText::new(by));
    }
    if let Some(reason) = &alarm.reason {
        let _ = write!(text, " ({})", DisplayText::new(reason));
    }
    let _ = write!(
        text,
        ", raised {}, act within {}\n    {}\n    if nobody acts: {}\n    do: {}\n",
        crate::moment::text(alarm.raised_at_ms),
        age(u64::from(alarm.time_allowed_s) * 1_000),
        DisplayText::new(&alarm.cause),
        DisplayText::new(&alarm.consequence),
        DisplayText::new(&alarm.action),
    );
    text
}

fn sheet(health: &BoxView) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<12} {value}");
    };
    let state = match (health.ready, health.draining) {
        (_, true) => "draining: nobody new is admitted",
        (true, _) => "ready",
        (false, _) => "NOT READY",
    };
    let version = DisplayText::new(&health.version);
    row(
        "box",
        format!("{} {version}, {state}", DisplayText::new(&health.name)),
    );
    for problem in &health.problems {
        row("problem", DisplayText::new(problem).to_string());
    }
    row("network", DisplayText::new(&health.backend).to_string());
    row(
        "ports",
        DisplayText::new(&health.ports.join(" ")).to_string(),
    );
    for (place, core) in health.cores.iter().enumerate() {
        row(
            &format!("media-{place}"),
            format!(
                "busy {}%, {} rooms, {} transports",
                core.busy_percent, core.rooms, core.peers
            ),
        );
    }
    row(
        "process",
        format!(
            "cpu {}%, memory {}, descriptors {} of {}",
            health.cpu_percent,
            bytes(health.memory_bytes),
            health.descriptors,
            health.descriptors_max
        ),
    );
    let [udp, tcp, turn] = health.paths;
    row(
        "rooms",
        format!(
            "{} with {} participants: udp {udp}, tcp {tcp}, turn-tls {turn}",
            health.rooms, health.participants
        ),
    );
    row(
        "packets",
        format!(
            "{}/s forwarded; dropped in {}, out {} since the start",
            health.packets_per_second, health.dropped_in, health.dropped_out
        ),
    );
    row(
        "disk",
        or_dash(health.disk.map(|disk| {
            let full = disk.full_in_days.map(|days| format!(", full in {days} d"));
            format!(
                "{} free of {}{}",
                bytes(disk.free_bytes),
                bytes(disk.total_bytes),
                full.unwrap_or_default()
            )
        })),
    );
    row(
        "fsync p99",
        or_dash(health.fsync_p99_ms.map(|ms| format!("{ms:.1} ms"))),
    );
    row(
        "clock",
        or_dash(
            health
                .clock_offset_ms
                .map(|ms| format!("{ms:+.1} ms from the time server")),
        ),
    );
    row(
        "backup",
        or_dash(health.backup_at_ms.map(crate::moment::text)),
    );
    for certificate in &health.certificates {
        row(
            "certificate",
            format!(
                "{} {} until {}",
                DisplayText::new(&certificate.role),
                DisplayText::new(&certificate.subject),
                crate::moment::text(certificate.expires_at_ms)
            ),
        );
    }
    row("webhooks", format!("{} wait", health.webhooks_waiting));
    row("events", format!("{} on record", health.events));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::admin::{AlarmScore, CoreView, DiskView};

    #[test]
    fn monitoring_reads_one_line() {
        let status = StatusView {
            draining: false,
            version: "1".to_owned(),
            started_at_ms: 0,
            ready: true,
            problems: vec!["the index | is catching up".to_owned()],
            rooms: 2,
            participants: 5,
            tracks: 9,
            exchanges: 0,
            facts: Vec::new(),
        };
        assert_eq!(
            summary(&status, Grade::Warning),
            "WARNING: the index / is catching up | rooms=2 participants=5 tracks=9 exchanges=0"
        );
    }

    #[test]
    fn an_alarm_says_what_happens_and_what_to_do_and_nothing_hostile() {
        let view = AlarmsView {
            alarms: vec![AlarmView {
                id: "LOSS:10.30.0.0/24".to_owned(),
                code: "LOSS".to_owned(),
                priority: Priority::Medium,
                subject: "10.30.0.0/24".to_owned(),
                state: AlarmState::Shelved,
                raised_at_ms: 1_700_000_000_000,
                cause: "5 people lose more than 5 % of their packets".to_owned(),
                consequence: "Pictures freeze.".to_owned(),
                action: "Check the network.".to_owned(),
                time_allowed_s: 1_800,
                by: Some("m\u{1b}[31mlee".to_owned()),
                reason: Some("cable ordered".to_owned()),
                until_ms: None,
                silenced_until_ms: None,
                count: 5,
            }],
            score: AlarmScore::default(),
        };
        let shown = list(&view);
        assert!(shown.starts_with(NOT_PATIENTS), "{shown}");
        assert!(!shown.contains('\u{1b}'));
        let entry: Vec<&str> = shown.lines().skip(3).collect();
        assert_eq!(
            entry,
            [
                "**  LOSS:10.30.0.0/24 SHELVED by m\u{fffd}[31mlee (cable ordered), raised 2023-11-14T22:13:20.000Z, act within 00:30",
                "    5 people lose more than 5 % of their packets",
                "    if nobody acts: Pictures freeze.",
                "    do: Check the network.",
            ]
        );
    }

    #[test]
    fn what_is_not_known_of_the_box_is_a_dash() {
        let shown = sheet(&BoxView {
            name: "box-1".to_owned(),
            ready: true,
            cores: vec![CoreView::default()],
            ..BoxView::default()
        });
        for row in ["disk", "fsync p99", "clock", "backup"] {
            let line = shown.lines().find(|line| line.starts_with(row)).unwrap();
            assert!(line.ends_with(" -"), "{line}");
        }
        let shown = sheet(&BoxView {
            disk: Some(DiskView {
                total_bytes: 1 << 40,
                free_bytes: 1 << 39,
                full_in_days: Some(19),
            }),
            ..BoxView::default()
        });
        assert!(
            shown.contains("512.0 GiB free of 1.0 TiB, full in 19 d"),
            "{shown}"
        );
        assert!(shown.contains("NOT READY"), "{shown}");
    }
}
