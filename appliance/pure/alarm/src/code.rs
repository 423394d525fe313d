//! The table of all alarms: priority, what follows, what to do, and by when.

use std::time::Duration;

/// How urgent, most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// `***`: now.
    High,
    /// `**`: soon.
    Medium,
    /// `*`: this shift.
    Low,
}

/// What is the same for every alarm of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// Which.
    pub code: Code,
    /// As shown, in the API and as the runbook's anchor (in lower case).
    pub name: &'static str,
    /// How urgent.
    pub priority: Priority,
    /// What happens if nobody acts.
    pub consequence: &'static str,
    /// What to do.
    pub action: &'static str,
    /// Time for it, counted from being raised.
    pub time_allowed: Duration,
    /// How long the cause must last before it is an alarm.
    pub raise_after: Duration,
    /// How long the cause must be gone before the alarm returns: with this nothing chatters.
    pub clear_after: Duration,
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

const fn hours(hours: u64) -> Duration {
    Duration::from_hours(hours)
}

macro_rules! alarms {
    ($($(#[$doc:meta])* $code:ident $name:literal $priority:ident
        consequence $consequence:literal action $action:literal
        within $allowed:expr, raised after $raise:expr, cleared after $clear:expr;)*) => {
        /// Every technical alarm there is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $code,)*
        }

        impl Code {
            /// All of them, most urgent first.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// What is the same for every alarm of this code.
            #[must_use]
            pub fn definition(self) -> &'static Definition {
                match self {
                    $(Self::$code => const { &Definition {
                        code: Self::$code,
                        name: $name,
                        priority: Priority::$priority,
                        consequence: $consequence,
                        action: $action,
                        time_allowed: $allowed,
                        raise_after: $raise,
                        clear_after: $clear,
                    } },)*
                }
            }
        }
    };
}

alarms! {
    /// The audit journal takes no entry.
    AuditUnwritable "AUDIT-UNWRITABLE" High
        consequence "Operators can end nothing but in an emergency, and what they then do is not on record."
        action "Free disk space under the data folder or replace the disk; then acknowledge."
        within minutes(10), raised after seconds(0), cleared after seconds(10);
    /// The event journal takes no event.
    StoreUnwritable "STORE-UNWRITABLE" High
        consequence "Calls go on; nobody new is admitted, and what happens is not on record."
        action "Free disk space under the data folder or replace the disk; `ringward health` says what the disk answered."
        within minutes(10), raised after seconds(0), cleared after seconds(10);
    /// A media thread has ended or no longer turns.
    MediaDown "MEDIA-DOWN" High
        consequence "Everybody in its rooms sees and hears nothing."
        action "Restart the box (`systemctl restart ringward`); clients come back by themselves. Keep the log."
        within minutes(2), raised after seconds(5), cleared after seconds(10);
    /// A certificate in use is not valid now.
    CertExpired "CERT-EXPIRED" High
        consequence "Browsers and devices refuse the box: nobody new gets in."
        action "Put the renewed certificate in its place; the box takes it up by itself."
        within minutes(30), raised after seconds(0), cleared after seconds(10);
    /// A new certificate was put in place and cannot be used.
    CertRefused "CERT-REFUSED" Medium
        consequence "The old certificate stays in use; on the day it expires nobody new gets in."
        action "Put right what the cause names, then `systemctl reload ringward`."
        within hours(8), raised after seconds(0), cleared after seconds(0);
    /// Somebody ended alone, for safety, what takes two people.
    BreakGlass "BREAK-GLASS" Medium
        consequence "Nobody else has judged whether the held session had to end."
        action "Ask who ended it and why (`ringward audit --act end`); then acknowledge, which is what ends this alarm."
        within hours(8), raised after seconds(0), cleared after seconds(0);
    /// Nobody of a subnet gets media over UDP.
    UdpBlock "UDP-BLOCK" Medium
        consequence "Nobody in this subnet has picture or sound, or only over a slower path."
        action "Send the network team the line that `ringward why SUBNET` prints."
        within hours(1), raised after seconds(0), cleared after minutes(10);
    /// Participants of a subnet lose more than 5 % of their packets.
    Loss "LOSS" Medium
        consequence "Pictures freeze and voices break up for the people counted."
        action "Check the wireless network or uplink of this subnet; ask them to move closer or to use a cable."
        within minutes(30), raised after seconds(30), cleared after seconds(30);
    /// The disk under the data folder fills.
    DiskLow "DISK-LOW" Medium
        consequence "When it is full nobody new is admitted and nothing is recorded."
        action "Free space or enlarge the disk under the data folder."
        within hours(8), raised after seconds(10), cleared after minutes(5);
    /// Few descriptors are left.
    FdsLow "FDS-LOW" Medium
        consequence "New connections will be refused; present calls go on."
        action "Raise LimitNOFILE of the unit, or find what holds connections open (`ringward health`)."
        within hours(1), raised after seconds(10), cleared after minutes(1);
    /// A media core has no time left.
    MediaBusy "MEDIA-BUSY" Medium
        consequence "Packets wait: delay grows for everybody on this core, and pictures get smaller."
        action "Move rooms to quieter hours, or give the box more media cores (`workers`)."
        within hours(1), raised after minutes(1), cleared after minutes(1);
    /// The kernel drops datagrams before the box reads them.
    ReceiveDrops "RECEIVE-DROPS" Medium
        consequence "Everybody sent through this box loses packets."
        action "Raise net.core.rmem_max (`ringward check --apply`), or see MEDIA-BUSY."
        within hours(1), raised after seconds(10), cleared after minutes(1);
    /// The journal or its index was damaged.
    StoreDamaged "STORE-DAMAGED" Medium
        consequence "Events of the past cannot all be read; the present is recorded."
        action "Check the disk (SMART), run `ringward store verify` at the next stop, restore from backup if it says so."
        within hours(8), raised after seconds(0), cleared after seconds(10);
    /// A certificate in use expires within 30 days.
    Cert30d "CERT-30D" Low
        consequence "On the day it expires nobody new gets in."
        action "Renew it with the hospital's CA and put it in its place."
        within hours(24 * 7), raised after seconds(0), cleared after seconds(10);
    /// No backup for more than a day.
    BackupLate "BACKUP-LATE" Low
        consequence "After a lost disk everything since the last backup is gone."
        action "Run `ringward backup`, and see why the nightly one did not run."
        within hours(24), raised after seconds(10), cleared after seconds(10);
    /// The box's clock was set while it ran.
    ClockStep "CLOCK-STEP" Low
        consequence "Times on record around the step are wrong; tokens may be refused as too old or too new."
        action "Find who set the clock; let one time service do it, in small steps."
        within hours(8), raised after seconds(0), cleared after minutes(5);
    /// The box's clock is far from the time server's, or no time service runs.
    ClockUnsynced "CLOCK-UNSYNCED" Low
        consequence "The clock drifts; sooner or later tokens are refused and times on record are wrong."
        action "Let chrony or systemd-timesyncd follow the hospital's time server."
        within hours(24), raised after minutes(5), cleared after minutes(1);
    /// `io_uring` was wanted and is not available.
    RingFallback "RING-FALLBACK" Low
        consequence "The box carries fewer people per core; nothing else changes."
        action "Allow io_uring (kernel 6.1 or later, sysctl kernel.io_uring_disabled=0), or set net.backend = \"portable\"."
        within hours(24 * 7), raised after seconds(0), cleared after seconds(0);
    /// Webhooks wait because a receiver does not take them.
    WebhooksLate "WEBHOOKS-LATE" Low
        consequence "The hospital's systems learn late of joins and ends; when the spool is full the newest are lost."
        action "See whether the receiver answers; the box goes on trying."
        within hours(4), raised after minutes(10), cleared after minutes(1);
}

impl Code {
    /// As shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.definition().name
    }

    /// The code of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_name_is_one_code_and_says_what_to_do_by_when() {
        let names: HashSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            let definition = code.definition();
            assert_eq!(Code::from_name(definition.name), Some(*code));
            for sentence in [definition.consequence, definition.action] {
                assert!(
                    sentence.ends_with(['.', ')']),
                    "{}: {sentence}",
                    definition.name
                );
            }
            assert!(definition.raise_after < definition.time_allowed);
        }
        assert_eq!(Code::from_name("FIRE"), None);
    }

    #[test]
    fn the_most_urgent_stand_first() {
        let priorities: Vec<_> = Code::ALL.iter().map(|c| c.definition().priority).collect();
        assert!(priorities.is_sorted());
    }
}
