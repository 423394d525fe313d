//! What ended lately, by its id: an action on it is told "already", and who only lost the
//! connection is no newcomer to a box that drains.

use domain::event::{EndReason, Event, EventData};
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};
use vocab::{Identity, RoomName, RoomSid};

/// Most ended rooms, presences and tracks remembered; the oldest is forgotten first. Some 200 bytes
/// each.
const MAX_ENDED: usize = 10_000;

/// How long somebody who left may come back to a call while the box drains: a client whose
/// transport died joins anew within seconds.
const RETURN_WINDOW: Duration = Duration::from_mins(1);

/// Most people remembered who left.
const MAX_LEFT: usize = 10_000;

/// What is known of something that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndedThing {
    pub(crate) room: RoomSid,
    pub(crate) room_name: RoomName,
    /// Whose presence it was.
    pub(crate) identity: Option<Identity>,
}

/// What ended since the start.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    things: HashMap<String, EndedThing>,
    order: VecDeque<String>,
    left: HashMap<(RoomName, Identity), Instant>,
}

impl Ended {
    /// Takes note of an event.
    pub(crate) fn note(&mut self, event: &Event, now: Instant) {
        match (&event.data, &event.actor) {
            (EventData::RoomDestroyed { .. }, _) => self.remember(event.room.as_str(), event, None),
            (EventData::TrackUnpublished { track }, _) => {
                self.remember(track.as_str(), event, None);
            }
            (EventData::OccupantLeft { reason, .. }, Some(actor)) => {
                self.remember(actor.sid.as_str(), event, Some(actor.identity.clone()));
                if !matches!(
                    reason,
                    EndReason::ParticipantRemoved | EndReason::RoomDeleted
                ) {
                    self.leave(event.room_name.clone(), actor.identity.clone(), now);
                }
            }
            _ => {}
        }
    }

    /// What ended under this id.
    pub(crate) fn find(&self, sid: &str) -> Option<&EndedThing> {
        self.things.get(sid)
    }

    /// Whether somebody left a room of that name a moment ago, and not because somebody ended it.
    pub(crate) fn may_return(&self, room: &str, identity: &str, now: Instant) -> bool {
        let key = (RoomName::new(room), Identity::new(identity));
        let left = self.left.get(&key);
        left.is_some_and(|at| now.saturating_duration_since(*at) < RETURN_WINDOW)
    }

    fn remember(&mut self, sid: &str, event: &Event, identity: Option<Identity>) {
        let thing = EndedThing {
            room: event.room.clone(),
            room_name: event.room_name.clone(),
            identity,
        };
        if self.things.insert(sid.to_owned(), thing).is_some() {
            return;
        }
        self.order.push_back(sid.to_owned());
        if self.order.len() > MAX_ENDED
            && let Some(oldest) = self.order.pop_front()
        {
            self.things.remove(&oldest);
        }
    }

    fn leave(&mut self, room: RoomName, identity: Identity, now: Instant) {
        if self.left.len() >= MAX_LEFT {
            self.left
                .retain(|_, at| now.saturating_duration_since(*at) < RETURN_WINDOW);
        }
        if self.left.len() < MAX_LEFT {
            self.left.insert((room, identity), now);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use domain::event::Actor;
    use vocab::UnixMillis;

    fn left(identity: &str, reason: EndReason) -> Event {
        Event {
            at: UnixMillis(1),
            room: "RM_1".into(),
            room_name: "ward".into(),
            actor: Some(Actor {
                identity: identity.into(),
                sid: format!("PA_{identity}").into(),
            }),
            peer: None,
            data: EventData::OccupantLeft {
                reason,
                duration_ms: 1,
            },
        }
    }

    #[test]
    fn who_lost_the_connection_may_return_for_a_minute_and_who_was_ended_may_not() {
        let (mut ended, now) = (Ended::default(), Instant::now());
        ended.note(&left("lost", EndReason::ConnectionLost), now);
        ended.note(&left("thrown", EndReason::ParticipantRemoved), now);
        let may = |who: &str, after| ended.may_return("ward", who, now + after);
        assert!(may("lost", Duration::from_secs(59)));
        assert!(!may("lost", Duration::from_mins(1)));
        assert!(!may("thrown", Duration::ZERO));
        assert!(!ended.may_return("icu", "lost", now));
        let thing = ended.find("PA_thrown").unwrap();
        assert_eq!(thing.identity, Some("thrown".into()));
    }

    #[test]
    fn the_oldest_is_forgotten_beyond_the_limit() {
        let (mut ended, now) = (Ended::default(), Instant::now());
        for n in 0..=MAX_ENDED {
            ended.note(&left(&n.to_string(), EndReason::ConnectionLost), now);
        }
        assert!(ended.find("PA_0").is_none());
        assert!(ended.find("PA_1").is_some());
        assert_eq!(ended.things.len(), MAX_ENDED);
        assert_eq!(ended.left.len(), MAX_LEFT);
    }
}
