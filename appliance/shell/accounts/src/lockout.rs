//! Who has guessed too often.
//!
//! What is locked is a name **from an address**: whoever guesses at everybody's accounts locks out
//! himself, and the night shift logs in from where it always does. An address that guesses at many
//! names is held as a whole.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Failures that a name has from one address before it waits.
const FREE_FAILURES: u32 = 5;

/// Failures that one address has over all names: a ward behind one address mistypes, too.
const FREE_FAILURES_OF_SOURCE: u32 = 30;

/// The first wait; each further failure doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(30);

/// The longest wait: nobody is locked out for a shift.
const MAX_WAIT: Duration = Duration::from_mins(15);

/// After so long without a failure everything is forgotten.
const FORGET: Duration = Duration::from_hours(1);

/// Entries kept. Beyond it the one that failed longest ago is forgotten: who fills the table needs
/// so many addresses that forgetting one helps him nothing.
const MAX_ENTRIES: usize = 4_096;

/// One subscriber's addresses: an IPv4 address, or an IPv6 /64, which one host has at will.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Source(IpAddr);

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// `None`: all names from that address.
type Key = (Option<String>, Source);

#[derive(Default)]
pub(crate) struct Lockout {
    entries: HashMap<Key, Entry>,
}

struct Entry {
    failures: u32,
    failed_at: Instant,
    until: Instant,
}

impl Lockout {
    /// How long `name` has to wait from there; `None`: not at all.
    pub(crate) fn wait(&self, name: &str, source: Source, now: Instant) -> Option<Duration> {
        let keys = [(Some(name.to_owned()), source), (None, source)];
        let longest = keys
            .iter()
            .filter_map(|key| self.entries.get(key))
            .map(|entry| entry.until.saturating_duration_since(now))
            .max()?;
        (!longest.is_zero()).then_some(longest)
    }

    /// Notes a failure; returns whether the name is locked out from there since this one.
    pub(crate) fn fail(&mut self, name: &str, source: Source, now: Instant) -> bool {
        self.entries
            .retain(|_, entry| now.saturating_duration_since(entry.failed_at) < FORGET);
        let locked = self.note((Some(name.to_owned()), source), FREE_FAILURES, now);
        self.note((None, source), FREE_FAILURES_OF_SOURCE, now);
        locked
    }

    /// A success: what was mistyped before is forgiven, to this name.
    pub(crate) fn succeed(&mut self, name: &str, source: Source) {
        self.entries.remove(&(Some(name.to_owned()), source));
    }

    /// Forgets every failure of a name.
    pub(crate) fn unlock(&mut self, name: &str) {
        self.entries
            .retain(|(of, _), _| of.as_deref() != Some(name));
    }

    /// From how many addresses a name has to wait.
    pub(crate) fn locked(&self, name: &str, now: Instant) -> usize {
        self.entries
            .iter()
            .filter(|((of, _), entry)| of.as_deref() == Some(name) && entry.until > now)
            .count()
    }

    fn note(&mut self, key: Key, free: u32, now: Instant) -> bool {
        if self.entries.len() >= MAX_ENTRIES && !self.entries.contains_key(&key) {
            self.forget_oldest();
        }
        let entry = self.entries.entry(key).or_insert(Entry {
            failures: 0,
            failed_at: now,
            until: now,
        });
        entry.failures = entry.failures.saturating_add(1);
        entry.failed_at = now;
        let Some(over) = entry.failures.checked_sub(free) else {
            return false;
        };
        let wait = FIRST_WAIT.saturating_mul(1_u32.checked_shl(over).unwrap_or(u32::MAX));
        entry.until = now + wait.min(MAX_WAIT);
        true
    }

    fn forget_oldest(&mut self) {
        let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.failed_at);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.entries.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> Source {
        Source::from(text.parse::<IpAddr>().unwrap())
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_fifth_failure_waits_and_each_further_one_twice_as_long() {
        let (mut lockout, now) = (Lockout::default(), Instant::now());
        let here = from("10.0.0.1");
        for _ in 1..5 {
            assert!(!lockout.fail("amara", here, now));
            assert_eq!(lockout.wait("amara", here, now), None);
        }
        for seconds in [30, 60, 120, 240, 480, 900, 900] {
            assert!(lockout.fail("amara", here, now));
            assert_eq!(lockout.wait("amara", here, now), Some(seconds * SECOND));
        }
        let at = |seconds| now + seconds * SECOND;
        assert_eq!(lockout.wait("amara", here, at(899)), Some(SECOND));
        assert_eq!(lockout.wait("amara", here, at(900)), None);
        for _ in 0..40 {
            lockout.fail("amara", here, now);
        }
        assert_eq!(lockout.wait("amara", here, now), Some(MAX_WAIT));
    }

    #[test]
    fn who_guesses_at_everybody_locks_out_only_himself() {
        let (mut lockout, now) = (Lockout::default(), Instant::now());
        let (attacker, night_shift) = (from("10.9.9.9"), from("10.0.0.1"));
        for name in 0..30 {
            lockout.fail(&format!("name{name}"), attacker, now);
        }
        assert!(lockout.wait("never-tried", attacker, now).is_some());
        for name in ["name0", "amara"] {
            assert_eq!(lockout.wait(name, night_shift, now), None, "{name}");
        }
    }

    #[test]
    fn an_ipv6_host_cannot_change_its_address_out_of_it() {
        assert_eq!(from("2001:db8::1"), from("2001:db8::ffff:2"));
        assert_ne!(from("2001:db8::1"), from("2001:db8:0:1::1"));
        assert_eq!(from("::ffff:10.0.0.1"), from("10.0.0.1"));
    }

    #[test]
    fn a_success_an_unlock_and_time_forgive() {
        let (mut lockout, now) = (Lockout::default(), Instant::now());
        let (one, two) = (from("10.0.0.1"), from("10.0.0.2"));
        for source in [one, two] {
            for _ in 0..5 {
                lockout.fail("amara", source, now);
            }
        }
        assert_eq!(lockout.locked("amara", now), 2);
        lockout.succeed("amara", one);
        assert_eq!(lockout.wait("amara", one, now), None);
        assert!(lockout.wait("amara", two, now).is_some());
        lockout.unlock("amara");
        assert_eq!(lockout.locked("amara", now), 0);
        for _ in 0..4 {
            lockout.fail("ben", one, now);
        }
        assert!(!lockout.fail("ben", one, now + FORGET), "forgotten");
    }

    #[test]
    fn the_table_is_bounded() {
        let (mut lockout, now) = (Lockout::default(), Instant::now());
        for n in 0..u32::try_from(MAX_ENTRIES).unwrap() {
            lockout.fail(
                "amara",
                Source(IpAddr::V4(n.into())),
                now + n * Duration::from_millis(1),
            );
        }
        assert!(lockout.entries.len() <= MAX_ENTRIES);
    }
}
