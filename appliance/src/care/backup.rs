//! `ringward backup` and `ringward restore`.

use crate::boot;
use crate::cli::{BackupArguments, RestoreArguments};
use crate::installed;
use crate::moment;
use anyhow::{Context, Result};
use std::time::Instant;
use store::Backup;

/// Copies the data of a box, which may run.
#[expect(clippy::print_stdout, reason = "a command's result")]
pub(crate) fn backup(arguments: &BackupArguments) -> Result<()> {
    let data = installed::data(arguments.data.as_deref());
    let began = Instant::now();
    let made = store::backup(&data, &arguments.to, boot::now()?)
        .with_context(|| format!("{} was not backed up", data.display()))?;
    println!("{} holds {}", arguments.to.display(), told(&made, began));
    println!("it holds keys as well: keep it where only administrators read");
    Ok(())
}

/// Puts a backup back where no box is.
#[expect(clippy::print_stdout, reason = "a command's result")]
pub(crate) fn restore(arguments: &RestoreArguments) -> Result<()> {
    let data = installed::data(arguments.data.as_deref());
    let began = Instant::now();
    let restored = store::restore(&arguments.from, &data)
        .with_context(|| format!("{} was not restored", data.display()))?;
    println!("{} holds {}", data.display(), told(&restored, began));
    Ok(())
}

fn told(backup: &Backup, began: Instant) -> String {
    format!(
        "{} events and {} audit entries of {}, whole and chained ({} files, {} KiB, {:.1} s)",
        backup.verified.records,
        backup.verified.audit.entries,
        moment::text(backup.made_at.0),
        backup.files,
        backup.bytes >> 10,
        began.elapsed().as_secs_f64(),
    )
}
