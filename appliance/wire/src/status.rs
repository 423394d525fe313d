//! How the box is.

use serde::{Deserialize, Serialize};

/// How the box is, for operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StatusView {
    /// The daemon's version.
    pub version: String,
    /// Since when it runs.
    pub started_at_ms: u64,
    /// Newcomers are admitted.
    pub ready: bool,
    /// Nobody new is admitted, as an operator wants it or because the box is about to stop.
    #[serde(default)]
    pub draining: bool,
    /// Why not, or what is degraded; empty when all is well.
    pub problems: Vec<String>,
    /// Rooms that live now.
    pub rooms: u64,
    /// Participants present now.
    pub participants: u64,
    /// Tracks published now.
    pub tracks: u64,
    /// Open WHIP and WHEP sessions.
    pub exchanges: u64,
    /// Facts of the start: network backend and why, workers, data folder. Name and value.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Vec<String>>))]
    pub facts: Vec<(String, String)>,
}
