//! Answers that were given, by the key they were asked with: tried again, it is the same action.

use super::Answer;
use domain::action::Action;
use std::collections::{HashMap, VecDeque};

/// Most answers remembered; the oldest is forgotten first. Ids are new after a restart, and so no
/// answer outlives one.
const MAX_REMEMBERED: usize = 4_096;

/// Who asked, and with which key.
type Key = (String, String);

/// What a key was used for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Used {
    /// For nothing yet.
    No,
    /// For this very action, which was answered so.
    Answered(Answer),
    /// For another action.
    Otherwise,
}

/// Answers by operator and key.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    answers: HashMap<Key, (Action, Answer)>,
    order: VecDeque<Key>,
}

impl Remembered {
    pub(super) fn find(&self, actor: &str, action: &Action) -> Used {
        let Some(key) = &action.key else {
            return Used::No;
        };
        match self.answers.get(&(actor.to_owned(), key.clone())) {
            None => Used::No,
            Some((before, answer)) if is_same(before, action) => Used::Answered(answer.clone()),
            Some(_) => Used::Otherwise,
        }
    }

    pub(super) fn add(&mut self, actor: &str, action: &Action, answer: &Answer) {
        let Some(key) = &action.key else { return };
        let key = (actor.to_owned(), key.clone());
        let entry = (action.clone(), answer.clone());
        if self.answers.insert(key.clone(), entry).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > MAX_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.answers.remove(&oldest);
        }
    }
}

/// A second try may wait for longer and is the same action all the same.
pub(super) fn is_same(a: &Action, b: &Action) -> bool {
    (a.verb, &a.target, a.reason, &a.note, a.minutes)
        == (b.verb, &b.target, b.reason, &b.note, b.minutes)
}
