//! Who watches what: wishes, what is served of them, and what the media plane is told.

use super::permission::Verdict;
use super::{Participant, Room};
use crate::now::Now;
use crate::participant::Link;
use crate::subscription::{Place, Subscription, wish_of};
use crate::upstream::SectionUse;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    SubscriptionError, SubscriptionResponse, TrackSubscribed, UpdateSubscription,
    UpdateTrackSettings,
};
use media::plane::{LayerWish, SubscriptionSpec};
use media::{Kind, MediaCommand, Mid};
use std::collections::BTreeSet;
use vocab::{ParticipantKey, PeerKey, TrackKey};

/// Track sids in one request; further ones are ignored. More than anybody can watch.
const MAX_SIDS: usize = 4_096;

/// A subscription that waits for a section.
pub(super) struct Waiting {
    pub(super) track: TrackKey,
    pub(super) kind: Kind,
    /// What it is encoded in; empty when not known.
    pub(super) mime: String,
}

impl Room {
    /// A newcomer that subscribes automatically wants every track there is.
    pub(super) fn want_everything(&mut self, key: ParticipantKey) {
        let all: Vec<_> = self
            .tracks
            .iter()
            .map(|(track, owner)| (*track, *owner))
            .collect();
        for (track, publisher) in all {
            self.want_if_automatic(key, publisher, track);
        }
    }

    /// A track appeared: those that subscribe automatically want it.
    pub(super) fn offer_track(&mut self, publisher: ParticipantKey, track: TrackKey) {
        for watcher in self.keys_but(publisher) {
            self.want_if_automatic(watcher, publisher, track);
        }
    }

    /// A participant appeared that was hidden.
    pub(super) fn offer_tracks(&mut self, publisher: ParticipantKey) {
        let published = self
            .roster
            .get(&publisher)
            .into_iter()
            .flat_map(Participant::published);
        for track in published.map(|track| track.key).collect::<Vec<_>>() {
            self.offer_track(publisher, track);
        }
    }

    fn want_if_automatic(
        &mut self,
        key: ParticipantKey,
        publisher: ParticipantKey,
        track: TrackKey,
    ) {
        let Some(watcher) = self.roster.get(&key) else {
            return;
        };
        if watcher.link == Link::Whep {
            self.changed.insert(key);
        } else if watcher.link.signals() && watcher.auto_subscribe && publisher != key {
            self.want(key, publisher, track);
        }
    }

    /// Notes a wish; one that was refused is tried again.
    pub(super) fn want(&mut self, key: ParticipantKey, publisher: ParticipantKey, track: TrackKey) {
        let Some(kind) = self
            .roster
            .get(&publisher)
            .and_then(|p| p.tracks.get(&track))
            .map(|t| t.kind)
        else {
            return;
        };
        let Some(watcher) = self.roster.get_mut(&key) else {
            return;
        };
        let wish = watcher
            .subscriptions
            .entry(track)
            .or_insert_with(|| Subscription::new(track, publisher, kind));
        if wish.place == Place::Refused {
            wish.place = Place::Waiting;
        }
        self.changed.insert(key);
        self.settle(key, track);
    }

    /// Stops what is not allowed any more, and tells the watcher what its publisher decided.
    fn settle(&mut self, key: ParticipantKey, track: TrackKey) {
        let Some(watcher) = self.roster.get(&key) else {
            return;
        };
        let Some(publisher) = watcher.subscriptions.get(&track).map(|s| s.publisher) else {
            return;
        };
        match self.may_watch(watcher, publisher, track) {
            Verdict::Allowed => self.tell_admission(key, track, true),
            Verdict::Denied => {
                self.stop(key, track);
                self.tell_admission(key, track, false);
            }
            Verdict::Barred => self.stop(key, track),
        }
    }

    /// Permissions changed: looks at every wish of a watcher again.
    pub(super) fn reconcile(&mut self, key: ParticipantKey, now: Now) {
        let tracks = self
            .roster
            .get(&key)
            .into_iter()
            .flat_map(|p| p.subscriptions.keys());
        for track in tracks.copied().collect::<Vec<_>>() {
            self.settle(key, track);
        }
        self.reconcile_data(key);
        self.pump(key, now);
    }

    /// Acts on the wishes of everyone whose wishes changed.
    pub(super) fn pump_changed(&mut self, now: Now) {
        while let Some(key) = self.changed.pop_first() {
            self.pump(key, now);
        }
    }

    /// Acts on a participant's wishes, by whichever way its sections are negotiated.
    pub(super) fn pump(&mut self, key: ParticipantKey, now: Now) {
        self.changed.remove(&key);
        match self.roster.get(&key).map(|p| p.link) {
            Some(Link::Dual) => self.make_offer(key, now),
            Some(Link::Single) => self.ask_for_sections(key, now),
            Some(Link::Whep) => self.fill_whep(key),
            Some(Link::Whip) | None => {}
        }
    }

    /// What waits for a section and may be watched: sound first, then by priority, then by age.
    pub(super) fn waiting(&self, key: ParticipantKey) -> Vec<Waiting> {
        let Some(watcher) = self.roster.get(&key) else {
            return Vec::new();
        };
        let mut waiting: Vec<_> = watcher
            .subscriptions
            .values()
            .filter(|s| s.place == Place::Waiting)
            .filter(|s| self.may_watch(watcher, s.publisher, s.track) == Verdict::Allowed)
            .collect();
        waiting.sort_by_key(|s| (s.kind == Kind::Video, std::cmp::Reverse(s.wish.priority)));
        waiting
            .into_iter()
            .map(|s| Waiting {
                track: s.track,
                kind: s.kind,
                mime: self.mime(s.track),
            })
            .collect()
    }

    /// What a track is encoded in; empty when not known.
    pub(super) fn mime(&self, track: TrackKey) -> String {
        let publisher = self.tracks.get(&track).and_then(|key| self.roster.get(key));
        let track = publisher.and_then(|p| p.tracks.get(&track));
        track
            .map(|track| track.info.mime_type.clone())
            .unwrap_or_default()
    }

    /// A client subscribes or unsubscribes.
    pub(super) fn change_subscriptions(
        &mut self,
        key: ParticipantKey,
        request: &UpdateSubscription,
        reports_errors: bool,
        now: Now,
    ) {
        let nested = request
            .participant_tracks
            .iter()
            .flat_map(|tracks| &tracks.track_sids);
        let sids: BTreeSet<&String> = request
            .track_sids
            .iter()
            .chain(nested)
            .take(MAX_SIDS)
            .collect();
        for sid in sids {
            match self.visible_track(key, sid) {
                Some((publisher, track)) if request.subscribe => self.want(key, publisher, track),
                Some((_, track)) => self.unwant(key, track),
                None if reports_errors && request.subscribe => {
                    self.tell_refusal(key, sid.clone(), SubscriptionError::SeTrackNotfound);
                }
                None => {}
            }
        }
        self.pump(key, now);
    }

    /// A published track of somebody else whom the watcher may see.
    pub(super) fn visible_track(
        &self,
        key: ParticipantKey,
        sid: &str,
    ) -> Option<(ParticipantKey, TrackKey)> {
        let track = *self.by_sid.get(sid)?;
        let owner = *self.tracks.get(&track)?;
        let is_visible = self.roster.get(&owner).is_some_and(|p| !p.is_hidden());
        (owner != key && is_visible).then_some((owner, track))
    }

    fn unwant(&mut self, key: ParticipantKey, track: TrackKey) {
        self.stop(key, track);
        if let Some(watcher) = self.roster.get_mut(&key) {
            watcher.subscriptions.remove(&track);
        }
    }

    /// Media of a subscription stops; the wish stays.
    fn stop(&mut self, key: ParticipantKey, track: TrackKey) {
        let Some(watcher) = self.roster.get_mut(&key) else {
            return;
        };
        let Some(subscription) = watcher.subscriptions.get_mut(&track) else {
            return;
        };
        let was = std::mem::replace(&mut subscription.place, Place::Waiting);
        let kind = subscription.kind;
        if let Place::Live(mid) = was {
            let peer = free_section(watcher, mid, kind);
            let room = self.key;
            self.command(MediaCommand::Unsubscribe {
                room,
                subscriber: key,
                track,
            });
            self.vacate(peer, mid);
        }
    }

    fn vacate(&mut self, peer: Option<PeerKey>, mid: Mid) {
        if let Some(peer) = peer {
            let room = self.key;
            self.command(MediaCommand::VacateSection { room, peer, mid });
        }
    }

    /// The track is over; the media plane has ended the subscription with it.
    pub(super) fn drop_subscription(&mut self, key: ParticipantKey, track: TrackKey) {
        let Some(watcher) = self.roster.get_mut(&key) else {
            return;
        };
        let Some(subscription) = watcher.subscriptions.remove(&track) else {
            return;
        };
        if let Some(mid) = subscription.mid() {
            let peer = free_section(watcher, mid, subscription.kind);
            self.vacate(peer, mid);
        }
        self.changed.insert(key);
    }

    /// A negotiated section shows the track from now on.
    pub(super) fn start(&mut self, key: ParticipantKey, track: TrackKey, mid: Mid) {
        let Some(watcher) = self.roster.get_mut(&key) else {
            return;
        };
        let peer = match (watcher.link, &watcher.down, &watcher.up) {
            (Link::Dual, Some(down), _) => down.peer,
            (_, _, Some(up)) => up.peer,
            _ => return,
        };
        let Some(subscription) = watcher.subscriptions.get_mut(&track) else {
            return;
        };
        subscription.place = Place::Live(mid);
        let (publisher, wish) = (subscription.publisher, subscription.wish);
        let room = self.key;
        let spec = SubscriptionSpec {
            subscriber: key,
            peer,
            mid,
            track,
        };
        self.command(MediaCommand::Subscribe {
            room,
            subscription: spec,
        });
        if wish != LayerWish::default() {
            self.command(MediaCommand::SetSubscription {
                room,
                subscriber: key,
                track,
                wish,
            });
        }
        self.tell_subscribed(publisher, track);
        self.tell_quality(key, publisher);
    }

    /// The publisher hears of its first watcher.
    fn tell_subscribed(&mut self, publisher: ParticipantKey, track: TrackKey) {
        let track = self
            .roster
            .get_mut(&publisher)
            .and_then(|p| p.tracks.get_mut(&track));
        let Some(track) = track else { return };
        if !std::mem::replace(&mut track.was_subscribed, true) {
            let track_sid = track.sid.to_string();
            self.tell(
                publisher,
                Message::TrackSubscribed(TrackSubscribed { track_sid }),
            );
        }
    }

    /// The watcher's client has no decoder for it.
    pub(super) fn refuse(&mut self, key: ParticipantKey, track: TrackKey) {
        let Some(watcher) = self.roster.get_mut(&key) else {
            return;
        };
        let Some(subscription) = watcher.subscriptions.get_mut(&track) else {
            return;
        };
        subscription.place = Place::Refused;
        let publisher = subscription.publisher;
        let sid = self
            .roster
            .get(&publisher)
            .and_then(|p| p.tracks.get(&track))
            .map(|t| t.sid.to_string());
        if let Some(sid) = sid {
            self.tell_refusal(key, sid, SubscriptionError::SeCodecUnsupported);
        }
    }

    fn tell_refusal(&mut self, key: ParticipantKey, track_sid: String, err: SubscriptionError) {
        let response = SubscriptionResponse {
            track_sid,
            err: err.into(),
        };
        self.tell(key, Message::SubscriptionResponse(response));
    }

    /// A client says how it shows tracks.
    pub(super) fn change_settings(&mut self, key: ParticipantKey, settings: &UpdateTrackSettings) {
        let sids: BTreeSet<&String> = settings.track_sids.iter().take(MAX_SIDS).collect();
        for sid in sids {
            let Some((publisher, track)) = self.visible_track(key, sid) else {
                continue;
            };
            let Some(info) = self
                .roster
                .get(&publisher)
                .and_then(|p| p.tracks.get(&track))
                .map(|t| &t.info)
            else {
                continue;
            };
            let wish = wish_of(settings, info);
            self.set_wish(key, track, wish);
        }
    }

    /// A resumed client lists what it does not show.
    pub(super) fn disable_tracks(&mut self, key: ParticipantKey, sids: &[String]) {
        let sids: BTreeSet<&String> = sids.iter().take(MAX_SIDS).collect();
        for sid in sids {
            let Some((_, track)) = self.visible_track(key, sid) else {
                continue;
            };
            let watcher = self.roster.get(&key);
            let Some(wish) = watcher
                .and_then(|p| p.subscriptions.get(&track))
                .map(|s| s.wish)
            else {
                continue;
            };
            self.set_wish(
                key,
                track,
                LayerWish {
                    enabled: false,
                    ..wish
                },
            );
        }
    }

    fn set_wish(&mut self, key: ParticipantKey, track: TrackKey, wish: LayerWish) {
        let watcher = self.roster.get_mut(&key);
        let Some(subscription) = watcher.and_then(|p| p.subscriptions.get_mut(&track)) else {
            return;
        };
        let changed = std::mem::replace(&mut subscription.wish, wish) != wish;
        if changed && subscription.mid().is_some() {
            let room = self.key;
            self.command(MediaCommand::SetSubscription {
                room,
                subscriber: key,
                track,
                wish,
            });
        }
    }
}

/// A section of the client's offer is free again. In our own offers the next one says so. Answers
/// the transport it lies on.
fn free_section(watcher: &mut Participant, mid: Mid, kind: Kind) -> Option<PeerKey> {
    if watcher.link == Link::Dual {
        return watcher.down.as_ref().map(|down| down.peer);
    }
    let up = watcher.up.as_mut()?;
    match watcher.link {
        Link::Single => up.release(mid, kind),
        Link::Whep => {
            up.sections.insert(mid, SectionUse::Idle(kind));
        }
        Link::Dual | Link::Whip => {}
    }
    Some(up.peer)
}
