//! Number keys for the media plane, unique on the box while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use vocab::{ParticipantKey, PeerKey, RoomKey, SessionKey, TrackKey};

/// One call of a participant by the server (`PerformRpc`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RpcKey(u64);

/// The counter all rooms draw their keys from. Cloning shares it; keys are never reused.
#[derive(Debug, Clone)]
pub struct Keys(Arc<AtomicU64>);

impl Default for Keys {
    /// Starts at 1, so that 0 stands for nothing.
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(1)))
    }
}

impl Keys {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    /// A key for a new room.
    pub fn room(&self) -> RoomKey {
        RoomKey(self.next())
    }

    /// A key for a new signalling connection or WHIP/WHEP resource.
    pub fn session(&self) -> SessionKey {
        SessionKey(self.next())
    }

    /// A key for a new call of a participant.
    pub fn rpc(&self) -> RpcKey {
        RpcKey(self.next())
    }

    /// A key for a new participant.
    pub(crate) fn participant(&self) -> ParticipantKey {
        ParticipantKey(self.next())
    }

    /// A key for a new transport.
    pub(crate) fn peer(&self) -> PeerKey {
        PeerKey(self.next())
    }

    /// A key for a new track.
    pub(crate) fn track(&self) -> TrackKey {
        TrackKey(self.next())
    }
}
