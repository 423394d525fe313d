//! How much a worker carries: the only thing that crosses threads besides the lanes.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Absolute figures, latest wins; read when a room is placed.
#[derive(Debug, Default)]
pub(crate) struct Load {
    peers: AtomicUsize,
    rooms: AtomicUsize,
    participants: AtomicUsize,
    busy_percent: AtomicUsize,
    turns: AtomicU64,
    stop: AtomicBool,
}

impl Load {
    pub(crate) fn set_peers(&self, peers: usize) {
        self.peers.store(peers, Ordering::Relaxed);
    }

    pub(crate) fn room_opened(&self) {
        self.rooms.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn room_closed(&self) {
        self.rooms.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn participant_came(&self) {
        self.participants.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn participant_left(&self) {
        self.participants.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn set_busy_percent(&self, percent: usize) {
        self.busy_percent.store(percent, Ordering::Relaxed);
    }

    /// Share of the last second in which it did not wait.
    pub(crate) fn busy_percent(&self) -> usize {
        self.busy_percent.load(Ordering::Relaxed)
    }

    /// One more turn of the loop; said by the worker itself, so that nothing need be locked.
    pub(crate) fn turned(&self) {
        let turns = self.turns.load(Ordering::Relaxed);
        self.turns.store(turns.wrapping_add(1), Ordering::Relaxed);
    }

    /// Turns since the start: at least one per second, as long as the worker is not stuck.
    pub(crate) fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    /// What the least loaded worker has least of: peers first, then rooms. Participants were sent
    /// there a moment before their peers are.
    pub(crate) fn weight(&self) -> (usize, usize) {
        let peers = self.peers.load(Ordering::Relaxed);
        (
            peers.max(self.participants.load(Ordering::Relaxed)),
            self.rooms.load(Ordering::Relaxed),
        )
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}
