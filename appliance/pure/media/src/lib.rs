//! The media plane: routing, forwarding, layers, data, speakers.
//!
//! Deterministic: time comes in as the last argument, nothing here knows a socket or a thread.
//! [`plane`] is the contract with the control plane, [`packet`] the one with `peer`,
//! [`Room`] what a worker drives.

pub mod allocation;
pub mod data;
pub mod demand;
pub mod figures;
mod key_map;
pub mod keyframe;
pub mod layer_choice;
pub mod packet;
pub mod plane;
pub mod quality;
mod refusal;
pub mod relay;
pub mod rewrite;
pub mod room;
pub mod sequence_window;
pub mod speakers;
pub mod vp8;

pub use data::{
    DATA_BYTES_PER_SECOND, DATA_MESSAGES_PER_SECOND, DATA_TRACK_PACKETS_PER_SECOND, MAX_DATA_BYTES,
};
pub use figures::{Carrier, Figures, PeerFigures, WorkerFigures};
pub use keyframe::KEYFRAME_REQUEST_INTERVAL;
pub use packet::{Channel, Codec, Egress, Kind, Layer, Mid, Outgoing, Packet, Rid};
pub use plane::{MediaCommand, MediaEvent, MediaPlane};
pub use refusal::DataRefusal;
pub use relay::{PartKey, Relay, Relayed};
pub use room::{Output, Room};
