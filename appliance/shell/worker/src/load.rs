//! How much a worker carries: the only thing that crosses threads besides the lanes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Absolute figures, latest wins; read when a room is placed.
#[derive(Debug, Default)]
pub(crate) struct Load {
    peers: AtomicUsize,
    rooms: AtomicUsize,
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

    /// What the least loaded worker has least of: peers first, then rooms.
    pub(crate) fn weight(&self) -> (usize, usize) {
        (
            self.peers.load(Ordering::Relaxed),
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
