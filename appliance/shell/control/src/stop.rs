//! The time before the end: nobody new, while those inside may come to their own end.

use crate::control::Control;
use vocab::RoomKey;

impl Control {
    /// Admits nobody new from now on, and says how many are inside, those included whose media is on
    /// its way. For this run only: an operator's drain is on record and outlives the process, this
    /// one is forgotten with it.
    pub fn prepare_to_stop(&mut self) -> usize {
        self.retiring = true;
        self.health.set_draining(true);
        let keys: Vec<RoomKey> = self.rooms.keys().copied().collect();
        let mut inside = |key| self.read_room(key, |live| live.room.sizes().0);
        keys.into_iter().filter_map(|key| inside(key).ok()).sum()
    }

    /// Whether newcomers are kept out: an operator wants it so, or the box is about to stop.
    pub(crate) fn is_draining(&self) -> bool {
        self.retiring || self.standing.is_draining()
    }
}
