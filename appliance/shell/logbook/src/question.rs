//! What can be asked, and what is told.

use attempt::{Code, Diagnosis, Record, Subnet, diagnose, subnet_of};
use std::net::IpAddr;
use vocab::UnixMillis;

/// Most attempts told at once.
pub const MAX_ANSWERS: usize = 500;

/// Whose attempt is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// By the attempt's own id (`CA_…`).
    Id(String),
    /// By the presence it became (`PA_…`).
    Sid(String),
    /// Of this life of a room (`RM_…`).
    Session(String),
    /// From this address.
    Address(IpAddr),
    /// From this subnet.
    Subnet(Subnet),
    /// By identity.
    Identity(String),
}

impl Wanted {
    /// What somebody typed: an attempt, a sid, an address, a subnet, else an identity.
    pub fn parse(text: &str) -> Self {
        if text.starts_with("CA_") {
            return Self::Id(text.to_owned());
        }
        if text.starts_with("PA_") {
            return Self::Sid(text.to_owned());
        }
        if text.starts_with("RM_") {
            return Self::Session(text.to_owned());
        }
        if let Ok(address) = text.parse() {
            return Self::Address(address);
        }
        match text.parse() {
            Ok(subnet) if text.contains('/') => Self::Subnet(subnet),
            _ => Self::Identity(text.to_owned()),
        }
    }

    pub(crate) fn fits(&self, record: &Record) -> bool {
        let remote = record.remote.map(|remote| remote.ip().to_canonical());
        match self {
            Self::Id(id) => record.id == *id,
            Self::Sid(sid) => record.sid.as_ref() == Some(sid),
            Self::Session(session) => record.session.as_ref() == Some(session),
            Self::Identity(identity) => record.identity.as_ref() == Some(identity),
            Self::Address(address) => remote == Some(address.to_canonical()),
            Self::Subnet(subnet) => remote.map(subnet_of) == Some(*subnet),
        }
    }
}

/// Which attempts are asked for.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// Only those that began since.
    pub since: UnixMillis,
    /// Only from this subnet.
    pub subnet: Option<Subnet>,
    /// Only with this cause, or this warning.
    pub code: Option<Code>,
}

impl Question {
    pub(crate) fn fits(&self, told: &Told) -> bool {
        told.record.at >= self.since
            && self
                .subnet
                .is_none_or(|subnet| told.record.subnet() == Some(subnet))
            && self.code.is_none_or(|code| told.diagnosis.names(code))
    }
}

/// An attempt and what it means now.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The facts.
    pub record: Record,
    /// What they mean.
    pub diagnosis: Diagnosis,
}

impl Told {
    pub(crate) fn of(record: Record, now: UnixMillis) -> Self {
        let diagnosis = diagnose(&record, now);
        Self { record, diagnosis }
    }
}

/// A subnet from which UDP does not reach the box, as far as its attempts tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocked {
    /// Which.
    pub subnet: Subnet,
    /// Attempts of the last hour that failed so.
    pub failed: u32,
    /// All that came as far as trying.
    pub of: u32,
}

/// The one that says most about somebody: the newest, but while that one is still undecided, one
/// of the last minute that found a cause. Clients try again by themselves.
pub(crate) fn most_telling(newest_first: impl Iterator<Item = Told>) -> Option<Told> {
    /// How far back a cause is still that of the present attempt.
    const RETRY_MS: u64 = 60_000;
    let mut newest: Option<Told> = None;
    for told in newest_first {
        let Some(first) = &newest else {
            if !told.diagnosis.is_open() {
                return Some(told);
            }
            newest = Some(told);
            continue;
        };
        if first.record.at.0.saturating_sub(told.record.at.0) > RETRY_MS {
            break;
        }
        if told.diagnosis.finding.is_some() {
            return Some(told);
        }
    }
    newest
}

#[cfg(test)]
mod tests {
    use super::*;
    use attempt::{Door, Tls, TlsFault};

    #[test]
    fn what_is_typed_is_understood() {
        for (text, want) in [
            ("CA_1", Wanted::Id("CA_1".to_owned())),
            ("PA_1", Wanted::Sid("PA_1".to_owned())),
            ("RM_1", Wanted::Session("RM_1".to_owned())),
            ("10.30.0.7", Wanted::Address("10.30.0.7".parse().unwrap())),
            (
                "10.30.0.0/24",
                Wanted::Subnet("10.30.0.0/24".parse().unwrap()),
            ),
            ("dr-4410", Wanted::Identity("dr-4410".to_owned())),
            ("a/b", Wanted::Identity("a/b".to_owned())),
        ] {
            assert_eq!(Wanted::parse(text), want, "{text}");
        }
    }

    #[test]
    fn a_retry_does_not_hide_the_cause() {
        let told = |at: u64, is_failed: bool| {
            let mut record = Record::new(format!("CA_{at}"), Door::Rtc, UnixMillis(at));
            if is_failed {
                record.tls = Tls::Refused(TlsFault::Untrusted);
            }
            Told::of(record, UnixMillis(at))
        };
        let found = |list: Vec<Told>| most_telling(list.into_iter()).map(|t| t.record.at.0);
        assert_eq!(
            found(vec![told(70_000, false), told(60_000, true)]),
            Some(60_000)
        );
        assert_eq!(
            found(vec![told(70_000, false), told(9_999, true)]),
            Some(70_000)
        );
        assert_eq!(
            found(vec![told(70_000, true), told(60_000, true)]),
            Some(70_000)
        );
        assert_eq!(found(vec![]), None);
    }
}
