//! The server's CPU time and memory, from `/proc`.

use anyhow::{Context, Result};
use std::fs;
use std::time::Duration;

/// Units of CPU time in `/proc/PID/stat` per second: `USER_HZ`, 100 on every architecture that
/// Linux shows to user space (proc(5), time(7)).
const TICKS_PER_SECOND: u32 = 100;

/// A process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// User and system time of all its threads, also of those that ended; steps of 10 ms.
    pub cpu: Duration,
    /// Resident memory in bytes.
    pub resident: u64,
    /// Its highest value so far.
    pub resident_peak: u64,
}

impl Sample {
    /// Reads a process.
    ///
    /// # Errors
    /// The process is gone, or its accounting cannot be read.
    pub fn of(pid: u32) -> Result<Self> {
        let read = |file: &str| {
            let path = format!("/proc/{pid}/{file}");
            fs::read_to_string(&path).with_context(|| format!("{path}: no such process?"))
        };
        let (stat, status) = (read("stat")?, read("status")?);
        Ok(Self {
            cpu: cpu(&stat).with_context(|| format!("/proc/{pid}/stat has no CPU times"))?,
            resident: memory(&status, "VmRSS:").unwrap_or_default(),
            resident_peak: memory(&status, "VmHWM:").unwrap_or_default(),
        })
    }
}

/// CPU time that the whole machine has spent so far, and what its hypervisor kept from it; zero
/// when it cannot be read.
pub fn machine_cpu() -> (Duration, Duration) {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = stat.lines().next().unwrap_or_default();
    let ticks: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .map(|field| field.parse().unwrap_or(0))
        .collect();
    // user, nice, system, idle, iowait, irq, softirq, steal (proc_stat(5)).
    let sum = |fields: &[usize]| -> Duration {
        let ticks = fields.iter().filter_map(|field| ticks.get(*field));
        Duration::from_secs(ticks.sum()) / TICKS_PER_SECOND
    };
    (sum(&[0, 1, 2, 5, 6]), sum(&[7]))
}

/// Fields 14 and 15. The command's name may contain spaces and parentheses: count behind the last.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_secs(user + system) / TICKS_PER_SECOND)
}

fn memory(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 150 25 0 0 20 0 9 0 100 200 300";
        assert_eq!(cpu(stat), Some(Duration::from_millis(1_750)));
        assert_eq!(cpu("7 (cut) S 1"), None);
    }

    #[test]
    fn this_process_can_be_read() {
        let sample = Sample::of(std::process::id()).unwrap();
        assert!(sample.resident > 0 && sample.resident_peak >= sample.resident);
        assert!(Sample::of(u32::MAX).is_err());
        assert!(machine_cpu().0 >= sample.cpu);
    }
}
