//! Parsers whose result a room acts on.

use auth::{Claims, Grants};
use livekit_protocol::SignalRequest;
use media::plane::{MediaPermissions, ParticipantSpec, PeerRole, PeerSpec};
use media::{Channel, MediaCommand, Output as MediaOutput};
use prost::Message;
use signal::join::{Join, Query};
use signal::{Keys, Now, Output, Room, RoomConfig, RoomOptions};
use std::sync::Arc;
use std::time::Instant;
use vocab::{ParticipantKey, PeerKey, RoomKey, SessionKey, UnixMillis};

const ROOM: RoomKey = RoomKey(1);

fn now() -> Now {
    Now {
        instant: Instant::now(),
        unix: UnixMillis(1_700_000_000_000),
    }
}

/// A signalling message, protobuf or JSON, acted on by a room with somebody else in it.
pub fn signal_request(bytes: &[u8]) {
    let read = SignalRequest::decode(bytes)
        .ok()
        .or_else(|| serde_json::from_slice(bytes).ok());
    let Some(request) = read else {
        return;
    };
    let now = now();
    let mut room = Room::new(
        ROOM,
        "ward".into(),
        RoomOptions::default(),
        Arc::new(RoomConfig::default()),
        Keys::default(),
        1,
        now,
    );
    for (session, identity) in [(1, "ada"), (2, "ben")] {
        if let Some(join) = join(identity) {
            // The room is empty enough.
            let _ = room.handle_join(SessionKey(session), join, now);
        }
    }
    room.handle_request(SessionKey(1), request.clone(), now);
    // Once more: some only matter after the first.
    room.handle_request(SessionKey(1), request, now);
    while !matches!(room.poll_output(), Output::Wait(_) | Output::Closed) {}
}

fn join(identity: &str) -> Option<Join> {
    let claims = Claims {
        sub: identity.to_owned(),
        video: Grants {
            room: "ward".to_owned(),
            room_join: true,
            ..Grants::default()
        },
        ..Claims::default()
    };
    let query = Query::parse("auto_subscribe=1&sdk=js&version=2.0.0&protocol=15").ok()?;
    Join::from_v0_query(claims, &query).ok()
}

/// A message on a data channel, with somebody there to receive it.
pub fn data_packet(bytes: &[u8]) {
    let now = now().instant;
    let mut room = media::Room::new(ROOM, 1, now);
    for (key, identity) in [(1, "ada"), (2, "ben")] {
        let participant = ParticipantSpec {
            key: ParticipantKey(key),
            sid: format!("PA_{identity}").into(),
            identity: identity.into(),
            permissions: MediaPermissions {
                publish: true,
                subscribe: true,
                publish_data: true,
            },
        };
        let peer = PeerSpec {
            key: PeerKey(key),
            participant: ParticipantKey(key),
            role: PeerRole::Single,
            ice_lite: true,
            negotiated_channels: false,
        };
        for command in [
            MediaCommand::AddParticipant {
                room: ROOM,
                participant,
            },
            MediaCommand::OpenPeer { room: ROOM, peer },
        ] {
            room.handle_command(&command, now);
        }
        room.handle_connected(PeerKey(key), now);
        for channel in [Channel::Reliable, Channel::Lossy] {
            room.handle_channel_open(PeerKey(key), channel, now);
        }
    }
    for channel in [Channel::Reliable, Channel::Lossy, Channel::DataTrack] {
        // Each refusal is fine.
        let _ = room.handle_data(PeerKey(1), channel, bytes, now);
    }
    while !matches!(room.poll_output(), MediaOutput::Wait(_)) {}
}
