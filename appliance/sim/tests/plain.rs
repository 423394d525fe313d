//! Simulated calls of a box with its egress left to str0m.

#[path = "suite/determinism.rs"]
mod determinism;
#[path = "suite/forwarding.rs"]
mod forwarding;
#[path = "suite/layers.rs"]
mod layers;

/// Who writes RTP.
const EGRESS: peer::EgressKind = peer::EgressKind::Plain;
