//! The control plane's end of the lanes.

use crate::load::Load;
use crate::placement::{Audience, Placement, SplitAt};
use crate::relays::Link;
use crossbeam_channel::{Receiver, Sender};
use media::plane::{DataRole, ParticipantSpec};
use media::{MediaCommand, MediaPlane, PartKey};
use net::Waker;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use vocab::RoomKey;

/// Commands that may wait for one worker. A join takes about ten; beyond it the control thread
/// waits, which slows joins and nothing else.
pub const MAX_QUEUED_COMMANDS: usize = 16_384;

/// What a worker is told, in order.
#[derive(Debug)]
pub(crate) enum Order {
    /// By the control plane.
    Command(MediaCommand),
    /// A participant of a room that has a part here is somewhere else.
    AddElsewhere {
        room: RoomKey,
        participant: ParticipantSpec,
        part: PartKey,
    },
    /// Lanes to and from another worker.
    Join(Link),
}

/// One worker's lane.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) orders: Sender<Order>,
    pub(crate) waker: Waker,
    pub(crate) load: Arc<Load>,
}

impl Lane {
    fn send(&self, order: Order) {
        // A worker that is gone has closed its peers already.
        if self.orders.send(order).is_ok() {
            self.waker.wake();
        }
    }
}

/// Commands all workers. Moves to the control thread and stays there.
#[derive(Debug)]
pub struct Plane {
    lanes: Vec<Lane>,
    split: SplitAt,
    rooms: RefCell<HashMap<RoomKey, Placement>>,
    /// Parts of rooms that failed inside, told by their workers.
    ended: Receiver<(RoomKey, usize)>,
    /// Pairs of workers with lanes between them, the lower first.
    joined: RefCell<HashSet<(usize, usize)>>,
}

impl Plane {
    pub(crate) fn new(lanes: Vec<Lane>, split: SplitAt, ended: Receiver<(RoomKey, usize)>) -> Self {
        Self {
            lanes,
            split,
            ended,
            rooms: RefCell::default(),
            joined: RefCell::default(),
        }
    }

    fn send_to(&self, worker: usize, order: Order) {
        if let Some(lane) = self.lanes.get(worker) {
            lane.send(order);
        }
    }

    fn load(&self, worker: usize) -> Option<&Load> {
        self.lanes.get(worker).map(|lane| &*lane.load)
    }

    fn least_loaded(&self, workers: impl Iterator<Item = usize>) -> Option<usize> {
        workers.min_by_key(|worker| self.load(*worker).map(Load::weight))
    }

    fn has_place(&self, worker: usize) -> bool {
        self.load(worker).is_some_and(|load| {
            load.weight().0 < self.split.peers && load.busy_percent() < self.split.busy_percent
        })
    }

    /// An opened room goes to the least loaded worker.
    fn open_room(&self, rooms: &mut HashMap<RoomKey, Placement>, room: RoomKey) {
        if rooms.contains_key(&room) {
            return;
        }
        if let Some(least) = self.least_loaded(0..self.lanes.len()) {
            if let Some(load) = self.load(least) {
                load.room_opened();
            }
            rooms.insert(room, Placement::new(least));
            self.send_to(least, Order::Command(MediaCommand::OpenRoom { room }));
        }
    }

    fn close_room(&self, room: RoomKey, placement: &Placement) {
        for worker in placement.seated() {
            if let Some(load) = self.load(worker) {
                load.participant_left();
            }
        }
        for worker in placement.parts() {
            if let Some(load) = self.load(*worker) {
                load.room_closed();
            }
            self.send_to(*worker, Order::Command(MediaCommand::CloseRoom { room }));
        }
    }

    /// A new participant goes to the least loaded of the room's parts; when that one is loaded
    /// beyond [`SplitAt`], to a new part on the least loaded of the other workers, if that one
    /// has place.
    fn add_participant(
        &self,
        room: RoomKey,
        placement: &mut Placement,
        participant: &ParticipantSpec,
    ) {
        let known = placement.seat_of(participant.key);
        let Some(seat) = known.or_else(|| self.choose(placement)) else {
            return;
        };
        if known.is_none() {
            if !placement.parts().contains(&seat) {
                self.open_part(room, placement, seat);
            }
            if let Some(load) = self.load(seat) {
                load.participant_came();
            }
            placement.seat(participant, seat);
        }
        let participant = participant.clone();
        for worker in placement.parts() {
            let participant = participant.clone();
            let order = if *worker == seat {
                Order::Command(MediaCommand::AddParticipant { room, participant })
            } else {
                let part = PartKey(seat);
                Order::AddElsewhere {
                    room,
                    participant,
                    part,
                }
            };
            self.send_to(*worker, order);
        }
    }

    fn choose(&self, placement: &Placement) -> Option<usize> {
        let parts = placement.parts();
        let own = self.least_loaded(placement.living());
        if own.is_some_and(|own| self.has_place(own)) {
            return own;
        }
        let others = (0..self.lanes.len()).filter(|worker| !parts.contains(worker));
        let other = self.least_loaded(others);
        // With every part gone any worker is better than none.
        let other = other.filter(|worker| own.is_none() || self.has_place(*worker));
        other.or(own).or(parts.first().copied())
    }

    /// A worker learns all that the room's other parts know, and how to reach them.
    fn open_part(&self, room: RoomKey, placement: &mut Placement, worker: usize) {
        for other in placement.parts() {
            self.join(*other, worker);
        }
        if let Some(load) = self.load(worker) {
            load.room_opened();
        }
        let tell = |command| self.send_to(worker, Order::Command(command));
        tell(MediaCommand::OpenRoom { room });
        for (seat, spec, role) in placement.roster() {
            let (participant, part) = (spec.clone(), PartKey(seat));
            self.send_to(
                worker,
                Order::AddElsewhere {
                    room,
                    participant,
                    part,
                },
            );
            if role != DataRole::default() {
                let participant = spec.key;
                tell(MediaCommand::SetDataRole {
                    room,
                    participant,
                    role,
                });
            }
        }
        for track in placement.tracks() {
            let track = track.clone();
            tell(MediaCommand::PublishTrack { room, track });
        }
        for route in placement.routes() {
            let route = route.clone();
            tell(MediaCommand::RouteDataTrack { room, route });
        }
        placement.add_part(worker);
    }

    /// Two workers get lanes between them, once.
    fn join(&self, a: usize, b: usize) {
        let pair = (a.min(b), a.max(b));
        let (Some(lower), Some(upper)) = (self.lanes.get(pair.0), self.lanes.get(pair.1)) else {
            return;
        };
        if self.joined.borrow_mut().insert(pair) {
            let ends = Link::pair(
                (PartKey(pair.0), &lower.waker),
                (PartKey(pair.1), &upper.waker),
            );
            lower.send(Order::Join(ends.0));
            upper.send(Order::Join(ends.1));
        }
    }

    fn route(&self, placement: &mut Placement, command: MediaCommand) {
        let audience = placement.audience(&command);
        if let Some(left) = placement.note(&command)
            && let Some(load) = self.load(left)
        {
            load.participant_left();
        }
        match audience {
            Audience::One(worker) => self.send_to(worker, Order::Command(command)),
            Audience::All(first) => {
                let others = placement.parts().iter().filter(|part| **part != first);
                let copies: Vec<_> = others.map(|part| (*part, command.clone())).collect();
                self.send_to(first, Order::Command(command));
                for (part, command) in copies {
                    self.send_to(part, Order::Command(command));
                }
            }
        }
    }
}

impl MediaPlane for Plane {
    fn send(&self, command: MediaCommand) {
        let mut rooms = self.rooms.borrow_mut();
        for (room, worker) in self.ended.try_iter() {
            if let Some(placement) = rooms.get_mut(&room) {
                placement.end_part(worker);
            }
        }
        let room = command.room();
        match command {
            MediaCommand::OpenRoom { .. } => self.open_room(&mut rooms, room),
            MediaCommand::CloseRoom { .. } => {
                if let Some(placement) = rooms.remove(&room) {
                    self.close_room(room, &placement);
                }
            }
            MediaCommand::AddParticipant { participant, .. } => {
                if let Some(placement) = rooms.get_mut(&room) {
                    self.add_participant(room, placement, &participant);
                }
            }
            command => {
                if let Some(placement) = rooms.get_mut(&room) {
                    self.route(placement, command);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
