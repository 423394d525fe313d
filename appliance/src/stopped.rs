//! `ringward store`: looking after the data folder of a box that does not run.

use crate::cli::{StoreArguments, StoreCommand, VerifyArguments};
use crate::installed;
use ::heads::{PublicKey, SignedHead, SigningKey};
use anyhow::{Context, Result};
use domain::AuditHead;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use store::{Stopped, VerifiedAudit};
use vocab::UnixMillis;

/// Results on standard output, progress on a terminal's standard error.
#[expect(clippy::print_stdout, reason = "a command's result")]
pub(crate) fn run(command: &StoreCommand) -> Result<()> {
    match command {
        StoreCommand::Verify(arguments) => {
            let signed = signed_heads(arguments)?;
            let verified = open(&arguments.at)?.verify_against(&signed, &mut |records| {
                progress(&format!("{records} records proved"));
            })?;
            progress("");
            println!("{} records, whole and chained", verified.records);
            println!("{}", audit_line(&verified.audit));
            println!("{}", signed_line(signed.len(), &verified.audit));
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

fn signed_line(heads: usize, audit: &VerifiedAudit) -> String {
    match heads {
        0 => "no signed heads to hold them against".to_owned(),
        heads => format!(
            "{heads} signed heads, each of an entry that is there; the newest is of entry {}",
            audit.signed
        ),
    }
}

/// The heads that the audit journal has to hold, every signature proved.
fn signed_heads(arguments: &VerifyArguments) -> Result<Vec<AuditHead>> {
    let data = installed::data(arguments.at.data.as_deref());
    let own = data.join(::heads::HEADS_FILE);
    if arguments.heads.is_none() && arguments.key.is_none() && is_empty(&own) {
        return Ok(Vec::new());
    }
    let file = arguments.heads.as_ref().unwrap_or(&own);
    let key = public_key(arguments, &data)?;
    let bytes =
        std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    // A log may hold anything.
    let found = ::heads::check(&String::from_utf8_lossy(&bytes), &key);
    let found = found.with_context(|| file.display().to_string())?;
    Ok(found.iter().map(SignedHead::head).collect())
}

fn is_empty(file: &Path) -> bool {
    std::fs::metadata(file).map_or(true, |facts| facts.len() == 0)
}

/// The named key, or the box's own: which proves nothing against whoever had its disk.
fn public_key(arguments: &VerifyArguments, data: &Path) -> Result<PublicKey> {
    let Some(named) = &arguments.key else {
        let own = SigningKey::existing(data)?;
        let own = own.context("the box's own key is gone: name what it printed with --key")?;
        return Ok(own.public());
    };
    let file = Path::new(named);
    let text = if file.is_file() {
        std::fs::read_to_string(file).with_context(|| named.clone())?
    } else {
        named.clone()
    };
    Ok(PublicKey::parse(&text)?)
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
