//! What a run found, as a table and as JSON.

use crate::client::Client;
use crate::driver::Finished;
use crate::histogram::Histogram;
use crate::lean::{Lean, MARKER_SAMPLE, SAMPLE};
use crate::machine::Machine;
use crate::metrics::Trains;
use crate::options::Options;
use crate::process::Sample;
use crate::subscriber::MAX_LAYERS;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What happened before the measured stretch.
pub struct Joining {
    /// The server before anyone came.
    pub before: Option<Sample>,
    /// With the publishers.
    pub published: Option<Sample>,
    /// With everybody.
    pub joined: Option<Sample>,
    /// From the first subscriber's first word to the last one's first packet.
    pub took: Duration,
    /// Tracks that reached their subscribers, of how many.
    pub flows: (u64, u64),
}

/// The measured stretch.
pub struct Measurement {
    /// Its length.
    pub length: Duration,
    /// The server at both ends.
    pub server: Option<(Sample, Sample)>,
    /// What the server counted, if it counts trains.
    pub trains: Option<Trains>,
    /// What the generator itself used.
    pub generator_cpu: Duration,
    /// What neither of them used.
    pub others_cpu: Duration,
    /// What the hypervisor gave to others.
    pub stolen_cpu: Duration,
}

/// Everything worth knowing about a run. Times in microseconds, memory in bytes.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was asked for.
    pub options: Options,
    /// Where.
    pub machine: Machine,
    /// What neither server nor generator used, of one core: above a few percent the machine was
    /// not quiet.
    pub others_cpu_percent: f64,
    /// What the hypervisor kept, of one core.
    pub stolen_cpu_percent: f64,
    /// (publisher, subscriber) pairs.
    pub pairs: u64,
    /// Packets that publishers sent in the window.
    pub sent: u64,
    /// Packets that should have arrived: sent × viewers, of the layer that they ask for.
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
    /// Packets that came as retransmissions.
    pub recovered: u64,
    /// Packets that arrived twice.
    pub duplicates: u64,
    /// Packets that are not ours.
    pub foreign: u64,
    /// From the publisher's hand to the subscriber's socket.
    pub latency: Percentiles,
    /// The same of frames' last packets.
    pub frame_latency: Percentiles,
    /// Opened packets by simulcast layer, from the smallest.
    pub layers: [u64; MAX_LAYERS],
    /// How subscribers count.
    pub sampling: Sampling,
    /// From the beginning of joining to the first packet.
    pub join: Percentiles,
    /// From the beginning of joining to the end of the first frame, which is a key frame.
    pub first_frame: Percentiles,
    /// Subscribers that joined per second, all of them in a row.
    pub joins_per_second: f64,
    /// Sends by length, of servers that tell.
    pub trains: Option<Trains>,
    /// The server's process.
    pub server: Option<ServerFigures>,
    /// The generator itself: near 100 % per thread it measures itself, not the server.
    pub generator: GeneratorFigures,
    /// Clients that fell out.
    pub failed: u64,
    /// The first reasons.
    pub failures: Vec<String>,
}

/// How subscribers count.
#[derive(Debug, Serialize)]
pub struct Sampling {
    /// Those that are str0m throughout: they open everything.
    pub full: u64,
    /// Those that read headers.
    pub lean: u64,
    /// They open one packet in so many.
    pub one_in: u64,
    /// And one frame's last packet in so many.
    pub one_marker_in: u64,
    /// Packets that they could not open: their keys are wrong.
    pub undecryptable: u64,
    /// Transport feedback packets that they sent: without any, a server's estimate never rises.
    pub feedback: u64,
    /// Packets per subscriber of each kind: the two must agree.
    pub delivered_per_full: f64,
    /// See [`Self::delivered_per_full`].
    pub delivered_per_lean: f64,
    /// Lean connections by SRTP profile.
    pub profiles: BTreeMap<&'static str, u64>,
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
    /// Resident memory with the publishers alone.
    pub resident_published: u64,
    /// Growth from there to the end of the window, per subscriber that does not publish.
    pub resident_per_subscriber: u64,
    /// CPU milliseconds per client for joining, settling excluded.
    pub join_cpu_millis_per_client: f64,
    /// Joins that one core could serve by that, per second.
    pub joins_per_core_second: f64,
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
        machine: Machine,
        joining: &Joining,
        measurement: &Measurement,
        finished: &[Finished],
        (failed, failures): (u64, Vec<String>),
        backend: String,
    ) -> Self {
        let clients: Vec<&Client> = finished.iter().flat_map(|thread| &thread.clients).collect();
        let sum = |count: fn(&Client) -> u64| clients.iter().map(|client| count(client)).sum();
        let spread = |merge: fn(&Client, &mut Histogram)| {
            let mut histogram = Histogram::default();
            for client in &clients {
                merge(client, &mut histogram);
            }
            Percentiles::of(&histogram)
        };
        let (sent, expected) = expected(options, &clients);
        let delivered: u64 = sum(|client| client.tally.delivered);
        let missing: u64 = sum(missing);
        let seconds = measurement.length.as_secs_f64();
        let mut layers = [0; MAX_LAYERS];
        for counts in clients.iter().map(|client| client.tally.layers) {
            layers
                .iter_mut()
                .zip(counts)
                .for_each(|(sum, count)| *sum += count);
        }
        let subscribers = u64::from(options.rooms * options.subscribers);
        Self {
            machine,
            others_cpu_percent: percent(measurement.others_cpu, measurement),
            stolen_cpu_percent: percent(measurement.stolen_cpu, measurement),
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
            recovered: sum(|client| client.tally.recovered),
            duplicates: sum(|client| client.tally.duplicates),
            foreign: sum(|client| client.tally.foreign),
            latency: spread(|client, all| all.merge(&client.tally.latency)),
            frame_latency: spread(|client, all| all.merge(&client.tally.frame_latency)),
            layers,
            sampling: Sampling::of(&clients),
            join: spread(|client, all| client.joined_in.into_iter().for_each(|t| all.record(t))),
            first_frame: spread(|client, all| {
                client
                    .framed_in
                    .into_iter()
                    .for_each(|time| all.record(time));
            }),
            joins_per_second: ratio(subscribers as f64, joining.took.as_secs_f64()),
            trains: measurement.trains.clone(),
            server: ServerFigures::new(options, joining, measurement, delivered),
            generator: GeneratorFigures::new(backend, measurement, finished),
            options: options.clone(),
            failed: failed + u64::from(joining.flows.0 < joining.flows.1 && failed == 0),
            failures: if joining.flows.0 < joining.flows.1 {
                let (came, wanted) = joining.flows;
                let what = format!("{came} of {wanted} tracks reached their subscribers in time");
                failures.into_iter().chain([what]).collect()
            } else {
                failures
            },
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

impl Sampling {
    fn of(clients: &[&Client]) -> Self {
        let receiving = || {
            clients
                .iter()
                .filter(|client| client.participant().subscribes)
        };
        let share = |lean: bool| {
            let kind = || receiving().filter(move |client| client.lean.is_some() == lean);
            let delivered: u64 = kind().map(|client| client.tally.delivered).sum();
            (
                kind().count() as u64,
                ratio(delivered as f64, kind().count() as f64),
            )
        };
        let mut profiles = BTreeMap::new();
        let leans = || clients.iter().filter_map(|client| client.lean.as_ref());
        for profile in leans().filter_map(Lean::profile) {
            *profiles.entry(profile).or_default() += 1;
        }
        let ((full, delivered_per_full), (lean, delivered_per_lean)) = (share(false), share(true));
        Self {
            full,
            lean,
            one_in: SAMPLE,
            one_marker_in: MARKER_SAMPLE,
            feedback: leans().map(|lean| lean.reported).sum(),
            undecryptable: leans().map(|lean| lean.undecryptable).sum(),
            delivered_per_full,
            delivered_per_lean,
            profiles,
        }
    }
}

/// Packets sent, and how many of them should have arrived.
fn expected(options: &Options, clients: &[&Client]) -> (u64, u64) {
    let (mut sent, mut expected) = (0, 0);
    for client in clients {
        for lanes in &client.tracks {
            sent += lanes.iter().map(|lane| lane.sent).sum::<u64>();
            let is_small = options.thumbnails && !client.participant().speaks;
            let wanted = if is_small {
                lanes.first()
            } else {
                lanes.last()
            };
            expected += wanted.map_or(0, |lane| lane.sent) * options.viewers();
        }
    }
    (sent, expected)
}

fn missing(client: &Client) -> u64 {
    client.tally.missing() + client.lean.as_ref().map_or(0, Lean::missing)
}

impl ServerFigures {
    fn new(
        options: &Options,
        joining: &Joining,
        measurement: &Measurement,
        delivered: u64,
    ) -> Option<Self> {
        let (before, published, joined) = (joining.before?, joining.published?, joining.joined?);
        let (start, end) = measurement.server?;
        let clients = options.participants().len();
        let subscribers = u64::from(options.rooms * options.subscribers);
        let cpu = end.cpu.saturating_sub(start.cpu);
        let spent = joined.cpu.saturating_sub(before.cpu);
        let millis = ratio(spent.as_secs_f64() * 1e3, clients as f64);
        Some(Self {
            cpu_seconds: cpu.as_secs_f64(),
            cpu_percent: percent(cpu, measurement),
            cpu_micros_per_packet: ratio(micros(cpu), delivered as f64),
            resident_before: before.resident,
            resident_after: end.resident,
            resident_peak: end.resident_peak,
            resident_per_client: end.resident.saturating_sub(before.resident)
                / clients.max(1) as u64,
            resident_published: published.resident,
            resident_per_subscriber: end
                .resident
                .saturating_sub(published.resident)
                .checked_div(subscribers)
                .unwrap_or(0),
            join_cpu_millis_per_client: millis,
            joins_per_core_second: ratio(1e3, millis),
        })
    }
}

impl GeneratorFigures {
    fn new(backend: String, measurement: &Measurement, finished: &[Finished]) -> Self {
        let sum = |count: fn(&Finished) -> u64| finished.iter().map(count).sum::<u64>();
        Self {
            backend,
            cpu_percent: percent(measurement.generator_cpu, measurement),
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
            "{} {}: {} x {} publishers x {} packets/s of {} B in bursts of {}, {} subscribers{}, {} s",
            options.server,
            options.scenario,
            options.rooms,
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
            "  duplicates, foreign {:>12}   {}; {} recovered",
            self.duplicates, self.foreign, self.recovered
        )?;
        writeln!(f, "  latency             {}", self.latency)?;
        writeln!(f, "    of frames' ends   {}", self.frame_latency)?;
        writeln!(f, "  join to first packet{}", self.join)?;
        writeln!(f, "  join to first frame {}", self.first_frame)?;
        writeln!(
            f,
            "  joins               {:>12.1} /s",
            self.joins_per_second
        )?;
        let sampling = &self.sampling;
        writeln!(
            f,
            "  subscribers         {:>12.0}   packets per full one ({}), {:.0} per lean one ({}); {} unreadable; {:?}",
            sampling.delivered_per_full,
            sampling.full,
            sampling.delivered_per_lean,
            sampling.lean,
            sampling.undecryptable,
            sampling.profiles,
        )?;
        if let Some(trains) = &self.trains {
            writeln!(
                f,
                "  trains              {:>12.2}   datagrams per send, {:.2} of media alone; {:?}; {} retransmitted; dropped {:?}",
                trains.mean,
                trains.media_mean,
                trains.histogram,
                trains.retransmissions,
                trains.drops
            )?;
        }
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
        writeln!(
            f,
            "  others' CPU         {:>10.1} %    {:.1} % stolen",
            self.others_cpu_percent, self.stolen_cpu_percent
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
            "  server CPU          {:>10.2} us/packet   {:.1} % of a core; joining {:.2} ms/client = {:.0} joins/s per core",
            self.cpu_micros_per_packet,
            self.cpu_percent,
            self.join_cpu_millis_per_client,
            self.joins_per_core_second,
        )?;
        writeln!(
            f,
            "  server memory       {:>10.1} MiB   from {:.1}, peak {:.1}; {} KiB/client, {} KiB/subscriber",
            mib(self.resident_after),
            mib(self.resident_before),
            mib(self.resident_peak),
            self.resident_per_client / 1_024,
            self.resident_per_subscriber / 1_024,
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

/// Of one core during the window.
fn percent(cpu: Duration, measurement: &Measurement) -> f64 {
    cpu.as_secs_f64() / measurement.length.as_secs_f64() * 100.0
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
