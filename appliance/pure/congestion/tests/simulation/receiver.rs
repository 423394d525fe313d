//! A client: reports what arrived every 50 ms and asks for what is missing.

use crate::link::{Datagram, MS, Micros, Part};
use ringward_congestion::Feedback;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const REPORT_INTERVAL: Micros = 50 * MS;

/// After this a frame is of no use.
pub(crate) const PATIENCE: Micros = 500 * MS;

pub(crate) struct Receiver {
    /// Added to every arrival time: the client's clock.
    pub(crate) offset: Micros,
    round_trip: Micros,
    next_report: Micros,
    count: u8,
    base: Option<u64>,
    arrived: BTreeMap<u64, Micros>,
    frames: BTreeMap<u64, Frame>,
    newest_part: Option<Part>,
    asked: BTreeMap<Part, (Micros, Micros)>,
    pub(crate) complete: BTreeSet<u64>,
    pub(crate) bytes: usize,
}

#[derive(Default)]
struct Frame {
    parts: BTreeSet<u8>,
}

impl Receiver {
    pub(crate) fn new(round_trip: Micros) -> Self {
        Self {
            offset: 77_777 * MS,
            round_trip,
            next_report: REPORT_INTERVAL,
            count: 0,
            base: None,
            arrived: BTreeMap::new(),
            frames: BTreeMap::new(),
            newest_part: None,
            asked: BTreeMap::new(),
            complete: BTreeSet::new(),
            bytes: 0,
        }
    }

    pub(crate) fn receive(&mut self, at: Micros, packet: Datagram) {
        self.bytes += packet.bytes;
        // A straggler from before the last report is told of late, as libwebrtc does.
        self.base = Some(match self.base {
            None => packet.sequence,
            Some(base) => base.min(packet.sequence),
        });
        self.arrived.entry(packet.sequence).or_insert(at);
        let Some(part) = packet.frame else { return };
        self.asked.remove(&part);
        let frame = self.frames.entry(part.frame).or_default();
        frame.parts.insert(part.index);
        if frame.parts.len() == usize::from(part.parts) {
            self.complete.insert(part.frame);
        }
        if self.newest_part.is_some_and(|newest| part <= newest) {
            return;
        }
        self.note_gap(part, at);
        self.newest_part = Some(part);
    }

    fn note_gap(&mut self, until: Part, at: Micros) {
        let mut next = match self.newest_part {
            None => return,
            Some(newest) => after(newest),
        };
        while next < until {
            self.asked.insert(next, (at, at));
            next = after(next);
        }
    }

    /// Packets to be sent again, asked for at once and then every round trip.
    pub(crate) fn poll_missing(&mut self, now: Micros) -> Vec<Part> {
        self.asked.retain(|_, (since, _)| now - *since < PATIENCE);
        let mut asked = Vec::new();
        for (part, (_, at)) in &mut self.asked {
            if *at <= now {
                *at = now + self.round_trip + 5 * MS;
                asked.push(*part);
            }
        }
        asked
    }

    pub(crate) fn poll_report(&mut self, now: Micros) -> Option<Vec<u8>> {
        if now < self.next_report {
            return None;
        }
        self.next_report = now + REPORT_INTERVAL;
        let base = self.base?;
        let newest = *self.arrived.keys().next_back()?;
        if newest < base {
            return None;
        }
        let arrivals: Vec<_> = (base..=newest)
            .map(|sequence| self.arrived.get(&sequence))
            .map(|at| at.map(|at| Duration::from_micros((at + self.offset).unsigned_abs())))
            .collect();
        let feedback = Feedback::from_arrivals(base as u16, self.count, &arrivals)?;
        self.count = self.count.wrapping_add(1);
        self.base = Some(base + feedback.packets() as u64);
        let kept = newest.saturating_sub(1_000);
        self.arrived = self.arrived.split_off(&kept);
        let mut fci = Vec::new();
        feedback.write(&mut fci);
        Some(fci)
    }
}

/// Every frame of one simulation has the same number of parts while parts are asked for.
fn after(part: Part) -> Part {
    if part.index + 1 < part.parts {
        Part {
            index: part.index + 1,
            ..part
        }
    } else {
        Part {
            frame: part.frame + 1,
            index: 0,
            ..part
        }
    }
}
