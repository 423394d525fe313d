//! Participants: what the server API may do to them.

use crate::control::Control;
use crate::room::RoomError;
use livekit_protocol as proto;
use signal::{
    MuteTrackError, ParticipantNotFound, UpdateParticipantError, UpdateSubscriptionsError,
};

impl Control {
    /// `ListParticipants`, hidden ones too.
    pub fn list_participants(
        &mut self,
        room: &str,
    ) -> Result<Vec<proto::ParticipantInfo>, crate::room::RoomNotFound> {
        let key = self.room_key(room)?;
        Ok(self.read_room(key, |live| live.room.participants())?)
    }

    /// `GetParticipant`.
    pub fn participant(
        &mut self,
        room: &str,
        identity: &str,
    ) -> Result<proto::ParticipantInfo, RoomError<ParticipantNotFound>> {
        let key = self.room_key(room)?;
        self.read_room(key, |live| live.room.participant(identity))?
            .map_err(RoomError::Refused)
    }

    /// `RemoveParticipant`. `revoke_before_secs` (`revoke_token_ts`): older tokens of that
    /// identity no longer open this room; 0 leaves that to the room.
    pub fn remove_participant(
        &mut self,
        room: &str,
        identity: &str,
        revoke_before_secs: u64,
    ) -> Result<(), RoomError<ParticipantNotFound>> {
        let key = self.room_key(room)?;
        let now = Self::now();
        if revoke_before_secs > 0 {
            self.revocations.add(room, identity, revoke_before_secs);
        }
        self.with_room(key, |live| {
            live.remove_participant(identity, revoke_before_secs, now)
        })?
        .map_err(RoomError::Refused)
    }

    /// `MutePublishedTrack`.
    pub fn mute_track(
        &mut self,
        request: &proto::MuteRoomTrackRequest,
    ) -> Result<proto::TrackInfo, RoomError<MuteTrackError>> {
        let key = self.room_key(&request.room)?;
        let now = Self::now();
        self.with_room(key, |room| {
            room.mute_track(&request.identity, &request.track_sid, request.muted, now)
        })?
        .map_err(RoomError::Refused)
    }

    /// `UpdateParticipant`.
    pub fn update_participant(
        &mut self,
        request: proto::UpdateParticipantRequest,
    ) -> Result<proto::ParticipantInfo, RoomError<UpdateParticipantError>> {
        let key = self.room_key(&request.room)?;
        let now = Self::now();
        self.with_room(key, |room| room.update_participant(request, now))?
            .map_err(RoomError::Refused)
    }

    /// `UpdateSubscriptions`.
    pub fn update_subscriptions(
        &mut self,
        request: &proto::UpdateSubscriptionsRequest,
    ) -> Result<(), RoomError<UpdateSubscriptionsError>> {
        let key = self.room_key(&request.room)?;
        let now = Self::now();
        self.with_room(key, |room| room.update_subscriptions(request, now))?
            .map_err(RoomError::Refused)
    }
}
