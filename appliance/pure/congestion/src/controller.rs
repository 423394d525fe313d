//! One client's send-side congestion control.

mod arrival;
mod budget;
mod drain;
mod feedback;
mod probing;
mod round_trip;
mod sent;
mod silence;

pub use budget::{INITIAL_ESTIMATE, MAX_ESTIMATE, MIN_ESTIMATE};
pub use feedback::Acknowledged;
pub use sent::{Content, Probe, Sent};

use crate::aimd::Aimd;
use crate::clock::{Clock, Micros};
use crate::delay::group::Groups;
use crate::delay::queue::Queue;
use crate::delay::trendline::Trendline;
use crate::history::{History, Packet, State};
use crate::loss::Loss;
use crate::meter::Meter;
use crate::probe::Prober;
use arrival::Arrivals;
use drain::Drain;
use silence::Silence;
use std::time::Instant;

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
    drain: Drain,
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
            drain: Drain::default(),
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
        self.drain.handle_sent(sent.sequence);
    }

    /// Does what is due at `now`; call it at [`Self::next`].
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.clock.micros(now);
        self.drain.poll(now);
        if let Some(share) = self.silence.poll(self.round_trip_or_default(), now) {
            let floor = MIN_ESTIMATE.0 as f64;
            self.aimd.set((share * self.aimd.rate()).max(floor), now);
            self.prober.handle_decrease(now);
            self.conclude(now);
        }
    }

    /// Video should wait: the path's queue is being emptied, so that voices do not stand in it.
    /// It lasts until feedback has told of everything sent before, 1.5 s at most.
    pub fn is_draining(&self) -> bool {
        self.drain.is_running()
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
        let drain = self.drain.due();
        let first = [silence, probe, drain].into_iter().flatten().min()?;
        self.clock.instant(first)
    }
}
