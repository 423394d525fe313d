//! The card that confirms an action: bound to one id when it opens, whatever the lists do then.
//!
//! ① shows what would happen. ② takes a reason, a note and, for what cannot be undone, the last
//! four characters of the id; Ctrl-Y and nothing else sends it. Esc is always the way out.

use crate::chord::{Chord, Code};
use crate::input::Input;
use crate::text;
use wire::admin::{ActionAnswer, ActionRequest, Reason, Target, Verb};

/// Longest note the box takes, in characters.
const MAX_NOTE_CHARS: usize = 200;

/// A key that comes again within this is held down, not pressed: repeats come every 30 to 40 ms,
/// a quick hand needs 80.
const REPEAT_MS: u64 = 60;

/// Reasons, in the order offered.
pub(crate) const REASONS: [Reason; 7] = [
    Reason::StuckEmpty,
    Reason::Requested,
    Reason::Safety,
    Reason::Abuse,
    Reason::Maintenance,
    Reason::Test,
    Reason::Other,
];

/// Where a card is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// ① What would happen.
    Impact,
    /// ② The form.
    Form,
    /// On its way; the box writes the audit first.
    Sent,
    /// The box's answer.
    Answered(Result<ActionAnswer, String>),
}

/// A field of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// The reason's code.
    Reason,
    /// Free words.
    Note,
    /// For how long.
    Minutes,
    /// The last four characters of the id.
    LastFour,
}

/// What it is about; fixed when the card opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bound {
    /// Which box, by its place in the list.
    pub(crate) station: usize,
    /// What is to be done.
    pub(crate) verb: Verb,
    /// To what.
    pub(crate) target: Target,
    /// The room it is in, if any, to show how that is now.
    pub(crate) room_sid: Option<String>,
    /// What a person calls it.
    pub(crate) title: String,
}

/// What a key made of a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It stays.
    Stay,
    /// It is closed, nothing happens.
    Close,
    /// The operator confirmed.
    Send(ActionRequest),
}

/// An open card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Card {
    /// What it is about.
    pub(crate) bound: Bound,
    /// Where it is.
    pub(crate) step: Step,
    /// Index into [`REASONS`].
    pub(crate) reason: Option<usize>,
    /// Free words.
    pub(crate) note: Input,
    /// For how long, where that matters.
    pub(crate) minutes: Option<Input>,
    /// The last four characters, where they are asked for.
    pub(crate) last_four: Option<Input>,
    /// Where typing goes.
    pub(crate) focus: Field,
    /// What is missing, said when Ctrl-Y came too early.
    pub(crate) missing: Option<&'static str>,
    /// When the box was told last that it is open.
    pub(crate) told_ms: Option<u64>,
    /// Its number, to find it again when the answer comes.
    pub(crate) tag: u64,
    last_key: Option<(Chord, u64)>,
}

impl Card {
    /// Opens a card. What ends or erases something begins with ①, the rest with ②.
    pub(crate) fn new(bound: Bound, tag: u64) -> Self {
        let grave = is_grave(bound.verb);
        let minutes = match bound.verb {
            Verb::Shelve => Some(Input::with(3, "60")),
            Verb::BlockRejoin => Some(Input::with(4, "60")),
            _ => None,
        };
        Self {
            step: if grave { Step::Impact } else { Step::Form },
            reason: None,
            note: Input::new(MAX_NOTE_CHARS),
            minutes,
            last_four: grave.then(|| Input::new(4)),
            focus: Field::Reason,
            missing: None,
            told_ms: None,
            tag,
            bound,
            last_key: None,
        }
    }

    /// The id that is acted on, as it is typed and shown.
    pub(crate) fn id(&self) -> &str {
        match &self.bound.target {
            Target::Room { sid } | Target::Participant { sid } | Target::Track { sid } => sid,
            Target::Alarm { id } => id,
            Target::Box => &self.bound.title,
        }
    }

    /// The fields of the form, in order.
    pub(crate) fn fields(&self) -> Vec<Field> {
        let mut fields = vec![Field::Reason, Field::Note];
        fields.extend(self.minutes.as_ref().map(|_| Field::Minutes));
        fields.extend(self.last_four.as_ref().map(|_| Field::LastFour));
        fields
    }

    /// Takes a key. `armed`: actions are allowed now.
    pub(crate) fn handle_key(&mut self, chord: Chord, armed: bool, now_ms: u64) -> Outcome {
        if self.is_repeat(chord, now_ms) {
            return Outcome::Stay;
        }
        let confirms = chord
            == Chord {
                code: Code::Char('y'),
                ctrl: true,
                alt: false,
            };
        match (&self.step, chord.code) {
            (_, Code::Esc) | (Step::Answered(_), Code::Enter) => return Outcome::Close,
            (Step::Impact, Code::Enter) => self.step = Step::Form,
            (Step::Form | Step::Answered(Err(_)), _) if confirms => return self.confirm(armed),
            (Step::Form, code) => self.edit(chord, code),
            _ => {}
        }
        Outcome::Stay
    }

    fn is_repeat(&mut self, chord: Chord, now_ms: u64) -> bool {
        let last = self.last_key.replace((chord, now_ms));
        let writes =
            self.step == Step::Form && self.focus == Field::Note && chord.typed().is_some();
        !writes && last.is_some_and(|(key, at)| key == chord && now_ms < at + REPEAT_MS)
    }

    fn edit(&mut self, chord: Chord, code: Code) {
        self.missing = None;
        match (self.focus, code) {
            (_, Code::Tab | Code::Enter) => self.turn(1),
            (_, Code::BackTab) => self.turn(-1),
            (Field::Reason, Code::Right | Code::Down | Code::Char(' ')) => self.choose(1),
            (Field::Reason, Code::Left | Code::Up) => self.choose(-1),
            (Field::Reason, Code::Char(c)) => self.choose_by_letter(c),
            (Field::Reason, _) => {}
            (_, Code::Down) => self.turn(1),
            (_, Code::Up) => self.turn(-1),
            (Field::Note, _) => {
                self.note.handle_key(chord);
            }
            (Field::Minutes, _) => {
                if let Some(minutes) = &mut self.minutes
                    && chord.typed().is_none_or(|c| c.is_ascii_digit())
                {
                    minutes.handle_key(chord);
                }
            }
            (Field::LastFour, _) => {
                if let Some(four) = &mut self.last_four {
                    four.handle_key(chord);
                }
            }
        }
    }

    fn turn(&mut self, by: isize) {
        let fields = self.fields();
        let at = fields
            .iter()
            .position(|field| *field == self.focus)
            .unwrap_or(0);
        let to = (at as isize + by).rem_euclid(fields.len() as isize);
        if let Some(field) = fields.get(to as usize) {
            self.focus = *field;
        }
    }

    fn choose(&mut self, by: isize) {
        let most = REASONS.len() as isize;
        let to = match self.reason {
            Some(at) => (at as isize + by).rem_euclid(most),
            None if by > 0 => 0,
            None => most - 1,
        };
        self.reason = Some(to as usize);
    }

    fn choose_by_letter(&mut self, c: char) {
        let letter = c.to_ascii_uppercase();
        let after = self.reason.map_or(0, |at| at + 1);
        let found = (0..REASONS.len())
            .map(|offset| (after + offset) % REASONS.len())
            .find(|index| reason_code(REASONS[*index]).starts_with(letter));
        self.reason = found.or(self.reason);
    }

    /// Types into the note; the last four are typed by hand.
    pub(crate) fn paste(&mut self, pasted: &str) {
        if self.step == Step::Form && self.focus == Field::Note {
            self.note.paste(pasted);
        }
    }

    fn confirm(&mut self, armed: bool) -> Outcome {
        let ready = self.request(armed);
        match ready {
            Ok(request) => {
                self.step = Step::Sent;
                Outcome::Send(request)
            }
            Err(missing) => {
                self.missing = Some(missing);
                Outcome::Stay
            }
        }
    }

    fn request(&self, armed: bool) -> Result<ActionRequest, &'static str> {
        if !armed {
            return Err("read-only: Esc, then :arm");
        }
        let reason = self
            .reason
            .and_then(|at| REASONS.get(at))
            .copied()
            .ok_or("choose a reason")?;
        if reason == Reason::Other && self.note.text().trim().is_empty() {
            return Err("OTHER needs a note");
        }
        let minutes = match &self.minutes {
            Some(typed) => Some(minutes(self.bound.verb, typed.text())?),
            None => None,
        };
        let wanted = text::last_four(self.id());
        if self
            .last_four
            .as_ref()
            .is_some_and(|typed| !typed.text().eq_ignore_ascii_case(&wanted))
        {
            return Err("the last four do not match");
        }
        Ok(ActionRequest {
            verb: self.bound.verb,
            target: self.bound.target.clone(),
            reason,
            note: self.note.text().trim().to_owned(),
            deadline_ms: None,
            key: Some(format!("console-{}", self.tag)),
            minutes,
        })
    }
}

fn minutes(verb: Verb, typed: &str) -> Result<u32, &'static str> {
    let most = if verb == Verb::Shelve { 480 } else { 1_440 };
    match typed.parse() {
        Ok(minutes) if (1..=most).contains(&minutes) => Ok(minutes),
        _ if verb == Verb::Shelve => Err("1 to 480 minutes"),
        _ => Err("1 to 1440 minutes"),
    }
}

/// It ends or erases something, or keeps people out: ① and the last four are asked for.
pub(crate) fn is_grave(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::End | Verb::Purge | Verb::Drain | Verb::BlockRejoin
    )
}

/// A reason as it is shown: `STUCK-EMPTY`.
pub(crate) fn reason_code(reason: Reason) -> &'static str {
    match reason {
        Reason::StuckEmpty => "STUCK-EMPTY",
        Reason::Requested => "REQUESTED",
        Reason::Safety => "SAFETY",
        Reason::Abuse => "ABUSE",
        Reason::Maintenance => "MAINTENANCE",
        Reason::Test => "TEST",
        Reason::Other => "OTHER",
    }
}

#[cfg(test)]
mod tests;
