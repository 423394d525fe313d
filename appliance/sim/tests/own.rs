//! Simulated calls of a box with its own egress.

#[path = "suite/determinism.rs"]
mod determinism;
#[path = "suite/forwarding.rs"]
mod forwarding;
#[path = "suite/layers.rs"]
mod layers;

/// Who writes RTP.
const EGRESS: peer::EgressKind = peer::EgressKind::Own;
