//! Closing what a crash left open: the box that comes back is not the one they were connected to.

use super::Store;
use crate::error::StoreError;
use domain::event::Actor;
use domain::{EndReason, Event, EventData};
use vocab::{RoomName, RoomSid, UnixMillis};

/// Events between two commits: far below the journal's backlog limit.
const EVENTS_PER_COMMIT: usize = 1_000;

/// A room the last run left open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedRoom {
    /// Its life.
    pub sid: RoomSid,
    /// Its name.
    pub name: RoomName,
    /// Presences closed with it.
    pub presences: usize,
}

impl Store {
    /// Appends, for each open room: that the box restarted, that everyone left, that it ended.
    pub(super) fn close_open(&mut self, now: UnixMillis) -> Result<Vec<ClosedRoom>, StoreError> {
        let Some(index) = &self.index else {
            return Ok(Vec::new());
        };
        let mut events = Vec::new();
        let mut closed: Vec<ClosedRoom> = Vec::new();
        for room in index.sessions().open_rooms() {
            let fact = |actor, data| Event {
                at: now,
                room: room.sid.clone(),
                room_name: room.name.clone(),
                actor,
                peer: None,
                data,
            };
            events.push(fact(None, EventData::SystemReset));
            let mut presences = 0;
            for presence in index.sessions().presences_of(&room.sid) {
                let actor = Actor {
                    identity: presence.identity.clone(),
                    sid: presence.sid.clone(),
                };
                let duration_ms = now.0.saturating_sub(presence.joined_at.0);
                let left = EventData::OccupantLeft {
                    reason: EndReason::SystemReset,
                    duration_ms,
                };
                events.push(fact(Some(actor), left));
                presences += 1;
            }
            events.push(fact(
                None,
                EventData::RoomDestroyed {
                    reason: EndReason::SystemReset,
                },
            ));
            closed.push(ClosedRoom {
                sid: room.sid.clone(),
                name: room.name.clone(),
                presences,
            });
        }
        for group in events.chunks(EVENTS_PER_COMMIT) {
            for event in group {
                self.append(event)?;
            }
            self.commit()?;
        }
        Ok(closed)
    }
}
