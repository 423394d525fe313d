//! Ending what is held: two people, or one and an alarm.

use super::effect::Effect;
use super::queue::Asked;
use crate::control::Control;
use domain::action::{Outcome, Reason, Target, Verb};
use domain::audit::{AuditPhase, AuditRecord};
use domain::second::{EndRequest, Lapse, MAX_END_REQUESTS, Verdict};
use vocab::RoomSid;

impl Control {
    /// Ends a room or somebody, once as many people want it as it takes.
    pub(super) fn end_by_enough(&mut self, asked: &Asked) -> Effect {
        let Some(room) = self.held_room(&asked.action.target) else {
            return self.end_now(asked);
        };
        let request = EndRequest {
            target: asked.action.target.clone(),
            room: room.clone(),
            by: asked.by.name.clone(),
            intent: asked.audit(),
            at: Self::now().unix,
        };
        let is_urgent = asked.action.reason == Reason::Safety;
        if is_urgent
            && !self
                .end_requests
                .is_asked_by_another(&request, Self::now().instant)
        {
            self.desk.glass_broken(&room, asked.audit().unwrap_or(0));
            return self
                .end_now(asked)
                .by("held, and ended by one person for safety: alarm BREAK-GLASS");
        }
        match self.end_requests.ask(request.clone(), Self::now().instant) {
            Verdict::Asked => waits("held: a second person has to end it too", &request),
            Verdict::Again(first) => waits(
                "held: you have asked already, and somebody else has to; nothing is renewed",
                &first,
            ),
            Verdict::Agreed(first) => self.end_now(asked).by(&both(&first, asked)),
            Verdict::TooMany => Effect::new(
                Outcome::Refused,
                format!("{MAX_END_REQUESTS} requests wait for a second person: answer some first"),
            ),
        }
    }

    /// Requests that ended without a second person go on record, with the batch's intents.
    pub(crate) fn lapse_end_requests(&mut self) {
        self.end_requests.handle_timeout(Self::now().instant);
        while let Some((request, why)) = self.end_requests.poll_lapsed() {
            self.actions.lapsed.push(lapsed(&request, why));
        }
    }

    fn end_now(&mut self, asked: &Asked) -> Effect {
        match &asked.action.target {
            Target::Participant(sid) => self.end_participant(sid.as_str()),
            target => self.end_room(&RoomSid::new(target.to_string()), asked.is_late()),
        }
    }

    /// The room that is meant, or that somebody is in, where it lives and is held.
    fn held_room(&self, target: &Target) -> Option<RoomSid> {
        let key = match target {
            Target::Room(sid) => self.live_room(sid.as_str())?,
            Target::Participant(sid) => self.live_presence(sid.as_str())?.0,
            Target::Track(_) | Target::Alarm(_) | Target::Box => return None,
        };
        let room = self.rooms.get(&key)?.room.sid();
        self.standing.is_held(room).then(|| room.clone())
    }
}

fn waits(told: &str, request: &EndRequest) -> Effect {
    Effect::new(Outcome::Waiting, told).until(request.until())
}

fn both(first: &EndRequest, asked: &Asked) -> String {
    let second = &asked.by.name;
    match first.intent {
        Some(intent) => format!(
            "asked for by {} (#{intent}), agreed to by {second}",
            first.by
        ),
        None => format!("asked for by {}, agreed to by {second}", first.by),
    }
}

fn lapsed(request: &EndRequest, why: Lapse) -> AuditRecord {
    AuditRecord {
        phase: AuditPhase::Outcome,
        of: request.intent,
        reason: "lapsed".to_owned(),
        ..AuditRecord::fact(
            "system",
            Verb::End.as_str(),
            &request.target.to_string(),
            &format!("asked for by {}; {}", request.by, why.as_str()),
        )
    }
}
