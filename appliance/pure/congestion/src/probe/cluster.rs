//! One probe's packets, and the rate at which they came through.

use super::{Fate, Finding};
use crate::clock::{Micros, SECOND, seconds};
use crate::controller::Probe;

/// Arriving below this share of the rate sent, the path was full (libwebrtc
/// `kMinRatioForUnsaturatedLink`) …
const UNSATURATED: f64 = 0.9;

/// … and this share of what arrived is used (`kTargetUtilizationFraction`).
const UTILISED: f64 = 0.95;

/// Less received than this share of a probe, what is usually lost allowed for, tells nothing.
const MIN_RECEIVED: f64 = 0.8;

/// A probe that took longer was no burst.
const MAX_INTERVAL: Micros = SECOND;

/// Arriving this much faster than sent, packets were held up together on the way.
const MAX_COMPRESSION: f64 = 2.0;

#[derive(Debug)]
pub(super) struct Cluster {
    id: u32,
    rate: f64,
    first: bool,
    wanted_packets: u32,
    wanted_bytes: u64,
    sent_packets: u32,
    sent_bytes: u64,
    received_packets: u32,
    received_bytes: u64,
    lost_packets: u32,
    first_sent: Option<(Micros, u32)>,
    last_sent: (Micros, u32),
    first_arrival: (Micros, u32),
    last_arrival: (Micros, u32),
}

impl Cluster {
    pub(super) fn new(probe: &Probe, first: bool) -> Self {
        Self {
            id: probe.cluster,
            rate: probe.rate.0 as f64,
            first,
            wanted_packets: probe.packets as u32,
            wanted_bytes: probe.bytes as u64,
            sent_packets: 0,
            sent_bytes: 0,
            received_packets: 0,
            received_bytes: 0,
            lost_packets: 0,
            first_sent: None,
            last_sent: (0, 0),
            first_arrival: (0, 0),
            last_arrival: (0, 0),
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    pub(super) fn handle_sent(&mut self, bytes: u32) {
        self.sent_packets += 1;
        self.sent_bytes += u64::from(bytes);
    }

    pub(super) fn handle_packet(&mut self, bytes: u32, fate: Fate) {
        let (sent, arrival) = match fate {
            Fate::Lost => {
                self.lost_packets += 1;
                return;
            }
            Fate::Late { sent, arrival } => {
                self.lost_packets = self.lost_packets.saturating_sub(1);
                (sent, arrival)
            }
            Fate::Received { sent, arrival } => (sent, arrival),
        };
        self.received_packets += 1;
        self.received_bytes += u64::from(bytes);
        let (sent, arrival) = ((sent, bytes), (arrival, bytes));
        let Some(first_sent) = &mut self.first_sent else {
            self.first_sent = Some(sent);
            self.last_sent = sent;
            self.first_arrival = arrival;
            self.last_arrival = arrival;
            return;
        };
        *first_sent = (*first_sent).min(sent);
        self.last_sent = self.last_sent.max(sent);
        self.first_arrival = self.first_arrival.min(arrival);
        self.last_arrival = self.last_arrival.max(arrival);
    }

    /// Begun, and not yet sent as asked.
    pub(super) fn is_under_way(&self) -> bool {
        self.sent_packets > 0 && !self.is_sent()
    }

    fn is_sent(&self) -> bool {
        self.sent_packets >= self.wanted_packets && self.sent_bytes >= self.wanted_bytes
    }

    /// Sent as asked, and each packet's fate known.
    pub(super) fn is_accounted_for(&self) -> bool {
        self.is_sent() && self.received_packets + self.lost_packets >= self.sent_packets
    }

    /// `usual_loss` is lost at any rate: what arrives is less by it than what the path took.
    pub(super) fn finding(&self, usual_loss: f64) -> Option<Finding> {
        let (first_sent, _) = self.first_sent?;
        let received = f64::from(self.received_packets);
        let lost = f64::from(self.lost_packets) / (received + f64::from(self.lost_packets));
        if lost > 1.0 - MIN_RECEIVED * (1.0 - usual_loss) {
            return None;
        }
        let sending = rate(
            self.received_bytes - u64::from(self.last_sent.1),
            self.last_sent.0 - first_sent,
        )?;
        let arriving = rate(
            self.received_bytes - u64::from(self.first_arrival.1),
            self.last_arrival.0 - self.first_arrival.0,
        )?;
        if arriving > MAX_COMPRESSION * sending {
            return None;
        }
        let saturated = arriving < UNSATURATED * sending;
        let found = if saturated {
            UTILISED * arriving
        } else {
            sending.min(arriving)
        };
        Some(Finding {
            rate: found / (1.0 - lost.min(usual_loss)),
            saturated,
            first: self.first,
        })
    }
}

fn rate(bytes: u64, interval: Micros) -> Option<f64> {
    (interval > 0 && interval <= MAX_INTERVAL).then(|| bytes as f64 * 8.0 / seconds(interval))
}
