//! All that a start needs to know of the past without an index.

use super::open_rooms::OpenRooms;
use domain::{Event, Standing};
use serde::{Deserialize, Serialize};

/// A pure function of the events before some record.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// Rooms and presences that are open.
    pub(crate) open: OpenRooms,
    /// Holds, blocks, the drain, the audit journal's head.
    pub(crate) standing: Standing,
}

impl Known {
    /// Applies the next event.
    pub(crate) fn apply(&mut self, event: &Event) {
        self.open.apply(event);
        self.standing.apply(event);
    }
}
