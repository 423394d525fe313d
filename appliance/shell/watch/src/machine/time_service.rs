//! What the machine's time service says: chrony or systemd-timesyncd, through the programs that
//! any user may run. Where neither is there, or the unit forbids programs, nothing is known.

use std::process::{Command, Stdio};
use std::time::Duration;

/// A clock further off is too far: tokens are accepted with some seconds of difference, and times
/// on record should agree with the hospital's other systems.
pub const OFFSET_MAX: Duration = Duration::from_millis(500);

/// What a time service says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TimeService {
    /// Our clock minus the time server's, in milliseconds.
    Offset(f64),
    /// It runs and follows no server.
    Unsynchronised,
}

/// Asks whichever is there.
pub(super) fn ask() -> Option<TimeService> {
    let chrony = said("chronyc", &["-c", "-n", "tracking"]);
    let timesyncd = || said("timedatectl", &["timesync-status"]);
    chrony
        .and_then(|text| of_chrony(&text))
        .or_else(|| of_timesyncd(&timesyncd()?))
}

fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        // systemd's own programs tell the service manager how they ended; it is not theirs to hear.
        .env_remove("NOTIFY_SOCKET")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// One line of comma separated values; the fifth is how far the clock is behind, in seconds, the
/// last the leap status (chronyc(1), `tracking`).
fn of_chrony(line: &str) -> Option<TimeService> {
    let fields: Vec<&str> = line.trim().split(',').collect();
    if fields.last()?.starts_with("Not synchronised") {
        return Some(TimeService::Unsynchronised);
    }
    let behind: f64 = fields.get(4)?.parse().ok()?;
    Some(TimeService::Offset(-behind * 1_000.0)).filter(is_finite)
}

/// The line `Offset: +1.234ms`: the server's clock minus ours (timedatectl(1)). Without it no
/// server has answered yet.
fn of_timesyncd(status: &str) -> Option<TimeService> {
    if !status.contains("Server:") {
        return None;
    }
    let offset = status
        .lines()
        .find_map(|line| line.trim().strip_prefix("Offset:"));
    let Some(offset) = offset else {
        return Some(TimeService::Unsynchronised);
    };
    let sum: Option<f64> = offset.split_ascii_whitespace().map(milliseconds).sum();
    let is_behind = offset.trim_start().starts_with('-');
    let ahead = sum.map(|sum| if is_behind { sum } else { -sum });
    ahead.map(TimeService::Offset).filter(is_finite)
}

/// `-1.5ms`, `562us`, `1min`: without its sign, which stands before the first only.
fn milliseconds(word: &str) -> Option<f64> {
    let word = word.trim_start_matches(['+', '-']);
    let unit_at = word.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = word.split_at(unit_at);
    let scale = match unit {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1_000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * scale)
}

fn is_finite(service: &TimeService) -> bool {
    !matches!(service, TimeService::Offset(offset) if !offset.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chrony_says_how_far_the_clock_is_behind() {
        let line = "C0A80101,192.168.1.1,3,1700000000.1,0.000250,0.0001,0.0001,1.2,0.0,0.1,0.01,0.001,64.2,Normal\n";
        assert_eq!(of_chrony(line), Some(TimeService::Offset(-0.25)));
        let none = "00000000,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised\n";
        assert_eq!(of_chrony(none), Some(TimeService::Unsynchronised));
        assert_eq!(of_chrony("506 Cannot talk to daemon"), None);
    }

    #[test]
    fn timesyncd_says_how_far_the_server_is_ahead() {
        let status = |offset: &str| {
            format!("       Server: 10.0.0.1 (ntp)\nPoll interval: 32s\n       Offset: {offset}\n")
        };
        for (offset, want) in [
            ("+1.500ms", -1.5),
            ("-562us", 0.562),
            ("+1min 2s", -62_000.0),
        ] {
            let said = of_timesyncd(&status(offset));
            let Some(TimeService::Offset(ms)) = said else {
                panic!("{offset}: {said:?}");
            };
            assert!((ms - want).abs() < 1e-9, "{offset}: {ms}");
        }
        let silent = "Server: n/a (ntp)\nPoll interval: 0\n";
        assert_eq!(of_timesyncd(silent), Some(TimeService::Unsynchronised));
        assert_eq!(of_timesyncd("Failed to query server"), None);
    }
}
