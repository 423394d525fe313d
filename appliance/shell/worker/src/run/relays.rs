//! What the parts of a room on other workers say, and what they are told.

use super::Core;
use crate::relays::Parcel;
use media::Relayed;
use std::time::Instant;
use vocab::RoomKey;

/// Messages taken from one lane in one turn: about a millisecond of forwarding to ten viewers
/// each, so that no turn is longer than for datagrams.
const PARCELS_PER_TURN: usize = 256;

impl Core {
    /// Hears a bounded number of messages from each other worker; true when more may wait.
    pub(super) fn run_relays(&mut self, now: Instant) -> bool {
        let mut more = false;
        for link in 0..self.links.len() {
            let mut heard = 0;
            while heard < PARCELS_PER_TURN
                && let Some((from, parcel)) = self.links.receive(link)
            {
                heard += 1;
                self.hearing.media(now);
                let Parcel { room, relayed } = parcel;
                let peers = &mut self.peers;
                let told = self
                    .rooms
                    .with(room, |room| room.handle_relayed(from, relayed, peers, now));
                if let Err(broken) = told {
                    self.end_broken(&broken, now);
                }
            }
            more |= heard == PARCELS_PER_TURN;
        }
        more
    }

    /// What a drained room wants its other parts to hear.
    pub(super) fn relay(&mut self, index: usize) {
        while let Some((room, relay)) = self.rooms.poll_relay(index) {
            let (to, relayed) = (relay.to, relay.relayed);
            self.links.push(to, Parcel { room, relayed });
        }
    }

    /// This worker's part of a room failed; the others go on without it.
    pub(super) fn end_part(&mut self, room: RoomKey) {
        self.links.tell_all(room, &Relayed::PartEnded);
        let _ = self.reports.ended.send((room, self.index));
    }
}
