//! A LiveKit room as a state machine, the WHIP and WHEP exchange, SDP text editing.

pub mod fragment;
pub mod join;
pub mod limits;
pub mod sdp;

mod config;
mod data_track;
mod downstream;
mod keys;
mod now;
mod output;
mod pace;
mod participant;
mod room;
mod subscription;
mod texts;
mod track;
mod upstream;

pub use config::{LIVEKIT_VERSION, MAX_PARTICIPANTS, RoomConfig, RoomOptions};
pub use keys::{Keys, RpcKey};
pub use now::Now;
pub use output::{ExchangeAnswer, ExchangeRestart, Output};
pub use pace::{
    TEXT_CHANGE_BURST, TEXT_CHANGES_PER_SECOND, TRACK_CHANGE_BURST, TRACK_CHANGES_PER_SECOND,
};
pub use room::{
    DEFAULT_RPC_TIMEOUT, DEVICE_ATTRIBUTE, ExchangeRefusal, JoinRefusal, MAX_PENDING_RPCS,
    MAX_RPC_METHOD_BYTES, MAX_RPC_PAYLOAD_BYTES, MAX_RPC_TIMEOUT, MuteTrackError,
    ParticipantNotFound, PatchExchangeError, Patched, Present, RPC_ACK_TIMEOUT, Room, RpcFailure,
    SendDataError, TextTooLong, TrickleFragment, UpdateParticipantError, UpdateRoomMetadataError,
    UpdateSubscriptionsError,
};
pub use texts::{
    MAX_ATTRIBUTES_BYTES, MAX_DATA_BYTES, MAX_METADATA_BYTES, MAX_PARTICIPANT_NAME_BYTES,
};

pub use room::{FoundPresence, FoundTrack};
