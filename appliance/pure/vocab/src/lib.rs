//! Ids, units, limits and texts that every crate shares. No clock, socket, thread or file.

mod error_kind;
mod host;
mod id;
mod stand_in;
pub mod text;
mod unit;

pub use error_kind::ErrorKind;
pub use host::{HostName, WrongHostName};
pub use id::{
    Identity, MAX_NAME_BYTES, ParticipantKey, ParticipantSid, PeerKey, RoomKey, RoomName, RoomSid,
    SessionKey, TrackKey, TrackSid,
};
pub use stand_in::{is_stand_in, stand_in};
pub use text::{DisplayText, Redacted};
pub use unit::{Bitrate, UnixMillis};
