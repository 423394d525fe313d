//! What loss says: that the path takes less, or only that it loses.
//!
//! The draft (§6) backs off above 10 % loss, whatever its cause; a path that loses 20 % at any
//! rate then starves. Here two explanations compete over the last observations of (rate sent,
//! share lost), as in libwebrtc's publicly described second loss-based estimator: the path
//! loses at random, or it takes so much and drops the rest. Only the second is a reason to
//! send less.

mod explain;

use crate::clock::{Micros, SECOND, seconds};
use explain::{Explanation, explain};
use std::collections::VecDeque;

/// Up to this share lost the limit rises (draft §6).
const LOW: f64 = 0.02;

/// No path worth a call loses more at random; beyond, the sender backs off as in the draft.
const MAX_RANDOM: f64 = 0.45;

/// Growth per second of a limit that no longer shows.
const GROWTH: f64 = 1.08;

/// A limit this far above what is sent tells nothing and is dropped.
const FORGOTTEN: f64 = 2.0;

/// Sent below this share of what arrived when the path drops: its queue must empty.
const BELOW_CAPACITY: f64 = 0.95;

/// Observations kept: four to sixteen seconds.
const KEPT: usize = 16;

/// One observation lasts at least this long …
const MIN_WINDOW: Micros = SECOND / 4;

/// … and counts at least so many packets, or lasts [`MAX_WINDOW`].
const MIN_PACKETS: u32 = 20;

/// An audio stream alone sends 50 packets a second.
const MAX_WINDOW: Micros = SECOND;

/// Weight of a new observation in the smoothed loss.
const GAIN: f64 = 0.4;

/// What receiver reports count for: their packet numbers are not passed on.
const REPORTED_PACKETS: u32 = 50;

/// Loss at one rate.
#[derive(Debug, Clone, Copy)]
struct Observation {
    /// Bits per second sent.
    rate: f64,
    /// Share lost, 0 to 1.
    loss: f64,
    packets: u32,
}

/// Packets of the observation that is being made.
#[derive(Debug, Default, Clone, Copy)]
struct Window {
    first: Option<Micros>,
    last: Micros,
    bytes: u64,
    packets: u32,
    lost: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Loss {
    window: Window,
    observations: VecDeque<Observation>,
    smoothed: Option<f64>,
    random: f64,
    limit: Option<f64>,
    changed: Micros,
}

impl Loss {
    /// Bits per second the path takes by its loss; `None`: loss says nothing.
    pub(crate) fn limit(&self) -> Option<f64> {
        self.limit
    }

    /// The smoothed share lost.
    pub(crate) fn smoothed(&self) -> f64 {
        self.smoothed.unwrap_or_default()
    }

    /// The share lost whatever is sent, as far as it is known.
    pub(crate) fn random(&self) -> f64 {
        self.random.min(self.smoothed())
    }

    /// A packet's fate.
    pub(crate) fn handle_packet(&mut self, sent: Micros, bytes: u32, lost: bool) {
        let window = &mut self.window;
        window.first.get_or_insert(sent);
        window.last = window.last.max(sent);
        window.bytes += u64::from(bytes);
        window.packets += 1;
        window.lost += u32::from(lost);
    }

    /// A packet counted as lost in this window has arrived.
    pub(crate) fn handle_late(&mut self) {
        self.window.lost = self.window.lost.saturating_sub(1);
    }

    /// Ends the observation if it is long enough. `estimate` is what is in force; with
    /// `queued` packets wait at the bottleneck, so that what is lost was one too many.
    pub(crate) fn update(&mut self, estimate: f64, queued: bool, now: Micros) {
        let Some(first) = self.window.first else {
            return;
        };
        let Window {
            last,
            bytes,
            packets,
            lost,
            ..
        } = self.window;
        let length = last - first;
        let enough = length >= MIN_WINDOW && packets >= MIN_PACKETS || length >= MAX_WINDOW;
        if !enough {
            return;
        }
        self.window = Window::default();
        let observation = Observation {
            rate: bytes as f64 * 8.0 / seconds(length),
            loss: f64::from(lost) / f64::from(packets),
            packets,
        };
        self.observe(observation, estimate, queued, now);
    }

    /// A receiver report's share lost, at the rate that was sent meanwhile.
    pub(crate) fn handle_report(&mut self, loss: f64, rate: f64, estimate: f64, now: Micros) {
        let observation = Observation {
            rate,
            loss,
            packets: REPORTED_PACKETS,
        };
        self.observe(observation, estimate, false, now);
    }

    /// A probe got `rate` through with no more than the usual loss.
    pub(crate) fn handle_carried(&mut self, rate: f64) {
        if let Some(limit) = &mut self.limit {
            *limit = limit.max(rate);
            self.observations.retain(|seen| seen.loss <= LOW);
        }
    }

    fn observe(&mut self, seen: Observation, estimate: f64, queued: bool, now: Micros) {
        let smoothed = self
            .smoothed
            .map_or(seen.loss, |before| before + GAIN * (seen.loss - before));
        self.smoothed = Some(smoothed);
        if self.observations.len() == KEPT {
            self.observations.pop_front();
        }
        self.observations.push_back(seen);
        let elapsed = seconds((now - self.changed).clamp(0, SECOND));
        self.changed = now;
        self.judge(smoothed, seen, estimate, queued, elapsed);
    }

    fn judge(
        &mut self,
        smoothed: f64,
        seen: Observation,
        estimate: f64,
        queued: bool,
        elapsed: f64,
    ) {
        if smoothed <= LOW {
            self.random = smoothed;
            self.rise(seen.rate, elapsed);
            return;
        }
        let arrived = seen.rate * (1.0 - seen.loss);
        if smoothed > MAX_RANDOM {
            let backed_off = self.limit.unwrap_or(estimate) * (1.0 - smoothed / 2.0);
            self.limit = Some(backed_off.max(BELOW_CAPACITY * arrived));
            return;
        }
        let explanation = if queued && seen.loss > LOW {
            Explanation::Capacity(arrived)
        } else {
            explain(&self.observations)
        };
        match explanation {
            Explanation::Capacity(capacity) => {
                let limit = BELOW_CAPACITY * capacity;
                self.limit = Some(self.limit.map_or(limit, |before| before.min(limit)));
            }
            Explanation::Random(share) => {
                self.random = share;
                self.rise(seen.rate, elapsed);
            }
        }
    }

    fn rise(&mut self, sending: f64, elapsed: f64) {
        self.limit = self
            .limit
            .map(|limit| limit * GROWTH.powf(elapsed))
            .filter(|limit| *limit < FORGOTTEN * sending);
    }
}
