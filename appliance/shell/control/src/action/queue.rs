//! The way of an action through a batch: asked, written down, done, written down again, answered.

use super::effect::Effect;
use super::erasure::Erasures;
use super::pace::Pace;
use super::remembered::{Remembered, Used, is_same};
use super::{ActError, Answer, Operator, Past, Reply};
use crate::boundary::contained;
use crate::control::Control;
use crate::staged::Saved;
use domain::action::{Action, Outcome};
use domain::audit::{AuditPhase, AuditRecord};
use std::time::Instant;
use tokio::sync::oneshot;
use vocab::UnixMillis;

/// The actions of the batch, and what is remembered of earlier ones.
#[derive(Default)]
pub(crate) struct Actions {
    asked: Vec<Asked>,
    notes: Vec<(u64, oneshot::Sender<Result<u64, String>>)>,
    pub(super) done: Vec<Done>,
    /// Something is buffered that no action waits for.
    refusals: bool,
    /// Requests for a second person that ended without one.
    pub(super) lapsed: Vec<AuditRecord>,
    pace: Pace,
    remembered: Remembered,
    /// Could not be written when it should have been.
    pub(super) owed: Vec<(UnixMillis, AuditRecord)>,
    /// When that is tried next.
    pub(super) pay_at: Option<Instant>,
    pub(crate) erasures: Erasures,
}

/// An action whose intent is buffered.
pub(super) struct Asked {
    pub(super) action: Action,
    pub(super) by: Operator,
    pub(super) past: Past,
    /// Its intent's place; `None` when it could not even be buffered.
    audit: Option<u64>,
    /// When it was asked for: its deadline counts from here.
    at: Instant,
    replies: Vec<Reply>,
}

/// An action whose effects go out with the batch.
pub(super) struct Done {
    pub(super) asked: Asked,
    pub(super) effect: Effect,
    began: Instant,
}

impl Asked {
    /// Whether the soft way would come too late.
    pub(super) fn is_late(&self) -> bool {
        self.at.elapsed() > self.action.deadline
    }

    /// Its intent's place; `None` while it is owed.
    pub(super) fn audit(&self) -> Option<u64> {
        self.audit
    }

    fn record(&self, phase: AuditPhase) -> AuditRecord {
        let note = self.action.note.trim();
        let detail = match self.action.minutes {
            Some(minutes) if note.is_empty() => format!("{minutes} min"),
            Some(minutes) => format!("{minutes} min; {note}"),
            None => note.to_owned(),
        };
        AuditRecord {
            actor: self.by.name.clone(),
            act: self.action.verb.as_str().to_owned(),
            target: self.action.target.to_string(),
            phase,
            of: None,
            reason: self.action.reason.as_str().to_owned(),
            detail,
        }
        .within_limits()
    }

    fn intent(&self) -> AuditRecord {
        self.record(if self.action.verb.is_fact() {
            AuditPhase::Fact
        } else {
            AuditPhase::Intent
        })
    }

    fn outcome(&self, outcome: Outcome, detail: &str) -> AuditRecord {
        AuditRecord {
            of: self.audit,
            reason: outcome.as_str().to_owned(),
            detail: detail.to_owned(),
            ..self.record(AuditPhase::Outcome)
        }
        .within_limits()
    }

    fn refuse(self, why: &ActError) {
        for reply in self.replies {
            // A caller that went away needs no answer.
            let _ = reply.send(Err(why.clone()));
        }
    }
}

impl Control {
    /// Checks an action and buffers its intent. Nothing happens yet.
    pub(super) fn begin_action(&mut self, action: Action, by: Operator, past: Past, reply: Reply) {
        let now = Instant::now();
        let asked = Asked {
            action,
            by,
            past,
            audit: None,
            at: now,
            replies: vec![reply],
        };
        let again = match self.actions.remembered.find(&asked.by.name, &asked.action) {
            Used::Answered(answer) => Some(Ok(answer)),
            Used::Otherwise => Some(Err(ActError::KeyReused)),
            Used::No => None,
        };
        if let Some(answer) = again {
            for reply in asked.replies {
                let _ = reply.send(answer.clone());
            }
            return;
        }
        let Some(mut asked) = self.actions.not_yet_asked(asked) else {
            return;
        };
        let urgent = asked.action.breaks_glass();
        if !self.actions.pace.take(&asked.by.name, urgent, now) {
            return asked.refuse(&ActError::TooMany);
        }
        if let Err(why) = self.may(&asked) {
            return asked.refuse(&why);
        }
        match self.store.audit().append(Self::now().unix, &asked.intent()) {
            Ok(sequence) => asked.audit = Some(sequence),
            Err(error) => {
                let problem = error.to_string();
                self.tell_audit(Some(problem.clone()));
                if !urgent {
                    return asked.refuse(&ActError::AuditUnwritable(problem));
                }
            }
        }
        self.actions.asked.push(asked);
    }

    /// Buffers an entry beside the batch's intents: they are put on disk together, or none is.
    pub(crate) fn begin_record(
        &mut self,
        record: &AuditRecord,
        reply: oneshot::Sender<Result<u64, String>>,
    ) {
        let at = Self::now().unix;
        match self.store.audit().append(at, record) {
            Ok(sequence) => self.actions.notes.push((sequence, reply)),
            Err(error) => {
                self.tell_audit(Some(error.to_string()));
                let _ = reply.send(Err(error.to_string()));
            }
        }
    }

    /// Role and target.
    fn may(&mut self, asked: &Asked) -> Result<(), ActError> {
        let (verb, has) = (asked.action.verb, asked.by.role);
        if has < verb.needs() {
            let refusal = AuditRecord {
                reason: "forbidden".to_owned(),
                detail: format!("has the role {}", has.as_str()),
                ..asked.record(AuditPhase::Fact)
            };
            let at = Self::now().unix;
            self.actions.refusals |= self.store.audit().append(at, &refusal).is_ok();
            let who = asked.by.name.clone();
            return Err(ActError::Forbidden { verb, who, has });
        }
        self.known(asked)
    }

    /// Puts the batch's intents on disk, then does them.
    pub(crate) fn perform_actions(&mut self) {
        let lapsed = self.write_lapsed();
        let actions = &mut self.actions;
        let (asked, notes) = (
            std::mem::take(&mut actions.asked),
            std::mem::take(&mut actions.notes),
        );
        if asked.is_empty() && notes.is_empty() && !std::mem::take(&mut actions.refusals) {
            return self.pay_owed();
        }
        let written = self.commit_audit();
        if written.is_err() {
            for record in lapsed {
                self.owe(record);
            }
        }
        for (sequence, reply) in notes {
            let _ = reply.send(written.clone().map(|()| sequence));
        }
        for mut asked in asked {
            if let Err(problem) = &written {
                asked.audit = None;
                if !asked.action.breaks_glass() {
                    asked.refuse(&ActError::AuditUnwritable(problem.clone()));
                    continue;
                }
            }
            if asked.audit.is_none() {
                self.owe(asked.intent());
            }
            self.perform(asked);
        }
    }

    /// Buffers what lapsed, and gives it back in case it must be owed.
    fn write_lapsed(&mut self) -> Vec<AuditRecord> {
        let at = Self::now().unix;
        let (mut written, lapsed) = (Vec::new(), std::mem::take(&mut self.actions.lapsed));
        for record in lapsed {
            if self.store.audit().append(at, &record).is_ok() {
                self.actions.refusals = true;
                written.push(record);
            } else {
                self.owe(record);
            }
        }
        written
    }

    fn perform(&mut self, asked: Asked) {
        let began = Instant::now();
        let effect = contained(|| self.effect(&asked)).unwrap_or_else(|| {
            tracing::error!(
                act = asked.action.verb.as_str(),
                "an action panicked; its operator was told that it failed"
            );
            Effect::new(Outcome::Failed, "it broke inside the box")
        });
        self.actions.done.push(Done {
            asked,
            effect,
            began,
        });
    }

    /// What the batch's actions caused has gone out: says so in the audit journal and to those who
    /// asked.
    pub(crate) fn finish_actions(&mut self, saved: Saved) {
        if self.actions.done.is_empty() {
            return;
        }
        let done = std::mem::take(&mut self.actions.done);
        let mut answers = Vec::with_capacity(done.len());
        let mut unwritten = Vec::new();
        for mut done in done {
            if let Some(purge) = done.effect.take_purge() {
                self.erase(purge, done, saved);
                continue;
            }
            let took = done.began.elapsed();
            let waits_until = done.effect.waits_until;
            let (outcome, detail) = done.effect.after(saved);
            if !done.asked.action.verb.is_fact() {
                let record = done.asked.outcome(outcome, &detail);
                let at = Self::now().unix;
                if done.asked.audit.is_none() || self.store.audit().append(at, &record).is_err() {
                    self.owe(record);
                } else {
                    unwritten.push(record);
                }
            }
            let answer = Answer {
                audit: done.asked.audit.unwrap_or(0),
                outcome,
                detail,
                took,
                waits_until,
            };
            answers.push((done.asked, answer));
        }
        let written = if unwritten.is_empty() {
            Ok(())
        } else {
            self.commit_audit()
        };
        if written.is_err() {
            for record in unwritten {
                self.owe(record);
            }
        }
        for (asked, answer) in answers {
            self.answer(asked, answer, written.is_ok());
        }
    }

    fn answer(&mut self, asked: Asked, mut answer: Answer, written: bool) {
        if asked.audit.is_none() || !written {
            let owed = "; the audit journal could not be written, its entry is owed";
            answer.detail.push_str(owed);
        }
        metrics::counter!(
            "ringward_actions_total",
            "verb" => asked.action.verb.as_str(), "outcome" => answer.outcome.as_str()
        )
        .increment(1);
        self.actions
            .remembered
            .add(&asked.by.name, &asked.action, &answer);
        for reply in asked.replies {
            let _ = reply.send(Ok(answer.clone()));
        }
    }
}

impl Actions {
    /// `None` when the same action with the same key is in this batch already: it is answered with
    /// that one.
    fn not_yet_asked(&mut self, asked: Asked) -> Option<Asked> {
        let key = asked.action.key.as_ref();
        let twin = self.asked.iter_mut().find(|before| {
            key.is_some() && before.action.key.as_ref() == key && before.by.name == asked.by.name
        });
        let Some(twin) = twin else {
            return Some(asked);
        };
        if is_same(&twin.action, &asked.action) {
            twin.replies.extend(asked.replies);
        } else {
            asked.refuse(&ActError::KeyReused);
        }
        None
    }
}
