//! What the control plane changes in a room.

use super::roster::Participant;
use super::subscription::{MAX_SUBSCRIPTIONS_PER_PEER, Subscription};
use super::track::{Home, MAX_TRACKS_PER_PARTICIPANT, Track};
use super::{Output, Room};
use crate::plane::{LayerWish, MediaPermissions, SubscriptionSpec, TrackSpec};
use crate::rewrite::Rewriter;
use crate::{Kind, MediaCommand, MediaEvent};
use std::time::Instant;
use vocab::{ParticipantKey, PeerKey, TrackKey};

/// RTP clock of video (RFC 3551 §5).
const VIDEO_CLOCK: u32 = 90_000;
/// RTP clock of Opus (RFC 7587 §4.1).
const AUDIO_CLOCK: u32 = 48_000;

impl Room {
    pub(super) fn apply(&mut self, command: &MediaCommand, now: Instant) {
        match command {
            MediaCommand::AddParticipant { participant, .. } => {
                self.roster.add(participant, None, now);
            }
            MediaCommand::SetPermissions {
                participant,
                permissions,
                ..
            } => {
                self.set_permissions(*participant, *permissions, now);
            }
            MediaCommand::SetDataRole {
                participant, role, ..
            } => {
                if let Some(known) = self.roster.participant_mut(*participant) {
                    known.data_role = *role;
                }
            }
            MediaCommand::RemoveParticipant { participant, .. } => {
                self.remove_participant(*participant, now);
            }
            MediaCommand::OpenPeer { peer, .. } => self.roster.open_peer(peer),
            MediaCommand::ClosePeer { peer, .. } => self.close_peer(*peer, now),
            MediaCommand::PublishTrack { track, .. } => self.publish(track, now),
            MediaCommand::UnpublishTrack { track, .. } => self.unpublish(*track, now),
            MediaCommand::SetTrackMuted { track, muted, .. } => self.mute(*track, *muted, now),
            MediaCommand::Subscribe { subscription, .. } => self.subscribe(*subscription, now),
            MediaCommand::Unsubscribe {
                subscriber, track, ..
            } => {
                if let Some(index) = self.find_subscription(*subscriber, *track) {
                    self.unsubscribe(index, now);
                }
            }
            MediaCommand::SetSubscription {
                subscriber,
                track,
                wish,
                ..
            } => {
                self.set_wish(*subscriber, *track, *wish, now);
            }
            MediaCommand::SendData {
                to,
                channel,
                payload,
                ..
            } => {
                self.send_data(to, *channel, payload, now);
            }
            MediaCommand::RouteDataTrack { route, .. } => self.route_data_track(route),
            MediaCommand::ReplayData {
                subscriber, seen, ..
            } => {
                self.replay_data(*subscriber, seen, now);
            }
            MediaCommand::ReportDataProgress { participant, .. } => {
                self.report_data_progress(*participant);
            }
            MediaCommand::OpenRoom { .. }
            | MediaCommand::CloseRoom { .. }
            | MediaCommand::AcceptOffer { .. }
            | MediaCommand::MakeOffer { .. }
            | MediaCommand::AcceptAnswer { .. }
            | MediaCommand::AddCandidate { .. }
            | MediaCommand::VacateSection { .. } => {}
        }
        self.schedule(now);
    }

    fn set_permissions(
        &mut self,
        key: ParticipantKey,
        permissions: MediaPermissions,
        now: Instant,
    ) {
        let Some(participant) = self.roster.participant_mut(key) else {
            return;
        };
        participant.permissions = permissions;
        let (own, peers) = (participant.tracks.clone(), participant.peers.clone());
        for track in own {
            if let Some(entry) = self.tracks.get_mut(track) {
                entry.permitted = permissions.publish;
            }
            self.refresh_track(track, now);
        }
        for peer in peers {
            self.refresh_peer(peer, now);
        }
        self.update_all_demand(now);
    }

    fn remove_participant(&mut self, key: ParticipantKey, now: Instant) {
        let Some(participant) = self.roster.participant_mut(key) else {
            return;
        };
        let Participant { peers, tracks, .. } = participant;
        let (peers, tracks) = (peers.clone(), tracks.clone());
        for track in tracks {
            let key = self.track_key(track);
            self.unpublish(key, now);
        }
        for peer in peers {
            if let Some(key) = self.roster.peers.get(peer).map(|peer| peer.key) {
                self.close_peer(key, now);
            }
        }
        self.roster.remove(key);
    }

    fn close_peer(&mut self, key: PeerKey, now: Instant) {
        let Some(peer) = self.roster.peer_mut(key) else {
            self.unpublish_elsewhere(key, now);
            return;
        };
        let (inbound, outbound) = (peer.inbound.clone(), peer.outbound.clone());
        for (_, track) in inbound {
            let key = self.track_key(track);
            self.unpublish(key, now);
        }
        for subscription in outbound {
            self.unsubscribe(subscription, now);
        }
        self.roster.close_peer(key);
    }

    /// Publishes a track. A known key moves to the new section (a publisher that came back on
    /// another m-line): its viewers stay and wait for a keyframe.
    fn publish(&mut self, spec: &TrackSpec, now: Instant) {
        let Some(publisher) = self.roster.participant_index(spec.publisher) else {
            return;
        };
        let Some(home) = self.home_of(publisher, spec) else {
            return;
        };
        let Some(participant) = self.roster.participants.get_mut(publisher) else {
            return;
        };
        let mut track = Track::new(spec, publisher, home, participant.permissions.publish);
        let index = if let Some(index) = self.track_keys.get(spec.key) {
            let Some(known) = self.tracks.get_mut(index) else {
                return;
            };
            if known.publisher != publisher || known.kind != spec.kind {
                return;
            }
            std::mem::swap(&mut track.subscriptions, &mut known.subscriptions);
            std::mem::swap(&mut track.demand, &mut known.demand);
            std::mem::swap(&mut track.relays, &mut known.relays);
            let old_home = known.home;
            *known = track;
            if let Home::Here { peer, mid, .. } = old_home
                && let Some(old) = self.roster.peers.get_mut(peer)
            {
                old.inbound
                    .retain(|(old_mid, track)| *old_mid != mid || *track != index);
            }
            index
        } else {
            if participant.tracks.len() >= MAX_TRACKS_PER_PARTICIPANT {
                return;
            }
            let index = self.tracks.insert(track);
            self.track_keys.insert(spec.key, index);
            participant.tracks.push(index);
            index
        };
        if let Home::Here { peer, mid, .. } = home
            && let Some(peer) = self.roster.peers.get_mut(peer)
        {
            peer.inbound.retain(|(taken, _)| *taken != mid);
            peer.inbound.push((mid, index));
        }
        for viewer in self.viewers(index) {
            if let Some(viewer) = self.subscriptions.get_mut(viewer) {
                viewer.stop();
                viewer.rewriter.detach();
                viewer.target = None;
            }
        }
        self.refresh_track(index, now);
        self.update_demand(index, now);
    }

    pub(super) fn unpublish(&mut self, key: TrackKey, now: Instant) {
        let Some(index) = self.track_keys.get(key) else {
            return;
        };
        for viewer in self.viewers(index) {
            self.unsubscribe(viewer, now);
        }
        self.track_keys.remove(key);
        let Some(track) = self.tracks.try_remove(index) else {
            return;
        };
        if let Some(publisher) = self.roster.participants.get_mut(track.publisher) {
            publisher.tracks.retain(|t| *t != index);
        }
        if let Home::Here { peer, .. } = track.home
            && let Some(peer) = self.roster.peers.get_mut(peer)
        {
            peer.inbound.retain(|(_, t)| *t != index);
        }
    }

    /// Where a track to be published arrives; `None`: on no transport of its publisher.
    fn home_of(&self, publisher: usize, spec: &TrackSpec) -> Option<Home> {
        if let Some(part) = self.roster.participants.get(publisher)?.part {
            return Some(Home::There {
                part,
                peer: spec.peer,
                wanted: [false; 3],
            });
        }
        let peer = self.roster.peer_index(spec.peer)?;
        let is_own = self.roster.peers.get(peer)?.participant == publisher;
        is_own.then_some(Home::Here {
            peer,
            peer_key: spec.peer,
            mid: spec.mid,
        })
    }

    fn mute(&mut self, key: TrackKey, muted: bool, now: Instant) {
        let Some(index) = self.track_keys.get(key) else {
            return;
        };
        let Some(track) = self.tracks.get_mut(index) else {
            return;
        };
        track.muted = muted;
        track.level.reset();
        self.refresh_track(index, now);
        self.refresh_relays(index);
    }

    fn subscribe(&mut self, spec: SubscriptionSpec, now: Instant) {
        let Some(participant) = self.roster.participant_index(spec.subscriber) else {
            return;
        };
        let Some(track_index) = self.track_keys.get(spec.track) else {
            return;
        };
        let Some(peer_index) = self.roster.peer_index(spec.peer) else {
            return;
        };
        if let Some(known) = self.find_subscription(spec.subscriber, spec.track) {
            self.unsubscribe(known, now);
        }
        let Some(peer) = self.roster.peers.get(peer_index) else {
            return;
        };
        let in_the_way = peer.outbound.iter().copied().find(|index| {
            self.subscriptions
                .get(*index)
                .is_some_and(|other| other.mid == spec.mid)
        });
        if let Some(in_the_way) = in_the_way {
            self.unsubscribe(in_the_way, now);
        }
        let Some(track) = self.tracks.get_mut(track_index) else {
            return;
        };
        let Some(peer) = self.roster.peers.get_mut(peer_index) else {
            return;
        };
        let is_foreign = peer.participant != participant || !peer.is_downstream();
        if is_foreign || peer.outbound.len() >= MAX_SUBSCRIPTIONS_PER_PEER {
            return;
        }
        let clock_rate = match track.kind {
            Kind::Audio => AUDIO_CLOCK,
            Kind::Video => VIDEO_CLOCK,
        };
        let retired = peer.retired.iter().position(|(mid, _)| *mid == spec.mid);
        let retired = retired.map(|at| peer.retired.swap_remove(at).1);
        let rewriter = retired
            .filter(|rewriter| rewriter.clock_rate() == clock_rate)
            .unwrap_or_else(|| Rewriter::new(clock_rate, &mut self.random));
        let index = self.subscriptions.insert(Subscription {
            subscriber: spec.subscriber,
            participant,
            peer: peer_index,
            peer_key: spec.peer,
            mid: spec.mid,
            track: track_index,
            kind: track.kind,
            wish: LayerWish::default(),
            active: false,
            target: None,
            current: None,
            overdrawn_until: None,
            starved_since: None,
            rewriter,
        });
        peer.outbound.push(index);
        track.subscriptions.push(index);
        self.refresh(index);
        self.reallocate(peer_index, now);
        self.update_demand(track_index, now);
    }

    fn unsubscribe(&mut self, index: usize, now: Instant) {
        let Some(mut gone) = self.subscriptions.try_remove(index) else {
            return;
        };
        if let Some(track) = self.tracks.get_mut(gone.track) {
            track.subscriptions.retain(|viewer| *viewer != index);
        }
        if let Some(peer) = self.roster.peers.get_mut(gone.peer) {
            peer.outbound.retain(|viewer| *viewer != index);
            gone.rewriter.detach();
            peer.retired.push((gone.mid, gone.rewriter));
        }
        self.update_demand(gone.track, now);
        self.reallocate(gone.peer, now);
    }

    fn set_wish(
        &mut self,
        subscriber: ParticipantKey,
        track: TrackKey,
        wish: LayerWish,
        now: Instant,
    ) {
        let Some(index) = self.find_subscription(subscriber, track) else {
            return;
        };
        let Some(viewer) = self.subscriptions.get_mut(index) else {
            return;
        };
        viewer.wish = wish;
        let (peer, track) = (viewer.peer, viewer.track);
        self.refresh(index);
        self.reallocate(peer, now);
        self.update_demand(track, now);
    }

    fn report_data_progress(&mut self, key: ParticipantKey) {
        let sequence = self
            .roster
            .participant_mut(key)
            .map_or(0, |p| p.data_sequence);
        let (room, participant) = (self.key, key);
        self.outputs
            .push_back(Output::Event(MediaEvent::DataProgress {
                room,
                participant,
                sequence,
            }));
    }

    /// Decides anew who of a track's viewers may be served.
    fn refresh_track(&mut self, track: usize, now: Instant) {
        for viewer in self.viewers(track) {
            self.refresh(viewer);
        }
        self.reallocate_viewers(track, now);
    }

    /// Decides anew which subscriptions of a transport may be served.
    pub(super) fn refresh_peer(&mut self, peer: usize, now: Instant) {
        let carried = self
            .roster
            .peers
            .get(peer)
            .map(|p| p.outbound.clone())
            .unwrap_or_default();
        for subscription in carried {
            self.refresh(subscription);
        }
        self.reallocate(peer, now);
    }

    fn viewers(&self, track: usize) -> Vec<usize> {
        self.tracks
            .get(track)
            .map(|t| t.subscriptions.clone())
            .unwrap_or_default()
    }

    fn find_subscription(&self, subscriber: ParticipantKey, track: TrackKey) -> Option<usize> {
        let track = self.tracks.get(self.track_keys.get(track)?)?;
        let mut viewers = track.subscriptions.iter().copied();
        viewers.find(|index| {
            self.subscriptions
                .get(*index)
                .is_some_and(|viewer| viewer.subscriber == subscriber)
        })
    }
}
