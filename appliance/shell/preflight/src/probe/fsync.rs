//! How long the disk takes until something is really kept: every answer of the box waits for it.

use super::disk::existing;
use crate::finding::{Code, Finding};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Syncs that are measured; the second slowest of a hundred is the 99th percentile.
const SYNCS: usize = 100;

/// No longer than this, whatever the disk: then what was measured counts.
const AT_MOST: Duration = Duration::from_secs(5);

/// A group of events.
const BYTES: usize = 4_096;

/// A join waits for two of them: beyond this people notice.
const WANTED: Duration = Duration::from_millis(50);

/// Beyond this joins run into timeouts.
const MOST: Duration = Duration::from_secs(1);

/// The measured times, sorted.
pub(crate) fn measure(data: &Path) -> io::Result<Vec<Duration>> {
    let path = existing(data).join(format!(".ringward-check-{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)?;
    let measured = syncs(&mut file);
    std::fs::remove_file(&path)?;
    measured
}

fn syncs(file: &mut std::fs::File) -> io::Result<Vec<Duration>> {
    let began = Instant::now();
    let mut times = Vec::with_capacity(SYNCS);
    while times.len() < SYNCS && began.elapsed() < AT_MOST {
        let at = Instant::now();
        file.write_all(&[0x5a; BYTES])?;
        file.sync_data()?;
        times.push(at.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}

pub(crate) fn judge(measured: &io::Result<Vec<Duration>>) -> Option<Finding> {
    let times = match measured {
        Ok(times) => times,
        Err(error) => {
            return Some(Finding::fail(
                Code::Fsync,
                format!("nothing can be written into the data folder: {error}"),
                "run the check as root or as the service's user; else see `dmesg`",
            ));
        }
    };
    let at = |percent: usize| times.get(times.len() * percent / 100).or(times.last());
    let (half, slow) = (at(50)?, at(99)?);
    let evidence = format!(
        "{} times 4 KiB kept: half within {:.1} ms, 99 % within {:.1} ms",
        times.len(),
        half.as_secs_f64() * 1_000.0,
        slow.as_secs_f64() * 1_000.0
    );
    Some(if *slow > MOST {
        Finding::fail(
            Code::Fsync,
            format!("{evidence}: joins will time out"),
            "use a disk of this machine: an SSD with power-loss protection, no network storage",
        )
    } else if *slow > WANTED {
        Finding::warn(
            Code::Fsync,
            format!("{evidence}: every join waits that long"),
            "an SSD with power-loss protection; on a RAID controller a write cache with battery",
        )
    } else {
        Finding::pass(Code::Fsync, evidence)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Grade;

    #[test]
    fn a_disk_is_judged_by_its_slow_syncs() {
        let times = |slow: Duration| {
            let mut times = vec![Duration::from_millis(1); 99];
            times.push(slow);
            Ok(times)
        };
        for (slow, want) in [
            (WANTED, Grade::Pass),
            (WANTED + Duration::from_nanos(1), Grade::Warn),
            (MOST, Grade::Warn),
            (MOST + Duration::from_nanos(1), Grade::Fail),
        ] {
            assert_eq!(judge(&times(slow)).unwrap().grade, want, "{slow:?}");
        }
        let refused = Err(io::ErrorKind::PermissionDenied.into());
        assert_eq!(judge(&refused).unwrap().grade, Grade::Fail);
    }

    #[test]
    fn what_was_written_to_measure_is_gone_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!measure(folder.path()).unwrap().is_empty());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
