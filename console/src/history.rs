//! What a box looked like in the last 24 hours, for replay, in bounded memory.
//!
//! Kept: every room's figures, the alarms and the box's health, every ten seconds for a quarter
//! of an hour and every minute before that, from when this console was started. Not kept: who was
//! in a room and what they sent; the journal and the audit on screen 5 have that.

use crate::picture::Picture;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use wire::admin::{AlarmScore, AlarmView, BoxView, LiveRoom, Path};

/// Between two moments.
const FINE_STEP_MS: u64 = 10_000;
/// So long fine moments stay.
const FINE_MS: u64 = 15 * 60_000;
/// Between two moments after that.
const COARSE_STEP_MS: u64 = 60_000;
/// So long anything stays.
const KEPT_MS: u64 = 24 * 3_600_000;
/// Most memory for one box: the oldest moments go first. 24 h of 1,000 rooms need 65 MB.
const MAX_BYTES: usize = 96 << 20;

/// The ring of one box.
#[derive(Debug, Default)]
pub(crate) struct History {
    moments: VecDeque<Moment>,
    bytes: usize,
    faces: BTreeMap<String, Arc<Face>>,
}

/// Everything at one moment, packed.
#[derive(Debug)]
struct Moment {
    at_ms: u64,
    rooms: Box<[Packed]>,
    alarms: Arc<Vec<Arc<AlarmView>>>,
    health: Arc<BoxView>,
    score: AlarmScore,
}

/// What of a room does not change from moment to moment, shared by all of them.
#[derive(Debug, PartialEq)]
struct Face {
    room: LiveRoom,
}

/// What of a room does.
#[derive(Debug, Clone)]
struct Packed {
    face: Arc<Face>,
    people: u16,
    devices: u16,
    waiting: u16,
    loss_permille: Option<u16>,
    rtt_ms: Option<u16>,
    path: Option<Path>,
}

impl Moment {
    fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.rooms) + size_of::<BoxView>()
    }
}

impl History {
    /// Notes the picture, if it is time for another moment.
    pub(crate) fn note(&mut self, picture: &Picture) {
        let at_ms = picture.at_ms;
        match self.moments.back() {
            // A clock that stepped back begins a new past: order is what replay walks along.
            Some(last) if at_ms < last.at_ms => *self = Self::default(),
            Some(last) if at_ms < last.at_ms + FINE_STEP_MS => return,
            _ if at_ms == 0 => return,
            _ => {}
        }
        let rooms = picture.rooms.values().map(|room| self.pack(room)).collect();
        let alarms = self.alarms(picture);
        let moment = Moment {
            at_ms,
            rooms,
            alarms,
            health: Arc::clone(&picture.health),
            score: picture.score,
        };
        self.bytes += moment.bytes();
        self.moments.push_back(moment);
        self.faces.retain(|sid, _| picture.rooms.contains_key(sid));
        self.thin(at_ms);
    }

    fn pack(&mut self, room: &LiveRoom) -> Packed {
        let face = Face {
            room: LiveRoom {
                people: 0,
                devices: 0,
                waiting: 0,
                loss_permille: None,
                rtt_ms: None,
                path: None,
                card_holders: Vec::new(),
                ..room.clone()
            },
        };
        let known = self
            .faces
            .get(&room.sid)
            .filter(|known| ***known == face)
            .cloned();
        let face = known.unwrap_or_else(|| {
            let face = Arc::new(face);
            self.faces.insert(room.sid.clone(), Arc::clone(&face));
            face
        });
        let narrow = |value: u32| u16::try_from(value).unwrap_or(u16::MAX);
        Packed {
            face,
            people: narrow(room.people),
            devices: narrow(room.devices),
            waiting: narrow(room.waiting),
            loss_permille: room.loss_permille,
            rtt_ms: room.rtt_ms.map(narrow),
            path: room.path,
        }
    }

    /// The same list again, where nothing changed since the last moment.
    fn alarms(&self, picture: &Picture) -> Arc<Vec<Arc<AlarmView>>> {
        let now: Vec<_> = picture.alarms.values().cloned().collect();
        match self.moments.back() {
            Some(last) if *last.alarms == now => Arc::clone(&last.alarms),
            _ => Arc::new(now),
        }
    }

    /// Beyond a quarter of an hour one moment a minute stays, beyond 24 h or the limit none.
    fn thin(&mut self, now_ms: u64) {
        let fine = self.moments.partition_point(|m| m.at_ms + FINE_MS < now_ms);
        // Only the newest moment to become coarse needs a look: the ones before had theirs.
        if let Some(last) = fine.checked_sub(1)
            && let Some(before) = last.checked_sub(1)
            && self.moments[last].at_ms < self.moments[before].at_ms + COARSE_STEP_MS
        {
            self.drop_at(last);
        }
        while self.bytes > MAX_BYTES
            || self
                .moments
                .front()
                .is_some_and(|m| m.at_ms + KEPT_MS < now_ms)
        {
            self.drop_at(0);
        }
    }

    fn drop_at(&mut self, index: usize) {
        if let Some(gone) = self.moments.remove(index) {
            self.bytes = self.bytes.saturating_sub(gone.bytes());
        }
    }

    /// The newest moment before `at_ms`.
    pub(crate) fn before(&self, at_ms: u64) -> Option<u64> {
        let index = self.moments.partition_point(|m| m.at_ms < at_ms);
        Some(self.moments.get(index.checked_sub(1)?)?.at_ms)
    }

    /// The oldest moment after `at_ms`.
    pub(crate) fn after(&self, at_ms: u64) -> Option<u64> {
        let index = self.moments.partition_point(|m| m.at_ms <= at_ms);
        self.moments.get(index).map(|m| m.at_ms)
    }

    /// From when on there is something to replay.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.moments.front().map(|m| m.at_ms)
    }

    /// What was seen at `at_ms` or last before it.
    pub(crate) fn picture(&self, at_ms: u64) -> Option<Picture> {
        let index = self.moments.partition_point(|m| m.at_ms <= at_ms);
        let moment = self.moments.get(index.checked_sub(1)?)?;
        let rooms = moment.rooms.iter().map(Packed::unpack);
        Some(Picture {
            at_ms: moment.at_ms,
            health: Arc::clone(&moment.health),
            rooms: rooms
                .map(|room| (room.sid.clone(), Arc::new(room)))
                .collect(),
            alarms: moment
                .alarms
                .iter()
                .map(|a| (a.id.clone(), Arc::clone(a)))
                .collect(),
            score: moment.score,
            ..Picture::default()
        })
    }
}

impl Packed {
    fn unpack(&self) -> LiveRoom {
        LiveRoom {
            people: self.people.into(),
            devices: self.devices.into(),
            waiting: self.waiting.into(),
            loss_permille: self.loss_permille,
            rtt_ms: self.rtt_ms.map(Into::into),
            path: self.path,
            ..self.face.room.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn at(seconds: u64, people: u32) -> Picture {
        let room = LiveRoom {
            people,
            ..sample::room("RM_a", "ICU-1")
        };
        let mut picture = Picture::default();
        picture.apply(sample::frame(seconds * 1_000, sample::snapshot(vec![room])));
        picture
    }

    #[test]
    fn a_moment_comes_back_as_it_was() {
        let mut history = History::default();
        history.note(&at(100, 2));
        history.note(&at(110, 3));
        let then = history.picture(109_000).expect("a moment");
        assert_eq!((then.at_ms, then.rooms["RM_a"].people), (100_000, 2));
        assert_eq!(history.picture(99_000).map(|p| p.at_ms), None);
        assert_eq!(
            (history.before(110_000), history.after(100_000)),
            (Some(100_000), Some(110_000))
        );
    }

    #[test]
    fn a_day_takes_a_bounded_number_of_moments() {
        let mut history = History::default();
        for second in (1_000..1_000 + 26 * 3_600).step_by(2) {
            history.note(&at(second, 1));
        }
        let most = FINE_MS / FINE_STEP_MS + (KEPT_MS - FINE_MS) / COARSE_STEP_MS;
        assert_eq!(history.moments.len() as u64, most + 1, "both ends count");
        assert_eq!(history.faces.len(), 1);
        let counted: usize = history.moments.iter().map(Moment::bytes).sum();
        assert_eq!(history.bytes, counted);
    }

    #[test]
    fn a_clock_that_stepped_back_begins_a_new_past() {
        let mut history = History::default();
        history.note(&at(5_000, 1));
        history.note(&at(1_000, 1));
        assert_eq!(history.oldest(), Some(1_000_000));
    }
}
