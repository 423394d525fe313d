//! What the path takes, and what of it is whose.

use super::Controller;
use crate::clock::{Micros, SECOND};
use std::time::Instant;
use vocab::Bitrate;

/// The estimate before anything is known, and what the first probes multiply.
pub const INITIAL_ESTIMATE: Bitrate = Bitrate::kbps(1_500);

/// The estimate never falls below: an audio stream with its headers, which is never shed.
pub const MIN_ESTIMATE: Bitrate = Bitrate::kbps(50);

/// Nor does it rise above, whatever a client reports.
pub const MAX_ESTIMATE: Bitrate = Bitrate::kbps(1_000_000);

/// Retransmissions may always use this share of the estimate: without any, a stream that is
/// larger than its path could not even repair a keyframe.
const MIN_REPAIR: f64 = 0.05;

/// A path that loses less than this at random, as twice in a hundred, repairs well enough.
const REPEATED_LOSS: f64 = 0.03;

/// Second copies leave this much room beside the first: as much again as both together need.
const REPEATED_ROOM: f64 = 4.0;

/// A receiver that still stands by its estimate repeats it every second; an older one lapses.
const REMB_AGE: Micros = 5 * SECOND;

impl Controller {
    /// Takes the receiver's own estimate (REMB). It bounds ours, and takes its place for a
    /// client without transport-wide feedback, until it is 0 or five seconds old.
    pub fn handle_remb(&mut self, bitrate: Bitrate, now: Instant) {
        let now = self.clock.micros(now);
        self.remb = (bitrate.0 > 0).then_some((bitrate.0 as f64, now));
        self.conclude(now);
    }

    /// What the path takes, all packets of this client counted as in
    /// [`Sent::bytes`](super::Sent::bytes): from [`MIN_ESTIMATE`] to [`MAX_ESTIMATE`].
    pub fn estimate(&self) -> Bitrate {
        Bitrate(self.estimate as u64)
    }

    /// The fastest pace within a burst: 2.5 times the estimate, so that a frame leaves in less
    /// than half of its interval (libwebrtc's `kDefaultPaceMultiplier`).
    pub fn pacing_rate(&self) -> Bitrate {
        Bitrate(self.estimate().0.saturating_mul(5) / 2)
    }

    /// What retransmissions may use per second, as the fill of a token bucket a quarter of a
    /// second deep: what media leaves of the estimate, and never less than a twentieth of it.
    ///
    /// Not a share of what is sent: 30 % loss needs 43 % of the stream again. On a path smaller
    /// than the stream, repair stays below the media instead of feeding on its own losses.
    pub fn retransmission_budget(&self) -> Bitrate {
        let spare = self.estimate - self.media_rate;
        Bitrate(spare.max(MIN_REPAIR * self.estimate) as u64)
    }

    /// Whether what is sent again may be sent twice: the path loses at random, its queue is short,
    /// and media leaves room for four times what is lost. At 10 % loss that is a tenth more, and
    /// one repair in a hundred gets lost instead of one in ten.
    pub fn affords_second_copies(&self) -> bool {
        let random = self.loss.random();
        let spare = self.estimate - self.media_rate;
        random >= REPEATED_LOSS
            && !self.queue.is_noticed()
            && spare >= REPEATED_ROOM * random * self.media_rate
    }

    /// Brings all opinions together.
    pub(super) fn conclude(&mut self, now: Micros) {
        if self.remb.is_some_and(|(_, at)| now - at > REMB_AGE) {
            self.remb = None;
        }
        self.media_rate = self.media.rate_until(now, SECOND).unwrap_or_default();
        // What is drained by silence need not be drained by half.
        let share = if self.drain.is_running() {
            1.0
        } else {
            self.queue.share()
        };
        self.estimate = self.undrained() * share;
        self.estimate = bounded(self.estimate);
    }

    /// The estimate, were no queue to be drained.
    pub(super) fn undrained(&self) -> f64 {
        let own = match self.remb {
            Some((remb, _)) if self.arrivals.any() => self.aimd.rate().min(remb),
            Some((remb, _)) => remb,
            None => self.aimd.rate(),
        };
        bounded(self.loss.limit().map_or(own, |limit| own.min(limit)))
    }
}

fn bounded(rate: f64) -> f64 {
    rate.clamp(MIN_ESTIMATE.0 as f64, MAX_ESTIMATE.0 as f64)
}
