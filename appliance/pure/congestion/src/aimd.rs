//! The rate that the delay signal allows: additive or multiplicative increase, multiplicative
//! decrease (draft-ietf-rmcat-gcc-02 §5.5).

use crate::clock::{Micros, SECOND, seconds};
use crate::delay::Usage;

/// Decrease to this share of what arrives (`beta`).
pub(crate) const BACK_OFF: f64 = 0.85;

/// Growth per second far from the path's known capacity (`eta`).
const GROWTH: f64 = 1.08;

/// The estimate does not grow by itself beyond this multiple of what arrives. The draft (§5.5)
/// has 1.5; with probes, which measure, there is no need to guess so far ahead …
const MAX_LEAD: f64 = 1.25;

/// … plus so many bits per second, for streams of almost nothing.
const LEAD_FLOOR: f64 = 10_000.0;

/// Additive growth is at least this, in bits per second per second.
const MIN_STEP: f64 = 4_000.0;

/// One packet, in bits, that additive growth adds per response time.
const PACKET: f64 = 1_200.0 * 8.0;

/// The detector answers this long after the round trip (draft §5.5).
const DETECTOR_TIME: Micros = 100_000;

/// Two decreases are at least so far apart: the first must show at the receiver.
const MIN_DECREASE_GAP: Micros = 100_000;

/// And the round trip in that distance is taken as at most this.
const MAX_DECREASE_GAP: Micros = 300_000;

/// Weight of a new capacity sample (draft §5.5, `0.95` smoothing).
const CAPACITY_GAIN: f64 = 0.05;

/// What a sender that does not use its estimate must get through to be believed limited by
/// itself: all but a tenth.
const CARRIED: f64 = 0.9;

/// What the controller knows when it asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path {
    /// What arrives, bits per second, random loss added back.
    pub(crate) arriving: Option<f64>,
    /// What is sent.
    pub(crate) sending: Option<f64>,
    /// The sender has less to send than the estimate allows.
    pub(crate) limited: bool,
    pub(crate) round_trip: Micros,
}

#[derive(Debug)]
pub(crate) struct Aimd {
    rate: f64,
    holding: bool,
    capacity: Option<Capacity>,
    crowded: f64,
    changed: Micros,
    decreased: Option<Micros>,
}

/// The throughput at which the queue grew last, with its normalised variance.
#[derive(Debug, Clone, Copy)]
struct Capacity {
    mean: f64,
    variance: f64,
}

impl Aimd {
    pub(crate) fn new(rate: f64) -> Self {
        Self {
            rate,
            holding: false,
            capacity: None,
            crowded: 0.0,
            changed: 0,
            decreased: None,
        }
    }

    pub(crate) fn rate(&self) -> f64 {
        self.rate
    }

    /// The throughput at which the queue grew last; 0 once more was found.
    pub(crate) fn crowded(&self) -> f64 {
        self.crowded
    }

    /// When the rate was last lowered for a growing queue.
    pub(crate) fn decreased(&self) -> Option<Micros> {
        self.decreased
    }

    /// Takes what a probe or a silence said.
    pub(crate) fn set(&mut self, rate: f64, now: Micros) {
        if rate > self.rate {
            self.capacity = None;
        }
        if rate > self.crowded {
            self.crowded = 0.0;
        }
        self.rate = rate;
        self.changed = now;
    }

    /// The path takes only `arriving` any more.
    pub(crate) fn collapse(&mut self, arriving: f64, now: Micros) {
        self.capacity = None;
        self.crowded = arriving;
        self.rate = self.rate.min(BACK_OFF * arriving);
        self.holding = true;
        self.decreased = Some(now);
        self.changed = now;
    }

    pub(crate) fn update(&mut self, usage: Usage, path: Path, now: Micros) {
        match usage {
            Usage::Over => self.decrease(path, now),
            Usage::Under => self.holding = true,
            Usage::Normal if self.holding => self.holding = false,
            Usage::Normal => self.increase(path, now),
        }
        self.changed = now;
    }

    fn increase(&mut self, path: Path, now: Micros) {
        let Some(arriving) = path.arriving else {
            return;
        };
        if self
            .capacity
            .is_some_and(|known| known.is_outgrown(arriving))
        {
            self.capacity = None;
        }
        let elapsed = seconds((now - self.changed).clamp(0, SECOND));
        let grown = if self.capacity.is_some() {
            let response = seconds(path.round_trip + DETECTOR_TIME);
            self.rate + (PACKET / response).max(MIN_STEP) * elapsed
        } else {
            self.rate * GROWTH.powf(elapsed)
        };
        let lead = MAX_LEAD * arriving + LEAD_FLOOR;
        self.rate = grown.min(lead).max(self.rate);
    }

    fn decrease(&mut self, path: Path, now: Micros) {
        let gap = path.round_trip.clamp(MIN_DECREASE_GAP, MAX_DECREASE_GAP);
        let settled = self.decreased.is_none_or(|at| now - at >= gap);
        let far_off = path.arriving.is_some_and(|rate| rate < self.rate / 2.0);
        self.holding = true;
        if !settled && (!far_off || path.limited) {
            return;
        }
        self.decreased = Some(now);
        let Some(arriving) = path.arriving else {
            self.rate *= BACK_OFF;
            return;
        };
        let carried = path
            .sending
            .is_some_and(|sending| arriving >= CARRIED * sending);
        if path.limited && carried {
            // What is sent gets through: its rate says little about what the path takes.
            self.rate = (BACK_OFF * self.rate).max(BACK_OFF * arriving);
            return;
        }
        if self
            .capacity
            .is_some_and(|known| known.is_undercut(arriving))
        {
            self.capacity = None;
        }
        self.capacity = Some(Capacity::with(self.capacity, arriving));
        self.crowded = arriving;
        self.rate = self.rate.min(BACK_OFF * arriving);
    }
}

impl Capacity {
    fn with(before: Option<Self>, sample: f64) -> Self {
        let Some(before) = before else {
            return Self {
                mean: sample,
                variance: 0.4,
            };
        };
        let mean = before.mean + CAPACITY_GAIN * (sample - before.mean);
        let error = (mean - sample) / 1_000.0;
        let norm = (mean / 1_000.0).max(1.0);
        let variance = (before.variance + CAPACITY_GAIN * (error * error / norm - before.variance))
            .clamp(0.4, 2.5);
        Self { mean, variance }
    }

    /// Three standard deviations (draft §5.5), in bits per second.
    fn spread(self) -> f64 {
        3.0 * (self.variance * self.mean / 1_000.0).sqrt() * 1_000.0
    }

    fn is_outgrown(self, rate: f64) -> bool {
        rate > self.mean + self.spread()
    }

    fn is_undercut(self, rate: f64) -> bool {
        rate < self.mean - self.spread()
    }
}
