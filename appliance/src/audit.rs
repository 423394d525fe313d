//! `ringward audit`: who did what, and what proves that none of it was changed.

use crate::admin::{Admin, block_on};
use crate::cli::{AuditArguments, AuditCommand, HeadsArguments, WatchArguments};
use anyhow::{Result, bail};
use serde_json::json;
use vocab::DisplayText;
use wire::admin::{AuditEntry, AuditPage, HeadsPage};

/// Longest detail shown on a line.
const MAX_DETAIL: usize = 512;

/// Entries, heads or the key.
pub(crate) fn run(arguments: &AuditArguments) -> Result<()> {
    match &arguments.command {
        None => entries(arguments),
        Some(AuditCommand::Heads(arguments)) => heads(arguments),
        Some(AuditCommand::Key(arguments)) => key(arguments),
    }
}

/// Entries of the audit journal, oldest of the page first.
#[expect(clippy::print_stdout, reason = "a command's result")]
fn entries(arguments: &AuditArguments) -> Result<()> {
    let query: Vec<(&str, String)> = [
        ("act", arguments.act.clone()),
        ("actor", arguments.actor.clone()),
        ("since_ms", arguments.since.map(|at| at.to_string())),
        ("limit", Some(arguments.limit.to_string())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect();
    let page: AuditPage = block_on(async {
        let answer = Admin::at(&arguments.at)?
            .get("/admin/audit", &query)
            .await?;
        Ok(serde_json::from_value(answer)?)
    })?;
    for entry in page.items.iter().rev() {
        if arguments.at.json {
            println!("{}", serde_json::to_string(entry)?);
        } else {
            println!("{}", line(entry));
        }
    }
    if let Some(problem) = page.chain.problem {
        bail!("the audit journal's chain: {problem}");
    }
    Ok(())
}

/// Signed heads, oldest of the page first, as `store verify --heads` takes them.
#[expect(clippy::print_stdout, reason = "a command's result")]
fn heads(arguments: &HeadsArguments) -> Result<()> {
    let limit = arguments.limit.to_string();
    let page = block_on(page(Admin::at(&arguments.at)?, limit))?;
    for head in page.items.iter().rev() {
        if arguments.at.json {
            println!("{}", serde_json::to_string(head)?);
        } else {
            println!("{}", DisplayText::up_to(MAX_DETAIL, &head.signed));
        }
    }
    Ok(())
}

/// The public key, as `store verify --key` takes it.
#[expect(clippy::print_stdout, reason = "a command's result")]
fn key(arguments: &WatchArguments) -> Result<()> {
    let page = block_on(page(Admin::at(&arguments.at)?, "1".to_owned()))?;
    if arguments.at.json {
        let key = json!({ "box_id": page.box_id, "public_key": page.public_key });
        println!("{key}");
        return Ok(());
    }
    for line in page.public_key.lines() {
        println!("{}", DisplayText::new(line));
    }
    Ok(())
}

async fn page(admin: Admin, limit: String) -> Result<HeadsPage> {
    let answer = admin.get("/admin/audit/heads", &[("limit", limit)]).await?;
    Ok(serde_json::from_value(answer)?)
}

fn line(entry: &AuditEntry) -> String {
    let phase = json!(entry.phase);
    format!(
        "#{:<6} {} {:<12} {:<12} {:<8} {:<20} {:<12} {}",
        entry.sequence,
        crate::moment::text(entry.at_ms),
        DisplayText::new(&entry.actor),
        DisplayText::new(&entry.act),
        phase.as_str().unwrap_or_default(),
        DisplayText::new(&entry.target),
        DisplayText::new(&entry.reason),
        DisplayText::up_to(MAX_DETAIL, &entry.detail),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::admin::AuditPhase;

    #[test]
    fn a_hostile_entry_cannot_drive_the_terminal() {
        let entry = AuditEntry {
            sequence: 1,
            at_ms: 0,
            actor: "a\u{1b}[2J".to_owned(),
            act: "end".to_owned(),
            target: "RM_\u{202e}".to_owned(),
            phase: AuditPhase::Intent,
            reason: "test".to_owned(),
            detail: "\u{7}".to_owned(),
        };
        assert!(!line(&entry).contains(['\u{1b}', '\u{7}', '\u{202e}']));
    }
}
