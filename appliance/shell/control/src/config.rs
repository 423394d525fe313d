//! What the control plane is told at the start.

use logbook::Logbook;
use signal::RoomConfig;
use vocab::Redacted;

/// Most rooms at one time. A room costs some tens of kilobytes; a hospital has a few thousand beds.
pub const MAX_ROOMS: usize = 10_000;

/// What the control plane is told at the start. Plain values: where they come from is `settings`.
#[derive(Debug, Clone)]
pub struct ControlConfig {
    /// The box's side of every room.
    pub room: RoomConfig,
    /// A join creates the room it names (LiveKit's `room.auto_create`, default on).
    pub auto_create: bool,
    /// The API key that signs refreshed tokens.
    pub token_key: String,
    /// Its secret.
    pub token_secret: Redacted<String>,
    /// Whether webhooks are queued: off when no receiver is configured.
    pub webhooks: bool,
    /// Facts of the start for operators: network backend and why, workers, data folder.
    pub facts: Vec<(String, String)>,
    /// Where attempts to connect are noted.
    pub logbook: Logbook,
}
