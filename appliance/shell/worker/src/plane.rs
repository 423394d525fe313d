//! The control plane's end of the lanes.

use crate::load::Load;
use crossbeam_channel::Sender;
use media::{MediaCommand, MediaPlane};
use net::Waker;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use vocab::RoomKey;

/// Commands that may wait for one worker. A join takes about ten; beyond it the control thread
/// waits, which slows joins and nothing else.
pub const MAX_QUEUED_COMMANDS: usize = 16_384;

/// One worker's lane.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) commands: Sender<MediaCommand>,
    pub(crate) waker: Waker,
    pub(crate) load: Arc<Load>,
}

/// Commands all workers. Moves to the control thread and stays there.
#[derive(Debug)]
pub struct Plane {
    lanes: Vec<Lane>,
    placed: RefCell<HashMap<RoomKey, usize>>,
}

impl Plane {
    pub(crate) fn new(lanes: Vec<Lane>) -> Self {
        Self {
            lanes,
            placed: RefCell::default(),
        }
    }

    /// The worker that owns the command's room; an opened room goes to the least loaded one.
    fn lane_of(&self, command: &MediaCommand) -> Option<&Lane> {
        let room = command.room();
        let mut placed = self.placed.borrow_mut();
        let index = match command {
            MediaCommand::OpenRoom { .. } => {
                let least = (0..self.lanes.len())
                    .min_by_key(|i| self.lanes.get(*i).map(|l| l.load.weight()))?;
                placed.insert(room, least);
                self.lanes.get(least)?.load.room_opened();
                least
            }
            MediaCommand::CloseRoom { .. } => {
                let index = placed.remove(&room)?;
                self.lanes.get(index)?.load.room_closed();
                index
            }
            _ => *placed.get(&room)?,
        };
        self.lanes.get(index)
    }
}

impl MediaPlane for Plane {
    fn send(&self, command: MediaCommand) {
        let Some(lane) = self.lane_of(&command) else {
            return;
        };
        // A worker that is gone has closed its peers already.
        if lane.commands.send(command).is_ok() {
            lane.waker.wake();
        }
    }
}
