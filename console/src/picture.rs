//! One box as it was at one moment: live, frozen or replayed, the screens draw the same thing.

use std::collections::BTreeMap;
use std::sync::Arc;
use wire::admin::{
    AlarmScore, AlarmState, AlarmView, BoxView, Change, Frame, LiveRoom, Priority, Role, RoomDetail,
};

/// Most rooms kept of one box: four times what one box has ever carried. What comes beyond is
/// counted and said.
pub(crate) const MAX_ROOMS: usize = 20_000;

/// Most alarms kept: far beyond a flood. What comes beyond is counted and said.
pub(crate) const MAX_ALARMS: usize = 1_000;

/// What a box said, put together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Picture {
    /// When it was true, on the box's clock; 0 before the first snapshot.
    pub(crate) at_ms: u64,
    /// What we may do there.
    pub(crate) role: Option<Role>,
    /// How the box is.
    pub(crate) health: Arc<BoxView>,
    /// Rooms by sid.
    pub(crate) rooms: BTreeMap<String, Arc<LiveRoom>>,
    /// Alarms by id.
    pub(crate) alarms: BTreeMap<String, Arc<AlarmView>>,
    /// How the alarm system does.
    pub(crate) score: AlarmScore,
    /// The room that was asked for.
    pub(crate) detail: Option<Arc<RoomDetail>>,
    /// Rooms and alarms that the limits left out.
    pub(crate) left_out: usize,
}

impl Picture {
    /// Takes in what the box said.
    pub(crate) fn apply(&mut self, frame: Frame) {
        self.at_ms = frame.at_ms;
        match frame.change {
            Change::Snapshot {
                role,
                health,
                rooms,
                alarms,
                score,
            } => {
                *self = Self {
                    at_ms: frame.at_ms,
                    role: Some(role),
                    health: Arc::new(*health),
                    score,
                    detail: self.detail.take(),
                    ..Self::default()
                };
                for room in rooms {
                    self.set_room(room);
                }
                for alarm in alarms {
                    self.set_alarm(alarm);
                }
            }
            Change::Room { room } => self.set_room(room),
            Change::RoomGone { sid } => {
                self.rooms.remove(&sid);
                if self
                    .detail
                    .as_ref()
                    .is_some_and(|detail| detail.room.sid == sid)
                {
                    self.detail = None;
                }
            }
            Change::Detail { detail } => self.detail = Some(Arc::new(*detail)),
            Change::Alarm { alarm } => self.set_alarm(alarm),
            Change::AlarmGone { id } => {
                self.alarms.remove(&id);
            }
            Change::Score { score } => self.score = score,
            Change::Box { health } => self.health = Arc::new(*health),
        }
    }

    fn set_room(&mut self, room: LiveRoom) {
        if self.rooms.len() < MAX_ROOMS || self.rooms.contains_key(&room.sid) {
            self.rooms.insert(room.sid.clone(), Arc::new(room));
        } else {
            self.left_out += 1;
        }
    }

    fn set_alarm(&mut self, alarm: AlarmView) {
        if self.alarms.len() < MAX_ALARMS || self.alarms.contains_key(&alarm.id) {
            self.alarms.insert(alarm.id.clone(), Arc::new(alarm));
        } else {
            self.left_out += 1;
        }
    }

    /// The priority of the alarm about a room, if any.
    pub(crate) fn priority_of(&self, room: &LiveRoom) -> Option<Priority> {
        let alarm = self.alarms.get(room.alarm.as_deref()?)?;
        (alarm.state != AlarmState::Shelved).then_some(alarm.priority)
    }

    /// Alarms as an operator should read them: what nobody has acknowledged first, then by
    /// priority, then the newest; what is shelved last.
    pub(crate) fn alarms_in_order(&self) -> Vec<&Arc<AlarmView>> {
        let mut alarms: Vec<_> = self.alarms.values().collect();
        alarms.sort_by_key(|alarm| {
            let shelved = alarm.state == AlarmState::Shelved;
            let known = alarm.state == AlarmState::Acknowledged;
            (
                shelved,
                alarm.priority,
                known,
                std::cmp::Reverse(alarm.raised_at_ms),
                alarm.id.clone(),
            )
        });
        alarms
    }

    /// Alarms that are not shelved, by priority: `***`, `**`, `*`.
    pub(crate) fn alarm_counts(&self) -> [usize; 3] {
        [Priority::High, Priority::Medium, Priority::Low].map(|priority| {
            self.alarms
                .values()
                .filter(|alarm| alarm.priority == priority && alarm.state != AlarmState::Shelved)
                .count()
        })
    }

    /// A `***` is there that nobody has acknowledged or silenced.
    pub(crate) fn has_calling_high(&self) -> bool {
        self.alarms
            .values()
            .any(|alarm| alarm.priority == Priority::High && calls(alarm, self.at_ms))
    }
}

/// Nobody has acknowledged it, and it is not silenced at `at_ms` on the box's clock: where it is a
/// `***` it blinks.
pub(crate) fn calls(alarm: &AlarmView, at_ms: u64) -> bool {
    is_new(alarm.state) && alarm.silenced_until_ms.is_none_or(|until| until <= at_ms)
}

/// Nobody has acknowledged it.
pub(crate) fn is_new(state: AlarmState) -> bool {
    matches!(state, AlarmState::Unacknowledged | AlarmState::Returned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_snapshot_voids_what_was_known_before() {
        let mut picture = Picture::default();
        picture.apply(sample::frame(
            1,
            sample::snapshot(vec![sample::room("RM_a", "ICU-1")]),
        ));
        picture.apply(sample::frame(
            2,
            sample::snapshot(vec![sample::room("RM_b", "ICU-2")]),
        ));
        assert_eq!(picture.rooms.keys().collect::<Vec<_>>(), ["RM_b"]);
    }

    #[test]
    fn a_room_that_is_gone_takes_its_detail_along() {
        let mut picture = Picture::default();
        let room = sample::room("RM_a", "ICU-1");
        picture.apply(sample::frame(1, sample::snapshot(vec![room.clone()])));
        let detail = Box::new(RoomDetail {
            room,
            participants: Vec::new(),
        });
        picture.apply(sample::frame(2, Change::Detail { detail }));
        assert!(picture.detail.is_some());
        picture.apply(sample::frame(
            3,
            Change::RoomGone {
                sid: "RM_a".to_owned(),
            },
        ));
        assert!(picture.detail.is_none() && picture.rooms.is_empty());
    }

    #[test]
    fn a_silenced_alarm_calls_again_after_its_time() {
        let alarm = AlarmView {
            silenced_until_ms: Some(5_000),
            ..sample::alarm("X", "box", Priority::High, AlarmState::Unacknowledged, 1)
        };
        assert!(!calls(&alarm, 4_999));
        assert!(calls(&alarm, 5_000));
        let known = AlarmView {
            state: AlarmState::Acknowledged,
            ..alarm
        };
        assert!(!calls(&known, 5_000));
    }

    #[test]
    fn rooms_beyond_the_limit_are_counted_and_known_ones_still_change() {
        let mut picture = Picture::default();
        let rooms = (0..=MAX_ROOMS)
            .map(|n| sample::room(&format!("RM_{n}"), "x"))
            .collect();
        picture.apply(sample::frame(1, sample::snapshot(rooms)));
        assert_eq!((picture.rooms.len(), picture.left_out), (MAX_ROOMS, 1));
        let room = LiveRoom {
            people: 9,
            ..sample::room("RM_0", "x")
        };
        picture.apply(sample::frame(2, Change::Room { room }));
        assert_eq!(picture.rooms["RM_0"].people, 9);
    }
}
