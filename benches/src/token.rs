//! Access tokens for the simulated clients.

use crate::options::{Options, Participant};
use auth::{Claims, Grants};
use std::time::{SystemTime, UNIX_EPOCH};

/// Longer than any run.
const VALID_SECONDS: u64 = 6 * 3_600;

/// A token that lets the participant do what it is here for, and nothing else.
pub fn mint(options: &Options, participant: Participant) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let claims = Claims {
        sub: identity(participant),
        exp: Some(now + VALID_SECONDS),
        nbf: Some(now.saturating_sub(1)),
        video: Grants {
            room: options.room_name(participant.room),
            room_join: true,
            can_publish: Some(participant.publishes),
            can_subscribe: Some(participant.subscribes),
            can_publish_data: Some(false),
            ..Grants::default()
        },
        ..Claims::default()
    };
    auth::mint(&claims, &options.key, &options.secret)
}

/// A participant's identity.
pub fn identity(participant: Participant) -> String {
    if participant.speaks {
        return speaker(participant.room);
    }
    let role = if participant.publishes {
        "publisher"
    } else {
        "subscriber"
    };
    format!("load-{role}-{}", participant.number)
}

/// The identity of a room's first publisher: the one who is not a thumbnail.
pub fn speaker(room: u32) -> String {
    format!("load-speaker-{room}")
}
