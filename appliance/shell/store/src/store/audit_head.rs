//! Noting in the event journal where the audit journal ends.
//!
//! A chain shows every change but one: that its end was cut off. So its end is written down
//! elsewhere, as an event: a second after an entry at the latest, at each start and at each clean
//! end. Whoever cuts both journals meets the checkpoint, which knows the event journal's end; whoever
//! rewrites all of it meets the heads that the box signed and its log carried off (`heads`).

use super::Store;
use super::reset::tolerate_full;
use crate::error::StoreError;
use domain::{AuditHead, Event, EventData};
use std::time::{Duration, Instant};
use vocab::UnixMillis;

/// Between two notes while entries come: bounds what a kill leaves without a witness, and what a
/// flood of actions adds to the event journal.
const NOTE_INTERVAL: Duration = Duration::from_secs(1);

/// When what was noted.
#[derive(Debug, Default)]
pub(super) struct AuditNotes {
    /// The last head appended to the event journal by this process; 0 before the first.
    noted: u64,
    at: Option<Instant>,
}

impl Store {
    /// Notes the head at a start, or at a clean end, and puts the note on disk. A full disk takes it
    /// later.
    pub(super) fn note_audit_now(&mut self, closed: bool) -> Result<(), StoreError> {
        if let Some((head, at)) = self.audit.head() {
            let head = AuditHead { closed, ..head };
            if self.known.standing.audit_head() != Some(head) {
                self.append_note(head, at);
            }
        }
        tolerate_full(self.commit())
    }

    /// Appends the head to the group that is about to be committed, if there is a new one.
    pub(super) fn note_audit(&mut self) {
        let Some((head, at)) = self.audit.head() else {
            return;
        };
        let is_noted = head.sequence <= self.audit_notes.noted
            || self.known.standing.audit_head() == Some(head);
        let at_last = self.audit_notes.at;
        if !is_noted && at_last.is_none_or(|last| last.elapsed() >= NOTE_INTERVAL) {
            self.append_note(head, at);
        }
    }

    /// An event journal that takes nothing now is asked again at the next commit.
    fn append_note(&mut self, head: AuditHead, at: UnixMillis) {
        if self.append(&noted(head, at)).is_ok() {
            self.audit_notes.noted = head.sequence;
            self.audit_notes.at = Some(Instant::now());
        }
    }
}

fn noted(head: AuditHead, at: UnixMillis) -> Event {
    Event {
        at,
        room: "".into(),
        room_name: "".into(),
        actor: None,
        peer: None,
        data: EventData::AuditNoted {
            sequence: head.sequence,
            hash: head.hash,
            closed: head.closed,
        },
    }
}
