//! What the facts mean.

pub mod limits;
mod media;
mod path;
mod signalling;
mod token;

use crate::code::Code;
use crate::record::Record;
use crate::stage::{Grade, Stage};
use vocab::UnixMillis;

/// One stage of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageLine {
    /// Which.
    pub stage: Stage,
    /// How it went.
    pub grade: Grade,
    /// The cause, where it fails or warns.
    pub code: Option<Code>,
    /// What was seen: counts, addresses, differences.
    pub evidence: String,
}

/// The first blocking cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub code: Code,
    /// Where it stopped.
    pub stage: Stage,
    /// What was seen.
    pub evidence: String,
    /// For the patient.
    pub say: &'static str,
    /// For the network team: a line that can be forwarded as it is.
    pub network: String,
}

/// Every stage in order, and the first that blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// In the order of [`Stage::ALL`].
    pub stages: Vec<StageLine>,
    /// Of the first stage that fails.
    pub finding: Option<Finding>,
}

/// What one stage says.
pub(crate) enum Verdict {
    Pass(String),
    Warn(Code, String),
    Fail(Code, String),
    Skip(String),
}

impl Diagnosis {
    /// Media connection is up, and nothing blocks.
    pub fn is_well(&self) -> bool {
        let passes = |stage| {
            let mut lines = self.stages.iter();
            lines.any(|line| line.stage == stage && line.grade == Grade::Pass)
        };
        self.finding.is_none() && passes(Stage::Dtls)
    }

    /// Whether this code blocks or warns.
    pub fn names(&self, code: Code) -> bool {
        let is = |line: &StageLine| line.code == Some(code) && line.grade == Grade::Warn;
        self.finding.as_ref().is_some_and(|f| f.code == code) || self.stages.iter().any(is)
    }

    /// Nothing is known yet: neither a cause nor a connection.
    pub fn is_open(&self) -> bool {
        self.finding.is_none() && !self.is_well()
    }
}

/// Turns facts into what they mean at `now`. Never fails: what is not known is [`Grade::Skip`].
///
/// An attempt that ended is judged as of its end: somebody who left after a second was not blocked.
pub fn diagnose(record: &Record, now: UnixMillis) -> Diagnosis {
    let now = record.ended.map_or(now, |ended| ended.at.min(now));
    let stages: Vec<StageLine> = Stage::ALL
        .into_iter()
        .map(|stage| line(stage, verdict(record, stage, now)))
        .collect();
    let blocked = stages.iter().find(|line| line.grade == Grade::Fail);
    let finding = blocked.and_then(|line| {
        let code = line.code?;
        Some(Finding {
            code,
            stage: line.stage,
            evidence: line.evidence.clone(),
            say: code.say(),
            network: path::network(record, code),
        })
    });
    Diagnosis { stages, finding }
}

fn verdict(record: &Record, stage: Stage, now: UnixMillis) -> Verdict {
    match stage {
        Stage::Reach => signalling::reach(record),
        Stage::Tls => signalling::tls(record),
        Stage::Signal => signalling::signal(record, now),
        Stage::Token => token::token(record),
        Stage::Admission => signalling::admission(record),
        Stage::Codec => media::codec(record),
        Stage::Udp => path::udp(record, now),
        Stage::Tcp => path::tcp(record),
        Stage::Turn => path::turn(record),
        Stage::Dtls => path::dtls(record, now),
        Stage::Up => media::up(record, now),
        Stage::Down => media::down(record, now),
        Stage::Client => media::client(record),
    }
}

fn line(stage: Stage, verdict: Verdict) -> StageLine {
    let (grade, code, evidence) = match verdict {
        Verdict::Pass(evidence) => (Grade::Pass, None, evidence),
        Verdict::Warn(code, evidence) => (Grade::Warn, Some(code), evidence),
        Verdict::Fail(code, evidence) => (Grade::Fail, Some(code), evidence),
        Verdict::Skip(evidence) => (Grade::Skip, None, evidence),
    };
    StageLine {
        stage,
        grade,
        code,
        evidence,
    }
}

/// Milliseconds from `then` to `now`; none when the clock stepped back.
fn since(then: UnixMillis, now: UnixMillis) -> u64 {
    now.0.saturating_sub(then.0)
}

/// `4.2 s`.
fn secs(ms: u64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}

#[cfg(test)]
mod tests;
