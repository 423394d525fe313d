//! `ringward rooms`: the rooms that live now.

use crate::admin::{Admin, block_on};
use crate::cli::RoomsArguments;
use anyhow::Result;
use vocab::DisplayText;
use wire::RoomView;

/// Prints a table, or one JSON object per line.
#[expect(clippy::print_stdout, reason = "a command's result")]
pub(crate) fn run(arguments: &RoomsArguments) -> Result<()> {
    let rooms: Vec<RoomView> = block_on(async {
        Ok(serde_json::from_value(
            Admin::at(&arguments.at)?.get("/admin/rooms", &[]).await?,
        )?)
    })?;
    if arguments.at.json {
        for room in &rooms {
            println!("{}", serde_json::to_string(room)?);
        }
        return Ok(());
    }
    println!(
        "{:<32} {:>12} {:>7}  {:<15} STATE",
        "ROOM", "PARTICIPANTS", "TRACKS", "SID"
    );
    for room in &rooms {
        println!("{}", line(room));
    }
    Ok(())
}

fn line(room: &RoomView) -> String {
    format!(
        "{:<32} {:>12} {:>7}  {:<15} {}",
        DisplayText::new(&room.name),
        room.participant_count,
        room.track_count,
        DisplayText::new(&room.sid),
        if room.locked { "locked" } else { "open" },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_their_headings() {
        let room = RoomView {
            name: "ward".to_owned(),
            sid: "RM_123456789012".to_owned(),
            created_at_ms: 0,
            locked: true,
            max_participants: 0,
            participants: Vec::new(),
            participant_count: 12,
            track_count: 3,
        };
        let shown = line(&room);
        assert_eq!(shown.find("12 "), Some(32 + 1 + 12 - 2), "{shown}");
        assert!(shown.ends_with("RM_123456789012 locked"), "{shown}");
    }
}
