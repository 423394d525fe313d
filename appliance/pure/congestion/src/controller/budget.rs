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

    /// Brings all opinions together.
    pub(super) fn conclude(&mut self, now: Micros) {
        if self.remb.is_some_and(|(_, at)| now - at > REMB_AGE) {
            self.remb = None;
        }
        self.media_rate = self.media.rate_until(now, SECOND).unwrap_or_default();
        self.estimate = self.undrained() * self.queue.share();
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
