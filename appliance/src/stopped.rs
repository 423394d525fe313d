//! `ringward store`: looking after the data folder of a box that does not run.

use crate::cli::{StoreArguments, StoreCommand};
use crate::installed;
use anyhow::{Context, Result};
use std::io::{BufWriter, IsTerminal, Write};
use std::time::{SystemTime, UNIX_EPOCH};
use store::{Stopped, VerifiedAudit};
use vocab::UnixMillis;

/// Results on standard output, progress on a terminal's standard error.
#[expect(clippy::print_stdout, reason = "a command's result")]
pub(crate) fn run(command: &StoreCommand) -> Result<()> {
    match command {
        StoreCommand::Verify(arguments) => {
            let verified = open(arguments)?
                .verify(&mut |records| progress(&format!("{records} records proved")))?;
            progress("");
            println!("{} records, whole and chained", verified.records);
            println!("{}", audit_line(&verified.audit));
            if verified.torn_bytes > 0 {
                println!(
                    "{} bytes after them were never acknowledged; the next start cuts them off",
                    verified.torn_bytes
                );
            }
        }
        StoreCommand::Export(arguments) => {
            let mut out = BufWriter::new(std::io::stdout().lock());
            open(arguments)?.export(&mut out)?;
        }
        StoreCommand::Rebuild(arguments) => {
            let events = open(arguments)?.rebuild(now()?, &mut |applied, of| {
                progress(&format!("{applied} of {of} events"));
            })?;
            progress("");
            println!("the index was rebuilt: {events} events");
        }
    }
    Ok(())
}

fn open(arguments: &StoreArguments) -> Result<Stopped> {
    Ok(Stopped::open(&installed::data(arguments.data.as_deref()))?)
}

fn audit_line(audit: &VerifiedAudit) -> String {
    let VerifiedAudit {
        entries, witnessed, ..
    } = audit;
    let after = entries.saturating_sub(*witnessed);
    if after == 0 {
        return format!("{entries} audit entries, whole, chained and witnessed");
    }
    format!(
        "{entries} audit entries, whole and chained; the last {after} without a witness: the box \
         was killed within a second of them"
    )
}

/// One line that overwrites itself.
fn progress(text: &str) {
    let mut error = std::io::stderr();
    if error.is_terminal() {
        // A terminal that went away needs no progress.
        let _ = write!(error, "\r\x1b[K{text}").and_then(|()| error.flush());
    }
}

fn now() -> Result<UnixMillis> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    Ok(UnixMillis(
        u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
    ))
}
