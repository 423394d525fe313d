//! What the records say.

use super::{AttemptKey, Logbook};
use crate::clock;
use crate::pages;
use crate::question::{Blocked, MAX_ANSWERS, Question, Told, Wanted, most_telling};
use crate::shelf::{Entry, Meaning};
use attempt::{Code, Group, Record, Seen, Subnet, diagnose, groups};
use std::collections::BTreeMap;
use std::io;
use vocab::UnixMillis;

/// How far back attempts make an alarm or a group.
const HOUR_MS: u64 = 3_600_000;
/// How long after its end an attempt may still be reported about.
const RECENT_MS: u64 = 120_000;
/// Attempts of one subnet that fail in the same way before it is the subnet.
const MIN_FAILED: u32 = 3;

impl Logbook {
    /// The attempt that says most about somebody, if it is recent enough to be in memory.
    pub fn why(&self, wanted: &Wanted) -> Option<Told> {
        let now = clock::now();
        let shelf = self.0.shelf();
        let fitting = shelf
            .newest()
            .filter(|(_, entry)| wanted.fits(&entry.record));
        most_telling(fitting.map(|(_, entry)| Told::of(entry.record.clone(), now)))
    }

    /// The same from the files, newest day first. Reads up to 30 files: not for a thread that
    /// others wait for.
    pub fn why_of_old(&self, wanted: &Wanted) -> io::Result<Option<Told>> {
        let Some(folder) = &self.0.folder else {
            return Ok(None);
        };
        let now = clock::now();
        for (_, path) in pages::days(folder)?.into_iter().rev() {
            let records = pages::read(&path)?;
            let fitting = records
                .into_iter()
                .rev()
                .filter(|record| wanted.fits(record));
            let found = most_telling(fitting.map(|record| Told::of(record, now)));
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Attempts, newest first, [`MAX_ANSWERS`] at most. What is older than memory is read from the
    /// files: not for a thread that others wait for.
    pub fn attempts(&self, question: &Question) -> io::Result<Vec<Told>> {
        let now = clock::now();
        let mut found = Vec::new();
        let oldest = {
            let shelf = self.0.shelf();
            for (_, entry) in shelf.newest() {
                take(&mut found, entry.record.clone(), question, now);
            }
            shelf.oldest().unwrap_or(now)
        };
        if let Some(folder) = self.0.folder.as_ref().filter(|_| question.since < oldest) {
            for (_, path) in pages::days(folder)?.into_iter().rev() {
                if found.len() >= MAX_ANSWERS {
                    break;
                }
                for record in pages::read(&path)?.into_iter().rev() {
                    if record.at < oldest {
                        take(&mut found, record, question, now);
                    }
                }
            }
        }
        Ok(found)
    }

    /// What attempts of the last hour share this cause.
    pub fn groups(&self, code: Code) -> Vec<Group> {
        let now = clock::now();
        let shelf = self.0.shelf();
        let recent: Vec<(&Record, Option<Code>)> = shelf
            .newest()
            .take_while(|(_, entry)| now.0.saturating_sub(entry.record.at.0) <= HOUR_MS)
            .map(|(_, entry)| {
                let finding = diagnose(&entry.record, now).finding;
                (&entry.record, finding.map(|finding| finding.code))
            })
            .collect();
        let seen = recent.iter().map(|(record, code)| Seen {
            record,
            code: *code,
        });
        groups(seen, code, now)
    }

    /// Subnets from which UDP does not reach the box: three attempts of the last hour or more
    /// failed so, and none got through. Answered from what the thread judged within the last
    /// second: cheap enough to be asked every second.
    pub fn blocked(&self) -> Vec<Blocked> {
        let now = clock::now();
        let mut counts: BTreeMap<Subnet, (u32, u32)> = BTreeMap::new();
        let shelf = self.0.shelf();
        for (_, entry) in shelf.newest() {
            let record = &entry.record;
            if now.0.saturating_sub(record.at.0) > HOUR_MS {
                break;
            }
            let (Some(subnet), Some(is_blocked)) = (record.subnet(), is_udp_blocked(entry, now))
            else {
                continue;
            };
            let (failed, of) = counts.entry(subnet).or_default();
            let repeats = record.repeats.saturating_add(1);
            *failed = failed.saturating_add(if is_blocked { repeats } else { 0 });
            *of = of.saturating_add(repeats);
        }
        let all_failed = |(failed, of): &(u32, u32)| *failed >= MIN_FAILED && failed == of;
        counts
            .into_iter()
            .filter(|(_, count)| all_failed(count))
            .map(|(subnet, (failed, of))| Blocked { subnet, failed, of })
            .collect()
    }

    /// The newest attempt of this identity in this room, if it lives or ended just now.
    pub fn recent(&self, identity: &str, room: &str) -> Option<AttemptKey> {
        let now = clock::now();
        let shelf = self.0.shelf();
        let mut newest = shelf.newest();
        let is_theirs = |record: &Record| {
            record.identity.as_deref() == Some(identity) && record.room.as_deref() == Some(room)
        };
        let is_recent = |record: &Record| {
            !record.is_over() || now.0.saturating_sub(record.touched.0) < RECENT_MS
        };
        newest
            .find(|(_, entry)| is_theirs(&entry.record))
            .filter(|(_, entry)| is_recent(&entry.record))
            .map(|(key, _)| key)
    }

    /// The newest attempt of this identity in this room that still lives.
    pub fn living(&self, identity: &str, room: &str) -> Option<AttemptKey> {
        let shelf = self.0.shelf();
        let mut newest = shelf.newest();
        newest
            .find(|(_, entry)| {
                let record = &entry.record;
                !record.is_over()
                    && record.identity.as_deref() == Some(identity)
                    && record.room.as_deref() == Some(room)
            })
            .map(|(key, _)| key)
    }
}

fn is_udp_blocked(entry: &Entry, now: UnixMillis) -> Option<bool> {
    let record = &entry.record;
    let judge = || Meaning::of(record, &diagnose(record, now));
    entry.judged.unwrap_or_else(judge).is_udp_blocked()
}

fn take(found: &mut Vec<Told>, record: Record, question: &Question, now: UnixMillis) {
    if found.len() < MAX_ANSWERS && record.at >= question.since {
        let told = Told::of(record, now);
        if question.fits(&told) {
            found.push(told);
        }
    }
}
