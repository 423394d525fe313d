//! The media plane: routing, forwarding, layers, data, speakers.
//!
//! Deterministic: time comes in as the last argument, nothing here knows a socket or a thread.
//! [`plane`] is the contract with the control plane, [`packet`] the one with `peer`,
//! [`Room`] what a worker drives.

pub mod packet;
pub mod plane;
mod refusal;
pub mod room;

pub use packet::{Channel, Codec, Egress, Kind, Layer, Mid, Outgoing, Packet, Rid};
pub use plane::{MediaCommand, MediaEvent, MediaPlane};
pub use refusal::DataRefusal;
pub use room::{Output, Room};

/// Largest data message in bytes (LiveKit's clients clamp to 64,000; `livekit.md` §3).
pub const MAX_DATA_BYTES: usize = 64 * 1024;
/// Data messages per second and sender; a burst of one second's worth is accepted.
pub const DATA_MESSAGES_PER_SECOND: u32 = 1_000;
/// Data bytes per second and sender; a burst of one second's worth is accepted.
pub const DATA_BYTES_PER_SECOND: u32 = 10_000_000;
