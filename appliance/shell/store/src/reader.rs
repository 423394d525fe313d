//! Questions to the index, from any thread.

use crate::error::ReadError;
use crate::query::{
    EventQuery, Page, Presence, PresenceQuery, RoomSession, SessionQuery, StoredEvent,
};
use std::time::Duration;
use vocab::RoomSid;

/// Answers questions from the index, which lags the journal by at most one commit.
#[derive(Clone)]
pub struct Reader {
}

impl Reader {
    /// Events by room, actor, type and time, paged.
    pub fn events(&self, _query: &EventQuery) -> Result<Page<StoredEvent>, ReadError> {
        Err(ReadError::Closed)
    }

    /// Rooms, paged.
    pub fn rooms(&self, _query: &SessionQuery) -> Result<Page<RoomSession>, ReadError> {
        Err(ReadError::Closed)
    }

    /// One room with its presences.
    pub fn room(&self, _sid: &RoomSid) -> Result<Option<RoomSession>, ReadError> {
        Err(ReadError::Closed)
    }

    /// Presences, paged.
    pub fn presences(&self, _query: &PresenceQuery) -> Result<Page<Presence>, ReadError> {
        Err(ReadError::Closed)
    }

    /// The last sequence that can be read; 0 before the first event.
    pub fn last_sequence(&self) -> u64 {
        0
    }

    /// Blocks until an event after `sequence` can be read, at most `timeout`. Returns the last
    /// sequence that can be read.
    pub fn wait_after(&self, _sequence: u64, _timeout: Duration) -> u64 {
        0
    }

    /// Completes when an event after `sequence` can be read, with the last sequence that can.
    pub async fn after(&self, _sequence: u64) -> u64 {
        0
    }
}
