//! The server API of one room (`livekit.md` §9, `RoomService`).

use super::leave::Farewell;
use super::metadata::{TextChange, TextTooLong};
use super::{Participant, Room};
use crate::now::Now;
use bytes::Bytes;
use domain::{EndReason, EventData};
use livekit_protocol::leave_request::Action;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    DataPacket, MuteTrackRequest, ParticipantInfo, SendDataRequest, TrackInfo,
    UpdateParticipantRequest, UpdateSubscription, UpdateSubscriptionsRequest, UserPacket,
    data_packet,
};
use media::plane::DataTarget;
use media::{Channel, MediaCommand};
use prost::Message as _;
use vocab::{ErrorKind, ParticipantKey};

/// Removed identities whose older tokens are refused; beyond it the one with the oldest tokens is
/// forgotten.
const MAX_REVOKED: usize = 1_000;
/// Nonces of sent data that are remembered, oldest forgotten first: a client that repeats a
/// request does so within seconds.
const MAX_NONCES: usize = 100;

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
        self.roster.values().map(Participant::info).collect()
    }

    /// `GetParticipant`.
    pub fn participant(&self, identity: &str) -> Result<ParticipantInfo, ParticipantNotFound> {
        let key = self.identified(identity)?;
        self.roster
            .get(&key)
            .map(Participant::info)
            .ok_or(ParticipantNotFound)
    }

    pub(super) fn identified(&self, identity: &str) -> Result<ParticipantKey, ParticipantNotFound> {
        self.by_identity
            .get(identity)
            .copied()
            .ok_or(ParticipantNotFound)
    }

    /// `RemoveParticipant`. `revoke_before_secs` (`revoke_token_ts`): tokens of that identity
    /// made earlier are refused while the room lives; 0 means now. LiveKit's cloud adds a minute;
    /// here a person who was removed by mistake is invited again at once, with a fresh token.
    pub fn remove_participant(
        &mut self,
        identity: &str,
        revoke_before_secs: u64,
        now: Now,
    ) -> Result<(), ParticipantNotFound> {
        let key = self.identified(identity)?;
        let before = match revoke_before_secs {
            0 => now.unix.as_secs(),
            secs => secs,
        };
        self.revoked.insert(identity.into(), before);
        if self.revoked.len() > MAX_REVOKED {
            let oldest = self.revoked.iter().min_by_key(|(_, before)| **before);
            if let Some(oldest) = oldest.map(|(identity, _)| identity.clone()) {
                self.revoked.remove(&oldest);
            }
        }
        let farewell = Farewell::Leave(Action::Disconnect);
        self.remove(key, EndReason::ParticipantRemoved, farewell, now);
        Ok(())
    }

    /// `MutePublishedTrack`. The publisher's client is told to follow.
    pub fn mute_track(
        &mut self,
        identity: &str,
        track_sid: &str,
        muted: bool,
        now: Now,
    ) -> Result<TrackInfo, MuteTrackError> {
        let key = self.identified(identity)?;
        let find = |room: &Self| {
            let track = room
                .roster
                .get(&key)
                .and_then(|p| p.track_by_sid(track_sid));
            track.map(|track| (track.key, track.info.clone()))
        };
        let (track, info) = find(self).ok_or(MuteTrackError::TrackNotFound)?;
        if !muted && info.muted && !self.config.remote_unmute {
            return Err(MuteTrackError::RemoteUnmuteDisabled);
        }
        if info.muted != muted {
            let request = MuteTrackRequest {
                sid: track_sid.into(),
                muted,
            };
            self.tell(key, Message::Mute(request));
            self.set_muted(key, track, muted, now);
        }
        find(self)
            .map(|(_, info)| info)
            .ok_or(MuteTrackError::TrackNotFound)
    }

    /// `UpdateParticipant`: `room` and `identity` of the request are its address, the rest is
    /// applied where set; an attribute set to "" is deleted. All of it or nothing.
    pub fn update_participant(
        &mut self,
        request: UpdateParticipantRequest,
        now: Now,
    ) -> Result<ParticipantInfo, UpdateParticipantError> {
        let key = self.identified(&request.identity)?;
        let change = TextChange {
            name: request.name,
            metadata: request.metadata,
            attributes: request.attributes.into_iter().collect(),
        };
        self.change_texts(key, change)?;
        match &request.permission {
            Some(permission) => self.change_permission(key, permission, now),
            None => self.announce(key, true),
        }
        self.refresh_token(key, now);
        Ok(self.participant(&request.identity)?)
    }

    /// `UpdateSubscriptions`. Tracks that do not exist are skipped.
    pub fn update_subscriptions(
        &mut self,
        request: &UpdateSubscriptionsRequest,
        now: Now,
    ) -> Result<(), UpdateSubscriptionsError> {
        let key = self.identified(&request.identity)?;
        let update = UpdateSubscription {
            track_sids: request.track_sids.clone(),
            subscribe: request.subscribe,
            participant_tracks: request.participant_tracks.clone(),
        };
        self.change_subscriptions(key, &update, false, now);
        Ok(())
    }

    /// `SendData`: delivered as `DataPacket.user` with sequence 0. A nonce that was seen is not
    /// delivered twice; destinations that are not here are skipped.
    #[expect(deprecated, reason = "older callers and clients address by sid")]
    pub fn send_data(&mut self, request: SendDataRequest, _now: Now) -> Result<(), SendDataError> {
        if !matches!(request.nonce.len(), 0 | 16) {
            return Err(SendDataError::Nonce(request.nonce.len()));
        }
        if request.data.len() > crate::MAX_DATA_BYTES {
            return Err(SendDataError::TooLarge(request.data.len()));
        }
        if self.closed || !self.is_new_nonce(&request.nonce) {
            return Ok(());
        }
        let (sids, identities) = (&request.destination_sids, &request.destination_identities);
        let to = if sids.is_empty() && identities.is_empty() {
            DataTarget::All
        } else {
            let is_addressed = |p: &&Participant| {
                sids.iter().any(|sid| sid == p.sid.as_str())
                    || identities
                        .iter()
                        .any(|identity| identity == p.identity.as_str())
            };
            DataTarget::Some(
                self.roster
                    .values()
                    .filter(is_addressed)
                    .map(|p| p.key)
                    .collect(),
            )
        };
        let kind = data_packet::Kind::try_from(request.kind).unwrap_or(data_packet::Kind::Reliable);
        let user = UserPacket {
            payload: request.data,
            destination_sids: request.destination_sids,
            destination_identities: request.destination_identities.clone(),
            topic: request.topic,
            nonce: request.nonce,
            ..UserPacket::default()
        };
        let packet = DataPacket {
            kind: kind.into(),
            destination_identities: request.destination_identities,
            value: Some(data_packet::Value::User(user)),
            ..DataPacket::default()
        };
        let channel = match kind {
            data_packet::Kind::Reliable => Channel::Reliable,
            data_packet::Kind::Lossy => Channel::Lossy,
        };
        let payload = Bytes::from(packet.encode_to_vec());
        self.command(MediaCommand::SendData {
            room: self.key,
            to,
            channel,
            payload,
        });
        Ok(())
    }

    fn is_new_nonce(&mut self, nonce: &[u8]) -> bool {
        if nonce.is_empty() {
            return true;
        }
        if self.nonces.iter().any(|seen| seen == nonce) {
            return false;
        }
        if self.nonces.len() >= MAX_NONCES {
            self.nonces.pop_front();
        }
        self.nonces.push_back(nonce.to_vec());
        true
    }

    /// `UpdateRoomMetadata`. Everyone hears of it at once.
    pub fn update_metadata(
        &mut self,
        metadata: String,
        _now: Now,
    ) -> Result<livekit_protocol::Room, UpdateRoomMetadataError> {
        if metadata.len() > crate::MAX_METADATA_BYTES {
            return Err(UpdateRoomMetadataError::TooLong(metadata.len()));
        }
        if self.metadata != metadata {
            self.metadata = metadata;
            self.tell_room();
        }
        Ok(self.info())
    }

    /// Whether newcomers are refused.
    pub fn is_locked(&self) -> bool {
        self.locked
    }

    /// Refuses newcomers, or admits them again. Those inside stay, and may come back.
    pub fn set_locked(&mut self, locked: bool, now: Now) {
        if !self.closed && std::mem::replace(&mut self.locked, locked) != locked {
            let event = if locked {
                EventData::RoomLocked
            } else {
                EventData::RoomUnlocked
            };
            self.journal(None, event, now);
        }
    }
}
