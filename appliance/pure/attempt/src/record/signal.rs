//! The WebSocket, or the request.

use serde::{Deserialize, Serialize};
use vocab::UnixMillis;

/// The WebSocket, or the request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Signal {
    /// A request was read to its end.
    pub asked_at: Option<UnixMillis>,
    /// The request for a WebSocket came without the words that make it one (`Upgrade`): something
    /// on the way took them out.
    pub stripped: bool,
    /// The WebSocket is open, or the request was answered.
    pub open_at: Option<UnixMillis>,
    /// The client's first message.
    pub heard_at: Option<UnixMillis>,
    /// Its end.
    pub closed: Option<Closed>,
    /// How often it was cut before media was up, counting earlier attempts of the last two
    /// minutes.
    pub cuts: u32,
    /// How often it came back while media ran.
    pub resumes: u32,
}

/// The end of a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// When.
    pub at: UnixMillis,
    /// How.
    pub how: Closing,
}

/// How a WebSocket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// The client said so, or the box did because all was said.
    Said,
    /// The connection was gone without a word.
    Cut,
    /// The client was silent for too long.
    Idle,
    /// The client said what cannot be understood, or too much.
    Refused,
}
