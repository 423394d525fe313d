//! Rooms: born by a join or by the server API, found by name, ended.

mod revocation;
mod roll;

use crate::MAX_ROOMS;
use crate::control::{Control, NoRoom, NotReady};
use domain::event::EndReason;
use livekit_protocol as proto;
use signal::{Room, RoomOptions, SendDataError, UpdateRoomMetadataError};
use std::time::{Duration, Instant};
use vocab::{ErrorKind, MAX_NAME_BYTES, RoomKey, RoomName, UnixMillis};

pub(crate) use revocation::Revocations;
use roll::Roll;

/// A room with what this thread keeps about it.
pub(crate) struct LiveRoom {
    pub(crate) room: Room,
    pub(crate) created_at: UnixMillis,
    pub(crate) wake: Option<Instant>,
    pub(crate) roll: Roll,
}

impl LiveRoom {
    pub(crate) fn new(room: Room, created_at: UnixMillis) -> Self {
        Self {
            room,
            created_at,
            wake: None,
            roll: Roll::default(),
        }
    }
}

/// No room of that name lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("requested room does not exist")]
pub struct RoomNotFound;

impl RoomNotFound {
    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::NotFound
    }
}

impl From<NoRoom> for RoomNotFound {
    fn from(_: NoRoom) -> Self {
        Self
    }
}

/// Why a room could not be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CreateRoomError {
    /// It has no name.
    #[error("room name is required")]
    NameEmpty,
    /// Its name is over [`MAX_NAME_BYTES`].
    #[error("room name exceeds limits: max length {MAX_NAME_BYTES}")]
    NameTooLong,
    /// Its metadata is over LiveKit's limit.
    #[error("metadata exceeds limits: max size {max}", max = signal::MAX_METADATA_BYTES)]
    MetadataTooLong,
    /// [`MAX_ROOMS`] live.
    #[error("{MAX_ROOMS} rooms live already")]
    TooMany,
    /// Nothing can be saved.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The new room broke at once.
    #[error("the room could not be created")]
    Broken,
}

impl CreateRoomError {
    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NameEmpty | Self::NameTooLong | Self::MetadataTooLong => ErrorKind::Invalid,
            Self::TooMany => ErrorKind::Exhausted,
            Self::NotReady(_) | Self::Broken => ErrorKind::Unavailable,
        }
    }
}

impl From<NoRoom> for CreateRoomError {
    fn from(_: NoRoom) -> Self {
        Self::Broken
    }
}

/// Why a room operation failed although the caller may do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RoomError<E> {
    /// No room of that name lives.
    #[error(transparent)]
    NotFound(#[from] RoomNotFound),
    /// The room refused.
    #[error("{0}")]
    Refused(E),
}

impl<E> From<NoRoom> for RoomError<E> {
    fn from(_: NoRoom) -> Self {
        Self::NotFound(RoomNotFound)
    }
}

impl Control {
    /// `CreateRoom`: returns the room that already lives, else makes it.
    pub fn create_room(
        &mut self,
        request: proto::CreateRoomRequest,
    ) -> Result<proto::Room, CreateRoomError> {
        if let Some(key) = self.by_name.get(request.name.as_str()) {
            return Ok(self.read_room(*key, |live| live.room.info())?);
        }
        let key = self.make_room(&request.name, options_of(&request))?;
        Ok(self.read_room(key, |live| live.room.info())?)
    }

    /// `ListRooms`: all, or those named.
    pub fn list_rooms(&mut self, names: &[String]) -> Vec<proto::Room> {
        let wanted = |name: &RoomName| names.is_empty() || names.iter().any(|n| n == name.as_str());
        let keys: Vec<RoomKey> = self
            .by_name
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(_, key)| *key)
            .collect();
        let mut rooms: Vec<proto::Room> = keys
            .into_iter()
            .filter_map(|key| self.read_room(key, |live| live.room.info()).ok())
            .collect();
        rooms.sort_by(|a, b| (a.creation_time_ms, &a.sid).cmp(&(b.creation_time_ms, &b.sid)));
        rooms
    }

    /// `DeleteRoom`: everyone leaves with `ROOM_DELETED`.
    pub fn delete_room(&mut self, name: &str) -> Result<(), RoomNotFound> {
        let key = self.room_key(name)?;
        let now = Self::now();
        Ok(self.with_room(key, |room| room.close(EndReason::RoomDeleted, now))?)
    }

    /// `UpdateRoomMetadata`.
    pub fn update_room_metadata(
        &mut self,
        name: &str,
        metadata: String,
    ) -> Result<proto::Room, RoomError<UpdateRoomMetadataError>> {
        let key = self.room_key(name)?;
        let now = Self::now();
        self.with_room(key, |room| room.update_metadata(metadata, now))?
            .map_err(RoomError::Refused)
    }

    /// `SendData`.
    pub fn send_data(
        &mut self,
        request: proto::SendDataRequest,
    ) -> Result<(), RoomError<SendDataError>> {
        let key = self.room_key(&request.room)?;
        let now = Self::now();
        self.with_room(key, |room| room.send_data(request, now))?
            .map_err(RoomError::Refused)
    }

    /// Refuses newcomers, or admits them again.
    pub fn set_room_locked(&mut self, name: &str, locked: bool) -> Result<(), RoomNotFound> {
        let key = self.room_key(name)?;
        let now = Self::now();
        Ok(self.with_room(key, |room| room.set_locked(locked, now))?)
    }

    pub(crate) fn room_key(&self, name: &str) -> Result<RoomKey, RoomNotFound> {
        self.by_name.get(name).copied().ok_or(RoomNotFound)
    }

    /// Makes a room that does not live yet.
    pub(crate) fn make_room(
        &mut self,
        name: &str,
        options: RoomOptions,
    ) -> Result<RoomKey, CreateRoomError> {
        self.require_store()?;
        if name.is_empty() {
            return Err(CreateRoomError::NameEmpty);
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(CreateRoomError::NameTooLong);
        }
        if options.metadata.len() > signal::MAX_METADATA_BYTES {
            return Err(CreateRoomError::MetadataTooLong);
        }
        if self.rooms.len() >= MAX_ROOMS {
            return Err(CreateRoomError::TooMany);
        }
        let now = Self::now();
        let seed = self.draw_seed();
        let room = Room::new(
            self.keys.room(),
            RoomName::new(name),
            options,
            self.room_config.clone(),
            self.keys.clone(),
            seed,
            now,
        );
        Ok(self.add_room(room, now))
    }
}

fn options_of(request: &proto::CreateRoomRequest) -> RoomOptions {
    RoomOptions {
        empty_timeout: seconds(request.empty_timeout),
        departure_timeout: seconds(request.departure_timeout),
        max_participants: Some(request.max_participants).filter(|max| *max > 0),
        metadata: request.metadata.clone(),
        sync_streams: request.sync_streams,
    }
}

/// A token's `roomConfig`: what a room gets that its join creates. Unreadable ones are as absent.
pub(crate) fn options_of_token(claims: &auth::Claims) -> RoomOptions {
    let config = claims
        .room_config
        .clone()
        .and_then(|value| serde_json::from_value::<proto::RoomConfiguration>(value).ok());
    let Some(config) = config else {
        return RoomOptions::default();
    };
    RoomOptions {
        empty_timeout: seconds(config.empty_timeout),
        departure_timeout: seconds(config.departure_timeout),
        max_participants: Some(config.max_participants).filter(|max| *max > 0),
        metadata: config.metadata,
        sync_streams: config.sync_streams,
    }
}

/// 0 means "not said" in LiveKit's messages.
fn seconds(value: u32) -> Option<Duration> {
    (value > 0).then(|| Duration::from_secs(u64::from(value)))
}
