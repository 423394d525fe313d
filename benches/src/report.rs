//! What a run found, as a table and as JSON.

use crate::driver::Finished;
use crate::histogram::Histogram;
use crate::options::Options;
use crate::process::Sample;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// The measured stretch.
pub struct Measurement {
    /// Its length.
    pub length: Duration,
    /// The server at both ends.
    pub server: Option<(Sample, Sample)>,
    /// What the generator itself used.
    pub generator_cpu: Duration,
}

/// Everything worth knowing about a run. Times in microseconds, memory in bytes.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was asked for.
    pub options: Options,
    /// (publisher, subscriber) pairs.
    pub pairs: u64,
    /// Packets that publishers sent in the window.
    pub sent: u64,
    /// Packets that should have arrived: sent × viewers.
    pub expected: u64,
    /// Packets that arrived, each once per subscriber.
    pub delivered: u64,
    /// Their payload bytes.
    pub delivered_bytes: u64,
    /// Delivered per second.
    pub delivered_per_second: f64,
    /// Packets that the server sent, by its numbering, and that never arrived.
    pub missing: u64,
    /// missing ÷ (missing + delivered): what the network and full buffers lost.
    pub loss: f64,
    /// 1 − (delivered + missing) ÷ expected: what the server chose not to send.
    pub withheld: f64,
    /// Times the server paused a stream for want of bandwidth, since joining.
    pub pauses: u64,
    /// Packets that arrived twice.
    pub duplicates: u64,
    /// Packets that are not ours.
    pub foreign: u64,
    /// From the publisher's hand to the subscriber's socket.
    pub latency: Percentiles,
    /// From the beginning of joining to the first packet.
    pub join: Percentiles,
    /// The server's process.
    pub server: Option<ServerFigures>,
    /// The generator itself: near 100 % per thread it measures itself, not the server.
    pub generator: GeneratorFigures,
    /// Clients that fell out.
    pub failed: u64,
    /// The first reasons.
    pub failures: Vec<String>,
}

/// A distribution in microseconds; all zero when nothing was counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    /// How many were counted.
    pub count: u64,
    /// Half are not above.
    pub p50: f64,
    /// 99 % are not above.
    pub p99: f64,
    /// 99.9 % are not above.
    pub p999: f64,
    /// The worst.
    pub max: f64,
}

/// What the run cost the server.
#[derive(Debug, Serialize)]
pub struct ServerFigures {
    /// CPU seconds in the window.
    pub cpu_seconds: f64,
    /// Of one core, in percent.
    pub cpu_percent: f64,
    /// CPU microseconds per delivered packet.
    pub cpu_micros_per_packet: f64,
    /// Resident memory before anyone joined.
    pub resident_before: u64,
    /// Resident memory at the end of the window.
    pub resident_after: u64,
    /// Highest resident memory of the process's life.
    pub resident_peak: u64,
    /// Growth from before joining to the end, per client.
    pub resident_per_client: u64,
    /// CPU milliseconds per client for joining, settling excluded.
    pub join_cpu_millis_per_client: f64,
}

/// What the run cost the generator.
#[derive(Debug, Serialize)]
pub struct GeneratorFigures {
    /// Its network backend and why.
    pub backend: String,
    /// Of one core, in percent.
    pub cpu_percent: f64,
    /// Datagrams it could not send or take.
    pub drops: u64,
    /// Datagrams per receive.
    pub received_per_delivery: f64,
}

impl Report {
    /// Sums up.
    #[must_use]
    pub fn new(
        options: &Options,
        before: Option<Sample>,
        joined: Option<Sample>,
        measurement: &Measurement,
        finished: &[Finished],
        (failed, failures): (u64, Vec<String>),
        backend: String,
    ) -> Self {
        let clients = || finished.iter().flat_map(|thread| &thread.clients);
        let sum = |count: fn(&crate::client::Client) -> u64| clients().map(count).sum::<u64>();
        let (mut latency, mut join) = (Histogram::default(), Histogram::default());
        for client in clients() {
            latency.merge(&client.tally.latency);
            client
                .joined_in
                .into_iter()
                .for_each(|time| join.record(time));
        }
        let sent = sum(|client| client.sent);
        let delivered = sum(|client| client.tally.delivered);
        let expected = sent * options.viewers();
        let missing = sum(|client| client.tally.missing());
        let seconds = measurement.length.as_secs_f64();
        Self {
            pairs: options.pairs(),
            sent,
            expected,
            delivered,
            delivered_bytes: sum(|client| client.tally.bytes),
            delivered_per_second: delivered as f64 / seconds,
            missing,
            loss: ratio(missing as f64, (missing + delivered) as f64),
            withheld: 1.0 - ratio((missing + delivered) as f64, expected as f64),
            pauses: sum(|client| client.pauses),
            duplicates: sum(|client| client.tally.duplicates),
            foreign: sum(|client| client.tally.foreign),
            latency: Percentiles::of(&latency),
            join: Percentiles::of(&join),
            server: before
                .zip(joined)
                .zip(measurement.server)
                .map(|((before, joined), ends)| {
                    ServerFigures::new(before, joined, ends, delivered, seconds, clients().count())
                }),
            generator: GeneratorFigures::new(backend, measurement, finished),
            options: options.clone(),
            failed,
            failures,
        }
    }

    /// Something arrived and nobody fell out.
    pub fn is_sound(&self) -> bool {
        self.delivered > 0 && self.failed == 0
    }
}

impl Percentiles {
    fn of(histogram: &Histogram) -> Self {
        let at = |permille| micros(histogram.percentile(permille).unwrap_or_default());
        Self {
            count: histogram.total(),
            p50: at(500),
            p99: at(990),
            p999: at(999),
            max: micros(histogram.max()),
        }
    }
}

impl ServerFigures {
    fn new(
        before: Sample,
        joined: Sample,
        (start, end): (Sample, Sample),
        delivered: u64,
        seconds: f64,
        clients: usize,
    ) -> Self {
        let cpu = end.cpu.saturating_sub(start.cpu);
        let growth = end.resident.saturating_sub(before.resident);
        let joining = joined.cpu.saturating_sub(before.cpu);
        Self {
            cpu_seconds: cpu.as_secs_f64(),
            cpu_percent: cpu.as_secs_f64() / seconds * 100.0,
            cpu_micros_per_packet: ratio(micros(cpu), delivered as f64),
            resident_before: before.resident,
            resident_after: end.resident,
            resident_peak: end.resident_peak,
            resident_per_client: growth / clients.max(1) as u64,
            join_cpu_millis_per_client: ratio(joining.as_secs_f64() * 1e3, clients as f64),
        }
    }
}

impl GeneratorFigures {
    fn new(backend: String, measurement: &Measurement, finished: &[Finished]) -> Self {
        let sum = |count: fn(&Finished) -> u64| finished.iter().map(count).sum::<u64>();
        Self {
            backend,
            cpu_percent: measurement.generator_cpu.as_secs_f64() / measurement.length.as_secs_f64()
                * 100.0,
            drops: sum(|thread| thread.counters.dropped_total()),
            received_per_delivery: ratio(
                sum(|thread| thread.counters.datagrams_in) as f64,
                sum(|thread| thread.counters.trains_in) as f64,
            ),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        writeln!(
            f,
            "{} publishers x {} packets/s of {} B in bursts of {}, {} subscribers{}, {} s",
            options.publishers,
            options.rate,
            options.bytes,
            options.burst,
            options.subscribers,
            if options.mesh { " + mesh" } else { "" },
            options.seconds,
        )?;
        writeln!(f, "  sent                {:>12}", self.sent)?;
        writeln!(
            f,
            "  delivered           {:>12}   {:.0}/s",
            self.delivered, self.delivered_per_second
        )?;
        writeln!(
            f,
            "  loss                {:>12.4} %   {} packets",
            self.loss * 100.0,
            self.missing
        )?;
        writeln!(
            f,
            "  withheld            {:>12.4} %   {} pauses for want of bandwidth",
            self.withheld * 100.0,
            self.pauses
        )?;
        writeln!(
            f,
            "  duplicates, foreign {:>12}   {}",
            self.duplicates, self.foreign
        )?;
        writeln!(f, "  latency             {}", self.latency)?;
        writeln!(f, "  join to first packet{}", self.join)?;
        if let Some(server) = &self.server {
            write!(f, "{server}")?;
        }
        let generator = &self.generator;
        writeln!(
            f,
            "  generator CPU       {:>10.1} %    {:.1} datagrams per receive, {} dropped; {}",
            generator.cpu_percent,
            generator.received_per_delivery,
            generator.drops,
            generator.backend,
        )?;
        for reason in &self.failures {
            writeln!(f, "  FAILED {reason}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ServerFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  server CPU          {:>10.2} us/packet   {:.1} % of a core; joining {:.2} ms/client",
            self.cpu_micros_per_packet, self.cpu_percent, self.join_cpu_millis_per_client,
        )?;
        writeln!(
            f,
            "  server memory       {:>10.1} MiB   from {:.1}, peak {:.1}; {} KiB/client",
            mib(self.resident_after),
            mib(self.resident_before),
            mib(self.resident_peak),
            self.resident_per_client / 1_024,
        )
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |micros: f64| micros / 1e3;
        write!(
            f,
            " p50 {:.3}  p99 {:.3}  p99.9 {:.3}  max {:.3} ms",
            millis(self.p50),
            millis(self.p99),
            millis(self.p999),
            millis(self.max),
        )
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
