//! One client's send-side congestion control.

use crate::feedback::Feedback;
use std::time::{Duration, Instant};
use vocab::Bitrate;

/// The estimate before anything is known, and what the first probes multiply.
pub const INITIAL_ESTIMATE: Bitrate = Bitrate::kbps(1_500);

/// What a datagram carries, so that repair can be told from media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Audio or video sent for the first time.
    Media,
    /// A packet sent again on the retransmission stream.
    Retransmission,
    /// Padding, also that of a probe.
    Padding,
}

/// One datagram that carries a transport-wide number and has left.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// The transport-wide number, extended: its low 16 bits are in the packet. Rises by one
    /// per datagram; starts anywhere.
    pub sequence: u64,
    /// Bytes on the wire: RTP packet with its authentication tag plus UDP and IP header
    /// (28 over IPv4, 48 over IPv6). The estimate is in the same measure.
    pub bytes: usize,
    /// When it left.
    pub at: Instant,
    /// What it carries.
    pub content: Content,
    /// [`Probe::cluster`] of the probe it belongs to.
    pub cluster: Option<u32>,
}

/// A short burst that finds out whether the path takes more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// To be repeated in [`Sent::cluster`]; never 0.
    pub cluster: u32,
    /// The pace of the burst, all packets of this client counted.
    pub rate: Bitrate,
    /// The burst ends when both this many bytes (as in [`Sent::bytes`]) …
    pub bytes: usize,
    /// … and this many packets have left.
    pub packets: usize,
}

/// What one feedback told that was not known before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Acknowledged {
    /// Packets now known to have arrived.
    pub received: usize,
    /// Their bytes, as in [`Sent::bytes`].
    pub received_bytes: usize,
    /// Packets now counted as lost. One of them may still arrive: it is then in `late` and
    /// in `received` of a later feedback.
    pub lost: usize,
    /// The extended number of the first of them.
    pub first_lost: Option<u64>,
    /// Packets that had been counted as lost and have arrived after all.
    pub late: usize,
    /// Numbers that were never sent or are no longer remembered.
    pub unknown: usize,
}

/// Estimates what one client's path takes.
///
/// After any `handle_*` or `set_*`, ask [`Self::poll_probe`] until `None`, then [`Self::next`].
pub struct Controller {
    estimate: Bitrate,
}

impl Controller {
    /// Starts at [`INITIAL_ESTIMATE`]; the first probes leave once [`Self::set_desired`] says
    /// that there is something to send.
    pub fn new(_now: Instant) -> Self {
        Self {
            estimate: INITIAL_ESTIMATE,
        }
    }

    /// Remembers a datagram until feedback tells of it. Does not allocate once warm.
    pub fn handle_sent(&mut self, _sent: Sent) {}

    /// Takes one transport-wide feedback.
    pub fn handle_feedback(&mut self, _feedback: &Feedback, _now: Instant) -> Acknowledged {
        Acknowledged::default()
    }

    /// Takes a round trip measured by a receiver report (RFC 3550 §6.4.1).
    pub fn handle_round_trip(&mut self, _round_trip: Duration) {}

    /// Takes the loss of a receiver report, 0 to 1, for clients that send no transport-wide
    /// feedback; of the others it is ignored.
    pub fn handle_loss(&mut self, _fraction: f32, _now: Instant) {}

    /// Takes the receiver's own estimate (REMB); it bounds ours until it is 0 or grows old.
    pub fn handle_remb(&mut self, _bitrate: Bitrate, _now: Instant) {}

    /// What the box would like to send, repair not counted. Zero stops all probing.
    pub fn set_desired(&mut self, _desired: Bitrate, _now: Instant) {}

    /// Does what is due at `now`; call it at [`Self::next`].
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// What the path takes, all packets of this client counted as in [`Sent::bytes`].
    pub fn estimate(&self) -> Bitrate {
        self.estimate
    }

    /// The fastest pace within a burst: 2.5 times the estimate, so that a frame leaves in less
    /// than half of its interval (libwebrtc's `kDefaultPaceMultiplier`).
    pub fn pacing_rate(&self) -> Bitrate {
        Bitrate(self.estimate.0 * 5 / 2)
    }

    /// What retransmissions may use per second, as the fill of a token bucket.
    pub fn retransmission_budget(&self) -> Bitrate {
        self.estimate
    }

    /// The probe to be sent now, if one is due.
    pub fn poll_probe(&mut self, _now: Instant) -> Option<Probe> {
        None
    }

    /// The smoothed round trip, `None` before the first report.
    pub fn round_trip(&self) -> Option<Duration> {
        None
    }

    /// The smoothed share of packets lost, 0 to 1.
    pub fn loss(&self) -> f32 {
        0.0
    }

    /// When [`Self::handle_timeout`] and [`Self::poll_probe`] want to be called; `None`: not
    /// before the next input.
    pub fn next(&self) -> Option<Instant> {
        None
    }
}
