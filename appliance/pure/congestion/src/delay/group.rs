//! Packets sent together, compared as groups (draft-ietf-rmcat-gcc-02 §5.1, §5.2).

use crate::clock::Micros;

/// Packets sent within this time are one group: a pacer's burst says nothing about the queue.
const GROUP: Micros = 5_000;

/// A packet that follows this closely, faster than it was sent, sat behind the group in a queue
/// and belongs to it (draft §5.2) …
const BURST_GAP: Micros = 5_000;

/// … for this long; what clings together longer is the path itself (libwebrtc `InterArrival`).
const MAX_BURST: Micros = 100_000;

/// How two successive groups were spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spacing {
    pub(crate) sent: Micros,
    pub(crate) arrived: Micros,
    /// When the later group was complete at the receiver.
    pub(crate) at: Micros,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    first_sent: Micros,
    last_sent: Micros,
    first_arrival: Micros,
    last_arrival: Micros,
}

#[derive(Debug, Default)]
pub(crate) struct Groups {
    current: Option<Group>,
    complete: Option<Group>,
}

impl Groups {
    /// Takes a received packet; answers when it completes a second group. Packets sent before
    /// the current group (reordered on the way or reported late) are ignored.
    pub(crate) fn add(&mut self, sent: Micros, arrival: Micros) -> Option<Spacing> {
        let Some(current) = &mut self.current else {
            self.current = Some(Group::of(sent, arrival));
            return None;
        };
        if sent < current.first_sent {
            return None;
        }
        if current.takes(sent, arrival) {
            current.last_sent = current.last_sent.max(sent);
            current.last_arrival = current.last_arrival.max(arrival);
            return None;
        }
        let done = *current;
        self.current = Some(Group::of(sent, arrival));
        let before = self.complete.replace(done)?;
        Some(Spacing {
            sent: done.last_sent - before.last_sent,
            arrived: done.last_arrival - before.last_arrival,
            at: done.last_arrival,
        })
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

impl Group {
    fn of(sent: Micros, arrival: Micros) -> Self {
        Self {
            first_sent: sent,
            last_sent: sent,
            first_arrival: arrival,
            last_arrival: arrival,
        }
    }

    fn takes(&self, sent: Micros, arrival: Micros) -> bool {
        if sent - self.first_sent <= GROUP {
            return true;
        }
        let gap = arrival - self.last_arrival;
        gap - (sent - self.last_sent) < 0
            && gap <= BURST_GAP
            && arrival - self.first_arrival < MAX_BURST
    }
}
