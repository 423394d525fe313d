//! How long the standing queue is: one-way delay above the least seen lately.

use crate::clock::{Micros, SECOND};

/// The least delay is forgotten after one to two of these: a route may have become longer, and
/// clocks drift apart (100 ppm: 3 ms).
const MEMORY: Micros = 15 * SECOND;

/// A queue this long is normal for a moment and no reason to send less.
const TOLERATED: Micros = 100_000;

/// From here on it is drained as fast as it ever is.
const LONG: Micros = 400_000;

/// The share of the estimate used while a long queue drains. Half of the path then empties it:
/// what was queued in one second leaves in two.
const DRAIN: f64 = 0.5;

/// A queue shorter than this is no reason to back off, however it grows. All flows see the same
/// queue, while the gradient's threshold is lower for a flow of few packets: without a floor
/// that is common to all, the smaller flow backs off first, every time.
const NOTICED: Micros = 30_000;

/// Growth by this much within [`RECENT`] reports counts, noise of a frame or two does not.
const GROWTH: Micros = 5_000;

/// Reports looked back on: 200 ms.
const RECENT: usize = 4;

#[derive(Debug, Default)]
pub(crate) struct Queue {
    least: Option<Micros>,
    least_before: Option<Micros>,
    since: Micros,
    /// Of the last two reports.
    latest: [Option<Micros>; 2],
    /// The least of the last three reports, which no frame's burst reaches.
    delay: Micros,
    recent: [Micros; RECENT],
}

impl Queue {
    /// Takes the smallest arrival-minus-send of one feedback; the clocks' offset cancels.
    pub(crate) fn handle_delay(&mut self, one_way: Micros, now: Micros) {
        if now - self.since > MEMORY {
            self.since = now;
            self.least_before = self.least.take();
        }
        let least = self.least.map_or(one_way, |least| least.min(one_way));
        self.least = Some(least);
        let floor = self.least_before.map_or(least, |before| before.min(least));
        self.recent.rotate_right(1);
        if let Some(latest) = self.recent.first_mut() {
            *latest = self.delay;
        }
        let [before, earlier] = self.latest;
        self.latest = [Some(one_way), before];
        let standing = [before, earlier]
            .into_iter()
            .flatten()
            .fold(one_way, Micros::min);
        self.delay = standing - floor;
    }

    /// The least delay known.
    pub(crate) fn floor(&self) -> Option<Micros> {
        let before = self.least_before;
        self.least
            .map(|least| before.map_or(least, |before| before.min(least)))
    }

    /// How long it is.
    pub(crate) fn delay(&self) -> Micros {
        self.delay
    }

    /// Long enough to be noticed, by this flow as by any other.
    pub(crate) fn is_noticed(&self) -> bool {
        self.delay > NOTICED
    }

    /// Longer than at any of the last reports' but by noise.
    pub(crate) fn is_growing(&self) -> bool {
        let least = self.recent.iter().copied().min().unwrap_or_default();
        self.delay > least + GROWTH
    }

    /// What to make of the estimate while the queue drains, [`DRAIN`] to 1.
    pub(crate) fn share(&self) -> f64 {
        let over = (self.delay - TOLERATED).clamp(0, LONG - TOLERATED);
        1.0 - (1.0 - DRAIN) * over as f64 / (LONG - TOLERATED) as f64
    }

    /// Whether the queue is longer than [`TOLERATED`].
    pub(crate) fn is_standing(&self) -> bool {
        self.delay > TOLERATED
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}
