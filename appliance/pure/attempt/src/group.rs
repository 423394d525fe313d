//! Attempts that share a cause: one VLAN is one cause, not five.

use crate::code::Code;
use crate::record::Record;
use std::collections::BTreeMap;
use vocab::UnixMillis;

/// Most groups told: the largest say where to look.
const MAX_GROUPS: usize = 8;
/// Attempts that make a group.
const MIN_FAILED: u32 = 2;
/// How far back groups look.
const WINDOW_MS: u64 = 3_600_000;

/// An attempt and the cause that was found, if any.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The attempt.
    pub record: &'a Record,
    /// Its first blocking cause.
    pub code: Option<Code>,
}

/// Attempts that share a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// `subnet`, `client` or `device`.
    pub by: &'static str,
    /// `10.30.0.0/24`, `chromium 156`, ….
    pub value: String,
    /// Attempts with the cause.
    pub failed: u32,
    /// All attempts of the group.
    pub of: u32,
}

/// What attempts of the last hour share `code`, by subnet, client and device model, largest share
/// first. A repeated attempt counts once.
pub fn groups<'a>(seen: impl Iterator<Item = Seen<'a>>, code: Code, now: UnixMillis) -> Vec<Group> {
    let mut counts: BTreeMap<(&'static str, String), (u32, u32)> = BTreeMap::new();
    for Seen {
        record,
        code: found,
    } in seen
    {
        if now.0.saturating_sub(record.at.0) > WINDOW_MS {
            continue;
        }
        let subnet = record.subnet().map(|subnet| subnet.to_string());
        let keys = [
            ("subnet", subnet),
            ("client", record.client.clone()),
            ("device", record.device.clone()),
        ];
        for (by, value) in keys {
            let Some(value) = value else { continue };
            let (failed, of) = counts.entry((by, value)).or_default();
            *failed = failed.saturating_add(u32::from(found == Some(code)));
            *of = of.saturating_add(1);
        }
    }
    let mut groups: Vec<Group> = counts
        .into_iter()
        .filter(|(_, (failed, _))| *failed >= MIN_FAILED)
        .map(|((by, value), (failed, of))| Group {
            by,
            value,
            failed,
            of,
        })
        .collect();
    // Subnet first where all else is equal: it is what can be repaired in one place.
    let order = |by| {
        ["subnet", "client", "device"]
            .iter()
            .position(|known| *known == by)
    };
    groups.sort_by(|a, b| {
        let share = u64::from(b.failed).saturating_mul(a.of.into());
        let other = u64::from(a.failed).saturating_mul(b.of.into());
        (b.failed.cmp(&a.failed))
            .then(share.cmp(&other))
            .then(order(a.by).cmp(&order(b.by)))
    });
    groups.truncate(MAX_GROUPS);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Door;

    fn attempt(remote: &str, client: &str) -> Record {
        let mut record = Record::new("CA_1".to_owned(), Door::Rtc, UnixMillis(5_000));
        record.remote = remote.parse().ok();
        record.set_client(client, "");
        record
    }

    #[test]
    fn one_vlan_is_one_cause() {
        let mut records: Vec<(Record, Option<Code>)> = (1..=5)
            .map(|n| {
                (
                    attempt(&format!("10.30.0.{n}:9"), "chromium 156"),
                    Some(Code::UdpBlocked),
                )
            })
            .collect();
        records.push((attempt("10.30.0.9:9", "python 1.2.0"), None));
        records.push((attempt("10.40.0.9:9", "chromium 156"), None));
        let seen = || {
            records.iter().map(|(record, code)| Seen {
                record,
                code: *code,
            })
        };
        let found = groups(seen(), Code::UdpBlocked, UnixMillis(6_000));
        let told: Vec<_> = found
            .iter()
            .map(|g| (g.by, g.value.as_str(), g.failed, g.of))
            .collect();
        assert_eq!(
            told,
            [
                ("subnet", "10.30.0.0/24", 5, 6),
                ("client", "chromium 156", 5, 6)
            ],
            "the subnet comes first, 10.40 is no group"
        );
        assert!(groups(seen(), Code::UdpOneWay, UnixMillis(6_000)).is_empty());
        let later = UnixMillis(5_000 + WINDOW_MS + 1);
        assert!(
            groups(seen(), Code::UdpBlocked, later).is_empty(),
            "an hour later"
        );
    }
}
