//! Where the parts of a room are, who is in which, and what a new part has to know.

use media::MediaCommand;
use media::plane::{DataRole, DataTrackRoute, ParticipantSpec, TrackSpec};
use std::collections::{BTreeMap, HashMap};
use vocab::{ParticipantKey, PeerKey, TrackKey};

/// From when on a worker takes no new participants of a room that can have them elsewhere.
///
/// Not a setting: tests set it to split a room of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitAt {
    /// Participants on the worker. 1,000 viewers of 300 packets/s at 1.6 µs each are half a core
    /// (`performance.md`, goals); counted at once, so that a storm of joins is spread as well.
    pub peers: usize,
    /// Share of the last second in which the worker worked, in per cent. Latency is promised at
    /// half load.
    pub busy_percent: usize,
}

impl Default for SplitAt {
    fn default() -> Self {
        Self {
            peers: 1_000,
            busy_percent: 50,
        }
    }
}

/// A participant, where it is and what it may do now.
#[derive(Debug)]
struct Seat {
    worker: usize,
    spec: ParticipantSpec,
    role: DataRole,
}

/// One room.
#[derive(Debug)]
pub(crate) struct Placement {
    /// Workers that have a part, the first opened first; never empty.
    parts: Vec<usize>,
    /// Parts that failed: nobody new is sent there.
    ended: Vec<usize>,
    seats: BTreeMap<ParticipantKey, Seat>,
    peers: HashMap<PeerKey, ParticipantKey>,
    tracks: BTreeMap<TrackKey, TrackSpec>,
    /// Of data tracks, by publisher and handle.
    routes: BTreeMap<(ParticipantKey, u16), DataTrackRoute>,
}

/// Who has to hear a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Every part, this one first: its word about the rest may overtake the command otherwise.
    All(usize),
    /// This worker.
    One(usize),
}

impl Placement {
    pub(crate) fn new(worker: usize) -> Self {
        Self {
            parts: vec![worker],
            ended: Vec::new(),
            seats: BTreeMap::new(),
            peers: HashMap::new(),
            tracks: BTreeMap::new(),
            routes: BTreeMap::new(),
        }
    }

    pub(crate) fn parts(&self) -> &[usize] {
        &self.parts
    }

    /// A part failed inside and is gone.
    pub(crate) fn end_part(&mut self, worker: usize) {
        self.ended.push(worker);
    }

    /// Parts where somebody new can be seated.
    pub(crate) fn living(&self) -> impl Iterator<Item = usize> + '_ {
        let parts = self.parts.iter().copied();
        parts.filter(|part| !self.ended.contains(part))
    }

    pub(crate) fn add_part(&mut self, worker: usize) {
        self.parts.push(worker);
    }

    /// The workers of its participants, one entry each.
    pub(crate) fn seated(&self) -> impl Iterator<Item = usize> + '_ {
        self.seats.values().map(|seat| seat.worker)
    }

    /// The worker that has a participant's transports.
    pub(crate) fn seat_of(&self, participant: ParticipantKey) -> Option<usize> {
        self.seats.get(&participant).map(|seat| seat.worker)
    }

    pub(crate) fn seat(&mut self, spec: &ParticipantSpec, worker: usize) {
        let (spec, role) = (spec.clone(), DataRole::default());
        self.seats.insert(spec.key, Seat { worker, spec, role });
    }

    /// Who hears it. What is about nobody known goes to the first part, which answers or ignores.
    pub(crate) fn audience(&self, command: &MediaCommand) -> Audience {
        let first = self.parts.first().copied().unwrap_or(0);
        let of = |key: &ParticipantKey| self.seat_of(*key).unwrap_or(first);
        let carrying = |key: &PeerKey| self.peers.get(key).map_or(first, of);
        match command {
            MediaCommand::OpenRoom { .. }
            | MediaCommand::CloseRoom { .. }
            | MediaCommand::UnpublishTrack { .. }
            | MediaCommand::SetTrackMuted { .. }
            | MediaCommand::SendData { .. } => Audience::All(first),
            MediaCommand::AddParticipant { participant, .. } => Audience::All(of(&participant.key)),
            MediaCommand::SetPermissions { participant, .. }
            | MediaCommand::SetDataRole { participant, .. }
            | MediaCommand::RemoveParticipant { participant, .. } => Audience::All(of(participant)),
            MediaCommand::PublishTrack { track, .. } => Audience::All(of(&track.publisher)),
            MediaCommand::RouteDataTrack { route, .. } => Audience::All(of(&route.publisher)),
            MediaCommand::ClosePeer { peer, .. } => Audience::All(carrying(peer)),
            MediaCommand::OpenPeer { peer, .. } => Audience::One(of(&peer.participant)),
            MediaCommand::AcceptOffer { peer, .. }
            | MediaCommand::MakeOffer { peer, .. }
            | MediaCommand::AcceptAnswer { peer, .. }
            | MediaCommand::AddCandidate { peer, .. }
            | MediaCommand::VacateSection { peer, .. } => Audience::One(carrying(peer)),
            MediaCommand::Subscribe { subscription, .. } => {
                Audience::One(of(&subscription.subscriber))
            }
            MediaCommand::Unsubscribe { subscriber, .. }
            | MediaCommand::SetSubscription { subscriber, .. }
            | MediaCommand::ReplayData { subscriber, .. } => Audience::One(of(subscriber)),
            MediaCommand::ReportDataProgress { participant, .. } => Audience::One(of(participant)),
        }
    }

    /// Takes note of a command that was sent. Returns the worker whose participant left.
    pub(crate) fn note(&mut self, command: &MediaCommand) -> Option<usize> {
        match command {
            MediaCommand::SetPermissions {
                participant,
                permissions,
                ..
            } => {
                if let Some(seat) = self.seats.get_mut(participant) {
                    seat.spec.permissions = *permissions;
                }
            }
            MediaCommand::SetDataRole {
                participant, role, ..
            } => {
                if let Some(seat) = self.seats.get_mut(participant) {
                    seat.role = *role;
                }
            }
            MediaCommand::OpenPeer { peer, .. } => {
                self.peers.insert(peer.key, peer.participant);
            }
            MediaCommand::ClosePeer { peer, .. } => {
                self.peers.remove(peer);
                self.tracks.retain(|_, track| track.peer != *peer);
            }
            MediaCommand::PublishTrack { track, .. } => {
                self.tracks.insert(track.key, track.clone());
            }
            MediaCommand::UnpublishTrack { track, .. } => {
                self.tracks.remove(track);
            }
            MediaCommand::SetTrackMuted { track, muted, .. } => {
                if let Some(track) = self.tracks.get_mut(track) {
                    track.muted = *muted;
                }
            }
            MediaCommand::RouteDataTrack { route, .. } => {
                let key = (route.publisher, route.handle);
                if route.viewers.is_empty() {
                    self.routes.remove(&key);
                } else {
                    self.routes.insert(key, route.clone());
                }
            }
            MediaCommand::RemoveParticipant { participant, .. } => {
                self.routes.retain(|(of, _), _| of != participant);
                self.tracks
                    .retain(|_, track| track.publisher != *participant);
                self.peers.retain(|_, owner| owner != participant);
                return self.seats.remove(participant).map(|seat| seat.worker);
            }
            _ => {}
        }
        None
    }

    /// Everybody who is there, for a part that is new.
    pub(crate) fn roster(&self) -> impl Iterator<Item = (usize, &ParticipantSpec, DataRole)> {
        let seats = self.seats.values();
        seats.map(|seat| (seat.worker, &seat.spec, seat.role))
    }

    /// Every data track's way, for a part that is new.
    pub(crate) fn routes(&self) -> impl Iterator<Item = &DataTrackRoute> {
        self.routes.values()
    }

    /// Every track, for a part that is new.
    pub(crate) fn tracks(&self) -> impl Iterator<Item = &TrackSpec> {
        self.tracks.values()
    }
}
