//! One stream's packets on their way out, held until their frame is whole.

use crate::payload::Queued;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Longest a packet waits for the rest of its frame. Publishers send a frame within 0.4 ms; what
/// takes longer is paced at the source, and waiting would delay it (`performance.md`, Design 1).
pub(crate) const MAX_HOLD: Duration = Duration::from_millis(5);
/// A queued packet older than this is dropped with its frame: a viewer who is a second behind
/// wants the newest picture.
pub(crate) const MAX_QUEUE_AGE: Duration = Duration::from_secs(1);

/// One stream's queue.
#[derive(Debug, Default)]
pub(crate) struct FrameQueue {
    list: VecDeque<Queued>,
    /// As many at the front may leave.
    ready: usize,
    /// Since when the rest waits.
    held_since: Option<Instant>,
    /// The rest of the frame with this timestamp is not taken.
    refused: Option<u32>,
}

impl FrameQueue {
    /// Queues a packet; with `ends`, nothing waits any more.
    pub(crate) fn push(&mut self, queued: Queued, ends: bool, now: Instant) {
        let timestamp = queued.packet.timestamp;
        if self
            .list
            .back()
            .is_some_and(|last| last.packet.timestamp != timestamp)
        {
            self.release();
        }
        self.list.push_back(queued);
        if ends {
            self.release();
        } else if self.held_since.is_none() {
            self.held_since = Some(now);
        }
    }

    /// Whether packets of this frame are refused, because its first were.
    pub(crate) fn refuses(&mut self, timestamp: u32) -> bool {
        let refuses = self.refused == Some(timestamp);
        if !refuses {
            self.refused = None;
        }
        refuses
    }

    /// Refuses the rest of this frame.
    pub(crate) fn refuse(&mut self, timestamp: u32) {
        self.refused = Some(timestamp);
    }

    /// Everything may leave.
    pub(crate) fn release(&mut self) {
        self.ready = self.list.len();
        self.held_since = None;
    }

    /// Releases what has waited long enough; whether that was so.
    pub(crate) fn release_expired(&mut self, now: Instant) -> bool {
        let expired = self.held_until().is_some_and(|until| until <= now);
        if expired {
            self.release();
        }
        expired
    }

    /// When what waits is released at the latest.
    pub(crate) fn held_until(&self) -> Option<Instant> {
        self.held_since.map(|since| since + MAX_HOLD)
    }

    /// What may leave, in order.
    pub(crate) fn ready(&self) -> impl Iterator<Item = &Queued> {
        self.list.iter().take(self.ready)
    }

    pub(crate) fn pop(&mut self) -> Option<Queued> {
        let queued = self.list.pop_front()?;
        self.ready = self.ready.saturating_sub(1);
        Some(queued)
    }

    /// Drops what is too old, the whole rest of its frame with it, and what follows up to the next
    /// keyframe, because nobody can decode it; how many.
    pub(crate) fn drop_aged(&mut self, now: Instant) -> usize {
        let before = self.list.len();
        while let Some(front) = self.list.front()
            && (now.saturating_duration_since(front.written) > MAX_QUEUE_AGE
                || self.list.len() < before && !front.packet.starts_keyframe)
        {
            let timestamp = front.packet.timestamp;
            let mut ended = false;
            while let Some(front) = self.list.front()
                && front.packet.timestamp == timestamp
            {
                ended = front.packet.marker;
                self.pop();
            }
            if self.list.is_empty() {
                self.held_since = None;
                if !ended {
                    self.refuse(timestamp);
                }
            }
        }
        before - self.list.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn has_ready(&self) -> bool {
        self.ready > 0
    }

    /// Drops everything; how many.
    pub(crate) fn clear(&mut self) -> usize {
        let dropped = self.list.len();
        self.list.clear();
        self.ready = 0;
        self.held_since = None;
        dropped
    }
}
