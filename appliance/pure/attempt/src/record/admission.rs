//! What the box and the room said.

use serde::{Deserialize, Serialize};
use vocab::UnixMillis;

/// What the box and the room said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// Come in.
    Admitted(UnixMillis),
    /// The room admits nobody new.
    Locked,
    /// The room holds as many as it may.
    Full {
        /// The limit.
        max: u32,
    },
    /// An operator or the server API put this identity out, or took its token back.
    Blocked,
    /// The box is stopping or draining.
    Draining,
    /// The box cannot save events now, is at a limit, or did not answer.
    Overloaded,
    /// The request says what it may not, or cannot be read.
    BadRequest,
}
