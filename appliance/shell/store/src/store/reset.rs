//! Closing what a crash left open: the box that comes back is not the one they were connected to.

use super::Store;
use crate::error::StoreError;
use domain::event::Actor;
use domain::{EndReason, Event, EventData};
use vocab::{Identity, ParticipantSid, RoomName, RoomSid, UnixMillis};

/// Events between two commits: far below the journal's backlog limit.
const EVENTS_PER_COMMIT: usize = 1_000;

/// A room the last run left open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedRoom {
    /// Its life.
    pub sid: RoomSid,
    /// Its name.
    pub name: RoomName,
    /// When it opened.
    pub opened_at: UnixMillis,
    /// Presences closed with it, by id.
    pub presences: Vec<ClosedPresence>,
}

/// A presence the last run left open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedPresence {
    /// Its id.
    pub sid: ParticipantSid,
    /// Whose.
    pub identity: Identity,
    /// When it joined.
    pub joined_at: UnixMillis,
}

/// Makes the webhooks that tell of a room closed at the start.
pub type Farewell<'a> = &'a mut dyn FnMut(&ClosedRoom) -> Vec<Vec<u8>>;

impl Store {
    /// Appends, for each open room: that the box restarted, that everyone left, that it ended.
    ///
    /// The webhooks come first: killed in between, the next start closes the rooms again and tells
    /// it twice, which receivers know by the ids; the other way round nobody would be told.
    pub(super) fn close_open(
        &mut self,
        now: UnixMillis,
        farewell: Farewell<'_>,
    ) -> Result<Vec<ClosedRoom>, StoreError> {
        let closed = self.left_open();
        for body in closed.iter().flat_map(farewell) {
            if let Err(error) = self.outbox.push(&body) {
                tracing::warn!(%error, "a webhook about a room closed at the start was not queued");
            }
        }
        tolerate_full(self.commit_outbox())?;
        let events: Vec<Event> = closed.iter().flat_map(|room| events(room, now)).collect();
        for group in events.chunks(EVENTS_PER_COMMIT) {
            for event in group {
                self.append(event)?;
            }
            tolerate_full(self.commit())?;
        }
        Ok(closed)
    }

    fn left_open(&self) -> Vec<ClosedRoom> {
        let rooms = self.known.open.rooms().map(|(sid, room)| ClosedRoom {
            sid: sid.clone(),
            name: room.name.clone(),
            opened_at: room.opened_at,
            presences: room
                .presences
                .iter()
                .map(|(sid, presence)| ClosedPresence {
                    sid: sid.clone(),
                    identity: presence.identity.clone(),
                    joined_at: presence.joined_at,
                })
                .collect(),
        });
        rooms.collect()
    }
}

/// On a full disk the events wait in memory and go with the first commit that succeeds: a box that
/// stays off would not free any space.
pub(super) fn tolerate_full(saved: Result<(), StoreError>) -> Result<(), StoreError> {
    match saved {
        Err(StoreError::DiskFull { file }) => {
            tracing::error!(file = %file.display(), "the disk is full: what the last run left open is closed when there is room");
            Ok(())
        }
        saved => saved,
    }
}

fn events(room: &ClosedRoom, now: UnixMillis) -> Vec<Event> {
    let reason = EndReason::SystemReset;
    let fact = |actor, data| Event {
        at: now,
        room: room.sid.clone(),
        room_name: room.name.clone(),
        actor,
        peer: None,
        data,
    };
    let mut events = vec![fact(None, EventData::SystemReset)];
    for presence in &room.presences {
        let actor = Actor {
            identity: presence.identity.clone(),
            sid: presence.sid.clone(),
        };
        let duration_ms = now.0.saturating_sub(presence.joined_at.0);
        let left = EventData::OccupantLeft {
            reason,
            duration_ms,
        };
        events.push(fact(Some(actor), left));
    }
    events.push(fact(None, EventData::RoomDestroyed { reason }));
    events
}
