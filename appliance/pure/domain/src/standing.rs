//! What stands until somebody takes it back: Holds, blocks, the drain. A pure function of the
//! events, so that it is the same after any restart.

use crate::action::MAX_BLOCKS;
use crate::event::{Event, EventData};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use vocab::{Identity, RoomName, RoomSid, UnixMillis};

/// What stands.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    holds: BTreeSet<RoomSid>,
    blocks: BTreeMap<RoomName, BTreeMap<Identity, UnixMillis>>,
    draining: bool,
    audit_head: Option<AuditHead>,
}

/// The last entry of the audit journal at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// Its place.
    pub sequence: u64,
    /// The end of the chain there.
    pub hash: [u8; 32],
    /// The box stopped then.
    pub closed: bool,
}

impl Standing {
    /// Applies the next event.
    pub fn apply(&mut self, event: &Event) {
        match &event.data {
            EventData::RoomHeld => {
                self.holds.insert(event.room.clone());
            }
            EventData::RoomReleased => {
                self.holds.remove(&event.room);
            }
            EventData::RejoinBlocked { identity, until } => {
                self.block(&event.room_name, identity, *until, event.at);
            }
            EventData::DrainStarted => self.draining = true,
            EventData::DrainEnded => self.draining = false,
            EventData::AuditNoted {
                sequence,
                hash,
                closed,
            } => {
                self.audit_head = Some(AuditHead {
                    sequence: *sequence,
                    hash: *hash,
                    closed: *closed,
                });
            }
            _ => {}
        }
    }

    /// Whether Purge of the room's record is forbidden.
    #[must_use]
    pub fn is_held(&self, room: &RoomSid) -> bool {
        self.holds.contains(room)
    }

    /// Rooms under a Hold.
    #[must_use]
    pub fn holds(&self) -> usize {
        self.holds.len()
    }

    /// Until when somebody may not come into a room of that name; `None` when they may now.
    #[must_use]
    pub fn blocked_until(&self, room: &str, identity: &str, now: UnixMillis) -> Option<UnixMillis> {
        let until = *self.blocks.get(room)?.get(identity)?;
        (until > now).then_some(until)
    }

    /// Blocks that still hold at `now`.
    #[must_use]
    pub fn blocks(&self, now: UnixMillis) -> usize {
        let of_room = |room: &BTreeMap<_, UnixMillis>| room.values().filter(|u| **u > now).count();
        self.blocks.values().map(of_room).sum()
    }

    /// Whether nobody new is admitted.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining
    }

    /// The latest head of the audit journal that was noted.
    #[must_use]
    pub fn audit_head(&self) -> Option<AuditHead> {
        self.audit_head
    }

    /// Adds a block and forgets those that are over.
    fn block(&mut self, room: &RoomName, identity: &Identity, until: UnixMillis, now: UnixMillis) {
        for blocked in self.blocks.values_mut() {
            blocked.retain(|_, until| *until > now);
        }
        self.blocks.retain(|_, blocked| !blocked.is_empty());
        if self.blocks(now) < MAX_BLOCKS {
            let blocked = self.blocks.entry(room.clone()).or_default();
            blocked.insert(identity.clone(), until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(room: &str, at: u64, data: EventData) -> Event {
        Event {
            at: UnixMillis(at),
            room: room.into(),
            room_name: "ward".into(),
            actor: None,
            peer: None,
            data,
        }
    }

    #[test]
    fn a_hold_stands_for_one_life_until_it_is_released() {
        let mut standing = Standing::default();
        standing.apply(&event("RM_1", 1, EventData::RoomHeld));
        assert!(standing.is_held(&"RM_1".into()));
        assert!(!standing.is_held(&"RM_2".into()));
        standing.apply(&event("RM_1", 2, EventData::RoomReleased));
        assert!(!standing.is_held(&"RM_1".into()));
    }

    #[test]
    fn a_block_ends_by_itself_and_is_forgotten() {
        let mut standing = Standing::default();
        let block = |until: u64| EventData::RejoinBlocked {
            identity: "mallory".into(),
            until: UnixMillis(until),
        };
        standing.apply(&event("RM_1", 0, block(100)));
        let until = |standing: &Standing, room: &str, now| {
            standing.blocked_until(room, "mallory", UnixMillis(now))
        };
        assert_eq!(until(&standing, "ward", 99), Some(UnixMillis(100)));
        assert_eq!(until(&standing, "ward", 100), None);
        assert_eq!(until(&standing, "icu", 99), None);
        let other = EventData::RejoinBlocked {
            identity: "other".into(),
            until: UnixMillis(900),
        };
        standing.apply(&event("RM_1", 500, other));
        assert_eq!(until(&standing, "ward", 50), None, "it was forgotten");
        assert_eq!(standing.blocks(UnixMillis(500)), 1);
    }
}
