//! What actions ask of the alarms. The alarms are kept elsewhere; boot brings both together.

use domain::action::{Reason, Verb};
use std::sync::{Arc, OnceLock};
use vocab::{RoomSid, UnixMillis};

/// Acknowledge, silence, shelve or unshelve, as an operator asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmChange {
    /// One of [`Verb::Acknowledge`], [`Verb::Silence`], [`Verb::Shelve`], [`Verb::Unshelve`].
    pub verb: Verb,
    /// The alarm.
    pub id: String,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: Reason,
    /// For how long, where it was said.
    pub minutes: Option<u32>,
    /// When.
    pub at: UnixMillis,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlarmVerdict {
    /// It is so now; in one sentence.
    Done(String),
    /// It was so.
    Already(String),
    /// It cannot be; in one sentence with the reason.
    Refused(String),
    /// There is no such alarm.
    Unknown,
}

/// Where alarms are kept. Asked on the control thread: it answers from memory, at once.
pub trait AlarmDesk: Send + Sync {
    /// Carries out a change whose intent is in the audit journal.
    fn change(&self, change: &AlarmChange) -> AlarmVerdict;

    /// Somebody ended alone, for safety, what takes two people: whoever is next is to know.
    fn glass_broken(&self, room: &RoomSid, audit: u64);
}

/// The desk, once there is one.
#[derive(Clone, Default)]
pub(crate) struct Desk(Arc<OnceLock<Arc<dyn AlarmDesk>>>);

impl Desk {
    pub(crate) fn open(&self, desk: Arc<dyn AlarmDesk>) {
        // The first one stays: boot opens one.
        let _ = self.0.set(desk);
    }

    pub(super) fn change(&self, change: &AlarmChange) -> AlarmVerdict {
        self.0.get().map_or_else(
            || AlarmVerdict::Refused("this box keeps no alarms".to_owned()),
            |desk| desk.change(change),
        )
    }

    pub(super) fn glass_broken(&self, room: &RoomSid, audit: u64) {
        if let Some(desk) = self.0.get() {
            desk.glass_broken(room, audit);
        }
    }
}
