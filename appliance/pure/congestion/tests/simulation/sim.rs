//! Flows over one bottleneck.

use crate::link::{Link, MS, Micros, Path, SECOND};
use crate::receiver::Receiver;
use crate::sender::{Sender, Stream};
use std::fmt;
use std::time::Instant;

const STEP: Micros = MS / 2;

/// What happens to feedback on its way back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReturnPath {
    /// Share lost.
    pub(crate) loss: f64,
    /// Added at random, which reorders.
    pub(crate) jitter: Micros,
    /// Nothing comes back.
    pub(crate) cut: bool,
}

pub(crate) struct Sim {
    seed: u64,
    rng: fastrand::Rng,
    pub(crate) link: Link,
    pub(crate) back: ReturnPath,
    pub(crate) now: Micros,
    zero: Instant,
    pub(crate) flows: Vec<Flow>,
}

pub(crate) struct Flow {
    pub(crate) sender: Sender,
    pub(crate) receiver: Receiver,
    returning: Vec<(Micros, Vec<u8>)>,
    /// Estimate and bytes received by now, every 10 ms.
    pub(crate) seen: Vec<(Micros, f64, usize)>,
}

impl Sim {
    pub(crate) fn new(seed: u64, path: Path) -> Self {
        Self {
            seed,
            rng: fastrand::Rng::with_seed(seed),
            link: Link::new(path),
            back: ReturnPath::default(),
            now: 0,
            zero: Instant::now(),
            flows: Vec::new(),
        }
    }

    pub(crate) fn flow(mut self, stream: Stream) -> Self {
        self.add_flow(stream);
        self
    }

    pub(crate) fn add_flow(&mut self, stream: Stream) {
        self.flows.push(Flow {
            sender: Sender::new(stream, self.zero, self.now),
            receiver: Receiver::new(2 * self.link.path.delay),
            returning: Vec::new(),
            seen: Vec::new(),
        });
    }

    pub(crate) fn run_for(&mut self, time: Micros) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    pub(crate) fn run_seconds(&mut self, seconds: f64) {
        self.run_for((seconds * SECOND as f64) as Micros);
    }

    fn step(&mut self) {
        self.now += STEP;
        let now = self.now;
        for (index, flow) in self.flows.iter_mut().enumerate() {
            for datagram in flow.sender.run(index, now, STEP) {
                self.link.send(datagram);
            }
        }
        self.link.run(now, STEP, &mut self.rng);
        for (at, datagram) in self.link.arrivals(now) {
            self.flows[datagram.flow].receiver.receive(at, datagram);
        }
        for flow in &mut self.flows {
            if let Some(fci) = flow.receiver.poll_report(now) {
                let lost = self.back.cut || self.rng.f64() < self.back.loss;
                let jitter = self.rng.i64(0..=self.back.jitter);
                if !lost {
                    let at = now + self.link.path.delay + jitter;
                    flow.returning.push((at, fci));
                }
            }
            let round_trip = 2 * self.link.path.delay;
            if matches!(flow.sender.stream, Stream::Frames(_)) {
                // The request's way back is modelled by the receiver asking that much later.
                for part in flow.receiver.poll_missing(now - self.link.path.delay) {
                    flow.sender.repair(part, round_trip, now);
                }
            }
            let mut due: Vec<_> = Vec::new();
            flow.returning.retain(|report| {
                if report.0 <= now {
                    due.push(report.clone());
                }
                report.0 > now
            });
            due.sort();
            for (_, fci) in due {
                flow.sender.feedback(&fci, now);
            }
            if now % (10 * MS) == 0 {
                let estimate = flow.estimate();
                flow.seen.push((now, estimate, flow.receiver.bytes));
            }
        }
    }

    /// Seconds from `from` until the first flow's estimate meets `wanted`.
    pub(crate) fn seconds_until(&self, from: Micros, wanted: impl Fn(f64) -> bool) -> f64 {
        self.flows[0]
            .seen
            .iter()
            .find(|(at, estimate, _)| *at > from && wanted(*estimate))
            .map_or(f64::INFINITY, |(at, _, _)| (at - from) as f64 / 1e6)
    }
}

impl Flow {
    pub(crate) fn estimate(&self) -> f64 {
        self.sender.controller.estimate().0 as f64
    }

    /// Bits per second that arrived between two times.
    pub(crate) fn throughput(&self, from: Micros, until: Micros) -> f64 {
        let bytes = |time: Micros| {
            self.seen
                .iter()
                .find(|(at, _, _)| *at >= time)
                .map_or(self.receiver.bytes, |seen| seen.2)
        };
        (bytes(until) - bytes(from)) as f64 * 8e6 / (until - from) as f64
    }

    /// The smallest and largest estimate between two times.
    pub(crate) fn range(&self, from: Micros, until: Micros) -> (f64, f64) {
        self.seen
            .iter()
            .filter(|(at, _, _)| (from..until).contains(at))
            .fold((f64::INFINITY, 0.0), |(least, most), seen| {
                (least.min(seen.1), most.max(seen.1))
            })
    }

    /// The share of frames that were complete in time, the last second's left out.
    pub(crate) fn complete(&self) -> f64 {
        let frames = self.sender.frames.saturating_sub(30);
        let complete = self.receiver.complete.range(..frames).count();
        complete as f64 / frames as f64
    }
}

impl fmt::Display for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {:#x}, {:?}", self.seed, self.link.path)?;
        for (index, flow) in self.flows.iter().enumerate() {
            write!(f, "flow {index}, kbit/s every half second:")?;
            for (at, estimate, _) in flow.seen.iter().step_by(50) {
                write!(f, " {:.1}s {:.0}", *at as f64 / 1e6, estimate / 1e3)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
