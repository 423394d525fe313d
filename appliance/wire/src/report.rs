//! What only a client can know, reported by it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most events in one report; the predecessor's client sent at most 10 (`predecessors.md` §6.4).
pub const MAX_REPORTED_EVENTS: usize = 32;

/// `POST /v1/rooms/{room}/events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReportEvents {
    /// In the order they happened; at most [`MAX_REPORTED_EVENTS`].
    pub events: Vec<Reported>,
}

/// One reported event. The room and the actor are the token's; the time is the box's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reported {
    /// `rtt_enabled`, `rtt_disabled`, `p2p_session_started`, `p2p_session_ended`,
    /// `p2p_session_stats`, or an alias of the last three (`peer_session_…`).
    #[serde(rename = "type")]
    pub event_type: String,
    /// Identity of the other side (peer-to-peer sessions).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// The peer-to-peer session's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Whether the reporter opened the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_initiator: Option<bool>,
    /// `ice-connected` or `ice-failed` (statistics).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Measurements by name, at most 32.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, i64>,
}
