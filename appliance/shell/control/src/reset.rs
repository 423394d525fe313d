//! What receivers of webhooks are told of rooms that the box closed because it was restarted.

use crate::clock;
use livekit_protocol::{
    DisconnectReason, ParticipantInfo, Room, RoomEndReason, WebhookEvent, participant_info,
};
use store::{ClosedPresence, ClosedRoom};
use vocab::UnixMillis;

/// The bodies for one room, in order: each participant left, the room finished.
///
/// Their ids follow from what they tell, so that a receiver who hears it twice (the box was killed
/// while it said so) knows it.
#[must_use]
pub fn farewell(closed: &ClosedRoom) -> Vec<Vec<u8>> {
    let now = clock::now().unix;
    let left = closed
        .presences
        .iter()
        .map(|presence| participant_left(closed, presence, now));
    let finished = WebhookEvent {
        room_end_reason: RoomEndReason::RoomEndUnknown.into(),
        ..event("room_finished", closed, closed.sid.as_str(), now)
    };
    left.chain([finished])
        .filter_map(|event| serde_json::to_vec(&event).ok())
        .collect()
}

fn participant_left(
    closed: &ClosedRoom,
    presence: &ClosedPresence,
    now: UnixMillis,
) -> WebhookEvent {
    let participant = ParticipantInfo {
        sid: presence.sid.to_string(),
        identity: presence.identity.to_string(),
        state: participant_info::State::Disconnected.into(),
        joined_at: seconds(presence.joined_at),
        joined_at_ms: millis(presence.joined_at),
        disconnect_reason: DisconnectReason::ServerShutdown.into(),
        ..ParticipantInfo::default()
    };
    WebhookEvent {
        participant: Some(participant),
        ..event("participant_left", closed, presence.sid.as_str(), now)
    }
}

fn event(name: &str, closed: &ClosedRoom, about: &str, now: UnixMillis) -> WebhookEvent {
    let room = Room {
        sid: closed.sid.to_string(),
        name: closed.name.to_string(),
        creation_time: seconds(closed.opened_at),
        creation_time_ms: millis(closed.opened_at),
        ..Room::default()
    };
    WebhookEvent {
        event: name.into(),
        room: Some(room),
        id: format!("EV_reset_{about}"),
        created_at: seconds(now),
        ..WebhookEvent::default()
    }
}

fn seconds(at: UnixMillis) -> i64 {
    i64::try_from(at.as_secs()).unwrap_or(i64::MAX)
}

fn millis(at: UnixMillis) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
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
    use serde_json::Value;

    #[test]
    fn everyone_left_before_the_room_finished_and_twice_is_told_with_the_same_ids() {
        let presence = |who: &str| ClosedPresence {
            sid: format!("PA_{who}").into(),
            identity: who.into(),
            joined_at: UnixMillis(2_500),
        };
        let closed = ClosedRoom {
            sid: "RM_1".into(),
            name: "ward".into(),
            opened_at: UnixMillis(1_500),
            presences: vec![presence("bed-4"), presence("nurse")],
        };
        let told: Vec<Value> = farewell(&closed)
            .iter()
            .map(|body| serde_json::from_slice(body).unwrap())
            .collect();
        let names: Vec<_> = told
            .iter()
            .map(|told| told["event"].as_str().unwrap())
            .collect();
        assert_eq!(
            names,
            ["participant_left", "participant_left", "room_finished"]
        );
        assert_eq!(told[0]["participant"]["identity"], "bed-4");
        assert_eq!(told[1]["participant"]["sid"], "PA_nurse");
        assert!(told.iter().all(|told| told["room"]["sid"] == "RM_1"));
        let ids = |told: &[Value]| told.iter().map(|t| t["id"].clone()).collect::<Vec<_>>();
        let again: Vec<Value> = farewell(&closed)
            .iter()
            .map(|body| serde_json::from_slice(body).unwrap())
            .collect();
        assert_eq!(ids(&told), ids(&again));
        assert_eq!(
            ids(&told)
                .iter()
                .collect::<std::collections::HashSet<_>>()
                .len(),
            3
        );
    }
}
