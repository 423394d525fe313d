//! Each verb's effect. Media first: it goes to the media plane at once, before the events are on
//! disk and before anybody is told.

use super::queue::Asked;
use super::{ActError, AlarmChange, AlarmVerdict, Past};
use crate::control::Control;
use crate::staged::Saved;
use domain::action::{DEFAULT_BLOCK_MINUTES, MAX_BLOCKS, MAX_HOLDS, Outcome, Target, Verb};
use domain::event::{EndReason, Event, EventData};
use logbook::Purge;
use media::MediaCommand;
use signal::{FoundPresence, FoundTrack};
use std::io;
use vocab::{Identity, RoomKey, RoomName, RoomSid, UnixMillis};

/// What an action caused.
#[derive(Debug)]
pub(super) struct Effect {
    outcome: Outcome,
    detail: String,
    /// It is worth nothing unless its event is on disk.
    needs_disk: bool,
    /// A second person may ask for it until then.
    pub(super) waits_until: Option<UnixMillis>,
    /// What is left to erase; the outcome is told when it is done.
    erases: Option<Purge>,
}

impl Effect {
    pub(super) fn new(outcome: Outcome, detail: impl Into<String>) -> Self {
        Self {
            outcome,
            detail: detail.into(),
            needs_disk: false,
            waits_until: None,
            erases: None,
        }
    }

    /// What is left to erase, once.
    pub(super) fn take_purge(&mut self) -> Option<Purge> {
        self.erases.take()
    }

    /// The same effect, with what erasing came to.
    pub(super) fn erased(self, erased: &io::Result<usize>) -> Self {
        match erased {
            Ok(attempts) => Self {
                detail: format!("{attempts} connection records erased; {}", self.detail),
                ..self
            },
            Err(error) => Self::new(
                Outcome::Failed,
                format!(
                    "connection records could not be erased ({error}): the next start tries again"
                ),
            ),
        }
    }

    /// The same, with who it was done by.
    pub(super) fn by(mut self, people: &str) -> Self {
        self.detail = format!("{people}; {}", self.detail);
        self
    }

    /// The same, while it waits for somebody else.
    pub(super) fn until(mut self, at: UnixMillis) -> Self {
        self.waits_until = Some(at);
        self
    }

    /// How it ended, now that the batch's events are on disk or not.
    pub(super) fn after(self, saved: Saved) -> (Outcome, String) {
        if self.needs_disk && saved == Saved::No {
            let detail = format!(
                "{}; but the disk does not take it: it is so until the box restarts",
                self.detail
            );
            return (Outcome::Failed, detail);
        }
        (self.outcome, self.detail)
    }
}

/// Somebody, here or gone.
struct Person {
    room: RoomSid,
    room_name: RoomName,
    identity: Identity,
}

impl Control {
    /// Whether there is, or was lately, what the action names.
    pub(super) fn known(&self, asked: &Asked) -> Result<(), ActError> {
        let target = &asked.action.target;
        let is_known = match target {
            Target::Room(sid) => {
                let lives = self.live_room(sid.as_str()).is_some();
                match &asked.past {
                    _ if lives || self.standing.is_held(sid) => true,
                    _ if self.ended.find(sid.as_str()).is_some() => true,
                    Past::Lived { .. } => true,
                    Past::Unknown => false,
                    Past::Unreadable(why) => return Err(ActError::Past(why.clone())),
                }
            }
            Target::Participant(sid) => {
                self.live_presence(sid.as_str()).is_some()
                    || self.ended.find(sid.as_str()).is_some()
            }
            Target::Track(sid) => {
                self.live_track(sid.as_str()).is_some() || self.ended.find(sid.as_str()).is_some()
            }
            Target::Alarm(_) | Target::Box => true,
        };
        if is_known || asked.action.verb.is_fact() {
            Ok(())
        } else {
            Err(ActError::NotFound(target.clone()))
        }
    }

    /// Does it.
    pub(super) fn effect(&mut self, asked: &Asked) -> Effect {
        let action = &asked.action;
        match (action.verb, &action.target) {
            (Verb::End, Target::Room(_) | Target::Participant(_)) => self.end_by_enough(asked),
            (Verb::End, Target::Track(sid)) => self.end_track(sid.as_str()),
            (Verb::Mute, Target::Track(sid)) => self.mute_track_by_sid(sid.as_str()),
            (Verb::Hold, Target::Room(sid)) => self.hold(sid, &asked.past),
            (Verb::Release, Target::Room(sid)) => self.release(sid, &asked.past),
            (Verb::Purge, Target::Room(sid)) => self.purge(sid, &asked.past),
            (Verb::BlockRejoin, Target::Participant(sid)) => self.block_rejoin(
                sid.as_str(),
                action.minutes.unwrap_or(DEFAULT_BLOCK_MINUTES),
            ),
            (Verb::Admit, Target::Participant(sid)) => self.admit(sid.as_str()),
            (Verb::Drain, _) => self.drain_box(),
            (Verb::Undrain, _) => self.undrain_box(),
            (
                Verb::Acknowledge | Verb::Silence | Verb::Shelve | Verb::Unshelve,
                Target::Alarm(id),
            ) => self.change_alarm(asked, id),
            (Verb::Unmask | Verb::Arm | Verb::Handover, _) => {
                Effect::new(Outcome::Done, "written down")
            }
            (verb, _) => Effect::new(
                Outcome::Refused,
                format!("{} is not done to such a thing", verb.as_str()),
            ),
        }
    }

    pub(super) fn end_room(&mut self, sid: &RoomSid, late: bool) -> Effect {
        let Some(key) = self.live_room(sid.as_str()) else {
            return Effect::new(Outcome::Already, "it had ended");
        };
        let (people, tracks) = self
            .read_room(key, |live| live.room.sizes())
            .unwrap_or_default();
        self.media_now(MediaCommand::CloseRoom { room: key });
        let counted = format!("{people} people, {tracks} tracks; the record is kept");
        let now = Self::now();
        if late {
            self.close_by_force(key, EndReason::RoomDeleted);
            let detail = format!("{counted}; past the deadline, without a goodbye");
            return Effect::new(Outcome::Forced, detail);
        }
        match self.with_room(key, |room| room.close(EndReason::RoomDeleted, now)) {
            Ok(()) => Effect::new(Outcome::Done, counted),
            // It was buried, and with it everybody in it was cut off.
            Err(_) => Effect::new(Outcome::Forced, format!("{counted}; it broke on the way")),
        }
    }

    pub(super) fn end_participant(&mut self, sid: &str) -> Effect {
        let Some((key, found)) = self.live_presence(sid) else {
            return Effect::new(Outcome::Already, "it had left");
        };
        self.media_now(MediaCommand::RemoveParticipant {
            room: key,
            participant: found.key,
        });
        let now = Self::now();
        let counted = format!("{} tracks; may come back", found.tracks);
        match self.with_room(key, |room| room.end_presence(found.key, now)) {
            Ok(()) => Effect::new(Outcome::Done, counted),
            Err(_) => Effect::new(
                Outcome::Forced,
                format!("{counted}; its room broke and ended"),
            ),
        }
    }

    fn admit(&mut self, sid: &str) -> Effect {
        let Some((key, found)) = self.live_presence(sid) else {
            return Effect::new(Outcome::Refused, "it has left");
        };
        if !found.waits {
            return Effect::new(Outcome::Already, "it does not wait");
        }
        let now = Self::now();
        match self.with_room(key, |room| room.let_in(found.key, now)) {
            Ok(()) => Effect::new(Outcome::Done, "it may publish and watch"),
            Err(_) => Effect::new(Outcome::Failed, "its room broke and ended"),
        }
    }

    fn end_track(&mut self, sid: &str) -> Effect {
        let Some((key, found)) = self.live_track(sid) else {
            return Effect::new(Outcome::Already, "it had ended");
        };
        self.media_now(MediaCommand::UnpublishTrack {
            room: key,
            track: found.key,
        });
        let now = Self::now();
        match self.with_room(key, |room| room.end_published(&found, now)) {
            Ok(()) => Effect::new(Outcome::Done, "its publisher was told"),
            Err(_) => Effect::new(Outcome::Forced, "its room broke and ended"),
        }
    }

    fn mute_track_by_sid(&mut self, sid: &str) -> Effect {
        let Some((key, found)) = self.live_track(sid) else {
            return Effect::new(Outcome::Already, "it had ended");
        };
        if found.muted {
            return Effect::new(Outcome::Already, "it was muted");
        }
        self.media_now(MediaCommand::SetTrackMuted {
            room: key,
            track: found.key,
            muted: true,
        });
        let now = Self::now();
        match self.with_room(key, |room| room.mute_published(sid, &found, now)) {
            Ok(()) => Effect::new(Outcome::Done, "only its publisher unmutes it"),
            Err(_) => Effect::new(Outcome::Forced, "its room broke and ended"),
        }
    }

    fn hold(&mut self, sid: &RoomSid, past: &Past) -> Effect {
        if self.standing.is_held(sid) {
            return Effect::new(Outcome::Already, "it was held");
        }
        if self.standing.holds() >= MAX_HOLDS {
            let detail = format!("{MAX_HOLDS} rooms are held: release some");
            return Effect::new(Outcome::Refused, detail);
        }
        self.record_fact(sid, past, EventData::RoomHeld, "nothing of it is purged")
    }

    fn release(&mut self, sid: &RoomSid, past: &Past) -> Effect {
        if !self.standing.is_held(sid) {
            return Effect::new(Outcome::Already, "it was not held");
        }
        self.record_fact(sid, past, EventData::RoomReleased, "it may be purged")
    }

    fn purge(&mut self, sid: &RoomSid, past: &Past) -> Effect {
        if self.standing.is_held(sid) {
            return Effect::new(
                Outcome::Refused,
                "it is held: release it first; nothing was erased",
            );
        }
        if self.live_room(sid.as_str()).is_some() {
            return Effect::new(
                Outcome::Refused,
                "it is open: end it first; nothing was erased",
            );
        }
        let purge = Self::purge_of(sid, past);
        if let Err(error) = self.config.logbook.order(&purge) {
            let detail = format!("the disk does not take the order ({error}); nothing was erased");
            return Effect::new(Outcome::Failed, detail);
        }
        // Messages pass through and are never written; documents and recordings are not made.
        let told =
            "the box keeps no messages, documents or recordings; events hold ids alone and stay";
        Effect {
            erases: Some(purge),
            ..self.record_fact(sid, past, EventData::RoomPurged, told)
        }
    }

    /// What of the logbook is this session's. Where the index does not know its end yet, it ended a
    /// moment ago.
    fn purge_of(sid: &RoomSid, past: &Past) -> Purge {
        let now = Self::now().unix;
        let (room, from, until) = match past {
            Past::Lived { name, from, until } => (name.as_str(), *from, until.unwrap_or(now)),
            // What is not indexed is known by its own sid alone.
            Past::Unknown | Past::Unreadable(_) => ("", now, now),
        };
        Purge {
            session: sid.as_str().to_owned(),
            room: room.to_owned(),
            from,
            until,
        }
    }

    fn block_rejoin(&mut self, sid: &str, minutes: u32) -> Effect {
        let Some(person) = self.person(sid) else {
            return Effect::new(
                Outcome::Failed,
                "whose presence it was is not known any more",
            );
        };
        let now = Self::now().unix;
        if self.standing.blocks(now) >= MAX_BLOCKS {
            let detail =
                format!("{MAX_BLOCKS} people are blocked: the oldest blocks must end first");
            return Effect::new(Outcome::Refused, detail);
        }
        let until = UnixMillis(now.0.saturating_add(u64::from(minutes) * 60_000));
        let event = Event {
            at: now,
            room: person.room,
            room_name: person.room_name,
            actor: None,
            peer: None,
            data: EventData::RejoinBlocked {
                identity: person.identity,
                until,
            },
        };
        self.saved_fact(&event, &format!("for {minutes} min; who is inside stays"))
    }

    fn drain_box(&mut self) -> Effect {
        let rooms = self.rooms.len();
        if self.standing.is_draining() {
            return Effect::new(
                Outcome::Already,
                format!("it drains; {rooms} rooms are open"),
            );
        }
        let told = format!("nobody new is admitted; {rooms} rooms are open");
        self.saved_fact(&of_box(EventData::DrainStarted), &told)
    }

    fn undrain_box(&mut self) -> Effect {
        if !self.standing.is_draining() {
            return Effect::new(Outcome::Already, "it did not drain");
        }
        self.saved_fact(&of_box(EventData::DrainEnded), "newcomers are admitted")
    }

    fn change_alarm(&mut self, asked: &Asked, id: &str) -> Effect {
        let change = AlarmChange {
            verb: asked.action.verb,
            id: id.to_owned(),
            by: asked.by.name.clone(),
            reason: asked.action.reason,
            minutes: asked.action.minutes,
            at: Self::now().unix,
        };
        match self.desk.change(&change) {
            AlarmVerdict::Done(told) => Effect::new(Outcome::Done, told),
            AlarmVerdict::Already(told) => Effect::new(Outcome::Already, told),
            AlarmVerdict::Refused(why) => Effect::new(Outcome::Refused, why),
            AlarmVerdict::Unknown => {
                Effect::new(Outcome::Already, "there is no such alarm: it is normal")
            }
        }
    }

    /// A fact about a room, alive or not.
    fn record_fact(&mut self, sid: &RoomSid, past: &Past, data: EventData, told: &str) -> Effect {
        let live = self.live_room(sid.as_str());
        let live = live.and_then(|key| self.rooms.get(&key));
        let name = live.map(|live| live.room.name().clone());
        let name = name.or_else(|| {
            let ended = self.ended.find(sid.as_str());
            ended.map(|thing| thing.room_name.clone())
        });
        let room_name = name.unwrap_or_else(|| match past {
            Past::Lived { name, .. } => name.clone(),
            Past::Unknown | Past::Unreadable(_) => "".into(),
        });
        let event = Event {
            room: sid.clone(),
            room_name,
            ..of_box(data)
        };
        self.saved_fact(&event, told)
    }

    fn saved_fact(&mut self, event: &Event, told: &str) -> Effect {
        match self.append(event) {
            Ok(()) => Effect {
                needs_disk: true,
                ..Effect::new(Outcome::Done, told)
            },
            Err(error) => Effect::new(Outcome::Failed, error.to_string()),
        }
    }

    /// The room that lives under this sid.
    pub(super) fn live_room(&self, sid: &str) -> Option<RoomKey> {
        let found = self
            .rooms
            .iter()
            .find(|(_, l)| l.room.sid().as_str() == sid);
        found.map(|(key, _)| *key)
    }

    pub(super) fn live_presence(&self, sid: &str) -> Option<(RoomKey, FoundPresence)> {
        let mut rooms = self.rooms.iter();
        rooms.find_map(|(key, live)| Some((*key, live.room.find_presence(sid)?)))
    }

    fn live_track(&self, sid: &str) -> Option<(RoomKey, FoundTrack)> {
        let mut rooms = self.rooms.iter();
        rooms.find_map(|(key, live)| Some((*key, live.room.find_track(sid)?)))
    }

    fn person(&self, sid: &str) -> Option<Person> {
        if let Some((key, found)) = self.live_presence(sid) {
            let live = self.rooms.get(&key)?;
            return Some(Person {
                room: live.room.sid().clone(),
                room_name: live.room.name().clone(),
                identity: found.identity,
            });
        }
        let gone = self.ended.find(sid)?;
        Some(Person {
            room: gone.room.clone(),
            room_name: gone.room_name.clone(),
            identity: gone.identity.clone()?,
        })
    }
}

/// A fact about the box.
fn of_box(data: EventData) -> Event {
    Event {
        at: Control::now().unix,
        room: "".into(),
        room_name: "".into(),
        actor: None,
        peer: None,
        data,
    }
}
