//! Who did what to the box, and what became of it, as it stands in the audit journal.

use serde::{Deserialize, Serialize};

/// Longest act, target, actor or reason in characters; longer ones are cut.
pub const MAX_AUDIT_WORD: usize = 256;

/// Longest detail in characters; longer ones are cut. A note is at most
/// [`crate::action::MAX_NOTE`].
pub const MAX_AUDIT_DETAIL: usize = 512;

const _: () = assert!(crate::action::MAX_NOTE <= MAX_AUDIT_DETAIL);

/// One entry. Field order is the disk format (postcard): append, never reorder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Who: `uid:0`, an operator's account, or `system`.
    pub actor: String,
    /// `end`, `login`, `arm`, …
    pub act: String,
    /// The id of what it was done to, or `box`.
    pub target: String,
    /// Before the effect or after it.
    pub phase: AuditPhase,
    /// The intent that an outcome belongs to.
    pub of: Option<u64>,
    /// The reason's code, or the outcome's word.
    pub reason: String,
    /// The note, or what was counted.
    pub detail: String,
}

/// Which half of an action an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AuditPhase {
    /// Written before anything happened.
    Intent,
    /// Written after.
    Outcome,
    /// A fact without two halves.
    Fact,
}

impl AuditRecord {
    /// A fact without two halves: logged in, armed, unmasked.
    #[must_use]
    pub fn fact(actor: &str, act: &str, target: &str, detail: &str) -> Self {
        Self {
            actor: actor.to_owned(),
            act: act.to_owned(),
            target: target.to_owned(),
            phase: AuditPhase::Fact,
            of: None,
            reason: String::new(),
            detail: detail.to_owned(),
        }
    }

    /// The same within its limits, on character boundaries.
    #[must_use]
    pub fn within_limits(mut self) -> Self {
        for word in [
            &mut self.actor,
            &mut self.act,
            &mut self.target,
            &mut self.reason,
        ] {
            cut(word, MAX_AUDIT_WORD);
        }
        cut(&mut self.detail, MAX_AUDIT_DETAIL);
        self
    }
}

fn cut(text: &mut String, most: usize) {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        let long = "ä".repeat(MAX_AUDIT_DETAIL + 1);
        let cut = AuditRecord::fact(&long, "login", "box", &long).within_limits();
        assert_eq!(cut.detail.chars().count(), MAX_AUDIT_DETAIL);
        assert_eq!(cut.actor.chars().count(), MAX_AUDIT_WORD);
        assert_eq!(cut.act, "login");
    }
}
