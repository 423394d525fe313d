//! One box as this console knows it: the link, what it said, what we may do there.

use crate::history::History;
use crate::picture::Picture;
use std::collections::BTreeMap;
use std::sync::Arc;
use wire::EventView;
use wire::admin::{AttemptView, AuditPage, Frame, LiveParticipant, Role, RoomDetail, WhyView};

/// The box says how it is this often; ages are judged by it.
pub(crate) const INTERVAL_MS: u64 = 1_000;

/// Armed so long.
pub(crate) const ARMED_MS: u64 = 10 * 60_000;

/// Names are shown so long.
pub(crate) const UNMASKED_MS: u64 = 60_000;

/// How old what is shown is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fresh {
    /// As it should be.
    Live,
    /// Late: grey.
    Late,
    /// Beyond three intervals: figures turn to `?`.
    Unknown,
}

impl Fresh {
    /// The judgement on something heard at `at_ms` that comes every `interval_ms`.
    pub(crate) fn of(at_ms: Option<u64>, interval_ms: u64, now_ms: u64) -> Self {
        match at_ms.map(|at| now_ms.saturating_sub(at)) {
            Some(age) if age <= 2 * interval_ms => Self::Live,
            Some(age) if age <= 3 * interval_ms => Self::Late,
            _ => Self::Unknown,
        }
    }
}

/// How the way to the box is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Link {
    /// Never heard of it yet.
    Connecting,
    /// It speaks to us.
    Up,
    /// It does not; tried again for ever.
    Down {
        /// In one sentence.
        why: String,
        /// Since then.
        since_ms: u64,
    },
    /// It wants an operator's account.
    Login {
        /// What it said.
        why: String,
    },
}

/// Something that is asked for now and then.
#[derive(Debug, Clone)]
pub(crate) struct Fetched<T> {
    /// The last answer.
    pub(crate) value: Option<T>,
    /// When it came.
    pub(crate) at_ms: Option<u64>,
    /// When it was asked for last.
    pub(crate) asked_ms: Option<u64>,
    /// Why there is no newer one.
    pub(crate) trouble: Option<String>,
}

impl<T> Default for Fetched<T> {
    fn default() -> Self {
        Self {
            value: None,
            at_ms: None,
            asked_ms: None,
            trouble: None,
        }
    }
}

impl<T> Fetched<T> {
    /// Takes an answer; a refusal leaves what was known.
    pub(crate) fn take(&mut self, answer: Result<T, String>, now_ms: u64) {
        match answer {
            Ok(value) => {
                self.value = Some(value);
                self.at_ms = Some(now_ms);
                self.trouble = None;
            }
            Err(why) => self.trouble = Some(why),
        }
    }

    /// It is time to ask; notes that it was.
    pub(crate) fn due(&mut self, every_ms: u64, now_ms: u64) -> bool {
        let due = self.asked_ms.is_none_or(|at| now_ms >= at + every_ms);
        if due {
            self.asked_ms = Some(now_ms);
        }
        due
    }
}

/// A device or person of some room, for the list on screen 4.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Where.
    pub(crate) room_sid: String,
    /// Its name.
    pub(crate) room: String,
    /// The room's ward.
    pub(crate) ward: Option<String>,
    /// Who or what.
    pub(crate) who: LiveParticipant,
}

/// One box.
#[derive(Debug)]
pub(crate) struct Station {
    /// As the operator calls it.
    pub(crate) name: String,
    /// Where it is, to be shown.
    pub(crate) place: String,
    /// It asks for accounts (HTTPS); a Unix socket knows us by our user id.
    pub(crate) accounts: bool,
    /// Who we are there.
    pub(crate) operator: String,
    /// The way to it.
    pub(crate) link: Link,
    /// What it said, put together.
    pub(crate) live: Arc<Picture>,
    /// When it said anything last, on our clock.
    pub(crate) heard_ms: Option<u64>,
    /// When it said who is in the opened room, on our clock.
    pub(crate) detail_ms: Option<u64>,
    /// The last 24 h.
    pub(crate) history: History,
    /// The room on screen 3.
    pub(crate) opened: Option<String>,
    /// Actions are allowed until then.
    pub(crate) armed_until_ms: Option<u64>,
    /// Names are shown until then.
    pub(crate) unmasked_until_ms: Option<u64>,
    /// The newest of the audit.
    pub(crate) audit: Fetched<AuditPage>,
    /// The newest events.
    pub(crate) events: Fetched<Vec<EventView>>,
    /// The last question why.
    pub(crate) why: Fetched<WhyView>,
    /// Whom it is about.
    pub(crate) why_of: Option<String>,
    /// Attempts that failed lately.
    pub(crate) attempts: Fetched<Vec<AttemptView>>,
    /// Who is in rooms with devices.
    pub(crate) devices: Fetched<BTreeMap<String, Seen>>,
}

impl Station {
    /// A box that has said nothing yet.
    pub(crate) fn new(name: &str, place: &str, accounts: bool, operator: &str) -> Self {
        Self {
            name: name.to_owned(),
            place: place.to_owned(),
            accounts,
            operator: operator.to_owned(),
            link: Link::Connecting,
            live: Arc::default(),
            heard_ms: None,
            detail_ms: None,
            history: History::default(),
            opened: None,
            armed_until_ms: None,
            unmasked_until_ms: None,
            audit: Fetched::default(),
            events: Fetched::default(),
            why: Fetched::default(),
            why_of: None,
            attempts: Fetched::default(),
            devices: Fetched::default(),
        }
    }

    /// Takes in what the box said.
    pub(crate) fn hear(&mut self, frame: Frame, now_ms: u64) {
        self.link = Link::Up;
        self.heard_ms = Some(now_ms);
        if matches!(frame.change, wire::admin::Change::Detail { .. }) {
            self.detail_ms = Some(now_ms);
        }
        Arc::make_mut(&mut self.live).apply(frame);
        self.history.note(&self.live);
    }

    /// How old what it said is.
    pub(crate) fn fresh(&self, now_ms: u64) -> Fresh {
        Fresh::of(self.heard_ms, INTERVAL_MS, now_ms)
    }

    /// The box's clock now, as far as known.
    pub(crate) fn clock_ms(&self, now_ms: u64) -> u64 {
        let since = self.heard_ms.map_or(0, |at| now_ms.saturating_sub(at));
        self.live.at_ms + since
    }

    /// Actions are allowed.
    pub(crate) fn armed(&self, now_ms: u64) -> bool {
        self.armed_until_ms.is_some_and(|until| now_ms < until)
    }

    /// Names are shown.
    pub(crate) fn unmasked(&self, now_ms: u64) -> bool {
        self.unmasked_until_ms.is_some_and(|until| now_ms < until)
    }

    /// What we may do there; looking, as long as it has not said.
    pub(crate) fn role(&self) -> Role {
        self.live.role.unwrap_or(Role::Viewer)
    }

    /// What is asked now and then is asked anew, and not shown before it is answered.
    pub(crate) fn forget_answers(&mut self) {
        self.audit = Fetched::default();
        self.events = Fetched::default();
        self.attempts = Fetched::default();
        self.devices = Fetched::default();
    }

    /// Takes in who is in rooms with devices.
    pub(crate) fn take_devices(&mut self, details: Vec<RoomDetail>, now_ms: u64) {
        let seen = details.into_iter().flat_map(|detail| {
            let room = detail.room;
            detail.participants.into_iter().map(move |who| {
                let seen = Seen {
                    room_sid: room.sid.clone(),
                    room: room.name.clone(),
                    ward: room.ward.clone(),
                    who,
                };
                (seen.who.sid.clone(), seen)
            })
        });
        self.devices.take(Ok(seen.collect()), now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_age_grey_then_unknown() {
        for (age, want) in [
            (0, Fresh::Live),
            (2_000, Fresh::Live),
            (2_001, Fresh::Late),
            (3_000, Fresh::Late),
            (3_001, Fresh::Unknown),
        ] {
            assert_eq!(Fresh::of(Some(10_000), 1_000, 10_000 + age), want, "{age}");
        }
        assert_eq!(Fresh::of(None, 1_000, 0), Fresh::Unknown);
    }
}
