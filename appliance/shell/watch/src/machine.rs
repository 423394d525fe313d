//! What the kernel says of this process and its machine.

mod disk;
mod process;
mod step;
mod time_service;
mod udp;

pub use disk::{DISK_DAYS_LOW, DISK_PERMILLE_LOW};
pub use step::{STEP, Steps};
pub use time_service::{OFFSET_MAX, TimeService};

use alarm::Moment;
use disk::Forecast;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use wire::admin::DiskView;

/// How often the kernel is asked for what changes slowly or is long to list.
const SLOW_INTERVAL: Duration = Duration::from_secs(5);

/// How often the time service is asked: it is a program to be run.
const TIME_INTERVAL: Duration = Duration::from_mins(5);

/// Asks the kernel, once a second. Blocks for as long as the kernel and the disk take.
#[derive(Debug)]
pub struct Machine {
    data: PathBuf,
    udp_ports: Vec<u16>,
    cpu: Option<(Duration, Instant)>,
    forecast: Forecast,
    drops: udp::Drops,
    steps: Steps,
    slowly: Option<Instant>,
    time_asked: Option<Instant>,
    reading: MachineReading,
}

/// How the machine does. What could not be read is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MachineReading {
    /// Of the process, percent of one core, since the last reading.
    pub cpu_percent: Option<u32>,
    /// Resident memory of the process.
    pub memory_bytes: Option<u64>,
    /// Open descriptors.
    pub descriptors: Option<u64>,
    /// Most descriptors it may open.
    pub descriptors_max: Option<u64>,
    /// The disk under the data folder.
    pub disk: Option<DiskView>,
    /// Datagrams to our ports that the kernel dropped because nobody read them in time, since the
    /// start.
    pub dropped_in: Option<u64>,
    /// Of these, in the last ten seconds.
    pub dropped_lately: u64,
    /// What the time service says; `None`: there is none, or it may not be asked.
    pub time: Option<TimeService>,
    /// The clock was set by so much since the last reading.
    pub step_ms: Option<i64>,
}

impl Machine {
    /// Watches the disk under `data` and the sockets on these ports.
    #[must_use]
    pub fn new(data: PathBuf, udp_ports: Vec<u16>) -> Self {
        Self {
            data,
            udp_ports,
            cpu: None,
            forecast: Forecast::default(),
            drops: udp::Drops::default(),
            steps: Steps::default(),
            slowly: None,
            time_asked: None,
            reading: MachineReading::default(),
        }
    }

    /// How it does now.
    pub fn read(&mut self, now: Moment) -> MachineReading {
        self.reading.step_ms = self.steps.look(now);
        let cpu = process::cpu();
        self.reading.cpu_percent = self.cpu.zip(cpu).and_then(|((before, at), cpu)| {
            percent(
                cpu.saturating_sub(before),
                now.instant.saturating_duration_since(at),
            )
        });
        self.cpu = cpu.map(|cpu| (cpu, now.instant));
        self.reading.memory_bytes = process::memory();
        if is_due(&mut self.slowly, SLOW_INTERVAL, now.instant) {
            self.read_slowly(now.instant);
        }
        if is_due(&mut self.time_asked, TIME_INTERVAL, now.instant) {
            self.reading.time = time_service::ask();
        }
        self.reading.clone()
    }

    fn read_slowly(&mut self, now: Instant) {
        self.reading.descriptors = process::descriptors();
        self.reading.descriptors_max = process::descriptors_max();
        self.reading.disk = disk::space(&self.data).map(|(total_bytes, free_bytes)| DiskView {
            total_bytes,
            free_bytes,
            full_in_days: self.forecast.look(free_bytes, now),
        });
        self.reading.dropped_in = self.drops.look(udp::dropped(&self.udp_ports), now);
        self.reading.dropped_lately = self.drops.lately();
    }
}

fn is_due(last: &mut Option<Instant>, interval: Duration, now: Instant) -> bool {
    let is_due = last.is_none_or(|last| now.saturating_duration_since(last) >= interval);
    if is_due {
        *last = Some(now);
    }
    is_due
}

fn percent(busy: Duration, passed: Duration) -> Option<u32> {
    let percent = (busy.as_micros() * 100).checked_div(passed.as_micros())?;
    u32::try_from(percent).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::clock;
    use std::net::UdpSocket;

    #[test]
    fn the_machine_is_what_the_kernel_says() {
        let folder = tempfile::tempdir().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let mut machine = Machine::new(folder.path().to_owned(), vec![port]);
        let now = clock::now();
        let first = machine.read(now);
        assert_eq!(first.cpu_percent, None, "nothing to compare with");
        assert!(first.memory_bytes.unwrap() > 100_000, "{first:?}");
        assert!(first.descriptors.unwrap() > 3, "{first:?}");
        assert!(first.descriptors_max.unwrap() >= first.descriptors.unwrap());
        let disk = first.disk.unwrap();
        assert!(disk.total_bytes >= disk.free_bytes && disk.total_bytes > 0);
        assert_eq!(disk.full_in_days, None, "no history yet");
        assert_eq!(first.dropped_in, Some(0));
        assert!(
            machine
                .read(now.after(Duration::from_secs(1)))
                .cpu_percent
                .is_some()
        );
    }

    /// The real fault: a socket that nobody reads.
    #[test]
    fn datagrams_that_the_kernel_drops_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let mut machine = Machine::new(folder.path().to_owned(), vec![address.port()]);
        let now = clock::now();
        machine.read(now);
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..20_000 {
            // A refused one is not dropped by the receiver.
            let _ = sender.send_to(&[0; 1_200], address);
        }
        let read = machine.read(now.after(SLOW_INTERVAL));
        assert!(read.dropped_in.unwrap() > 1_000, "{read:?}");
        assert_eq!(read.dropped_lately, read.dropped_in.unwrap());
        let calm = machine.read(now.after(3 * SLOW_INTERVAL));
        assert_eq!(calm.dropped_lately, 0, "ten seconds ago");
    }

    #[test]
    fn a_disk_that_is_not_there_is_absent() {
        let mut machine = Machine::new("/nowhere".into(), Vec::new());
        let read = machine.read(clock::now());
        assert_eq!(read.disk, None);
    }
}
