//! How much memory a box may lock here: some kernels count rings against it.

use super::service::{Limit, Whose};
use crate::finding::{Code, Finding};
use net::LOCKED_BYTES;

pub(crate) fn judge(limit: &Limit, workers: usize) -> Finding {
    let wanted = LOCKED_BYTES.saturating_mul(workers as u64);
    let (allowed_kib, wanted_kib) = (limit.allowed >> 10, wanted.div_ceil(1_024));
    let whose = &limit.whose;
    if limit.allowed == u64::MAX {
        let evidence = format!("any amount of memory may be locked by {whose}");
        return Finding::pass(Code::Memlock, evidence);
    }
    let evidence = format!(
        "{allowed_kib} KiB may be locked by {whose}; {workers} rings take {wanted_kib} KiB"
    );
    if limit.allowed >= wanted {
        return Finding::pass(Code::Memlock, evidence);
    }
    let remedy = match whose {
        Whose::Process(_) | Whose::Unit(_) => {
            "raise LimitMEMLOCK= with `systemctl edit ringward`, then restart it".to_owned()
        }
        Whose::Shell => {
            format!("`ulimit -Hl {wanted_kib}` as root, in the shell that starts the box")
        }
    };
    Finding::warn(
        Code::Memlock,
        format!("{evidence}: where the kernel counts rings, the box uses epoll instead"),
        remedy,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Grade;

    #[test]
    fn locked_memory_is_judged_by_what_the_rings_take() {
        for (name, allowed, workers, want) in [
            ("exactly one ring", LOCKED_BYTES, 1, Grade::Pass),
            ("a byte less", LOCKED_BYTES - 1, 1, Grade::Warn),
            ("one ring for two", LOCKED_BYTES, 2, Grade::Warn),
            ("no limit", u64::MAX, 64, Grade::Pass),
            ("nothing", 0, 1, Grade::Warn),
        ] {
            assert_eq!(judge(&of_shell(allowed), workers).grade, want, "{name}");
        }
    }

    #[test]
    fn the_units_limit_is_enough_for_every_media_thread() {
        let unit = include_str!("../../../../../systemd/ringward.service");
        let limit = unit
            .lines()
            .find_map(|line| line.strip_prefix("LimitMEMLOCK="));
        let mib: u64 = limit
            .and_then(|text| text.strip_suffix('M'))
            .and_then(|text| text.parse().ok())
            .expect("LimitMEMLOCK= in MiB");
        assert_eq!(judge(&of_shell(mib << 20), MOST_WORKERS).grade, Grade::Pass);
    }

    #[test]
    fn whose_limit_it_is_and_where_to_raise_it_is_said() {
        for (whose, said, remedy) in [
            (Whose::Process(812), "process 812", "systemctl edit"),
            (
                Whose::Unit("/x/y.conf".into()),
                "/x/y.conf",
                "systemctl edit",
            ),
            (Whose::Shell, "this shell", "ulimit"),
        ] {
            let finding = judge(&Limit { allowed: 0, whose }, 1);
            assert!(finding.evidence.contains(said), "{}", finding.evidence);
            let told = finding.remedy.unwrap_or_default();
            assert!(told.contains(remedy), "{told}");
        }
    }

    fn of_shell(allowed: u64) -> Limit {
        let whose = Whose::Shell;
        Limit { allowed, whose }
    }

    /// As many as the settings take.
    const MOST_WORKERS: usize = 64;
}
