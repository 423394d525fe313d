//! A queue that is emptied at once, because the path has become much smaller than what is sent.
//!
//! A voice waits as long as the queue it stands in. Sending less empties that slowly: at half of
//! 300 kbit/s, a queue of 40 kB takes two seconds, at the 60 of the voice alone one. So video
//! waits until what was sent has been told of.

use crate::clock::{Micros, SECOND};

/// A queue that grew this long is more than the bursts of a stream that fits make, …
const COLLAPSED: Micros = 60_000;

/// … if less than this share of what is sent arrived meanwhile, …
const ARRIVING: f64 = 0.33;

/// … over at least this time, in which a path that merely paused delivers nothing or all at once, …
const MIN_TIME: Micros = 40_000;

/// … and by so many packets. At 300 kbit/s a report has no more.
const MIN_PACKETS: usize = 2;

/// The last packet of the report before counts as their beginning, if it came this shortly before:
/// after a pause of the sender it tells nothing.
const MAX_PAUSE: Micros = 100_000;

/// A standing queue this long is emptied however it came about: with it and the way itself, a
/// conversation is over its 400 ms (ITU-T G.114).
const TOO_LONG: Micros = 400_000;

/// Reports may get lost, and a client that is sent nothing else reports nothing.
const MAX_DRAIN: Micros = 3 * SECOND / 2;

/// From one drain to the next at least. One that was in vain doubles it, …
const MIN_REST: Micros = 2 * SECOND;

/// … up to this: the queue is another's.
const MAX_REST: Micros = 32 * SECOND;

/// What the packets of one report met that belong to no probe.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Crossing {
    packets: usize,
    bytes: u64,
    first: Option<Arrival>,
    last: Option<Arrival>,
}

#[derive(Debug, Clone, Copy)]
struct Arrival {
    at: Micros,
    one_way: Micros,
    bytes: u32,
}

impl Crossing {
    pub(super) fn add(&mut self, sent: Micros, at: Micros, bytes: u32) {
        let one_way = at - sent;
        let arrival = Arrival { at, one_way, bytes };
        self.packets += 1;
        self.bytes += u64::from(bytes);
        if self.first.is_none_or(|first| at < first.at) {
            self.first = Some(arrival);
        }
        if self.last.is_none_or(|last| at >= last.at) {
            self.last = Some(arrival);
        }
    }

    /// Both.
    fn and(self, next: &Self) -> Self {
        let earlier = |a: Arrival, b: Arrival| if b.at < a.at { b } else { a };
        let later = |a: Arrival, b: Arrival| if b.at >= a.at { b } else { a };
        let either =
            |a: Option<Arrival>, b: Option<Arrival>, choose: fn(Arrival, Arrival) -> Arrival| {
                a.zip(b).map(|(a, b)| choose(a, b)).or(a).or(b)
            };
        Self {
            packets: self.packets + next.packets,
            bytes: self.bytes + next.bytes,
            first: either(self.first, next.first, earlier),
            last: either(self.last, next.last, later),
        }
    }

    /// How fast they came, if they met a path that has become much smaller than `sending`.
    /// `floor` is the least delay known, `before` when the last packet of the report before came.
    fn collapsed(&self, sending: f64, floor: Micros, before: Option<Micros>) -> Option<f64> {
        let (first, last) = self.first.zip(self.last)?;
        let before = before.filter(|before| (0..=MAX_PAUSE).contains(&(first.at - before)));
        let behind_first = || {
            (
                first.at,
                self.bytes - u64::from(first.bytes),
                self.packets - 1,
            )
        };
        let behind = |before| (before, self.bytes, self.packets);
        let (began, bytes, packets) = before.map_or_else(behind_first, behind);
        let took = last.at - began;
        let is_long = last.one_way - floor >= COLLAPSED;
        let arriving = bytes as f64 * 8e6 / took.max(1) as f64;
        (is_long && took >= MIN_TIME && packets >= MIN_PACKETS && arriving < ARRIVING * sending)
            .then_some(arriving)
    }
}

#[derive(Debug)]
pub(super) struct Drain {
    /// The newest number sent.
    newest: u64,
    /// When the last packet came before those that are looked at.
    arrived: Option<Micros>,
    /// Of earlier reports, too few to tell a rate.
    few: Crossing,
    running: Option<Running>,
    next: Micros,
    rest: Micros,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    /// What was sent last before it began.
    last: u64,
    until: Micros,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            newest: 0,
            arrived: None,
            few: Crossing::default(),
            running: None,
            next: 0,
            rest: MIN_REST,
        }
    }
}

impl Drain {
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    pub(super) fn handle_sent(&mut self, sequence: u64) {
        self.newest = self.newest.max(sequence);
    }

    /// Takes what the packets of a report met; how fast they came, if the path has become much
    /// smaller than `sending`.
    pub(super) fn handle_crossing(
        &mut self,
        crossing: &Crossing,
        sending: Option<f64>,
        floor: Option<Micros>,
    ) -> Option<f64> {
        let crossing = self.few.and(crossing);
        if crossing.packets < MIN_PACKETS {
            self.few = crossing;
            return None;
        }
        self.few = Crossing::default();
        let last = crossing.last.map(|last| last.at);
        let before = std::mem::replace(&mut self.arrived, last);
        crossing.collapsed(sending?, floor?, before)
    }

    /// Begins, unless one runs or has just been; whether it did.
    pub(super) fn begin(&mut self, now: Micros) -> bool {
        let may = self.running.is_none() && now >= self.next;
        if may {
            self.running = Some(Running {
                last: self.newest,
                until: now + MAX_DRAIN,
            });
        }
        may
    }

    /// Whether a standing queue is reason enough.
    pub(super) fn is_due_to(queue: Micros) -> bool {
        queue >= TOO_LONG
    }

    /// Everything before `end` has been told of; `is_long`: the queue is as long as ever.
    pub(super) fn handle_told(&mut self, end: u64, is_long: bool, now: Micros) {
        if self.running.is_some_and(|running| end > running.last) {
            self.finish(is_long, now);
        }
    }

    pub(super) fn due(&self) -> Option<Micros> {
        self.running.map(|running| running.until)
    }

    pub(super) fn poll(&mut self, now: Micros) {
        if self.due().is_some_and(|due| due <= now) {
            self.finish(true, now);
        }
    }

    fn finish(&mut self, in_vain: bool, now: Micros) {
        self.running = None;
        self.rest = if in_vain {
            (2 * self.rest).min(MAX_REST)
        } else {
            MIN_REST
        };
        self.next = now + self.rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Micros = 1_000;

    /// A frame's packets of 1,100 bytes, sent together and arriving `gap` apart.
    fn frame(count: i64, gap: Micros) -> Crossing {
        let mut crossing = Crossing::default();
        for place in 0..count {
            crossing.add(0, 20 * MS + place * gap, 1_100);
        }
        crossing
    }

    #[test]
    fn a_collapse_is_a_growing_queue_behind_which_little_arrives() {
        let before = Some(10 * MS);
        for (name, crossing, before, sending, want) in [
            ("a third of a megabit", frame(4, 29 * MS), None, 1.8e6, true),
            (
                "two are enough, if they follow others",
                frame(2, 60 * MS),
                before,
                1.8e6,
                true,
            ),
            (
                "and else tell no rate",
                frame(2, 60 * MS),
                None,
                1.8e6,
                false,
            ),
            ("not long yet", frame(3, 29 * MS), before, 1.8e6, false),
            ("held up and let go", frame(9, 7 * MS), None, 1.8e6, false),
            (
                "a keyframe on a path that fits",
                frame(24, 9 * MS),
                None,
                0.9e6,
                false,
            ),
            (
                "half of what is sent",
                frame(11, 10 * MS),
                None,
                1.7e6,
                false,
            ),
            (
                "behind a pause",
                frame(2, 60 * MS),
                Some(-81 * MS),
                1.8e6,
                false,
            ),
            ("nothing", Crossing::default(), None, 1.8e6, false),
        ] {
            let mut drain = Drain {
                arrived: before,
                ..Drain::default()
            };
            let found = drain.handle_crossing(&crossing, Some(sending), Some(20 * MS));
            assert_eq!(found.is_some(), want, "{name}: {found:?}");
        }
    }

    #[test]
    fn reports_of_one_packet_each_show_a_collapse_too() {
        let mut drain = Drain {
            arrived: Some(10 * MS),
            ..Drain::default()
        };
        let mut report = |at| {
            let mut crossing = Crossing::default();
            crossing.add(0, at, 1_100);
            drain.handle_crossing(&crossing, Some(1.8e6), Some(20 * MS))
        };
        assert_eq!(report(60 * MS), None);
        assert_eq!(report(110 * MS), Some(176_000.0), "2,200 bytes in 100 ms");
    }

    #[test]
    fn a_drain_lasts_until_what_was_sent_is_told_of() {
        let mut drain = Drain::default();
        drain.handle_sent(70);
        assert!(drain.begin(0));
        drain.handle_sent(75);
        drain.handle_told(70, false, 100 * MS);
        assert!(drain.is_running(), "number 70 is on its way");
        drain.handle_told(71, false, 200 * MS);
        assert!(!drain.is_running());
        assert!(!drain.begin(200 * MS + MIN_REST - 1), "not so soon again");
        assert!(drain.begin(200 * MS + MIN_REST));
    }

    #[test]
    fn a_queue_that_is_anothers_is_left_alone_more_and_more() {
        let mut drain = Drain::default();
        let mut begun = Vec::new();
        for second in 0..120 {
            let now = second * SECOND;
            drain.poll(now);
            if drain.begin(now) {
                begun.push(second);
            }
        }
        assert_eq!(begun, [0, 6, 16, 34, 68, 102]);
    }
}
