//! Records in memory: those that live, and those of late.

use crate::logbook::AttemptKey;
use attempt::{Code, Diagnosis, Grade, Record, Stage, StageLine, diagnose};
use std::collections::BTreeMap;
use vocab::UnixMillis;

/// Most records in memory, as many as there may be connections. Beyond it the oldest that are over
/// go first, then the oldest; what is noted of one that went is lost.
pub(crate) const MAX_RECORDS: usize = 8_192;
/// Most records of people whose token proves nothing: strangers cannot push everybody else out.
pub(crate) const MAX_UNPROVEN: usize = 1_024;
/// Most lines written of one attempt: it changes its meaning a few times.
const MAX_LINES: u8 = 8;
/// An attempt that nobody touched for this long says nothing new by itself.
const QUIET_MS: u64 = 60_000;
/// The same person with the same cause within this is a repeat.
const REPEAT_MS: u64 = 60_000;

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) record: Record,
    /// What was found when it was judged last.
    pub(crate) judged: Option<Meaning>,
    lines: u8,
}

/// What of a diagnosis is worth a line when it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meaning {
    code: Option<Code>,
    well: bool,
    over: bool,
    words: usize,
    warned: Option<Code>,
    flows: (bool, bool),
    is_udp_blocked: Option<bool>,
}

impl Meaning {
    pub(crate) fn of(record: &Record, diagnosis: &Diagnosis) -> Self {
        let flowing = record.media.published.iter().any(|p| p.flowing.is_some());
        let reported = record.transports.iter().any(|t| t.reported);
        let warned = diagnosis
            .stages
            .iter()
            .find(|line| line.grade == attempt::Grade::Warn);
        Self {
            code: diagnosis.finding.as_ref().map(|finding| finding.code),
            well: diagnosis.is_well(),
            over: record.is_over(),
            words: record.words.len(),
            warned: warned.and_then(|line| line.code),
            flows: (flowing, reported),
            is_udp_blocked: is_udp_blocked(record, diagnosis),
        }
    }

    pub(crate) fn code(&self) -> Option<Code> {
        self.code
    }

    pub(crate) fn is_udp_blocked(&self) -> Option<bool> {
        self.is_udp_blocked
    }
}

/// Whether UDP was blocked (`true`) or passed (`false`); `None`: it never came to that.
fn is_udp_blocked(record: &Record, diagnosis: &Diagnosis) -> Option<bool> {
    if record.transports.is_empty() {
        return None;
    }
    let blocked = [Code::UdpBlocked, Code::UdpOneWay, Code::IceTcpOnly];
    if blocked.iter().any(|code| diagnosis.names(*code)) {
        return Some(true);
    }
    let passes = |line: &StageLine| line.stage == Stage::Udp && line.grade == Grade::Pass;
    diagnosis.stages.iter().any(passes).then_some(false)
}

/// Records by key; keys rise with time.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    entries: BTreeMap<AttemptKey, Entry>,
    unproven: usize,
}

impl Shelf {
    pub(crate) fn add(&mut self, key: AttemptKey, record: Record) {
        self.unproven += usize::from(!record.proven);
        let entry = Entry {
            record,
            judged: None,
            lines: 0,
        };
        self.entries.insert(key, entry);
        if self.unproven > MAX_UNPROVEN {
            self.evict(|entry| !entry.record.proven && entry.record.is_over());
        }
        if self.entries.len() > MAX_RECORDS {
            self.evict(|entry| entry.record.is_over());
        }
    }

    /// Takes the oldest of a kind, or the oldest.
    fn evict(&mut self, is_kind: impl Fn(&Entry) -> bool) {
        let mut entries = self.entries.iter();
        let found = entries
            .find(|(_, entry)| is_kind(entry))
            .map(|(key, _)| *key);
        let key = found.or(self.entries.keys().next().copied());
        if let Some(entry) = key.and_then(|key| self.entries.remove(&key)) {
            self.unproven -= usize::from(!entry.record.proven);
        }
    }

    /// Changes a record; false when it is not here any more.
    pub(crate) fn note(&mut self, key: AttemptKey, note: impl FnOnce(&mut Record)) -> bool {
        let Some(entry) = self.entries.get_mut(&key) else {
            return false;
        };
        let was = entry.record.proven;
        note(&mut entry.record);
        match (was, entry.record.proven) {
            (true, false) => self.unproven += 1,
            (false, true) => self.unproven -= 1,
            _ => {}
        }
        true
    }

    /// Forgets records for good; which is returned.
    pub(crate) fn remove(&mut self, is_one: impl Fn(&Record) -> bool) -> Vec<String> {
        let gone = self
            .entries
            .extract_if(.., |_, entry| is_one(&entry.record));
        let gone: Vec<Record> = gone.map(|(_, entry)| entry.record).collect();
        self.unproven -= gone.iter().filter(|record| !record.proven).count();
        gone.into_iter().map(|record| record.id).collect()
    }

    pub(crate) fn get(&self, key: AttemptKey) -> Option<&Record> {
        self.entries.get(&key).map(|entry| &entry.record)
    }

    /// The newest first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = (AttemptKey, &Entry)> {
        self.entries.iter().rev().map(|(key, entry)| (*key, entry))
    }

    /// The beginning of the oldest record here.
    pub(crate) fn oldest(&self) -> Option<UnixMillis> {
        self.entries.values().next().map(|entry| entry.record.at)
    }

    /// Judges what may have changed its meaning; what is to be written comes back.
    pub(crate) fn judge(&mut self, now: UnixMillis) -> Vec<Record> {
        let mut changed = Vec::new();
        for entry in self.entries.values_mut() {
            let quiet = now.0.saturating_sub(entry.record.touched.0);
            let is_new = entry.judged.is_none();
            if !is_new && quiet > QUIET_MS {
                continue;
            }
            let meaning = Meaning::of(&entry.record, &diagnose(&entry.record, now));
            let is_said = entry.judged.replace(meaning) == Some(meaning);
            // An attempt that is a moment old says nothing yet.
            let says = meaning.code.is_some() || meaning.well || meaning.over;
            let has_room = entry.lines < MAX_LINES || meaning.over;
            // Repeats are written at 1, 3, 7, …: a flood costs its logarithm.
            let is_counted = entry.record.repeats.saturating_add(1).is_power_of_two();
            if !is_said && says && has_room && is_counted {
                entry.lines = entry.lines.saturating_add(1);
                changed.push(entry.record.clone());
            }
        }
        changed
    }

    /// Folds a refused attempt into an earlier one of the last minute that says the same of the
    /// same person: the newer one stays and counts both.
    pub(crate) fn fold(&mut self, key: AttemptKey, now: UnixMillis) {
        let Some(newer) = self.get(key) else { return };
        let code = diagnose(newer, now).finding.map(|finding| finding.code);
        if code.is_none() || !newer.is_over() {
            return;
        }
        let same = self.newest().find(|(other, entry)| {
            let record = &entry.record;
            *other != key
                && record.is_over()
                && now.0.saturating_sub(record.at.0) < REPEAT_MS
                && record.remote.map(|r| r.ip()) == newer.remote.map(|r| r.ip())
                && (&record.identity, &record.room) == (&newer.identity, &newer.room)
                && entry.judged.map_or_else(
                    || diagnose(record, now).finding.map(|finding| finding.code),
                    |judged| judged.code(),
                ) == code
        });
        let Some(earlier) = same.map(|(earlier, _)| earlier) else {
            return;
        };
        if let Some(entry) = self.entries.remove(&earlier) {
            self.unproven -= usize::from(!entry.record.proven);
            let repeats = entry.record.repeats.saturating_add(1);
            self.note(key, |record| record.repeats = repeats);
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}
