//! A burst of padding that finds out whether the path takes more.

use congestion::Probe;
use std::time::{Duration, Instant};

/// Payload of a padding packet in bytes: all of it padding, the most its count can say.
pub(crate) const PADDING: usize = crate::srtp::MAX_PADDING;
/// A late timer is caught up with at most this much at once.
const MAX_CATCH_UP: Duration = Duration::from_millis(5);

/// A probe on its way.
#[derive(Debug)]
pub(crate) struct ActiveProbe {
    probe: Probe,
    bytes: usize,
    packets: usize,
    /// When the next datagram leaves.
    pub(crate) next: Instant,
}

impl ActiveProbe {
    pub(crate) fn new(probe: Probe, now: Instant) -> Self {
        Self {
            probe,
            bytes: 0,
            packets: 0,
            next: now,
        }
    }

    pub(crate) fn cluster(&self) -> u32 {
        self.probe.cluster
    }

    /// A datagram left, media or padding.
    pub(crate) fn handle_sent(&mut self, bytes: usize, now: Instant) {
        self.bytes += bytes;
        self.packets += 1;
        let nanos = (bytes as u64).saturating_mul(8_000_000_000) / self.probe.rate.0.max(1);
        let behind = now.checked_sub(MAX_CATCH_UP).unwrap_or(now);
        self.next = self.next.max(behind) + Duration::from_nanos(nanos);
    }

    pub(crate) fn is_done(&self) -> bool {
        self.bytes >= self.probe.bytes && self.packets >= self.probe.packets
    }
}
