//! Memory of the machine.

use crate::finding::{Code, Finding};
use procfs::Current;

/// A machine sold with 4 GiB: what the firmware keeps is not in it. The box, its index' pages, the
/// kernel's socket buffers and the disk cache have room in it.
const WANTED_MIB: u64 = 3_500;

/// A machine sold with 1 GiB: the operating system takes half of it, and `MemoryMax=` is a share
/// of it.
const LEAST_MIB: u64 = 900;

/// In MiB: all of it, and what is available now.
pub(crate) fn measure() -> Option<(u64, u64)> {
    let info = procfs::Meminfo::current().ok()?;
    let available = info.mem_available.unwrap_or(info.mem_free);
    Some((info.mem_total >> 20, available >> 20))
}

pub(crate) fn judge(memory: Option<(u64, u64)>) -> Option<Finding> {
    let (total, available) = memory?;
    let evidence = format!("{total} MiB, {available} MiB available");
    Some(if total < LEAST_MIB {
        Finding::fail(
            Code::Memory,
            evidence,
            format!("give the machine at least {LEAST_MIB} MiB, better 4 GiB"),
        )
    } else if total < WANTED_MIB {
        Finding::warn(Code::Memory, evidence, "give the machine 4 GiB")
    } else if available < LEAST_MIB {
        Finding::warn(
            Code::Memory,
            format!("{evidence}: other programs use the rest"),
            "see which with `ps aux --sort -rss | head`; a box has its machine for itself",
        )
    } else {
        Finding::pass(Code::Memory, evidence)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Grade;

    #[test]
    fn memory_is_judged_by_what_there_is_and_what_is_left() {
        for (total, available, want) in [
            (3_500, 900, Grade::Pass),
            (3_499, 3_000, Grade::Warn),
            (900, 800, Grade::Warn),
            (899, 800, Grade::Fail),
            (8_000, 899, Grade::Warn),
        ] {
            let found = judge(Some((total, available))).unwrap();
            assert_eq!(found.grade, want, "{total} {available}");
        }
    }
}
