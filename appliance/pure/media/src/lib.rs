//! The media plane: routing, forwarding, layers, data, speakers.
//!
//! Deterministic: time comes in as the last argument, nothing here knows a socket or a thread.
//! [`plane`] is the contract with the control plane, [`packet`] the one with `peer`,
//! [`Room`] (to come) what a worker drives.

pub mod packet;
pub mod plane;

pub use packet::{Channel, Codec, Egress, Kind, Layer, Mid, Outgoing, Packet, Rid};
pub use plane::{MediaCommand, MediaEvent, MediaPlane};
