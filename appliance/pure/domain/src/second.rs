//! The second person: what one operator alone may not end.
//!
//! Somebody asks; somebody else asks for the same within [`SECOND_PERSON`], and it is done. Asking
//! again renews nothing: who wants to be quick finds a colleague, or says that somebody is in danger.

use crate::action::Target;
use crate::event::{Event, EventData};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use vocab::{RoomSid, UnixMillis};

/// How long a request waits: time to call somebody over, and not so long that it is forgotten and
/// then met by chance.
pub const SECOND_PERSON: Duration = Duration::from_mins(5);

/// Most requests that wait. Each is a person's, of the last five minutes.
pub const MAX_END_REQUESTS: usize = 256;

/// Somebody wants to end a held room, or somebody in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndRequest {
    /// A room or a presence.
    pub target: Target,
    /// The room it is, or is in.
    pub room: RoomSid,
    /// Who asks.
    pub by: String,
    /// The intent's place in the audit journal.
    pub intent: Option<u64>,
    /// When it was asked, on the box's clock.
    pub at: UnixMillis,
}

/// What asking came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It waits from now on.
    Asked,
    /// The same person's earlier request waits as it did.
    Again(EndRequest),
    /// Somebody else's request is agreed to, and waits no more.
    Agreed(EndRequest),
    /// [`MAX_END_REQUESTS`] wait.
    TooMany,
}

/// Why a request waits no more although nobody agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lapse {
    /// [`SECOND_PERSON`] passed.
    TooLate,
    /// The room is not held any more: one person is enough.
    Released,
    /// It ended otherwise.
    Ended,
}

/// Requests that wait, one for each thing.
///
/// After any `handle_*` or [`Self::ask`], drain [`Self::poll_lapsed`].
#[derive(Debug, Default)]
pub struct EndRequests {
    waiting: BTreeMap<Target, (EndRequest, Instant)>,
    lapsed: Vec<(EndRequest, Lapse)>,
}

impl EndRequest {
    /// Until when it waits, on the box's clock as it was when it was asked.
    #[must_use]
    pub fn until(&self) -> UnixMillis {
        UnixMillis(self.at.0.saturating_add(SECOND_PERSON.as_millis() as u64))
    }
}

impl Lapse {
    /// In a sentence.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLate => "nobody else asked for it in time",
            Self::Released => "the room is held no more",
            Self::Ended => "it ended otherwise",
        }
    }
}

impl EndRequests {
    /// Somebody wants to end something that takes two.
    pub fn ask(&mut self, request: EndRequest, now: Instant) -> Verdict {
        self.handle_timeout(now);
        if let Some((before, _)) = self.waiting.get(&request.target)
            && before.by == request.by
        {
            return Verdict::Again(before.clone());
        }
        if let Some((before, _)) = self.waiting.remove(&request.target) {
            return Verdict::Agreed(before);
        }
        if self.waiting.len() >= MAX_END_REQUESTS {
            return Verdict::TooMany;
        }
        let (target, until) = (request.target.clone(), now + SECOND_PERSON);
        self.waiting.insert(target, (request, until));
        Verdict::Asked
    }

    /// Whether asking would be agreeing.
    #[must_use]
    pub fn is_asked_by_another(&self, request: &EndRequest, now: Instant) -> bool {
        let before = self.waiting.get(&request.target);
        before.is_some_and(|(before, until)| before.by != request.by && now < *until)
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.lapse(|_, until| (until <= now).then_some(Lapse::TooLate));
    }

    /// Something happened: what is asked for may not take two any more.
    pub fn handle_event(&mut self, event: &Event) {
        let in_room = |request: &EndRequest| request.room == event.room;
        self.lapse(|request, _| match (&event.data, &event.actor) {
            (EventData::RoomReleased, _) => in_room(request).then_some(Lapse::Released),
            (EventData::RoomDestroyed { .. }, _) => in_room(request).then_some(Lapse::Ended),
            (EventData::OccupantLeft { .. }, Some(who)) => {
                let left = Target::Participant(who.sid.clone());
                (request.target == left).then_some(Lapse::Ended)
            }
            _ => None,
        });
    }

    /// The next request that lapsed.
    pub fn poll_lapsed(&mut self) -> Option<(EndRequest, Lapse)> {
        self.lapsed.pop()
    }

    /// Requests that wait, about a room or somebody in it.
    pub fn of_room<'a>(&'a self, room: &'a RoomSid) -> impl Iterator<Item = &'a EndRequest> {
        let requests = self.waiting.values().map(|(request, _)| request);
        requests.filter(move |request| request.room == *room)
    }

    fn lapse(&mut self, why: impl Fn(&EndRequest, Instant) -> Option<Lapse>) {
        let lapsed = &mut self.lapsed;
        self.waiting
            .retain(|_, (request, until)| match why(request, *until) {
                Some(why) => {
                    lapsed.push((request.clone(), why));
                    false
                }
                None => true,
            });
    }
}

#[cfg(test)]
mod tests;
