//! What each subscriber gets: bandwidth divided, layers aimed at, demand told to publishers.

use super::subscription::Subscription;
use super::{Output, Room, keyframes, timers, track};
use crate::allocation::{self, Request};
use crate::layer_choice::{contains, demanded, union};
use crate::{Kind, Layer, MediaEvent};
use std::time::{Duration, Instant};
use vocab::Bitrate;

/// Bitrates move without events; the division is looked at again this often.
pub const ALLOCATION_INTERVAL: Duration = Duration::from_millis(500);
/// After bandwidth forced a track down, nothing goes up for this long.
pub const UPGRADE_HOLD: Duration = Duration::from_secs(3);
/// But a path that takes so many times what it took then is another path, and nothing is held.
const ANOTHER_PATH: u64 = 3;
/// How long a layer that no longer fits is shown while the keyframe of a lower one is waited for.
/// Longer, and what the pacer holds back delays everything after it.
pub const OVERDRAFT: Duration = Duration::from_millis(500);
/// A paused track comes back no sooner, except by a trial.
pub const RESUME_HOLD: Duration = Duration::from_secs(1);
/// Share of the estimate that media may take, in per cent; the rest is for retransmissions.
pub const MEDIA_SHARE_PERCENT: u64 = 90;
/// Kept for every audio track, in bits per second, even while it is silent.
pub const AUDIO_FLOOR: u64 = 40_000;
/// How much above the wanted bitrate to probe, in per cent: enough for the estimate to prove
/// [`allocation::UPGRADE_MARGIN_PERCENT`] within [`MEDIA_SHARE_PERCENT`].
pub const PROBE_PERCENT: u64 = 150;
/// The worker is told of a new desired bitrate when it differs by more than this, in per cent.
const DESIRED_CHANGE_PERCENT: u64 = 10;

const _: () = assert!(
    PROBE_PERCENT * MEDIA_SHARE_PERCENT / 100 >= allocation::UPGRADE_MARGIN_PERCENT,
    "probing must reach what an upgrade needs"
);

impl Room {
    /// Divides the bandwidth of every viewer of a track anew.
    pub(super) fn reallocate_viewers(&mut self, track: usize, now: Instant) {
        let mut next = 0;
        while let Some(viewer) = self
            .tracks
            .get(track)
            .and_then(|t| t.subscriptions.get(next))
        {
            next += 1;
            if let Some(peer) = self.subscriptions.get(*viewer).map(|s| s.peer) {
                self.reallocate(peer, now);
            }
        }
    }

    /// Divides the bandwidth of one transport among its subscriptions.
    pub(super) fn reallocate(&mut self, peer_index: usize, now: Instant) {
        let mut requests = std::mem::take(&mut self.requests);
        requests.clear();
        let Some(peer) = self.roster.peers.get(peer_index) else {
            return;
        };
        let (mut audio, mut desired) = (0, 0);
        for index in &peer.outbound {
            let Some(viewer) = self.subscriptions.get(*index).filter(|v| v.active) else {
                continue;
            };
            let Some(track) = self.tracks.get(viewer.track) else {
                continue;
            };
            match viewer.kind {
                Kind::Audio => {
                    let cost = track.audio_cost(AUDIO_FLOOR);
                    audio += cost;
                    desired += if track.is_live(now) { cost } else { 0 };
                }
                Kind::Video => {
                    let request = request(*index, viewer, track, now);
                    let best = allocation::best(request.candidates).filter(|_| track.is_live(now));
                    let cost = best.and_then(|layer| request.costs.get(layer as usize));
                    desired += cost.copied().unwrap_or(0);
                    requests.push(request);
                }
            }
        }
        let budget = peer.estimate.map(|estimate| {
            (estimate.0 / 100)
                .saturating_mul(MEDIA_SHARE_PERCENT)
                .saturating_sub(audio)
        });
        let is_another = peer
            .estimate
            .zip(peer.forced_down_by)
            .is_some_and(|(now, then)| now.0 >= then.0.saturating_mul(ANOTHER_PATH));
        let may_upgrade = is_another || peer.upgrade_at.is_none_or(|at| now >= at);
        allocation::allocate(budget, may_upgrade, &mut requests);
        if let Some(peer) = self.roster.peers.get_mut(peer_index) {
            peer.trial.apply(&mut requests, now);
        }
        for request in &requests {
            self.aim_subscription(peer_index, request, now);
        }
        self.requests = requests;
        self.desire(peer_index, desired);
    }

    /// Tells what all live subscriptions of a transport would take. What does not flow needs no
    /// probing.
    fn desire(&mut self, peer_index: usize, desired: u64) {
        let desired = Bitrate(desired.saturating_mul(PROBE_PERCENT) / 100);
        let Some(peer) = self.roster.peers.get_mut(peer_index) else {
            return;
        };
        let change = desired.0.abs_diff(peer.desired.0);
        if change.saturating_mul(100) > peer.desired.0.saturating_mul(DESIRED_CHANGE_PERCENT) {
            peer.desired = desired;
            let peer = peer.key;
            self.outputs.push_back(Output::SetBitrate { peer, desired });
        }
    }

    fn aim_subscription(&mut self, peer_index: usize, request: &Request, now: Instant) {
        let Some(viewer) = self.subscriptions.get_mut(request.subscription) else {
            return;
        };
        let forced_down = viewer
            .target
            .is_some_and(|old| contains(request.candidates, old) && request.given < Some(old));
        let is_new = viewer.target != request.given;
        viewer.target = request.given;
        let is_starved = request.given.is_none() && request.candidates.contains(&true);
        let changes = viewer.is_starved() != is_starved;
        if changes {
            viewer.starved_since = is_starved.then_some(now);
        }
        if forced_down {
            viewer.overdrawn_until = Some(now + OVERDRAFT);
        } else if viewer.awaited().is_none() || viewer.current < viewer.target {
            viewer.overdrawn_until = None;
        }
        let is_overdrawn = viewer.overdrawn_until.is_some_and(|until| now >= until);
        if viewer.current.is_some() && (viewer.target.is_none() || is_overdrawn) {
            viewer.stop();
        }
        let (awaited, track, subscriber) = (viewer.awaited(), viewer.track, viewer.subscriber);
        if forced_down && let Some(peer) = self.roster.peers.get_mut(peer_index) {
            peer.upgrade_at = Some(now + UPGRADE_HOLD);
            peer.forced_down_by = peer.estimate;
        }
        if changes {
            let (room, track) = (self.key, self.track_key(track));
            let active = !is_starved;
            self.emit(MediaEvent::StreamStateChanged {
                room,
                subscriber,
                track,
                active,
            });
        }
        let is_live = self
            .tracks
            .get(track)
            .is_some_and(|track| track.is_live(now));
        if let Some(layer) = awaited.filter(|_| is_new || is_live) {
            keyframes::ask(self, track, layer, now);
        }
    }

    /// Looks again at every transport.
    pub(super) fn reallocate_all(&mut self, now: Instant) {
        for peer in self.peer_indices() {
            self.reallocate(peer, now);
        }
        self.renew_relays(now);
    }

    /// Decides anew whether a subscription may be served at all; true if that changed.
    pub(super) fn refresh(&mut self, index: usize) -> bool {
        let Some(viewer) = self.subscriptions.get_mut(index) else {
            return false;
        };
        let track = self.tracks.get(viewer.track);
        let peer = self.roster.peers.get(viewer.peer);
        let reader = self.roster.participants.get(viewer.participant);
        let active = viewer.wish.enabled
            && track.is_some_and(|track| track.permitted && !track.muted)
            && peer.is_some_and(|peer| peer.connected)
            && reader.is_some_and(|reader| reader.permissions.subscribe);
        if active == viewer.active {
            return false;
        }
        viewer.active = active;
        if !active {
            viewer.stop();
            viewer.target = None;
        }
        true
    }

    /// Tells a track's publisher what its viewers want, when that changed.
    pub(super) fn update_demand(&mut self, track_index: usize, now: Instant) {
        let Some(track) = self.tracks.get_mut(track_index) else {
            return;
        };
        if track.kind == Kind::Audio && track.is_here() && track.relays.is_empty() {
            return;
        }
        let mut wanted = [false; 3];
        for index in &track.subscriptions {
            let Some(viewer) = self.subscriptions.get(*index) else {
                continue;
            };
            let reader = self.roster.participants.get(viewer.participant);
            if viewer.wish.enabled && reader.is_some_and(|r| r.permissions.subscribe) {
                wanted = union(wanted, demanded(viewer.wish.highest));
            }
        }
        if !track.is_here() {
            self.want(track_index, wanted);
            return;
        }
        for relay in &mut track.relays {
            wanted = union(wanted, relay.wanted);
            relay.demand.update(relay.wanted, now);
            self.timers.demand = timers::earliest(self.timers.demand, relay.demand.due());
        }
        track.relays.retain(|relay| relay.demand.is_any());
        self.refresh_relays(track_index);
        let Some(track) = self.tracks.get_mut(track_index) else {
            return;
        };
        if track.kind == Kind::Audio {
            return;
        }
        let told = track.demand.update(wanted, now);
        self.timers.demand = timers::earliest(self.timers.demand, track.demand.due());
        if let Some(wanted) = told {
            let (room, track) = (self.key, track.key);
            self.emit(MediaEvent::DemandChanged {
                room,
                track,
                wanted,
            });
        }
    }

    /// Looks at every track's demand whose debounce has passed.
    pub(super) fn update_all_demand(&mut self, now: Instant) {
        self.timers.demand = None;
        for track in self.track_indices() {
            self.update_demand(track, now);
        }
    }
}

fn request(index: usize, viewer: &Subscription, track: &track::Track, now: Instant) -> Request {
    let held = match viewer.target {
        None if !viewer.is_starved() => Some(Layer::High),
        target => target,
    };
    let may_resume = |since: Instant| now.saturating_duration_since(since) >= RESUME_HOLD;
    Request {
        subscription: index,
        priority: viewer.wish.priority,
        candidates: track::candidates(track, viewer.wish.highest),
        costs: track.costs(),
        held,
        may_resume: viewer.starved_since.is_none_or(may_resume),
        given: None,
    }
}
