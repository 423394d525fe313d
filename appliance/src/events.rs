//! `ringward events`: what happened, from the journal.

use crate::admin::{Admin, block_on};
use crate::cli::EventsArguments;
use crate::moment;
use anyhow::Result;
use std::io::Write;
use vocab::DisplayText;
use wire::{EventView, Page};

/// Prints one event per line, oldest first; with `--follow` also what comes, for as long as it runs.
pub(crate) fn run(arguments: &EventsArguments) -> Result<()> {
    block_on(async {
        let admin = Admin::at(&arguments.at)?;
        let mut query = filter(arguments);
        query.push(("limit", arguments.limit.to_string()));
        query.push(("order", "desc".to_owned()));
        let page: Page<EventView> =
            serde_json::from_value(admin.get("/admin/events", &query).await?)?;
        for event in page.items.iter().rev() {
            print(event, arguments.at.json)?;
        }
        if arguments.follow {
            let cursor = page.items.first().map(|newest| newest.sequence);
            follow(&admin, arguments, cursor).await?;
        }
        Ok(())
    })
}

async fn follow(admin: &Admin, arguments: &EventsArguments, after: Option<u64>) -> Result<()> {
    let mut query = filter(arguments);
    query.push(("follow", "1".to_owned()));
    query.extend(after.map(|sequence| ("cursor", sequence.to_string())));
    let mut lines = admin.lines("/admin/events", &query).await?;
    while let Some(line) = lines.next().await? {
        print(&serde_json::from_str(&line)?, arguments.at.json)?;
    }
    Ok(())
}

fn filter(arguments: &EventsArguments) -> Vec<(&'static str, String)> {
    let room_field = match &arguments.room {
        Some(room) if room.starts_with("RM_") => "room_sid",
        _ => "room",
    };
    let types = (!arguments.types.is_empty()).then(|| arguments.types.join(","));
    [
        (room_field, arguments.room.clone()),
        ("actor", arguments.actor.clone()),
        ("type", types),
        ("from", arguments.from.map(|at| at.to_string())),
        ("to", arguments.to.map(|at| at.to_string())),
    ]
    .into_iter()
    .filter_map(|(field, value)| Some((field, value?)))
    .collect()
}

fn print(event: &EventView, json: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(event)?)?;
    } else {
        writeln!(out, "{}", line(event))?;
    }
    // A follower reads through a pipe: each event must arrive when it happened.
    out.flush()?;
    Ok(())
}

fn line(event: &EventView) -> String {
    let actor = event.actor.as_deref().unwrap_or("-");
    let data: Vec<String> = event
        .data
        .iter()
        .map(|(name, value)| format!("{name}={}", serde_json::json!(value)))
        .collect();
    format!(
        "{} {:<22} {:<24} {:<24} {}",
        moment::text(event.at_ms),
        event.event_type,
        DisplayText::new(&event.room),
        DisplayText::new(actor),
        DisplayText::new(&data.join(" ")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_cannot_drive_the_terminal() {
        let event = EventView {
            sequence: 1,
            at_ms: 0,
            event_type: "occupant_joined".to_owned(),
            room: "a\u{1b}]52;c;x\u{7}".to_owned(),
            room_sid: "RM_1".to_owned(),
            actor: Some("\u{202e}evil".to_owned()),
            actor_sid: None,
            peer: None,
            data: std::collections::BTreeMap::new(),
        };
        assert!(!line(&event).contains(['\u{1b}', '\u{7}', '\u{202e}']));
    }
}
