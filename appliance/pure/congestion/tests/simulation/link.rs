//! A bottleneck: a rate, a drop-tail queue, propagation delay, jitter and random loss.

use std::collections::VecDeque;

/// Microseconds since the simulation began.
pub(crate) type Micros = i64;

pub(crate) const MS: Micros = 1_000;
pub(crate) const SECOND: Micros = 1_000_000;

/// What a path is like; may be changed while it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path {
    /// Bits per second; 0: nothing gets through.
    pub(crate) rate: f64,
    /// Bytes that may wait; more are dropped.
    pub(crate) queue: usize,
    /// One way.
    pub(crate) delay: Micros,
    /// Added to each packet at random, which may reorder them.
    pub(crate) jitter: Micros,
    /// Share lost behind the queue, 0 to 1.
    pub(crate) loss: f64,
}

impl Path {
    /// 20 ms each way, a queue of 200 ms.
    pub(crate) fn of_mbps(mbps: f64) -> Self {
        Self {
            rate: mbps * 1e6,
            queue: (mbps * 1e6 / 8.0 * 0.2) as usize,
            delay: 20 * MS,
            jitter: 0,
            loss: 0.0,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Datagram {
    pub(crate) flow: usize,
    pub(crate) sequence: u64,
    pub(crate) bytes: usize,
    pub(crate) frame: Option<Part>,
}

/// A packet of a frame, also when sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Part {
    pub(crate) frame: u64,
    pub(crate) index: u8,
    pub(crate) parts: u8,
}

pub(crate) struct Link {
    pub(crate) path: Path,
    waiting: VecDeque<Datagram>,
    waiting_bytes: usize,
    credit: f64,
    flying: Vec<(Micros, Datagram)>,
    pub(crate) dropped: u64,
}

impl Link {
    pub(crate) fn new(path: Path) -> Self {
        Self {
            path,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            credit: 0.0,
            flying: Vec::new(),
            dropped: 0,
        }
    }

    pub(crate) fn send(&mut self, datagram: Datagram) {
        if self.waiting_bytes + datagram.bytes > self.path.queue.max(3_000) {
            self.dropped += 1;
            return;
        }
        self.waiting_bytes += datagram.bytes;
        self.waiting.push_back(datagram);
    }

    /// Serves the queue for `step` up to `now`.
    pub(crate) fn run(&mut self, now: Micros, step: Micros, rng: &mut fastrand::Rng) {
        let earned = self.path.rate * step as f64 / 8e6;
        self.credit += earned;
        while let Some(head) = self.waiting.front().copied() {
            if self.credit < head.bytes as f64 {
                return;
            }
            self.credit -= head.bytes as f64;
            self.waiting.pop_front();
            self.waiting_bytes -= head.bytes;
            if rng.f64() < self.path.loss {
                continue;
            }
            let unused = (self.credit / earned).min(1.0) * step as f64;
            let jitter = rng.i64(0..=self.path.jitter);
            let at = now - unused as Micros + self.path.delay + jitter;
            self.flying.push((at, head));
        }
        self.credit = 0.0;
    }

    /// What has arrived by `now`, in order of arrival.
    pub(crate) fn arrivals(&mut self, now: Micros) -> Vec<(Micros, Datagram)> {
        let mut arrived: Vec<_> = Vec::new();
        self.flying.retain(|packet| {
            if packet.0 <= now {
                arrived.push(*packet);
            }
            packet.0 > now
        });
        arrived.sort_by_key(|(at, packet)| (*at, packet.sequence));
        arrived
    }
}
