//! Actions as a line: what a card asks for, in its order, under the same rules.

use crate::action::Request;
use crate::card::{Outcome, REASONS, reason_code};
use crate::chord::{Chord, Code};
use crate::input::Input;
use crate::model::{Model, Pending};
use crate::update::make_card;
use wire::admin::{Target, Verb};

/// How they are written.
pub(super) const USAGE: &str = "\
end|purge|block|hold|release|admit|mute|drain|undrain|shelve|ack|silence|unshelve ID REASON [MINUTES] [LAST-FOUR] [NOTE]: \
MINUTES for block and shelve, LAST-FOUR for end, purge, block and drain; ID of drain is the box's name. \
REASON: STUCK-EMPTY REQUESTED SAFETY ABUSE MAINTENANCE TEST OTHER";

const VERBS: [(&str, Verb); 13] = [
    ("end", Verb::End),
    ("purge", Verb::Purge),
    ("block", Verb::BlockRejoin),
    ("hold", Verb::Hold),
    ("release", Verb::Release),
    ("admit", Verb::Admit),
    ("mute", Verb::Mute),
    ("drain", Verb::Drain),
    ("undrain", Verb::Undrain),
    ("shelve", Verb::Shelve),
    ("ack", Verb::Acknowledge),
    ("silence", Verb::Silence),
    ("unshelve", Verb::Unshelve),
];

/// The line is an action.
pub(super) fn is_one(words: &[&str]) -> bool {
    words
        .first()
        .is_some_and(|word| VERBS.iter().any(|(name, _)| name == word))
}

/// The request of a line, or what is missing.
pub(super) fn request(model: &mut Model, words: &[&str]) -> Result<Request, String> {
    let mut words = words.iter().copied();
    let name = words.next().unwrap_or_default();
    let verb = VERBS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, verb)| *verb)
        .ok_or(USAGE)?;
    let id = words.next().ok_or(USAGE)?;
    let code = words.next().ok_or(USAGE)?;
    let (target, room_sid) = target(model, id)?;
    let mut card = make_card(model, verb, target, room_sid, id.to_owned())?;
    card.step = crate::card::Step::Form;
    card.reason = REASONS
        .iter()
        .position(|reason| reason_code(*reason).eq_ignore_ascii_case(code));
    if let Some(minutes) = &mut card.minutes {
        minutes.set(words.next().ok_or("MINUTES are missing")?);
    }
    if let Some(four) = &mut card.last_four {
        four.set(words.next().ok_or("LAST-FOUR of the id are missing")?);
    }
    card.note = Input::with(200, &words.collect::<Vec<_>>().join(" "));
    let armed = model.station().armed(model.clock.now_ms);
    let confirm = Chord {
        code: Code::Char('y'),
        ctrl: true,
        alt: false,
    };
    match card.handle_key(confirm, armed, model.clock.now_ms) {
        Outcome::Send(request) => {
            let (station, tag) = (card.bound.station, card.tag);
            let pending = Pending {
                station,
                verb,
                title: card.bound.title.clone(),
            };
            model.pending.insert(tag, pending);
            Ok(Request::Act {
                station,
                tag,
                request: Box::new(request),
            })
        }
        Outcome::Stay | Outcome::Close => Err(match card.missing {
            Some("read-only: Esc, then :arm") => "read-only: arm first".to_owned(),
            missing => missing.unwrap_or(USAGE).to_owned(),
        }),
    }
}

/// What an id names, by how it begins; never a name, which another may bear.
fn target(model: &Model, id: &str) -> Result<(Target, Option<String>), String> {
    let picture = &model.station().live;
    let sid = id.to_owned();
    Ok(match id.get(..3) {
        _ if id == model.station().name => (Target::Box, None),
        Some("RM_") => (Target::Room { sid: sid.clone() }, Some(sid)),
        Some("PA_") => (Target::Participant { sid }, None),
        Some("TR_") => (Target::Track { sid }, None),
        _ if picture.alarms.contains_key(id) => (Target::Alarm { id: sid }, None),
        _ => {
            return Err(format!(
                "`{id}` is no id: RM_, PA_, TR_, an alarm's id, or the box's name"
            ));
        }
    })
}
