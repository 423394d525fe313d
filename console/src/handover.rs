//! The shift's summary: what the next one must know, signed by both.

use crate::input::Input;
use crate::model::Model;
use crate::picture::is_new;
use crate::{look, text};
use std::fmt::Write as _;
use wire::admin::{AlarmState, AuditPhase};

/// Most rows of one kind: who reads more reads the audit.
const MAX_ROWS: usize = 40;

/// Longest name that signs, in characters.
const MAX_SIGNATURE: usize = 40;

/// A handover being signed.
#[derive(Debug)]
pub(crate) struct Handover {
    /// What is handed over, without signatures.
    pub(crate) body: String,
    /// Who goes.
    pub(crate) outgoing: Input,
    /// Who comes.
    pub(crate) incoming: Input,
    /// The incoming one signs now.
    pub(crate) at_incoming: bool,
    /// Rows scrolled by.
    pub(crate) scroll: usize,
    /// It was sent to the audit under this number.
    pub(crate) tag: Option<u64>,
}

impl Handover {
    /// Sums the shift up.
    pub(crate) fn new(model: &Model) -> Self {
        Self {
            body: body(model),
            outgoing: Input::with(MAX_SIGNATURE, &model.station().operator),
            incoming: Input::new(MAX_SIGNATURE),
            at_incoming: true,
            scroll: 0,
            tag: None,
        }
    }

    /// The text with both signatures, or what is missing.
    pub(crate) fn signed(&self) -> Result<String, &'static str> {
        let (outgoing, incoming) = (self.outgoing.text().trim(), self.incoming.text().trim());
        match (outgoing, incoming) {
            ("", _) => Err("the outgoing operator signs first"),
            (_, "") => Err("the incoming operator signs too"),
            (one, other) if one == other => Err("two different people sign"),
            _ => Ok(format!(
                "{}\nOutgoing: {outgoing}\nIncoming: {incoming}\n",
                self.body
            )),
        }
    }
}

/// The SHA-256 of a text, in hex, as the audit keeps it.
pub(crate) fn digest(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn body(model: &Model) -> String {
    let station = model.station();
    let picture = &station.live;
    let mut lines = vec![
        format!(
            "HANDOVER {}  {}",
            station.name,
            model.date(model.clock.wall_ms)
        ),
        "Not a patient alarm system. Names are masked.".to_owned(),
        String::new(),
    ];
    section(&mut lines, "Open alarms", alarms(model, false));
    section(&mut lines, "Shelved alarms", alarms(model, true));
    section(
        &mut lines,
        "Ended since this console was started",
        ended(model),
    );
    section(
        &mut lines,
        "Devices that are silent or lose packets",
        devices(model),
    );
    let recording = picture.rooms.values().filter(|room| room.recording);
    section(
        &mut lines,
        "Recordings that run",
        recording
            .map(|room| {
                format!(
                    "{} {}",
                    text::short_id(&room.sid),
                    text::masked_room(&room.name)
                )
            })
            .collect(),
    );
    section(&mut lines, "Notes", model.notes.clone());
    lines.join("\n")
}

fn section(lines: &mut Vec<String>, title: &str, rows: Vec<String>) {
    lines.push(format!(
        "{title}: {}",
        if rows.is_empty() {
            "none".to_owned()
        } else {
            rows.len().to_string()
        }
    ));
    let more = rows.len().saturating_sub(MAX_ROWS);
    lines.extend(
        rows.into_iter()
            .take(MAX_ROWS)
            .map(|row| format!("  {row}")),
    );
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    lines.push(String::new());
}

fn alarms(model: &Model, shelved: bool) -> Vec<String> {
    let alarms = model.station().live.alarms_in_order();
    let row = |alarm: &wire::admin::AlarmView| {
        format!(
            "{:<3} {} {} {}{}: {} Do: {}",
            look::mark(alarm.priority),
            model.minute(alarm.raised_at_ms),
            alarm.code,
            model.station().live.rooms.get(&alarm.subject).map_or_else(
                || alarm.subject.clone(),
                |room| text::masked_room(&room.name)
            ),
            if is_new(alarm.state) {
                " (not acknowledged)"
            } else {
                ""
            },
            alarm.cause,
            alarm.action,
        )
    };
    alarms
        .into_iter()
        .filter(|alarm| (alarm.state == AlarmState::Shelved) == shelved)
        .map(|alarm| row(alarm))
        .collect()
}

fn ended(model: &Model) -> Vec<String> {
    let audit = model.station().audit.value.as_ref();
    let entries = audit.into_iter().flat_map(|page| &page.items);
    entries
        .filter(|entry| entry.phase == AuditPhase::Outcome && entry.act == "end")
        .filter(|entry| entry.at_ms >= model.started_wall_ms)
        .map(|entry| {
            let target = text::short_id(&entry.target);
            format!(
                "{} {} {target} {} {}",
                model.minute(entry.at_ms),
                entry.actor,
                entry.reason,
                entry.detail
            )
        })
        .collect()
}

fn devices(model: &Model) -> Vec<String> {
    let seen = model.station().devices.value.as_ref();
    seen.into_iter()
        .flat_map(|seen| seen.values())
        .filter(|seen| {
            seen.who.role == "device" && crate::screen::devices::trouble(&seen.who).is_some()
        })
        .map(|seen| {
            let trouble = crate::screen::devices::trouble(&seen.who).unwrap_or_default();
            format!(
                "{} in {}: {trouble}",
                seen.who.identity,
                text::masked_room(&seen.room)
            )
        })
        .collect()
}
