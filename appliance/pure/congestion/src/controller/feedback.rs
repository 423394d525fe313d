//! What the client reports of what has arrived.

use super::Controller;
use super::drain::{Crossing, Drain};
use super::round_trip::smooth;
use crate::aimd::Path;
use crate::clock::{Micros, SECOND};
use crate::delay::Usage;
use crate::feedback::Feedback;
use crate::history::State;
use crate::meter::Meter;
use crate::probe::Fate;
use std::time::Instant;

/// A sender using less than this share of its estimate is limited by what it has to send
/// (libwebrtc's `AlrDetector`).
const LIMITED: f64 = 0.65;

/// What arrived last is measured over this when the queue grows: seven frames of video.
const SHORT: Micros = SECOND / 4;

/// And over this otherwise.
const LONG: Micros = SECOND / 2;

/// Packets between two reports that are credited when the report about them went missing.
const MAX_CREDITED: u64 = 512;

/// What one feedback told that was not known before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Acknowledged {
    /// Packets now known to have arrived.
    pub received: usize,
    /// Their bytes, as in [`Sent::bytes`](super::Sent::bytes).
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

impl Controller {
    /// Takes one transport-wide feedback.
    pub fn handle_feedback(&mut self, feedback: &Feedback, now: Instant) -> Acknowledged {
        let now = self.clock.micros(now);
        let mut told = Acknowledged::default();
        let Some(base) = self.history.extend(feedback.base()) else {
            told.unknown = feedback.packets();
            return told;
        };
        if self.silence.handle_feedback() {
            self.prober.hasten(now);
        }
        self.prober.handle_feedback();
        if self.arrivals.begin(feedback, now) {
            self.forget_arrivals();
        }
        let mut batch = Batch::default();
        self.credit_missing(base, feedback);
        for (offset, (_, arrival)) in feedback.arrivals().enumerate() {
            let sequence = base.saturating_add(offset as u64);
            let arrival = arrival.map(|arrival| self.arrivals.unwrap(arrival));
            self.handle_fate(sequence, arrival, &mut told, &mut batch);
        }
        let end = base.saturating_add(feedback.packets() as u64);
        self.arrivals.end(end);
        self.handle_batch(batch, now);
        let is_long = Drain::is_due_to(self.queue.delay());
        self.drain.handle_told(end, is_long, now);
        told
    }

    /// Takes the share lost of a receiver report, 0 to 1, once per report and over all streams,
    /// for clients that send no transport-wide feedback; of the others it is ignored.
    pub fn handle_loss(&mut self, fraction: f32, now: Instant) {
        if self.arrivals.any() || !(0.0..=1.0).contains(&fraction) {
            return;
        }
        let now = self.clock.micros(now);
        let Some(sending) = self.sent.rate_until(now, SECOND) else {
            return;
        };
        self.loss
            .handle_report(f64::from(fraction), sending, self.estimate, now);
        if self.loss.limit().is_none() {
            self.aimd.update(
                Usage::Normal,
                Path {
                    arriving: Some(sending),
                    sending: Some(sending),
                    limited: false,
                    round_trip: self.round_trip_or_default(),
                },
                now,
            );
        }
        self.conclude(now);
    }

    /// One packet's fate.
    fn handle_fate(
        &mut self,
        sequence: u64,
        arrival: Option<Micros>,
        told: &mut Acknowledged,
        batch: &mut Batch,
    ) {
        let Some(packet) = self.history.packet(sequence) else {
            told.unknown += 1;
            return;
        };
        let before = packet.state;
        let (sent, bytes, cluster) = (packet.at, packet.bytes, packet.cluster);
        let Some(arrival) = arrival else {
            if before == State::InFlight {
                packet.state = State::Lost;
                told.lost += 1;
                told.first_lost.get_or_insert(sequence);
                self.loss.handle_packet(sent, bytes, true);
                self.prober.handle_packet(cluster, bytes, Fate::Lost);
            }
            return;
        };
        packet.state = State::Received;
        let fate = match before {
            State::Received => return,
            State::Lost => Fate::Late { sent, arrival },
            State::InFlight | State::Assumed => Fate::Received { sent, arrival },
        };
        told.received += 1;
        told.received_bytes += bytes as usize;
        if before != State::Assumed {
            self.arrived.add(arrival, bytes as usize);
        }
        if before == State::Lost {
            told.late += 1;
            self.loss.handle_late();
        } else {
            self.loss.handle_packet(sent, bytes, false);
        }
        batch.newest_sent = batch.newest_sent.max(Some(sent));
        if cluster != 0 {
            // A probe is meant to queue for a moment. Its finding judges it, not the gradient,
            // which begins anew behind it.
            self.prober.handle_packet(cluster, bytes, fate);
            self.groups.reset();
            return;
        }
        batch.crossing.add(sent, arrival, bytes);
        let one_way = arrival - sent;
        batch.least_delay = Some(
            batch
                .least_delay
                .map_or(one_way, |least| least.min(one_way)),
        );
        if let Some(spacing) = self.groups.add(sent, arrival) {
            self.trendline.handle_spacing(spacing);
            batch.judged = true;
        }
    }

    /// Concludes from all packets of one feedback.
    fn handle_batch(&mut self, batch: Batch, now: Micros) {
        if let Some(sent) = batch.newest_sent {
            smooth(&mut self.own_round_trip, now - sent);
        }
        if let Some(delay) = batch.least_delay {
            self.queue.handle_delay(delay, now);
        }
        self.loss
            .update(self.estimate, self.queue.is_standing(), now);
        self.update_rate(batch.judged, now);
        self.watch_collapse(&batch.crossing, now);
        self.take_findings(now);
        self.conclude(now);
    }

    fn update_rate(&mut self, judged: bool, now: Micros) {
        let usage = self.usage(judged);
        let window = if usage == Usage::Over { SHORT } else { LONG };
        let sending = self.sent.rate_until(now, LONG);
        let path = Path {
            arriving: self
                .arrived
                .rate(window)
                .map(|rate| rate / (1.0 - self.loss.random())),
            sending,
            limited: sending.is_none_or(|rate| rate < LIMITED * self.estimate),
            round_trip: self.round_trip_or_default(),
        };
        let before = self.aimd.decreased();
        self.aimd.update(usage, path, now);
        if self.aimd.decreased() != before {
            self.prober.handle_decrease(now);
        }
    }

    /// Begins to empty the queue when it must be.
    fn watch_collapse(&mut self, crossing: &Crossing, now: Micros) {
        let sending = self.sent.rate_until(now, LONG);
        let floor = self.queue.floor();
        let collapsed = self.drain.handle_crossing(crossing, sending, floor);
        if (collapsed.is_some() || Drain::is_due_to(self.queue.delay())) && self.drain.begin(now) {
            if let Some(arriving) = collapsed {
                self.aimd.collapse(arriving, now);
            }
            self.prober.handle_decrease(now);
        }
    }

    /// What gradient and length of the queue say together.
    fn usage(&self, judged: bool) -> Usage {
        let over = judged && self.trendline.usage() == Usage::Over;
        if self.queue.is_noticed() && self.queue.is_growing() {
            Usage::Over
        } else if over || self.queue.is_standing() {
            // Neither grow into a queue nor give way to one that is short.
            Usage::Under
        } else if self.trendline.usage() == Usage::Over {
            Usage::Normal
        } else {
            self.trendline.usage()
        }
    }

    /// If reports before this one went missing, what they would have told of is taken as
    /// arrived, or the rate of arrivals would seem to have dropped.
    fn credit_missing(&mut self, base: u64, feedback: &Feedback) {
        let Some(from) = self.arrivals.missing_from(base) else {
            return;
        };
        let Some(arrival) = feedback.arrivals().find_map(|(_, arrival)| arrival) else {
            return;
        };
        let arrival = self.arrivals.unwrap(arrival);
        let got_through = 1.0 - self.loss.smoothed();
        for sequence in from.max(base.saturating_sub(MAX_CREDITED))..base {
            let Some(packet) = self.history.packet(sequence) else {
                continue;
            };
            if packet.state == State::InFlight {
                packet.state = State::Assumed;
                let bytes = f64::from(packet.bytes) * got_through;
                self.arrived.add(arrival, bytes as usize);
            }
        }
    }

    /// The receiver's clock jumped: nothing measured by it so far compares with what follows.
    fn forget_arrivals(&mut self) {
        self.groups.reset();
        self.trendline.reset();
        self.queue.reset();
        self.arrived = Meter::new();
    }
}

/// What one feedback's packets tell together.
#[derive(Debug, Default)]
struct Batch {
    newest_sent: Option<Micros>,
    /// The smallest arrival minus send time.
    least_delay: Option<Micros>,
    /// A delay gradient came out.
    judged: bool,
    crossing: Crossing,
}
