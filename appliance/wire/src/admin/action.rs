//! What operators do. An action names ids, never a row, and carries a reason.

use serde::{Deserialize, Serialize};

/// `POST /admin/actions`. The intent is in the audit journal before anything happens, the outcome
/// after; where the intent cannot be written, nothing happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ActionRequest {
    /// What.
    pub verb: Verb,
    /// To what.
    pub target: Target,
    /// Why, for the record.
    pub reason: Reason,
    /// Free words beside the code; at most 200 characters, no patient's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Not to be waited for longer; 10 s if absent. When it passes, the forced path is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// Tried again with the same key, it is the same action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// For [`Verb::Shelve`] and [`Verb::BlockRejoin`]: how long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
}

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
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
    /// Erases messages, documents and recordings. Never follows from End.
    Purge,
    /// Somebody who was ended may not come back for `minutes`.
    BlockRejoin,
    /// Admits nobody new, also after a restart, until [`Verb::Undrain`]; those present go on.
    Drain,
    /// Admits again.
    Undrain,
    /// Somebody knows of the alarm.
    Acknowledge,
    /// The alarm makes no sound and does not blink for two minutes.
    Silence,
    /// The alarm is put away for at most 8 h.
    Shelve,
    /// A shelved alarm is back.
    Unshelve,
    /// Personal names are shown for 60 s.
    Unmask,
    /// A console may act for `minutes`; a fact, nothing else changes.
    Arm,
    /// A shift was handed over; the note holds the SHA-256 of the text that was signed. A fact.
    Handover,
}

/// To what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    /// A room's life (`RM_…`).
    Room {
        /// Its sid.
        sid: String,
    },
    /// A presence (`PA_…`).
    Participant {
        /// Its sid.
        sid: String,
    },
    /// A track (`TR_…`).
    Track {
        /// Its sid.
        sid: String,
    },
    /// An alarm.
    Alarm {
        /// Its id.
        id: String,
    },
    /// The box.
    Box,
}

/// Why, as a code that reports can count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
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

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ActionAnswer {
    /// Its place in the audit journal.
    pub audit: u64,
    /// What happened.
    pub outcome: Outcome,
    /// In one sentence, with what was counted.
    pub detail: String,
    /// From the intent on disk to the last effect.
    pub took_ms: u64,
    /// Until when somebody else may ask for the same; with [`Outcome::Waiting`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_until_ms: Option<u64>,
}

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Done,
    /// Done the hard way, because the soft one took longer than the deadline.
    Forced,
    /// It had already ended, or was as wanted.
    Already,
    /// Nothing was done yet: it is about a held session, and a second person has to ask for the same
    /// within five minutes.
    Waiting,
    /// Refused: a Hold, a missing right.
    Refused,
    /// Tried and not done.
    Failed,
}
