//! What operators do: verbs, who may do them, and what makes an action one that can be tried.

use std::fmt;
use std::time::Duration;
use vocab::{ParticipantSid, RoomSid, TrackSid};

/// Longest note in characters: a remark beside the reason's code, no report.
pub const MAX_NOTE: usize = 200;

/// Longest idempotency key in bytes: a UUID has 36.
pub const MAX_KEY_BYTES: usize = 64;

/// Longest block in minutes: a week. Who must stay out for longer gets no token.
pub const MAX_BLOCK_MINUTES: u32 = 7 * 24 * 60;

/// Minutes of a block unless it says otherwise.
pub const DEFAULT_BLOCK_MINUTES: u32 = 60;

/// How long an action may take unless it says otherwise; then the forced path is taken.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);

/// Longest deadline: whoever waits longer has gone away.
pub const MAX_DEADLINE: Duration = Duration::from_mins(1);

/// Most rooms under a Hold at one time. Each is a few tens of bytes of the checkpoint.
pub const MAX_HOLDS: usize = 10_000;

/// Most people blocked at one time.
pub const MAX_BLOCKS: usize = 10_000;

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Stops it and keeps its record.
    End,
    /// Lets somebody in who waits.
    Admit,
    /// Mutes a track; only its publisher unmutes it.
    Mute,
    /// Forbids Purge of the room's record.
    Hold,
    /// Takes a Hold back.
    Release,
    /// Erases messages, documents and recordings.
    Purge,
    /// Somebody who was ended may not come back for a while.
    BlockRejoin,
    /// Admits nobody new.
    Drain,
    /// Admits again.
    Undrain,
    /// Somebody knows of the alarm.
    Acknowledge,
    /// The alarm makes no sound for two minutes.
    Silence,
    /// The alarm is put away for a while.
    Shelve,
    /// A shelved alarm is back.
    Unshelve,
    /// Personal names are shown for 60 s.
    Unmask,
    /// A console may act for a while.
    Arm,
    /// A shift was handed over.
    Handover,
}

/// What somebody may do, weakest first; each includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks.
    Viewer,
    /// Ends, admits, mutes, acknowledges.
    Operator,
    /// Operator, and what concerns devices.
    Biomedical,
    /// Everything.
    Admin,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::End,
        Self::Admit,
        Self::Mute,
        Self::Hold,
        Self::Release,
        Self::Purge,
        Self::BlockRejoin,
        Self::Drain,
        Self::Undrain,
        Self::Acknowledge,
        Self::Silence,
        Self::Shelve,
        Self::Unshelve,
        Self::Unmask,
        Self::Arm,
        Self::Handover,
    ];

    /// The word in the audit journal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::Admit => "admit",
            Self::Mute => "mute",
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Purge => "purge",
            Self::BlockRejoin => "block_rejoin",
            Self::Drain => "drain",
            Self::Undrain => "undrain",
            Self::Acknowledge => "acknowledge",
            Self::Silence => "silence",
            Self::Shelve => "shelve",
            Self::Unshelve => "unshelve",
            Self::Unmask => "unmask",
            Self::Arm => "arm",
            Self::Handover => "handover",
        }
    }

    /// The least role that may do it.
    #[must_use]
    pub fn needs(self) -> Role {
        match self {
            Self::End
            | Self::Admit
            | Self::Mute
            | Self::Acknowledge
            | Self::Silence
            | Self::Shelve
            | Self::Unshelve
            | Self::Unmask
            | Self::Arm
            | Self::Handover => Role::Operator,
            Self::Hold
            | Self::Release
            | Self::Purge
            | Self::BlockRejoin
            | Self::Drain
            | Self::Undrain => Role::Admin,
        }
    }

    /// Whether it takes somebody out of danger: with [`Reason::Safety`] it is done even when the
    /// audit journal cannot be written. Nothing that erases or opens does.
    #[must_use]
    pub fn protects(self) -> bool {
        matches!(self, Self::End | Self::Mute | Self::BlockRejoin)
    }

    /// Whether it changes nothing but the audit journal.
    #[must_use]
    pub fn is_fact(self) -> bool {
        matches!(self, Self::Unmask | Self::Arm | Self::Handover)
    }

    /// Whether it can be done to such a thing.
    #[must_use]
    pub fn fits(self, target: &Target) -> bool {
        match self {
            Self::End => matches!(
                target,
                Target::Room(_) | Target::Participant(_) | Target::Track(_)
            ),
            Self::Mute => matches!(target, Target::Track(_)),
            Self::Hold | Self::Release | Self::Purge => matches!(target, Target::Room(_)),
            Self::Admit | Self::BlockRejoin => matches!(target, Target::Participant(_)),
            Self::Drain | Self::Undrain | Self::Arm | Self::Handover => {
                matches!(target, Target::Box)
            }
            Self::Acknowledge | Self::Silence | Self::Shelve | Self::Unshelve => {
                matches!(target, Target::Alarm(_))
            }
            Self::Unmask => !matches!(target, Target::Alarm(_)),
        }
    }
}

impl Role {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Biomedical => "biomedical",
            Self::Admin => "admin",
        }
    }
}

/// To what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A room's life.
    Room(RoomSid),
    /// A presence.
    Participant(ParticipantSid),
    /// A track.
    Track(TrackSid),
    /// An alarm, by its id.
    Alarm(String),
    /// The box.
    Box,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room(sid) => sid.fmt(f),
            Self::Participant(sid) => sid.fmt(f),
            Self::Track(sid) => sid.fmt(f),
            Self::Alarm(id) => f.write_str(id),
            Self::Box => f.write_str("box"),
        }
    }
}

/// Why, as a code that reports can count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Nobody is in it, or nothing moves.
    StuckEmpty,
    /// Somebody in it asked.
    Requested,
    /// Somebody is in danger.
    Safety,
    /// Somebody misuses it.
    Abuse,
    /// The box or a device needs care.
    Maintenance,
    /// It was a test.
    Test,
    /// The note says.
    Other,
}

impl Reason {
    /// The word in the audit journal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StuckEmpty => "stuck_empty",
            Self::Requested => "requested",
            Self::Safety => "safety",
            Self::Abuse => "abuse",
            Self::Maintenance => "maintenance",
            Self::Test => "test",
            Self::Other => "other",
        }
    }
}

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Done.
    Done,
    /// Done the hard way, because the soft one took longer than the deadline or broke.
    Forced,
    /// It had already ended, or was as wanted.
    Already,
    /// Nothing was done yet: a second person has to ask for the same.
    Waiting,
    /// Refused: a Hold, something that is not there.
    Refused,
    /// Tried and not done.
    Failed,
}

impl Outcome {
    /// The word in the audit journal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Forced => "forced",
            Self::Already => "already",
            Self::Waiting => "waiting",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What.
    pub verb: Verb,
    /// To what.
    pub target: Target,
    /// Why.
    pub reason: Reason,
    /// Free words, at most [`MAX_NOTE`] characters.
    pub note: String,
    /// Not to be waited for longer.
    pub deadline: Duration,
    /// Tried again with the same key, it is the same action.
    pub key: Option<String>,
    /// For how long.
    pub minutes: Option<u32>,
}

/// Why something is no action that could be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidAction {
    /// The verb is not for such a thing.
    Target(Verb),
    /// The note is longer than [`MAX_NOTE`].
    NoteTooLong,
    /// The note, or an id, has control characters in it.
    Control,
    /// [`Reason::Other`] without a note.
    NoNote,
    /// An id is empty or longer than any of the box's own.
    Id,
    /// The key is empty, too long or not of visible ASCII.
    Key,
    /// The minutes are 0 or over the limit.
    Minutes,
    /// The deadline is over [`MAX_DEADLINE`].
    Deadline,
}

impl fmt::Display for InvalidAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(verb) => {
                write!(f, "target: {} is not done to such a thing", verb.as_str())
            }
            Self::NoteTooLong => write!(f, "note: at most {MAX_NOTE} characters"),
            Self::Control => f.write_str("note and ids: no control characters"),
            Self::NoNote => f.write_str("note: the reason other needs one"),
            Self::Id => write!(f, "target: an id has 1 to {MAX_ID_BYTES} bytes"),
            Self::Key => write!(f, "key: 1 to {MAX_KEY_BYTES} visible ASCII characters"),
            Self::Minutes => write!(f, "minutes: 1 to {MAX_BLOCK_MINUTES}"),
            Self::Deadline => {
                write!(f, "deadline_ms: at most {}", MAX_DEADLINE.as_millis())
            }
        }
    }
}

/// Longest id of a target in bytes: an alarm's names a subject, which may be a subnet or a sid.
const MAX_ID_BYTES: usize = 128;

impl Action {
    /// Whether it is one that can be tried at all.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self) -> Result<(), InvalidAction> {
        if !self.verb.fits(&self.target) {
            return Err(InvalidAction::Target(self.verb));
        }
        let id = self.target.to_string();
        if id.is_empty() || id.len() > MAX_ID_BYTES {
            return Err(InvalidAction::Id);
        }
        if self.note.chars().count() > MAX_NOTE {
            return Err(InvalidAction::NoteTooLong);
        }
        if self.note.chars().chain(id.chars()).any(char::is_control) {
            return Err(InvalidAction::Control);
        }
        if self.reason == Reason::Other && self.note.trim().is_empty() {
            return Err(InvalidAction::NoNote);
        }
        let is_key = |key: &String| {
            !key.is_empty()
                && key.len() <= MAX_KEY_BYTES
                && key.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !self.key.as_ref().is_none_or(is_key) {
            return Err(InvalidAction::Key);
        }
        if !self
            .minutes
            .is_none_or(|minutes| (1..=MAX_BLOCK_MINUTES).contains(&minutes))
        {
            return Err(InvalidAction::Minutes);
        }
        if self.deadline > MAX_DEADLINE {
            return Err(InvalidAction::Deadline);
        }
        Ok(())
    }

    /// Whether it is done even when it cannot be written down.
    #[must_use]
    pub fn breaks_glass(&self) -> bool {
        self.reason == Reason::Safety && self.verb.protects()
    }
}

#[cfg(test)]
mod tests;
