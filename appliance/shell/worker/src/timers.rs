//! Who has to be called when, without scanning anybody.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Deadlines of slab entries. An entry has at most one live place in the heap; a deadline that
/// moved later is found when its old place comes up, one that moved earlier takes a new place.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, usize)>>,
}

/// An entry's side of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Alarm {
    due: Option<Instant>,
    placed: Option<Instant>,
}

impl Timers {
    /// The entry wants to be called at `due`.
    pub(crate) fn set(&mut self, index: usize, alarm: &mut Alarm, due: Option<Instant>) {
        alarm.due = due;
        if let Some(due) = due
            && alarm.placed.is_none_or(|placed| due < placed)
        {
            alarm.placed = Some(due);
            self.heap.push(Reverse((due, index)));
        }
    }

    /// The earliest place in the heap.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the next place that has come; its entry is asked by [`Timers::is_due`].
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(Instant, usize)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(place)| place)
    }

    /// Whether the entry whose place came up is really due; a later deadline is placed anew.
    pub(crate) fn is_due(
        &mut self,
        (place, index): (Instant, usize),
        alarm: &mut Alarm,
        now: Instant,
    ) -> bool {
        if alarm.placed != Some(place) {
            return false;
        }
        alarm.placed = None;
        let due = alarm.due;
        if due.is_some_and(|due| due <= now) {
            alarm.due = None;
            return true;
        }
        self.set(index, alarm, due);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_deadline_that_moves_is_met_once_at_its_last_place() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let (mut timers, mut alarm) = (Timers::default(), Alarm::default());
        for ms in [50, 20, 80] {
            timers.set(7, &mut alarm, Some(at(ms)));
        }
        let mut met = Vec::new();
        for ms in 0..200 {
            while let Some(place) = timers.pop(at(ms)) {
                if timers.is_due(place, &mut alarm, at(ms)) {
                    met.push(ms);
                }
            }
        }
        assert_eq!(met, [80]);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn a_withdrawn_deadline_is_not_met() {
        let start = Instant::now();
        let (mut timers, mut alarm) = (Timers::default(), Alarm::default());
        timers.set(1, &mut alarm, Some(start));
        timers.set(1, &mut alarm, None);
        let place = timers.pop(start).unwrap();
        assert!(!timers.is_due(place, &mut alarm, start));
    }
}
