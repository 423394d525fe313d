//! The subscription of a console.

use super::{AlarmScore, AlarmView, BoxView, LiveRoom, RoomDetail};
use serde::{Deserialize, Serialize};

/// One line of `GET /admin/stream`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Frame {
    /// Rises by one per frame of this subscription; a gap never happens without a snapshot.
    pub sequence: u64,
    /// When it was true, on the box's clock.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub change: Change,
}

/// What a frame says. Whatever it names replaces what was known under the same id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// Everything; what was known before is void.
    Snapshot {
        /// What the connection may do.
        role: Role,
        /// How the box is.
        #[serde(rename = "box")]
        health: Box<BoxView>,
        /// Every room that lives. Where there are very many, the first of them: the others follow at
        /// once, each as [`Change::Room`].
        rooms: Vec<LiveRoom>,
        /// Every alarm that is not normal.
        alarms: Vec<AlarmView>,
        /// How the alarm system does.
        score: AlarmScore,
    },
    /// A room is new or different.
    Room {
        /// As it is now.
        room: LiveRoom,
    },
    /// A room has ended.
    RoomGone {
        /// Which life of which room.
        sid: String,
    },
    /// The room that the subscription asked for (`?room=RM_…`), once a second.
    Detail {
        /// As it is now.
        detail: Box<RoomDetail>,
    },
    /// An alarm is new or in another state.
    Alarm {
        /// As it is now.
        alarm: AlarmView,
    },
    /// An alarm is normal again.
    AlarmGone {
        /// Which.
        id: String,
    },
    /// How the alarm system does.
    Score {
        /// Figures.
        score: AlarmScore,
    },
    /// How the box is, once a second: also the proof that the link lives.
    Box {
        /// Figures.
        #[serde(rename = "box")]
        health: Box<BoxView>,
    },
}

/// What somebody may do, weakest first; each includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Ends, admits, mutes, acknowledges; after `:arm`.
    Operator,
    /// Operator, and what concerns devices.
    Biomedical,
    /// Everything: holds, purges, accounts.
    Admin,
}
