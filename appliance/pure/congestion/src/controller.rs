//! One client's send-side congestion control.

mod arrival;
mod silence;

use crate::aimd::{Aimd, Path};
use crate::clock::{Clock, Micros, SECOND, micros};
use crate::delay::Usage;
use crate::delay::group::Groups;
use crate::delay::queue::Queue;
use crate::delay::trendline::Trendline;
use crate::feedback::Feedback;
use crate::history::{History, Packet, State};
use crate::loss::Loss;
use crate::meter::Meter;
use crate::probe::{Fate, Need, Prober};
use arrival::Arrivals;
use silence::Silence;
use std::time::{Duration, Instant};
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

/// A sender using less than this share of its estimate is limited by what it has to send
/// (libwebrtc's `AlrDetector`).
const LIMITED: f64 = 0.65;

/// What arrived last is measured over this when the queue grows: seven frames of video.
const SHORT: Micros = SECOND / 4;

/// And over this otherwise.
const LONG: Micros = SECOND / 2;

/// Weight of a new sample in the round trip (RFC 6298 §2).
const ROUND_TRIP_GAIN: i64 = 8;

/// Assumed before anything was measured.
const INITIAL_ROUND_TRIP: Micros = SECOND / 5;

/// No round trip beyond is believed; it would only slow reactions down.
const MAX_ROUND_TRIP: Micros = 3 * SECOND;

/// A receiver that still stands by its estimate repeats it every second; an older one lapses.
const REMB_AGE: Micros = 5 * SECOND;

/// Packets between two reports that are credited when the report about them went missing.
const MAX_CREDITED: u64 = 512;

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
    clock: Clock,
    history: History,
    arrivals: Arrivals,
    groups: Groups,
    trendline: Trendline,
    queue: Queue,
    aimd: Aimd,
    loss: Loss,
    prober: Prober,
    silence: Silence,
    sent: Meter,
    media: Meter,
    arrived: Meter,
    desired: f64,
    remb: Option<(f64, Micros)>,
    /// Measured by receiver reports; preferred, as it holds no waiting for feedback.
    reported_round_trip: Option<Micros>,
    own_round_trip: Option<Micros>,
    media_rate: f64,
    estimate: f64,
}

impl Controller {
    /// Starts at [`INITIAL_ESTIMATE`]; the first probe is due once [`Self::set_desired`] says
    /// that there is something to send. Ask for it only when the transport is connected.
    pub fn new(now: Instant) -> Self {
        let estimate = INITIAL_ESTIMATE.0 as f64;
        Self {
            clock: Clock::new(now),
            history: History::default(),
            arrivals: Arrivals::default(),
            groups: Groups::default(),
            trendline: Trendline::new(),
            queue: Queue::default(),
            aimd: Aimd::new(estimate),
            loss: Loss::default(),
            prober: Prober::new(),
            silence: Silence::default(),
            sent: Meter::new(),
            media: Meter::new(),
            arrived: Meter::new(),
            desired: 0.0,
            remb: None,
            reported_round_trip: None,
            own_round_trip: None,
            media_rate: 0.0,
            estimate,
        }
    }

    /// Remembers a datagram until feedback tells of it. Does not allocate once warm: the ring
    /// holds what is in flight, at most 8,192 packets.
    pub fn handle_sent(&mut self, sent: Sent) {
        let at = self.clock.micros(sent.at);
        let bytes = u32::try_from(sent.bytes).unwrap_or(u32::MAX);
        // What leaves between a probe's packets shares the path with them, and counts.
        let cluster = sent
            .cluster
            .or_else(|| self.prober.unfinished())
            .unwrap_or_default();
        self.history.insert(Packet {
            sequence: sent.sequence,
            at,
            bytes,
            cluster,
            state: State::InFlight,
        });
        self.sent.add(at, sent.bytes);
        if sent.content == Content::Media {
            self.media.add(at, sent.bytes);
        }
        if cluster != 0 {
            self.prober.handle_sent(cluster, bytes);
        }
        self.silence.handle_sent(at);
    }

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
        self.arrivals
            .end(base.saturating_add(feedback.packets() as u64));
        self.handle_batch(batch, now);
        told
    }

    /// Takes a round trip measured by a receiver report (RFC 3550 §6.4.1).
    pub fn handle_round_trip(&mut self, round_trip: Duration) {
        smooth(&mut self.reported_round_trip, micros(round_trip));
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

    /// Takes the receiver's own estimate (REMB). It bounds ours, and takes its place for a
    /// client without transport-wide feedback, until it is 0 or five seconds old.
    pub fn handle_remb(&mut self, bitrate: Bitrate, now: Instant) {
        let now = self.clock.micros(now);
        self.remb = (bitrate.0 > 0).then_some((bitrate.0 as f64, now));
        self.conclude(now);
    }

    /// What the box would like to send, repair not counted. Probes stay within twice of it;
    /// zero stops them.
    pub fn set_desired(&mut self, desired: Bitrate, now: Instant) {
        let now = self.clock.micros(now);
        let before = std::mem::replace(&mut self.desired, desired.0 as f64);
        if self.desired > before {
            self.prober.hasten(now);
        }
    }

    /// Does what is due at `now`; call it at [`Self::next`].
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.clock.micros(now);
        if let Some(share) = self.silence.poll(self.round_trip_or_default(), now) {
            let floor = MIN_ESTIMATE.0 as f64;
            self.aimd.set((share * self.aimd.rate()).max(floor), now);
            self.prober.handle_decrease(now);
            self.conclude(now);
        }
    }

    /// What the path takes, all packets of this client counted as in [`Sent::bytes`]: from
    /// [`MIN_ESTIMATE`] to [`MAX_ESTIMATE`].
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

    /// The probe to be sent now, if one is due: padding or retransmissions at its rate, spaced
    /// evenly and not as one train, on top of nothing: media may be part of it.
    pub fn poll_probe(&mut self, now: Instant) -> Option<Probe> {
        let now = self.clock.micros(now);
        self.prober.poll(self.need(), now)
    }

    /// The smoothed round trip, `None` before the first report.
    pub fn round_trip(&self) -> Option<Duration> {
        self.reported_round_trip
            .or(self.own_round_trip)
            .map(|micros| Duration::from_micros(micros.unsigned_abs()))
    }

    /// The smoothed share of packets lost, 0 to 1.
    pub fn loss(&self) -> f32 {
        self.loss.smoothed() as f32
    }

    /// When [`Self::handle_timeout`] and [`Self::poll_probe`] want to be called; `None`: not
    /// before the next input. A client that is sent nothing and desired nothing never is. Stays
    /// in the past until both were called.
    pub fn next(&self) -> Option<Instant> {
        let silence = self.silence.due(self.round_trip_or_default());
        let probe = self.prober.due(self.need());
        let first = [silence, probe].into_iter().flatten().min()?;
        self.clock.instant(first)
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

    /// Brings all opinions together.
    fn conclude(&mut self, now: Micros) {
        if self.remb.is_some_and(|(_, at)| now - at > REMB_AGE) {
            self.remb = None;
        }
        self.media_rate = self.media.rate_until(now, SECOND).unwrap_or_default();
        self.estimate = self.undrained() * self.queue.share();
        self.estimate = bounded(self.estimate);
    }

    /// The estimate, were no queue to be drained.
    fn undrained(&self) -> f64 {
        let own = match self.remb {
            Some((remb, _)) if self.arrivals.any() => self.aimd.rate().min(remb),
            Some((remb, _)) => remb,
            None => self.aimd.rate(),
        };
        bounded(self.loss.limit().map_or(own, |limit| own.min(limit)))
    }

    fn need(&self) -> Need {
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

    fn round_trip_or_default(&self) -> Micros {
        self.reported_round_trip
            .or(self.own_round_trip)
            .unwrap_or(INITIAL_ROUND_TRIP)
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
}

fn bounded(rate: f64) -> f64 {
    rate.clamp(MIN_ESTIMATE.0 as f64, MAX_ESTIMATE.0 as f64)
}

fn smooth(round_trip: &mut Option<Micros>, sample: Micros) {
    let sample = sample.clamp(0, MAX_ROUND_TRIP);
    *round_trip = Some(match *round_trip {
        None => sample,
        Some(before) => before + (sample - before) / ROUND_TRIP_GAIN,
    });
}
