//! When the path is probed, and what is taken from it.

use super::{Controller, Probe};
use crate::clock::Micros;
use crate::delay::Usage;
use crate::probe::Need;
use std::time::Instant;
use vocab::Bitrate;

impl Controller {
    /// What the box would like to send, repair not counted. Probes stay within twice of it;
    /// zero stops them.
    pub fn set_desired(&mut self, desired: Bitrate, now: Instant) {
        let now = self.clock.micros(now);
        let before = std::mem::replace(&mut self.desired, desired.0 as f64);
        if self.desired > before {
            self.prober.hasten(now);
        }
    }

    /// The probe to be sent now, if one is due: padding or retransmissions at its rate, spaced
    /// evenly and not as one train, on top of nothing: media may be part of it.
    pub fn poll_probe(&mut self, now: Instant) -> Option<Probe> {
        let now = self.clock.micros(now);
        self.prober.poll(self.need(), now)
    }

    /// Concludes from the probes that are over.
    pub(super) fn take_findings(&mut self, now: Micros) {
        let (need, usual_loss) = (self.need(), self.loss.random());
        while let Some(found) = self.prober.poll_finding(need, usual_loss, now) {
            let clear = self.trendline.usage() != Usage::Over && !self.queue.is_standing();
            let raises = found.rate > self.aimd.rate() && clear;
            if raises || found.first && found.saturated {
                self.aimd.set(found.rate, now);
            }
            if !found.saturated {
                self.loss.handle_carried(found.rate);
            }
        }
    }

    pub(super) fn need(&self) -> Need {
        // Into a standing queue nothing is probed, nor beyond what the receiver grants.
        let bound = match self.remb {
            _ if self.queue.is_standing() => 0.0,
            Some((remb, _)) => remb,
            None => f64::INFINITY,
        };
        Need {
            crowded: self.aimd.crowded(),
            estimate: self.undrained(),
            desired: (self.desired / (1.0 - self.loss.random())).min(bound),
        }
    }
}
