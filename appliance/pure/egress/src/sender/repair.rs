//! What is sent again, when, and how often.

use super::Sender;
use crate::moment::Moment;
use crate::ring;
use congestion::Feedback;
use std::time::{Duration, Instant};

/// Packets whose fate is awaited: two reports and a round trip of 100 ms at 12 Mbit/s, 24 KiB.
/// Beyond it the oldest is left to the client to ask for.
const MAX_WATCHED: usize = 512;
/// Second copies that wait; beyond it a packet is sent again once.
const MAX_SECONDS: usize = 128;
/// From a packet's repair to the second copy: losses come in bursts, and a burst that takes
/// the first copy should not take the second.
const SECOND_AFTER: Duration = Duration::from_millis(10);

/// A packet that is sent again if feedback tells of its loss.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watched {
    pub(super) transport: u64,
    pub(super) place: usize,
    pub(super) number: u64,
    pub(super) left_at: Moment,
    /// It was sent again.
    pub(super) is_repair: bool,
}

/// A second copy of a packet that is sent again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Second {
    pub(super) at: Instant,
    place: usize,
    number: u64,
}

impl Sender {
    /// Awaits the fate of a packet that leaves.
    pub(super) fn watch(&mut self, watched: Watched) {
        if self.watched.len() == MAX_WATCHED {
            self.watched.pop_front();
        }
        self.watched.push_back(watched);
    }

    /// Sends again what feedback tells was lost. The client asks for most of it too, and whoever
    /// comes first is heard: a request that gets lost, as a tenth of them may, is repeated only
    /// 100 ms later by a client that sends nothing itself and so knows no round trip (libwebrtc
    /// `nack_requester.cc`, `kDefaultRtt`), repair that gets lost is asked for no sooner, and the
    /// beginning of a stream is missed by nobody who has heard nothing of it.
    pub(super) fn repair_lost(&mut self, feedback: &Feedback, now: Instant) {
        if self.watched.is_empty() {
            return;
        }
        let newest = self.transport_number.saturating_sub(1);
        let behind = (newest as u16).wrapping_sub(feedback.base());
        let Some(base) = newest.checked_sub(u64::from(behind)) else {
            return;
        };
        for (offset, (_, arrival)) in feedback.arrivals().enumerate() {
            let told = base + offset as u64;
            while let Some(front) = self.watched.front().filter(|front| front.transport <= told) {
                let watched = *front;
                self.watched.pop_front();
                let fate = (watched.transport == told).then_some(arrival.is_some());
                self.handle_fate(watched, fate, now);
            }
        }
    }

    /// Whether it arrived; `None`: the report about it went missing. Of a packet the client will
    /// tell, of its repair nobody: it is taken as lost, which costs a packet if it is not.
    fn handle_fate(&mut self, watched: Watched, arrived: Option<bool>, now: Instant) {
        let Watched {
            place,
            number,
            left_at,
            is_repair,
            ..
        } = watched;
        let moment = self.moment(now);
        let stream = self.streams.get_mut(place);
        let is_lost = arrived == Some(false) || arrived.is_none() && is_repair;
        if !is_lost && !is_repair {
            return;
        }
        let Some(sent) = stream.and_then(|stream| stream.ring.get(number, moment)) else {
            return;
        };
        sent.is_repaired |= !is_lost;
        let is_on_its_way = sent.resent_at.is_some_and(|at| at.is_after(left_at));
        if is_lost && !sent.is_repaired && !is_on_its_way {
            self.counters.resent_unasked += u64::from(self.queue_resend(place, number, now));
        }
    }

    /// Whether the packet will be sent again.
    pub(super) fn queue_resend(&mut self, place: usize, number: u64, now: Instant) -> bool {
        let queued = self.queue_copy(place, number, now);
        if queued && self.seconds.len() < MAX_SECONDS && self.controller.affords_second_copies() {
            let at = now + SECOND_AFTER;
            self.seconds.push_back(Second { at, place, number });
        }
        queued
    }

    /// Sends second copies that are due, unless the first is known to have arrived.
    pub(super) fn repeat_seconds(&mut self, now: Instant) {
        while let Some(Second { place, number, .. }) = self
            .seconds
            .front()
            .filter(|second| second.at <= now)
            .copied()
        {
            self.seconds.pop_front();
            let moment = self.moment(now);
            let stream = self.streams.get_mut(place);
            let sent = stream.and_then(|stream| stream.ring.get(number, moment));
            if sent.is_some_and(|sent| !sent.is_repaired) {
                self.counters.resent_twice += u64::from(self.queue_copy(place, number, now));
            }
        }
    }

    fn queue_copy(&mut self, place: usize, number: u64, now: Instant) -> bool {
        let moment = self.moment(now);
        let Some(stream) = self.streams.get_mut(place).filter(|s| s.config.sending) else {
            return false;
        };
        let Some(sent) = stream.ring.get(number, moment) else {
            return false;
        };
        if self.is_draining || stream.gap.is_some() {
            self.counters.nack_refused += 1;
            return false;
        }
        if stream.resends.contains(&number) {
            self.counters.nack_early += 1;
            return false;
        }
        let len = sent.packet.payload().len();
        if stream.resends.len() >= ring::MAX_PACKETS || !self.repair.take(len) {
            self.counters.nack_refused += 1;
            return false;
        }
        sent.resent_at = Some(moment);
        stream.resends.push_back(number);
        self.resending.set(place, true);
        true
    }
}
