//! A participant's permissions, in the token's words, LiveKit's and the media plane's.

use super::client::{is_dependent, participant_kind};
use auth::{Claims, Source};
use livekit_protocol::ParticipantPermission;
use livekit_protocol::participant_info::Kind;
use media::plane::{DataRole, MediaPermissions};

/// As `ParticipantInfo.permission`.
#[expect(deprecated, reason = "older clients read recorder and agent")]
pub(crate) fn permission(claims: &Claims) -> ParticipantPermission {
    let video = &claims.video;
    ParticipantPermission {
        can_subscribe: video.can_subscribe(),
        can_publish: video.can_publish(),
        can_publish_data: video.can_publish_data(),
        can_publish_sources: video
            .can_publish_sources
            .iter()
            .map(|s| s.number())
            .collect(),
        hidden: video.hidden,
        recorder: video.recorder,
        can_update_metadata: video.can_update_own_metadata(),
        agent: video.agent,
        can_subscribe_metrics: video.can_subscribe_metrics(),
        can_manage_agent_session: video.can_manage_agent_session(),
    }
}

/// Writes what the server API set (`UpdateParticipantRequest.permission`) into the claims. What a
/// participant *is* (recorder, agent) stays.
pub(crate) fn apply_permission(claims: &mut Claims, wanted: &ParticipantPermission) {
    let video = &mut claims.video;
    video.can_subscribe = Some(wanted.can_subscribe);
    video.can_publish = Some(wanted.can_publish);
    video.can_publish_data = Some(wanted.can_publish_data);
    video.can_publish_sources = wanted
        .can_publish_sources
        .iter()
        .map(|number| Source::from_number(*number))
        .collect();
    video.hidden = wanted.hidden;
    video.can_update_own_metadata = Some(wanted.can_update_metadata);
    video.can_subscribe_metrics = Some(wanted.can_subscribe_metrics);
    video.can_manage_agent_session = Some(wanted.can_manage_agent_session);
}

/// The participant's part in data that is not for everyone.
pub(crate) fn data_role(claims: &Claims) -> DataRole {
    DataRole {
        transcribes: participant_kind(claims) == Kind::Agent,
        receives_metrics: claims.can_subscribe_metrics(),
        // Whoever may say something to everyone hears what everyone hears.
        waits: waits(claims) && !claims.can_publish_data(),
    }
}

/// A waiting room, as LiveKit's tokens have it: who may neither publish nor watch until the server
/// says otherwise. Who is not to be seen, records or is a program waits for nothing.
pub(crate) fn waits(claims: &Claims) -> bool {
    let (publishes, watches) = (claims.can_publish(), claims.can_subscribe());
    !publishes && !watches && !claims.video.hidden && !is_dependent(claims)
}

/// What the media plane enforces.
pub(crate) fn media_permissions(claims: &Claims) -> MediaPermissions {
    MediaPermissions {
        publish: claims.can_publish(),
        subscribe: claims.can_subscribe(),
        publish_data: claims.can_publish_data(),
    }
}
