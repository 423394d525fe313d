//! Technical alarms (ISA-18.2): never a patient's.

use serde::{Deserialize, Serialize};

/// One technical alarm: something that needs somebody to act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlarmView {
    /// `CODE` or `CODE:subject`: the same cause about the same thing is the same alarm.
    pub id: String,
    /// `UDP-BLOCK`, `CERT-EXPIRED`, …; a page each in the runbook.
    pub code: String,
    /// How urgent.
    pub priority: Priority,
    /// What it is about: a room's sid, a subnet, a disk, the box.
    pub subject: String,
    /// Where it stands.
    pub state: AlarmState,
    /// When it was raised last.
    pub raised_at_ms: u64,
    /// What was seen, in one sentence.
    pub cause: String,
    /// What happens if nobody acts.
    pub consequence: String,
    /// What to do.
    pub action: String,
    /// Until when, counted from being raised.
    pub time_allowed_s: u32,
    /// Who acknowledged or shelved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why it is shelved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Shelved until.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// Makes no sound and does not blink until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silenced_until_ms: Option<u64>,
    /// How many things the one cause touches (five clients of one subnet are one alarm).
    pub count: u32,
}

/// How urgent, most urgent first. `***`, `**`, `*` on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// `***`: now.
    High,
    /// `**`: soon.
    Medium,
    /// `*`: this shift.
    Low,
}

/// ISA-18.2's states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// The cause is there, nobody has acknowledged it.
    Unacknowledged,
    /// The cause is there, somebody knows.
    Acknowledged,
    /// The cause is gone, nobody has acknowledged it.
    Returned,
    /// Somebody silenced it for at most 8 h, with a reason.
    Shelved,
}

/// How the alarm system itself does, against the targets usually quoted from ISA-18.2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlarmScore {
    /// Raised in the last hour.
    pub per_hour: u32,
    /// Raised in the last ten minutes; more than ten is a flood.
    pub per_ten_minutes: u32,
    /// Raised three times or more in the last ten minutes.
    pub chattering: u32,
    /// Standing for more than 24 h.
    pub stale: u32,
}

/// `GET /admin/alarms`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlarmsView {
    /// Every alarm that is not normal, most urgent first.
    pub alarms: Vec<AlarmView>,
    /// How the alarm system does.
    pub score: AlarmScore,
}
