//! A bottleneck: a rate, a drop-tail queue in front of it, delay and harm behind it.

use super::Impairment;
use std::time::{Duration, Instant};

/// Headers of IP and UDP, which take their share of the rate.
const HEADERS: usize = 28;
/// However short a queue, so much waits in it: two full packets.
const MIN_QUEUE: u64 = 3_000;

/// What a link is like; everything may change while it runs.
#[derive(Debug, Clone, Copy)]
pub struct LinkSpec {
    /// Bits per second, headers of IP and UDP included.
    pub rate: u64,
    /// Bytes that may wait; what comes on top is dropped.
    pub queue: u64,
    /// One way.
    pub delay: Duration,
    /// Up to this is added to each datagram by the seed, which may reorder them.
    pub jitter: Duration,
    /// What is lost, late or doubled behind the queue.
    pub impairment: Impairment,
}

impl LinkSpec {
    /// 20 ms, a queue of 200 ms, no harm.
    pub fn of_kbps(kbps: u64) -> Self {
        Self {
            rate: kbps * 1_000,
            queue: kbps * 1_000 / 8 / 5,
            delay: Duration::from_millis(20),
            jitter: Duration::ZERO,
            impairment: Impairment::default(),
        }
    }

    /// A path wide enough for everything that does all kinds of harm: `loss` in per mille, 20 ms
    /// with up to 15 ms of jitter, 1 % doubled (`reliability.md`, G11).
    pub fn lossy(loss: u32) -> Self {
        Self {
            jitter: Duration::from_millis(15),
            impairment: Impairment {
                loss,
                duplicate: 10,
                reorder: 0,
            },
            ..Self::of_kbps(20_000)
        }
    }
}

/// A link that runs.
#[derive(Debug)]
pub struct Link {
    spec: LinkSpec,
    /// When the last datagram that waits has left the queue.
    free_at: Instant,
    /// Datagrams that found the queue full.
    pub dropped: u64,
    /// Bytes that went through, headers included.
    pub carried: u64,
}

impl Link {
    /// An idle one.
    pub fn new(spec: LinkSpec, now: Instant) -> Self {
        Self {
            spec,
            free_at: now,
            dropped: 0,
            carried: 0,
        }
    }

    /// What it is like.
    pub fn spec(&self) -> LinkSpec {
        self.spec
    }

    /// From now on it is like this. What waits keeps its order and leaves by the new rate as far
    /// as what comes behind it is concerned; its own arrival is settled.
    pub fn set(&mut self, spec: LinkSpec, now: Instant) {
        let waiting = self.waiting(now);
        self.spec = spec;
        self.free_at = now + time_of(waiting, spec.rate);
    }

    /// When a datagram of so many bytes leaves the link; `None`: the queue is full.
    pub(super) fn pass(&mut self, bytes: usize, now: Instant) -> Option<Instant> {
        let bytes = (bytes + HEADERS) as u64;
        if self.waiting(now) + bytes > self.spec.queue.max(MIN_QUEUE) {
            self.dropped += 1;
            return None;
        }
        self.carried += bytes;
        self.free_at = self.free_at.max(now) + time_of(bytes, self.spec.rate);
        Some(self.free_at + self.spec.delay)
    }

    fn waiting(&self, now: Instant) -> u64 {
        let time = self.free_at.saturating_duration_since(now);
        (time.as_nanos() * u128::from(self.spec.rate) / 8_000_000_000) as u64
    }
}

fn time_of(bytes: u64, rate: u64) -> Duration {
    Duration::from_nanos(bytes * 8_000_000_000 / rate.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_delays_by_its_queue_and_drops_what_does_not_fit() {
        let start = Instant::now();
        let spec = LinkSpec {
            queue: 4_000,
            ..LinkSpec::of_kbps(1_000)
        };
        let mut link = Link::new(spec, start);
        let passed: Vec<_> = (0..5).map(|_| link.pass(972, start)).collect();
        let after = |ms| Some(start + Duration::from_millis(ms));
        assert_eq!(passed, [after(28), after(36), after(44), after(52), None]);
        assert_eq!((link.dropped, link.carried), (1, 4_000));
        link.set(
            LinkSpec {
                rate: 500_000,
                ..spec
            },
            start + Duration::from_millis(16),
        );
        let next = link.pass(972, start + Duration::from_millis(16));
        assert_eq!(
            next,
            after(16 + 48 + 20),
            "2,000 bytes wait, at half the rate"
        );
    }
}
