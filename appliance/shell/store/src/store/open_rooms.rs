//! What is open now, kept without an index: all a start needs to know of the past.

use crate::index::sessions::opens_room;
use domain::{Event, EventData};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use vocab::{Identity, ParticipantSid, RoomName, RoomSid, UnixMillis};

/// Rooms and presences that are open. A pure function of the events, by the same rule as the
/// index's sessions.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenRooms {
    rooms: BTreeMap<RoomSid, OpenRoom>,
}

/// One open room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenRoom {
    pub(crate) name: RoomName,
    pub(crate) opened_at: UnixMillis,
    pub(crate) presences: BTreeMap<ParticipantSid, OpenPresence>,
}

/// One open presence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenPresence {
    pub(crate) identity: Identity,
    pub(crate) joined_at: UnixMillis,
}

impl OpenRooms {
    /// Applies the next event.
    pub(crate) fn apply(&mut self, event: &Event) {
        if opens_room(&event.data) && !self.rooms.contains_key(&event.room) {
            let room = OpenRoom {
                name: event.room_name.clone(),
                opened_at: event.at,
                presences: BTreeMap::new(),
            };
            self.rooms.insert(event.room.clone(), room);
        }
        match (&event.data, &event.actor) {
            (EventData::RoomDestroyed { .. }, _) => {
                self.rooms.remove(&event.room);
            }
            (EventData::OccupantJoined { .. }, Some(actor)) => {
                if let Some(room) = self.rooms.get_mut(&event.room) {
                    room.presences
                        .entry(actor.sid.clone())
                        .or_insert_with(|| OpenPresence {
                            identity: actor.identity.clone(),
                            joined_at: event.at,
                        });
                }
            }
            (EventData::OccupantLeft { .. }, Some(actor)) => {
                if let Some(room) = self.rooms.get_mut(&event.room) {
                    room.presences.remove(&actor.sid);
                }
            }
            _ => {}
        }
    }

    /// The open rooms, by id.
    pub(crate) fn rooms(&self) -> impl Iterator<Item = (&RoomSid, &OpenRoom)> {
        self.rooms.iter()
    }
}
