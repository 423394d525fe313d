//! When to try whether the path takes more, and what came of it.

mod cluster;

use crate::aimd::BACK_OFF;
use crate::clock::{Micros, SECOND};
use crate::controller::Probe;
use cluster::Cluster;
use std::collections::VecDeque;
use vocab::Bitrate;

/// The first probe, as a multiple of the initial estimate (libwebrtc `first_exponential_probe`).
const FIRST: f64 = 3.0;

/// One that follows a find, as a multiple of it: the second is six times the initial estimate.
const NEXT: f64 = 2.0;

/// One that asks whether anything has changed: on a path that is full, it queues for less than
/// half of its length.
const AGAIN: f64 = 1.6;

/// A probe that finds this share of its rate is followed by a larger one at once.
const FOLLOWED: f64 = 0.7;

/// Never probed beyond this multiple of what is desired: repair and a keyframe need room,
/// more is of no use.
const HEADROOM: f64 = 2.0;

/// With this multiple of what is desired known to be free, nothing is probed.
const SATISFIED: f64 = 1.25;

/// How long the first probe lasts (libwebrtc `min_probe_duration`): nothing is known yet, and a
/// small path queues all of it.
const FIRST_LENGTH: Micros = 15_000;

/// How long the others last: a frame interval, so that jitter and the frame of a neighbour do not
/// decide what is found. On a full path they queue for less than a frame interval.
const LENGTH: Micros = 40_000;

/// Packets in a probe at least, so that their spacing tells something.
const MIN_PACKETS: usize = 5;

/// Between probes while they find nothing, and after the queue grew: doubled from the first …
const MIN_PAUSE: Micros = SECOND;

/// … to the second. Recovery within 5 s (issue 3) leaves time for a probe in vain and the steps.
const MAX_PAUSE: Micros = 2 * SECOND;

/// Pauses differ by steps of this, [`DITHERS`] of them: a pause that is a multiple of the frame
/// interval would meet the same moment between the frames of a neighbour for ever.
const DITHER: Micros = 7_000;
const DITHERS: u32 = 11;

/// A find must exceed what got through when the queue last grew by this factor, and that of a
/// probe that filled the path also the estimate. Right after all flows have backed off, a probe
/// finds what they left; two flows of equal share find 1.17 times theirs on a full path, the
/// larger of two unequal ones less, the smaller one more: so probes even shares out.
const FAIR: f64 = 1.25;

/// Probes under way at once; the oldest is given up.
const MAX_CLUSTERS: usize = 4;

/// What one packet of a probe met.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    Received { sent: Micros, arrival: Micros },
    Lost,
    Late { sent: Micros, arrival: Micros },
}

/// What a probe found out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Finding {
    /// Bits per second the path takes at least; if `saturated`, about.
    pub(crate) rate: f64,
    /// It arrived slower than it was sent.
    pub(crate) saturated: bool,
    /// Before it nothing was known of the path.
    pub(crate) first: bool,
}

/// What decides whether to probe.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    pub(crate) estimate: f64,
    /// Desired by the box; with random loss added on top.
    pub(crate) desired: f64,
    /// What got through when the queue last grew, or 0. Right after all flows have backed off,
    /// a probe finds as much again, and there is no more to be had.
    pub(crate) crowded: f64,
}

#[derive(Debug)]
pub(crate) struct Prober {
    clusters: VecDeque<Cluster>,
    issued: u32,
    /// The rate of a probe to be sent as soon as may be.
    follow_up: Option<f64>,
    due: Micros,
    pause: Micros,
    /// When a probe last found something.
    found: Option<Micros>,
    answered: bool,
}

impl Need {
    fn is_met(self) -> bool {
        self.estimate >= SATISFIED * self.desired
    }

    fn most(self) -> f64 {
        HEADROOM * self.desired
    }
}

impl Finding {
    /// Whether it is news.
    fn counts(self, need: Need) -> bool {
        if self.first && self.saturated {
            return true;
        }
        let known = if self.saturated { FAIR } else { 1.0 } * need.estimate;
        // A flow that has fallen far below what it once crowded the path with did not take turns
        // with its neighbours, it lost its place to them.
        let crowded = need.crowded.min(need.estimate / BACK_OFF);
        self.rate > known.max(FAIR * crowded)
    }
}

impl Prober {
    pub(crate) fn new() -> Self {
        Self {
            clusters: VecDeque::with_capacity(MAX_CLUSTERS),
            issued: 0,
            follow_up: None,
            due: 0,
            pause: MIN_PAUSE,
            found: None,
            answered: false,
        }
    }

    /// When a probe is due; `None`: nothing to find out. A client that never answered a probe
    /// sends no feedback, and is probed no more.
    pub(crate) fn due(&self, need: Need) -> Option<Micros> {
        let deaf = self.issued > 0 && !self.answered;
        (!need.is_met() && !deaf).then_some(self.due)
    }

    pub(crate) fn poll(&mut self, need: Need, now: Micros) -> Option<Probe> {
        if self.due(need)? > now {
            return None;
        }
        let (multiple, length) = match self.issued {
            0 => (FIRST, FIRST_LENGTH),
            _ => (AGAIN, LENGTH),
        };
        let wanted = self.follow_up.take().unwrap_or(multiple * need.estimate);
        let rate = wanted.min(need.most()).max(need.estimate);
        self.issued = self.issued.wrapping_add(1).max(1);
        self.due = now + self.pause + DITHER * Micros::from(self.issued % DITHERS);
        if self.clusters.len() == MAX_CLUSTERS {
            self.clusters.pop_front();
        }
        let bytes = (rate * length as f64 / 8e6) as usize;
        let probe = Probe {
            cluster: self.issued,
            rate: Bitrate(rate as u64),
            bytes,
            packets: MIN_PACKETS,
        };
        self.clusters
            .push_back(Cluster::new(&probe, self.issued == 1));
        Some(probe)
    }

    /// Something more is desired: do not wait for the pause to end.
    pub(crate) fn hasten(&mut self, now: Micros) {
        self.pause = MIN_PAUSE;
        self.due = self.due.min(now);
    }

    /// The queue grew or the path fell silent.
    pub(crate) fn handle_decrease(&mut self, now: Micros) {
        self.follow_up = None;
        if self.found.is_some_and(|at| now - at < SECOND) {
            // It was free for a moment only.
            self.pause = MAX_PAUSE;
        }
        self.due = self.due.max(now + self.pause);
    }

    pub(crate) fn handle_feedback(&mut self) {
        self.answered = true;
    }

    /// The probe that is being sent.
    pub(crate) fn unfinished(&self) -> Option<u32> {
        let newest = self.clusters.back()?;
        newest.is_under_way().then(|| newest.id())
    }

    pub(crate) fn handle_sent(&mut self, cluster: u32, bytes: u32) {
        if let Some(cluster) = self.cluster(cluster) {
            cluster.handle_sent(bytes);
        }
    }

    pub(crate) fn handle_packet(&mut self, cluster: u32, bytes: u32, fate: Fate) {
        if let Some(cluster) = self.cluster(cluster) {
            cluster.handle_packet(bytes, fate);
        }
    }

    /// What the probes found whose packets are all accounted for. `usual_loss` is the share
    /// that the path loses at any rate.
    pub(crate) fn poll_finding(
        &mut self,
        need: Need,
        usual_loss: f64,
        now: Micros,
    ) -> Option<Finding> {
        let index = self.clusters.iter().position(Cluster::is_accounted_for)?;
        let cluster = self.clusters.remove(index)?;
        let finding = cluster
            .finding(usual_loss)
            .filter(|found| found.counts(need));
        let Some(found) = finding else {
            self.pause = (2 * self.pause).min(MAX_PAUSE);
            return self.poll_finding(need, usual_loss, now);
        };
        self.pause = MIN_PAUSE;
        self.found = Some(now);
        if found.rate >= FOLLOWED * cluster.rate() {
            self.follow_up = Some(NEXT * found.rate);
            self.due = now;
        }
        Some(found)
    }

    fn cluster(&mut self, id: u32) -> Option<&mut Cluster> {
        self.clusters.iter_mut().find(|cluster| cluster.id() == id)
    }
}
