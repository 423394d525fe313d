//! Who is in a room and how many tracks it has, read off its events: enough to count, and to
//! close the record of a room whose state machine broke.

use domain::event::{Actor, EndReason, Event, EventData};
use std::collections::{HashMap, HashSet};
use vocab::{ParticipantSid, RoomName, RoomSid, TrackSid, UnixMillis};

/// The open presences and tracks of one room's record.
#[derive(Debug, Default)]
pub(crate) struct Roll {
    present: HashMap<ParticipantSid, (Actor, UnixMillis)>,
    tracks: HashSet<TrackSid>,
    destroyed: bool,
}

impl Roll {
    pub(crate) fn note(&mut self, event: &Event) {
        match (&event.data, &event.actor) {
            (EventData::OccupantJoined { .. }, Some(actor)) => {
                self.present
                    .insert(actor.sid.clone(), (actor.clone(), event.at));
            }
            (EventData::OccupantLeft { .. }, Some(actor)) => {
                self.present.remove(&actor.sid);
            }
            (EventData::TrackPublished { track, .. }, _) => {
                self.tracks.insert(track.clone());
            }
            (EventData::TrackUnpublished { track }, _) => {
                self.tracks.remove(track);
            }
            (EventData::RoomDestroyed { .. }, _) => self.destroyed = true,
            _ => {}
        }
    }

    pub(crate) fn participants(&self) -> usize {
        self.present.len()
    }

    pub(crate) fn tracks(&self) -> usize {
        self.tracks.len()
    }

    /// Whether this presence is open.
    pub(crate) fn actor(&self, identity: &str) -> Option<&Actor> {
        self.present
            .values()
            .map(|(actor, _)| actor)
            .find(|actor| actor.identity.as_str() == identity)
    }

    /// What closes the record: a leave for everyone present, then the room's end. Nothing when
    /// the room's end is already in it.
    pub(crate) fn closing_events(
        &mut self,
        room: &RoomSid,
        name: &RoomName,
        reason: EndReason,
        now: UnixMillis,
    ) -> Vec<Event> {
        if std::mem::replace(&mut self.destroyed, true) {
            return Vec::new();
        }
        let event = |actor, data| Event {
            at: now,
            room: room.clone(),
            room_name: name.clone(),
            actor,
            peer: None,
            data,
        };
        let mut events: Vec<Event> = self
            .present
            .drain()
            .map(|(_, (actor, since))| {
                let duration_ms = now.0.saturating_sub(since.0);
                event(
                    Some(actor),
                    EventData::OccupantLeft {
                        reason,
                        duration_ms,
                    },
                )
            })
            .collect();
        events.push(event(None, EventData::RoomDestroyed { reason }));
        self.tracks.clear();
        events
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]
    use super::*;

    fn event(identity: &str, at: u64, data: EventData) -> Event {
        Event {
            at: UnixMillis(at),
            room: "RM_1".into(),
            room_name: "ward".into(),
            actor: Some(Actor {
                identity: identity.into(),
                sid: format!("PA_{identity}").into(),
            }),
            peer: None,
            data,
        }
    }

    #[test]
    fn a_broken_rooms_record_is_closed_once_with_everyone_who_was_there() {
        let mut roll = Roll::default();
        roll.note(&event(
            "a",
            1_000,
            EventData::OccupantJoined {
                client: "js".into(),
            },
        ));
        roll.note(&event(
            "b",
            2_000,
            EventData::OccupantJoined {
                client: "js".into(),
            },
        ));
        let left = EventData::OccupantLeft {
            reason: EndReason::ClientInitiated,
            duration_ms: 0,
        };
        roll.note(&event("b", 3_000, left));
        let close = |roll: &mut Roll| {
            let name = RoomName::from("ward");
            roll.closing_events(
                &"RM_1".into(),
                &name,
                EndReason::SystemReset,
                UnixMillis(5_000),
            )
        };
        let events = close(&mut roll);
        let data: Vec<_> = events.iter().map(|e| e.data.clone()).collect();
        assert_eq!(
            data,
            [
                EventData::OccupantLeft {
                    reason: EndReason::SystemReset,
                    duration_ms: 4_000
                },
                EventData::RoomDestroyed {
                    reason: EndReason::SystemReset
                },
            ]
        );
        assert_eq!(events[0].actor.as_ref().unwrap().identity.as_str(), "a");
        assert!(close(&mut roll).is_empty(), "the record is closed already");
        assert_eq!(roll.participants(), 0);
    }
}
