//! One room: who is in it, what they publish, who watches what, and what everyone is told.

mod admin;
mod exchange;
mod join;

use crate::config::{RoomConfig, RoomOptions};
use crate::keys::Keys;
use crate::now::Now;
use crate::output::Output;
use livekit_protocol::SignalRequest;
use media::MediaEvent;
use std::sync::Arc;
use vocab::{RoomKey, RoomName, RoomSid, SessionKey};

pub use admin::{
    MuteTrackError, ParticipantNotFound, SendDataError, TextTooLong, UpdateParticipantError,
    UpdateRoomMetadataError, UpdateSubscriptionsError,
};
pub use exchange::{ExchangeRefusal, PatchExchangeError, TrickleFragment};
pub use join::JoinRefusal;

/// A LiveKit room as its clients and the server API see it.
///
/// After any `handle_*` or change, drain [`Self::poll_output`] until [`Output::Wait`].
pub struct Room {
    key: RoomKey,
    sid: RoomSid,
    name: RoomName,
}

impl Room {
    /// A new life of a room name. `seed` decides its sids and nothing else.
    pub fn new(
        key: RoomKey,
        name: RoomName,
        _options: RoomOptions,
        _config: Arc<RoomConfig>,
        _keys: Keys,
        _seed: u64,
        _now: Now,
    ) -> Self {
        Self {
            key,
            sid: "RM_".into(),
            name,
        }
    }

    /// A message of a client. Unknown sessions and unknown messages are ignored.
    pub fn handle_request(&mut self, _session: SessionKey, _request: SignalRequest, _now: Now) {}

    /// A WebSocket is gone, whoever closed it.
    pub fn handle_closed(&mut self, _session: SessionKey, _now: Now) {}

    /// News from the media plane.
    pub fn handle_media(&mut self, _event: MediaEvent, _now: Now) {}

    /// Time passed.
    pub fn handle_timeout(&mut self, _now: Now) {}

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Output {
        Output::Wait(None)
    }

    /// Its key on the media plane.
    pub fn key(&self) -> RoomKey {
        self.key
    }

    /// This life's id.
    pub fn sid(&self) -> &RoomSid {
        &self.sid
    }

    /// Its name.
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// The room as LiveKit's APIs show it.
    pub fn info(&self) -> livekit_protocol::Room {
        livekit_protocol::Room::default()
    }

    /// Whether the room has ended.
    pub fn is_closed(&self) -> bool {
        false
    }
}
