//! The server API of one room (`livekit.md` §9, RoomService).

use super::Room;
use crate::now::Now;
use domain::event::EndReason;
use livekit_protocol::{
    ParticipantInfo, SendDataRequest, TrackInfo, UpdateParticipantRequest,
    UpdateSubscriptionsRequest,
};
use vocab::ErrorKind;

/// Nobody of that identity is in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("participant does not exist")]
pub struct ParticipantNotFound;

impl ParticipantNotFound {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::NotFound
    }
}

/// Why a track could not be muted or unmuted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MuteTrackError {
    /// Nobody of that identity is in the room.
    #[error(transparent)]
    ParticipantNotFound(#[from] ParticipantNotFound),
    /// The participant has no such track.
    #[error("track not found")]
    TrackNotFound,
    /// Only the person may open their own microphone, unless the box is configured otherwise.
    #[error("remote unmute not enabled")]
    RemoteUnmuteDisabled,
}

impl MuteTrackError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::ParticipantNotFound(_) | Self::TrackNotFound => ErrorKind::NotFound,
            Self::RemoteUnmuteDisabled => ErrorKind::Precondition,
        }
    }
}

/// Which of a participant's texts is longer than LiveKit allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextTooLong {
    /// Over [`crate::MAX_PARTICIPANT_NAME_BYTES`].
    #[error("name exceeds limits")]
    Name,
    /// Over [`crate::MAX_METADATA_BYTES`].
    #[error("metadata exceeds limits")]
    Metadata,
    /// Over [`crate::MAX_ATTRIBUTES_BYTES`].
    #[error("attributes exceed limits")]
    Attributes,
}

/// Why a participant could not be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpdateParticipantError {
    /// Nobody of that identity is in the room.
    #[error(transparent)]
    ParticipantNotFound(#[from] ParticipantNotFound),
    /// A text is over its limit.
    #[error(transparent)]
    TooLong(#[from] TextTooLong),
}

impl UpdateParticipantError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::ParticipantNotFound(_) => ErrorKind::NotFound,
            Self::TooLong(_) => ErrorKind::Invalid,
        }
    }
}

/// Why a participant's subscriptions could not be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpdateSubscriptionsError {
    /// Nobody of that identity is in the room.
    #[error(transparent)]
    ParticipantNotFound(#[from] ParticipantNotFound),
}

impl UpdateSubscriptionsError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::NotFound
    }
}

/// Why data could not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendDataError {
    /// A nonce is 16 bytes, or absent.
    #[error("nonce should be 16-bytes or not present, got: {0} bytes")]
    Nonce(usize),
    /// Over [`crate::MAX_DATA_BYTES`].
    #[error("the data is {0} bytes; a data channel message holds {max}", max = crate::MAX_DATA_BYTES)]
    TooLarge(usize),
}

impl SendDataError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

/// Why the room's metadata could not be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpdateRoomMetadataError {
    /// Over [`crate::MAX_METADATA_BYTES`].
    #[error("metadata exceeds limits: {0} bytes")]
    TooLong(usize),
}

impl UpdateRoomMetadataError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

impl Room {
    /// `ListParticipants`: everyone, hidden ones too, in order of joining.
    pub fn participants(&self) -> Vec<ParticipantInfo> {
        Vec::new()
    }

    /// `GetParticipant`.
    pub fn participant(&self, _identity: &str) -> Result<ParticipantInfo, ParticipantNotFound> {
        Err(ParticipantNotFound)
    }

    /// `RemoveParticipant`. `revoke_before_secs` (`revoke_token_ts`): tokens of that identity
    /// whose `nbf` is earlier are refused while the room lives; 0 means one minute from now.
    pub fn remove_participant(
        &mut self,
        _identity: &str,
        _revoke_before_secs: u64,
        _now: Now,
    ) -> Result<(), ParticipantNotFound> {
        Err(ParticipantNotFound)
    }

    /// `MutePublishedTrack`.
    pub fn mute_track(
        &mut self,
        _identity: &str,
        _track_sid: &str,
        _muted: bool,
        _now: Now,
    ) -> Result<TrackInfo, MuteTrackError> {
        Err(ParticipantNotFound.into())
    }

    /// `UpdateParticipant`: `room` and `identity` of the request are its address, the rest is
    /// applied where set; an attribute set to "" is deleted.
    pub fn update_participant(
        &mut self,
        _request: UpdateParticipantRequest,
        _now: Now,
    ) -> Result<ParticipantInfo, UpdateParticipantError> {
        Err(ParticipantNotFound.into())
    }

    /// `UpdateSubscriptions`.
    pub fn update_subscriptions(
        &mut self,
        _request: &UpdateSubscriptionsRequest,
        _now: Now,
    ) -> Result<(), UpdateSubscriptionsError> {
        Err(ParticipantNotFound.into())
    }

    /// `SendData`: delivered as `DataPacket.user` with sequence 0.
    pub fn send_data(&mut self, _request: SendDataRequest, _now: Now) -> Result<(), SendDataError> {
        Ok(())
    }

    /// `UpdateRoomMetadata`.
    pub fn update_metadata(
        &mut self,
        _metadata: String,
        _now: Now,
    ) -> Result<livekit_protocol::Room, UpdateRoomMetadataError> {
        Ok(self.info())
    }

    /// Whether newcomers are refused.
    pub fn is_locked(&self) -> bool {
        false
    }

    /// Refuses newcomers, or admits them again. Those inside stay, and may resume.
    pub fn set_locked(&mut self, _locked: bool, _now: Now) {}

    /// Ends the room (`DeleteRoom`: [`EndReason::RoomDeleted`]; a stopping box:
    /// [`EndReason::ServerShutdown`], whose clients come back by themselves).
    pub fn close(&mut self, _reason: EndReason, _now: Now) {}
}
