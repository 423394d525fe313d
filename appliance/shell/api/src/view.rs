//! From the domain's facts to what goes over the wire.

use control::event::{
    Event, EventData, Page, Presence, Report, RoomSession, StoredEvent, TrackRecord,
};
use serde::Serialize;
use std::collections::BTreeMap;
use vocab::Identity;
use wire::{EventView, PresenceTrackView, PresenceView, Reported, SessionView, Value};

/// A page of facts as a page of views.
pub(crate) fn page<T, V>(page: Page<T>, view: impl Fn(T) -> V) -> wire::Page<V> {
    wire::Page {
        items: page.items.into_iter().map(view).collect(),
        next: page.next.map(|sequence| sequence.to_string()),
    }
}

pub(crate) fn event(stored: StoredEvent) -> EventView {
    let StoredEvent { sequence, event } = stored;
    let Event {
        at,
        room,
        room_name,
        actor,
        peer,
        data,
    } = event;
    EventView {
        sequence,
        at_ms: at.0,
        event_type: data.event_type().as_str().to_owned(),
        room: room_name.to_string(),
        room_sid: room.to_string(),
        actor: actor.as_ref().map(|actor| actor.identity.to_string()),
        actor_sid: actor.as_ref().map(|actor| actor.sid.to_string()),
        peer: peer.map(|peer| peer.to_string()),
        data: event_data(data),
    }
}

fn event_data(data: EventData) -> BTreeMap<String, Value> {
    let text = |name: &str, value: String| (name.to_owned(), Value::Text(value));
    let entries = match data {
        EventData::RoomDestroyed { reason } => vec![text("reason", word(&reason))],
        EventData::OccupantJoined { client } => vec![text("client", client)],
        EventData::OccupantLeft {
            reason,
            duration_ms,
        } => vec![
            text("reason", word(&reason)),
            ("duration_ms".to_owned(), number(duration_ms)),
        ],
        EventData::P2pSessionStarted { sid, is_initiator } => {
            vec![
                text("sid", sid),
                ("isInitiator".to_owned(), Value::Bool(is_initiator)),
            ]
        }
        EventData::P2pSessionEnded { sid } => vec![text("sid", sid)],
        EventData::P2pSessionStats { sid, name, values } => vec![
            text("sid", sid),
            text("name", name),
            (
                "values".to_owned(),
                Value::Numbers(values.into_iter().collect()),
            ),
        ],
        EventData::TrackPublished {
            track,
            kind,
            source,
        } => vec![
            text("track", track.to_string()),
            text("kind", word(&kind)),
            text("source", word(&source)),
        ],
        EventData::TrackUnpublished { track } => vec![text("track", track.to_string())],
        EventData::RejoinBlocked { identity, until } => vec![
            text("identity", identity.to_string()),
            ("until_ms".to_owned(), number(until.0)),
        ],
        EventData::AuditNoted {
            sequence,
            hash,
            closed,
        } => vec![
            ("entry".to_owned(), number(sequence)),
            text("hash", hex(&hash)),
            ("closed".to_owned(), Value::Bool(closed)),
        ],
        EventData::RoomCreated
        | EventData::RoomLocked
        | EventData::RoomUnlocked
        | EventData::MessageSent
        | EventData::ScreencaptureStarted
        | EventData::ScreencaptureEnded
        | EventData::AudioPaused
        | EventData::AudioResumed
        | EventData::VideoPaused
        | EventData::VideoResumed
        | EventData::RttEnabled
        | EventData::RttDisabled
        | EventData::SystemReset
        | EventData::RoomHeld
        | EventData::RoomReleased
        | EventData::RoomPurged
        | EventData::DrainStarted
        | EventData::DrainEnded => vec![],
    };
    entries.into_iter().collect()
}

fn number(value: u64) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The event a client reports, or `None` when it is of no type that clients report or lacks
/// what its type needs.
pub(crate) fn report(reported: Reported) -> Option<Report> {
    use control::event::EventType;
    let sid = reported.sid.unwrap_or_default();
    let with_sid = |data: fn(String) -> EventData| (!sid.is_empty()).then(|| data(sid.clone()));
    let data = match EventType::parse(&reported.event_type)? {
        EventType::RttEnabled => EventData::RttEnabled,
        EventType::RttDisabled => EventData::RttDisabled,
        EventType::P2pSessionStarted => EventData::P2pSessionStarted {
            is_initiator: reported.is_initiator.unwrap_or(false),
            sid: Some(sid).filter(|sid| !sid.is_empty())?,
        },
        EventType::P2pSessionEnded => with_sid(|sid| EventData::P2pSessionEnded { sid })?,
        EventType::P2pSessionStats => EventData::P2pSessionStats {
            sid: Some(sid).filter(|sid| !sid.is_empty())?,
            name: reported.name.unwrap_or_default(),
            values: reported.values.into_iter().collect(),
        },
        _ => return None,
    };
    Some(Report {
        peer: reported.peer.map(Identity::from),
        data,
    })
}

pub(crate) fn session(session: RoomSession) -> SessionView {
    SessionView {
        sid: session.sid.to_string(),
        room: session.name.to_string(),
        started_at_ms: session.created_at.0,
        ended_at_ms: session.destroyed_at.map(|at| at.0),
        reason: session.reason.as_ref().map(word),
        participants: session.participants.into_iter().map(presence).collect(),
    }
}

fn presence(presence: Presence) -> PresenceView {
    PresenceView {
        identity: presence.identity.to_string(),
        sid: presence.sid.to_string(),
        joined_at_ms: presence.joined_at.0,
        left_at_ms: presence.left_at.map(|at| at.0),
        duration_ms: presence.duration_ms,
        reason: presence.reason.as_ref().map(word),
        tracks: presence.tracks.into_iter().map(presence_track).collect(),
    }
}

fn presence_track(track: TrackRecord) -> PresenceTrackView {
    PresenceTrackView {
        sid: track.sid.to_string(),
        kind: word(&track.kind),
        source: word(&track.source),
    }
}

/// A value of a closed set by its name on the wire.
fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]
    use super::*;

    fn reported(json: &str) -> Option<Report> {
        report(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn clients_report_what_only_they_know_under_both_names() {
        for (json, want) in [
            (r#"{"type":"rtt_enabled"}"#, Some("rtt_enabled")),
            (r#"{"type":"rtt_disabled"}"#, Some("rtt_disabled")),
            (
                r#"{"type":"p2p_session_started","sid":"s","isInitiator":true}"#,
                Some("p2p_session_started"),
            ),
            (
                r#"{"type":"peer_session_added","sid":"s"}"#,
                Some("p2p_session_started"),
            ),
            (
                r#"{"type":"peer_session_removed","sid":"s"}"#,
                Some("p2p_session_ended"),
            ),
            (
                r#"{"type":"peer_session_stats","sid":"s","name":"ice-failed","values":{"failTime":3}}"#,
                Some("p2p_session_stats"),
            ),
            (r#"{"type":"p2p_session_started"}"#, None),
            (r#"{"type":"occupant_joined"}"#, None),
            (r#"{"type":"nothing"}"#, None),
        ] {
            let got = reported(json).map(|report| report.data.event_type().as_str());
            assert_eq!(got, want, "{json}");
        }
    }

    #[test]
    fn a_statistics_event_keeps_its_numbers_on_its_way_out() {
        let report = reported(
            r#"{"type":"p2p_session_stats","sid":"s","name":"ice-connected","values":{"connectTime":120}}"#,
        );
        let data = event_data(report.unwrap().data);
        let json = serde_json::to_value(data).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"sid": "s", "name": "ice-connected", "values": {"connectTime": 120}})
        );
    }
}
