//! A journal event, as queried.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One fact that happened in one room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventView {
    /// Its place in the journal; rises, never reused.
    pub sequence: u64,
    /// When, on the box's clock.
    pub at_ms: u64,
    /// `occupant_joined`, `video_paused`, …
    #[serde(rename = "type")]
    pub event_type: String,
    /// The room's name.
    pub room: String,
    /// The room's life.
    pub room_sid: String,
    /// Identity of who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Presence of who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_sid: Option<String>,
    /// Identity of the other side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// What the type says beyond that; often empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, Value>,
}

/// A value in an event's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// A number; its unit is in its name.
    Int(i64),
    /// An id or one of a closed set of words.
    Text(String),
    /// Measurements by name.
    Numbers(BTreeMap<String, i64>),
}
