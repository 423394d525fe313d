//! Who is in the room: participants and their transports.

use super::trial::Trial;
use crate::data::{Bucket, DATA_MESSAGES_PER_SECOND, DATA_TRACK_PACKETS_PER_SECOND, Recipients};
use crate::key_map::KeyMap;
use crate::packet::{Channel, Mid};
use crate::plane::{
    DataRole, DataTrackRoute, MediaPermissions, ParticipantSpec, PeerRole, PeerSpec,
};
use crate::quality::QualityMeter;
use crate::relay::PartKey;
use crate::rewrite::Rewriter;
use slab::Slab;
use smallvec::SmallVec;
use std::time::Instant;
use vocab::{Bitrate, Identity, ParticipantKey, ParticipantSid, PeerKey};

/// Transports per participant; `LiveKit`'s clients use one or two, a replacement may overlap.
/// Beyond it `OpenPeer` is ignored.
pub const MAX_PEERS_PER_PARTICIPANT: usize = 4;

/// A participant.
#[derive(Debug)]
pub(super) struct Participant {
    pub(super) key: ParticipantKey,
    pub(super) sid: ParticipantSid,
    pub(super) identity: Identity,
    pub(super) permissions: MediaPermissions,
    pub(super) data_role: DataRole,
    pub(super) joined: Instant,
    /// Another part of the room has its transports.
    pub(super) part: Option<PartKey>,
    pub(super) peers: SmallVec<[usize; 2]>,
    pub(super) tracks: Vec<usize>,
    pub(super) bucket: Bucket,
    /// Packets of its data tracks have an allowance of their own: they are lossy by nature, and
    /// a stream of measurements must not silence what its sender says.
    pub(super) track_bucket: Bucket,
    pub(super) data_routes: Vec<DataTrackRoute>,
    /// Somebody it sent reliable data to reads too slowly to be sent more before.
    pub(super) reader_rests: Option<Instant>,
    /// Highest sequence of its reliable data, 0 if none.
    pub(super) data_sequence: u32,
    pub(super) quality: QualityMeter,
    /// The level last reported; 0.0: not speaking.
    pub(super) voice: f32,
}

/// A transport.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) key: PeerKey,
    pub(super) participant: usize,
    pub(super) role: PeerRole,
    pub(super) connected: bool,
    channels: [bool; 3],
    /// Sections that carry tracks to us.
    pub(super) inbound: Vec<(Mid, usize)>,
    /// Subscriptions it carries to the participant, in order of creation.
    pub(super) outbound: Vec<usize>,
    /// Where the numbers of now silent sections stand: a section is one stream for its life.
    pub(super) retired: Vec<(Mid, Rewriter)>,
    pub(super) estimate: Option<Bitrate>,
    /// Reliable data waits on it: who sends more is slowed until then.
    pub(super) data_rests: Option<Instant>,
    /// No upgrade before this instant, …
    pub(super) upgrade_at: Option<Instant>,
    /// … counted from when the path took so much.
    pub(super) forced_down_by: Option<Bitrate>,
    pub(super) trial: Trial,
    /// What the worker was last asked to aim at.
    pub(super) desired: Bitrate,
}

impl Participant {
    /// Whether a message to these is for it. Who waits is not everyone.
    pub(super) fn hears(&self, recipients: &Recipients) -> bool {
        let is_kept_out = self.data_role.waits && matches!(recipients, Recipients::All);
        recipients.include(self.key) && !is_kept_out
    }
}

impl Peer {
    /// Whether it carries data or media to the participant.
    pub(super) fn is_downstream(&self) -> bool {
        matches!(
            self.role,
            PeerRole::Single | PeerRole::Subscriber | PeerRole::Whep
        )
    }

    /// The track that arrives in `mid`.
    pub(super) fn track_in(&self, mid: Mid) -> Option<usize> {
        self.inbound
            .iter()
            .find(|(m, _)| *m == mid)
            .map(|(_, track)| *track)
    }

    pub(super) fn open_channel(&mut self, channel: Channel) {
        if let Some(open) = self.channels.get_mut(channel as usize) {
            *open = true;
        }
    }

    pub(super) fn is_open(&self, channel: Channel) -> bool {
        self.channels
            .get(channel as usize)
            .copied()
            .unwrap_or(false)
    }
}

/// Participants and transports, by key and by index.
#[derive(Debug, Default)]
pub(super) struct Roster {
    participant_keys: KeyMap<ParticipantKey>,
    peer_keys: KeyMap<PeerKey>,
    pub(super) participants: Slab<Participant>,
    pub(super) peers: Slab<Peer>,
}

impl Roster {
    /// Adds a participant; one that is already there gets the new permissions.
    pub(super) fn add(&mut self, spec: &ParticipantSpec, part: Option<PartKey>, now: Instant) {
        if let Some(known) = self.participant_mut(spec.key) {
            known.permissions = spec.permissions;
            return;
        }
        let index = self.participants.insert(Participant {
            key: spec.key,
            sid: spec.sid.clone(),
            identity: spec.identity.clone(),
            permissions: spec.permissions,
            data_role: DataRole::default(),
            joined: now,
            part,
            peers: SmallVec::new(),
            tracks: Vec::new(),
            bucket: Bucket::new(DATA_MESSAGES_PER_SECOND, now),
            track_bucket: Bucket::new(DATA_TRACK_PACKETS_PER_SECOND, now),
            data_routes: Vec::new(),
            reader_rests: None,
            data_sequence: 0,
            quality: QualityMeter::default(),
            voice: 0.0,
        });
        self.participant_keys.insert(spec.key, index);
    }

    /// Opens a transport; ignored for strangers, known keys and beyond
    /// [`MAX_PEERS_PER_PARTICIPANT`].
    pub(super) fn open_peer(&mut self, spec: &PeerSpec) {
        let Some(owner) = self.participant_keys.get(spec.participant) else {
            return;
        };
        let Some(participant) = self.participants.get_mut(owner) else {
            return;
        };
        let full = participant.peers.len() >= MAX_PEERS_PER_PARTICIPANT;
        if full || self.peer_keys.get(spec.key).is_some() {
            return;
        }
        let index = self.peers.insert(Peer {
            key: spec.key,
            participant: owner,
            role: spec.role,
            connected: false,
            channels: [false; 3],
            inbound: Vec::new(),
            outbound: Vec::new(),
            retired: Vec::new(),
            estimate: None,
            data_rests: None,
            upgrade_at: None,
            forced_down_by: None,
            trial: Trial::default(),
            desired: Bitrate::default(),
        });
        participant.peers.push(index);
        self.peer_keys.insert(spec.key, index);
    }

    /// Forgets a participant whose tracks and peers are already gone.
    pub(super) fn remove(&mut self, key: ParticipantKey) {
        if let Some(index) = self.participant_keys.remove(key) {
            self.participants.try_remove(index);
        }
    }

    /// Forgets a transport whose tracks and subscriptions are already gone.
    pub(super) fn close_peer(&mut self, key: PeerKey) {
        let Some(index) = self.peer_keys.remove(key) else {
            return;
        };
        let Some(peer) = self.peers.try_remove(index) else {
            return;
        };
        if let Some(participant) = self.participants.get_mut(peer.participant) {
            participant.peers.retain(|p| *p != index);
        }
    }

    pub(super) fn participant_index(&self, key: ParticipantKey) -> Option<usize> {
        self.participant_keys.get(key)
    }

    pub(super) fn participant_mut(&mut self, key: ParticipantKey) -> Option<&mut Participant> {
        self.participants.get_mut(self.participant_keys.get(key)?)
    }

    pub(super) fn peer_index(&self, key: PeerKey) -> Option<usize> {
        self.peer_keys.get(key)
    }

    pub(super) fn peer_mut(&mut self, key: PeerKey) -> Option<&mut Peer> {
        self.peers.get_mut(self.peer_keys.get(key)?)
    }

    /// Indices of all participants, in the order in which they came.
    pub(super) fn participant_indices(&self) -> impl Iterator<Item = usize> + '_ {
        self.participant_keys.indices()
    }

    /// Index of the `n`th transport in the order in which they came.
    pub(super) fn peer_indices(&self) -> impl Iterator<Item = usize> + '_ {
        self.peer_keys.indices()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.participant_keys.len() == 0
    }

    /// The transport on which `participant` receives on `channel` now.
    pub(super) fn data_peer(&self, participant: usize, channel: Channel) -> Option<PeerKey> {
        let peers = &self.participants.get(participant)?.peers;
        let mut open = peers.iter().rev().filter_map(|peer| self.peers.get(*peer));
        open.find(|peer| peer.is_downstream() && peer.is_open(channel))
            .map(|peer| peer.key)
    }
}
