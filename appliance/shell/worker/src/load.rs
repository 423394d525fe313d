//! How much a worker carries: the only thing that crosses threads besides the lanes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Absolute figures, latest wins; read when a room is placed.
#[derive(Debug, Default)]
pub(crate) struct Load {
    peers: AtomicUsize,
    rooms: AtomicUsize,
    participants: AtomicUsize,
    busy_percent: AtomicUsize,
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
