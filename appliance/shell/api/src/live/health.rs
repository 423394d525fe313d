//! How the box is, put together from those who know.

use super::watch::WatchConfig;
use control::status::Status;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use watch::{MachineReading, Moment, Transports};
use wire::admin::{BoxView, CertificateView, CoreView, Path};

/// Minutes of the peaks of participants that are shown.
const MINUTES: usize = 60;

/// Most participants at once, minute by minute.
#[derive(Debug, Default)]
pub(super) struct Hour {
    minutes: VecDeque<u32>,
    since: Option<Instant>,
}

impl Hour {
    /// Takes note of how many there are.
    pub(super) fn note(&mut self, participants: u32, now: Instant) {
        let minute = Duration::from_mins(1);
        let begins = self
            .since
            .is_none_or(|since| now.saturating_duration_since(since) >= minute);
        if begins {
            self.since = Some(now);
            if self.minutes.len() >= MINUTES {
                self.minutes.pop_front();
            }
            self.minutes.push_back(participants);
        } else if let Some(peak) = self.minutes.back_mut() {
            *peak = (*peak).max(participants);
        }
    }
}

/// What is known of the box in this second.
pub(super) struct Known<'a> {
    pub(super) config: &'a WatchConfig,
    pub(super) status: &'a Status,
    pub(super) fsync_p99: Option<Duration>,
    pub(super) events: u64,
    pub(super) machine: &'a MachineReading,
    pub(super) transports: &'a Transports,
    /// Present in all rooms together.
    pub(super) participants: u32,
    pub(super) webhooks_waiting: u64,
    pub(super) certificates: &'a [CertificateView],
    pub(super) backup_at_ms: Option<u64>,
    pub(super) hour: &'a Hour,
}

impl Known<'_> {
    /// The whole of it.
    pub(super) fn view(&self, paths: impl Iterator<Item = Path>, now: Moment) -> BoxView {
        let (status, machine) = (self.status, self.machine);
        let workers = self.transports.workers(now.instant);
        BoxView {
            name: self.config.name.clone(),
            version: self.config.version.clone(),
            started_at_ms: status.started_at.0,
            ready: status.ready,
            draining: status.draining,
            problems: status.problems.clone(),
            backend: self.config.backend.clone(),
            cores: workers
                .iter()
                .map(|worker| CoreView {
                    busy_percent: worker.busy_percent,
                    peers: worker.peers,
                    rooms: worker.rooms,
                })
                .collect(),
            cpu_percent: machine.cpu_percent.unwrap_or_default(),
            memory_bytes: machine.memory_bytes.unwrap_or_default(),
            descriptors: machine.descriptors.unwrap_or_default(),
            descriptors_max: machine.descriptors_max.unwrap_or_default(),
            rooms: u32::try_from(status.rooms).unwrap_or(u32::MAX),
            participants: self.participants,
            packets_per_second: self.transports.forwarded_per_second(),
            dropped_in: machine.dropped_in.unwrap_or_default(),
            dropped_out: self.transports.unsent(),
            disk: machine.disk,
            fsync_p99_ms: self
                .fsync_p99
                .map(|p99| (p99.as_secs_f64() * 10_000.0).round() / 10.0),
            certificates: self.certificates.to_vec(),
            clock_offset_ms: match machine.time {
                Some(watch::TimeService::Offset(ms)) => Some(ms),
                _ => None,
            },
            backup_at_ms: self.backup_at_ms,
            webhooks_waiting: self.webhooks_waiting,
            events: self.events,
            ports: self.config.ports.clone(),
            paths: paths.fold([0; 3], |[udp, tcp, turn], path| match path {
                Path::Udp => [udp + 1, tcp, turn],
                Path::Tcp => [udp, tcp + 1, turn],
                Path::TurnTls => [udp, tcp, turn + 1],
                Path::None => [udp, tcp, turn],
            }),
            hour: self.hour.minutes.iter().copied().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_the_peak_of_each_of_its_minutes() {
        let (mut hour, start) = (Hour::default(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for (second, participants) in [(0, 3), (20, 9), (59, 1), (60, 2), (61, 4)] {
            hour.note(participants, at(second));
        }
        assert_eq!(hour.minutes, [9, 4]);
        for minute in 2..100 {
            hour.note(minute, at(u64::from(minute) * 60 + 1));
        }
        assert_eq!(hour.minutes.len(), MINUTES);
        assert_eq!(hour.minutes.back(), Some(&99));
    }
}
