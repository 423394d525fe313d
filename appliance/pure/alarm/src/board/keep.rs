//! What outlives a restart: that somebody acknowledged or shelved an alarm.
//!
//! An alarm itself does not: whoever watches sees its cause again. Only that operators have
//! answered must not be asked of them twice.

use super::alarm::{AlarmId, Shelf, State};
use super::{Board, MAX_ALARMS, MAX_SHELF};
use crate::moment::Moment;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};
use vocab::UnixMillis;

/// How long after a start a cause may take to be seen again. What was acknowledged and is not seen
/// by then has returned while nobody watched.
pub const RECALL: Duration = Duration::from_mins(15);

/// An alarm that somebody has answered, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Which.
    pub id: String,
    /// What was answered.
    pub state: KeptState,
    /// By whom.
    pub by: String,
    /// When it was raised.
    pub raised_at_ms: u64,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum KeptState {
    /// Somebody knows.
    Acknowledged,
    /// Put away.
    Shelved {
        /// Why.
        reason: String,
        /// Until when, on the box's clock.
        until_ms: u64,
    },
}

/// What the last run knew.
#[derive(Debug, Clone)]
pub(super) struct Recalled {
    pub(super) by: Option<String>,
    pub(super) raised: Option<UnixMillis>,
    pub(super) shelf: Option<Shelf>,
    /// Forgotten then.
    pub(super) until: Instant,
}

impl Board {
    /// What is to be known after a restart, in the order of the table.
    #[must_use]
    pub fn kept(&self) -> Vec<Kept> {
        let standing = self.alarms().filter_map(|alarm| {
            let (by, state) = match (alarm.state(), alarm.shelf()) {
                (State::Shelved, Some((by, reason, until))) => (
                    by.to_owned(),
                    KeptState::Shelved {
                        reason: reason.to_owned(),
                        until_ms: until.unix.0,
                    },
                ),
                (State::Acknowledged, _) => (
                    alarm.by.clone().unwrap_or_default(),
                    KeptState::Acknowledged,
                ),
                _ => return None,
            };
            Some(Kept {
                id: alarm.id.to_string(),
                state,
                by,
                raised_at_ms: alarm.raised.unix.0,
            })
        });
        let recalled = self.recalled.iter().map(|(id, recalled)| Kept {
            id: id.to_string(),
            state: match &recalled.shelf {
                Some(shelf) => KeptState::Shelved {
                    reason: shelf.reason.clone(),
                    until_ms: shelf.until.unix.0,
                },
                None => KeptState::Acknowledged,
            },
            by: match &recalled.shelf {
                Some(shelf) => shelf.by.clone(),
                None => recalled.by.clone().unwrap_or_default(),
            },
            raised_at_ms: recalled.raised.unwrap_or_default().0,
        });
        standing.chain(recalled).collect()
    }

    /// What the last run kept. What nobody can have meant is left out: unknown ids, a shelf time
    /// that has passed or lies further ahead than anybody may shelve.
    pub fn recall(&mut self, kept: Vec<Kept>, now: Moment) {
        for kept in kept.into_iter().take(MAX_ALARMS) {
            let Some(id) = AlarmId::parse(&kept.id) else {
                continue;
            };
            let (shelf, until) = match kept.state {
                KeptState::Acknowledged => (None, now.instant + RECALL),
                KeptState::Shelved { reason, until_ms } => {
                    let left = Duration::from_millis(until_ms.saturating_sub(now.unix.0));
                    if left.is_zero() || left > MAX_SHELF {
                        continue;
                    }
                    let until = now.after(left);
                    let by = kept.by.clone();
                    (Some(Shelf { by, reason, until }), until.instant)
                }
            };
            let recalled = Recalled {
                by: Some(kept.by),
                raised: Some(UnixMillis(kept.raised_at_ms)),
                shelf,
                until,
            };
            self.recalled.insert(id, recalled);
        }
    }

    pub(super) fn forget_recalled(&mut self, now: Moment) {
        self.recalled
            .retain(|_, recalled| recalled.until > now.instant);
    }
}
