//! Video waits while the path's queue empties, so that voices do not.

use super::Sender;
use media::Kind;
use std::time::Instant;

impl Sender {
    /// Begins and ends with the controller.
    pub(super) fn follow_drain(&mut self, now: Instant) {
        let is_draining = self.controller.is_draining();
        if is_draining == std::mem::replace(&mut self.is_draining, is_draining) {
            return;
        }
        for place in 0..self.streams.len() {
            let Some(stream) = self.streams.get_mut(place) else {
                continue;
            };
            if stream.config.kind == Kind::Audio {
                continue;
            }
            if !is_draining {
                if stream.gap.is_some() {
                    self.ask_keyframe(place, now);
                }
                continue;
            }
            let dropped = stream.queue.clear();
            if dropped > 0 {
                stream.gap.get_or_insert_default();
            }
            stream.resends.clear();
            self.queued.set(place, false);
            self.resending.set(place, false);
            self.queued_packets -= dropped;
            self.counters.dropped_by_drain += dropped as u64;
        }
        if is_draining {
            self.counters.drains += 1;
            self.probes.clear();
            self.seconds.clear();
        }
    }
}
