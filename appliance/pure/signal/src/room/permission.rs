//! Changes of what somebody may do, and of who may watch whom.

use super::{Participant, Room};
use crate::now::Now;
use crate::participant::{Admission, apply_permission, data_role, media_permissions, permission};
use auth::Source;
use livekit_protocol::participant_info::State;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    DisconnectReason, ParticipantInfo, ParticipantPermission, SubscriptionPermissionUpdate,
    TrackUnpublishedResponse,
};
use media::MediaCommand;
use vocab::{ParticipantKey, TrackKey};

/// Whether a subscription may be served now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may.
    Allowed,
    /// The publisher does not admit this watcher.
    Denied,
    /// The watcher may watch nothing, or the publisher is not to be seen.
    Barred,
}

impl Room {
    /// Tells the media plane who writes transcriptions and who gets metrics.
    pub(super) fn tell_data_role(&mut self, key: ParticipantKey) {
        if let Some(participant) = self.roster.get(&key) {
            let role = data_role(&participant.claims);
            self.command(MediaCommand::SetDataRole {
                room: self.key,
                participant: key,
                role,
            });
        }
    }

    /// Whether a participant may watch a track now.
    pub(super) fn may_watch(
        &self,
        watcher: &Participant,
        publisher: ParticipantKey,
        track: TrackKey,
    ) -> Verdict {
        let Some(publisher) = self.roster.get(&publisher) else {
            return Verdict::Barred;
        };
        let Some(track) = publisher
            .tracks
            .get(&track)
            .filter(|track| track.mid.is_some())
        else {
            return Verdict::Barred;
        };
        let (sid, identity) = (watcher.sid.as_str(), watcher.identity.as_str());
        if publisher.is_hidden() || !watcher.claims.can_subscribe() {
            Verdict::Barred
        } else if publisher
            .admission
            .admits(sid, identity, track.sid.as_str())
        {
            Verdict::Allowed
        } else {
            Verdict::Denied
        }
    }

    /// A publisher says who may watch.
    pub(super) fn change_admission(&mut self, key: ParticipantKey, rule: Admission, now: Now) {
        if let Some(participant) = self.roster.get_mut(&key) {
            participant.admission = rule;
        }
        for watcher in self.keys_but(key) {
            self.reconcile(watcher, now);
        }
    }

    /// Tells a watcher whether a publisher admits it to a track, when that changed.
    pub(super) fn tell_admission(&mut self, key: ParticipantKey, track: TrackKey, allowed: bool) {
        let Some(watcher) = self.roster.get_mut(&key) else {
            return;
        };
        let Some(subscription) = watcher.subscriptions.get_mut(&track) else {
            return;
        };
        if subscription.told_denied != allowed {
            return;
        }
        subscription.told_denied = !allowed;
        let publisher = self.roster.get(&subscription_publisher(self, key, track));
        let Some((publisher, track)) = publisher.and_then(|p| Some((p, p.tracks.get(&track)?)))
        else {
            return;
        };
        let update = SubscriptionPermissionUpdate {
            participant_sid: publisher.sid.to_string(),
            track_sid: track.sid.to_string(),
            allowed,
        };
        self.tell(key, Message::SubscriptionPermissionUpdate(update));
    }

    /// The server API changes what a participant may do. What it may not publish any more ends;
    /// what it may not watch any more stops. Everyone hears of it before any media changes.
    pub(super) fn change_permission(
        &mut self,
        key: ParticipantKey,
        wanted: &ParticipantPermission,
        now: Now,
    ) {
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        let was_hidden = participant.is_hidden();
        apply_permission(&mut participant.claims, wanted);
        let permissions = media_permissions(&participant.claims);
        let hides = !was_hidden && participant.is_hidden();
        let forbidden: Vec<TrackKey> = participant
            .tracks
            .values()
            .filter(|track| {
                !participant
                    .claims
                    .can_publish_source(Source::from_number(track.info.source))
            })
            .map(|track| track.key)
            .collect();
        self.command(MediaCommand::SetPermissions {
            room: self.key,
            participant: key,
            permissions,
        });
        self.tell_data_role(key);
        for track in forbidden {
            self.take_track(key, track, now);
        }
        if !self
            .roster
            .get(&key)
            .is_some_and(|p| p.claims.can_publish_data())
        {
            self.end_data_tracks(key);
        }
        if hides {
            self.tell_hidden(key);
        }
        self.announce(key, true);
        if was_hidden && !hides {
            self.offer_tracks(key);
        }
        for watcher in self.roster.keys().copied().collect::<Vec<_>>() {
            self.reconcile(watcher, now);
        }
        self.counts_changed(now);
    }

    /// Lets somebody in who waits: what the token leaves open besides stays as it is.
    pub fn let_in(&mut self, key: ParticipantKey, now: Now) {
        let Some(participant) = self.roster.get(&key) else {
            return;
        };
        let wanted = ParticipantPermission {
            can_subscribe: true,
            can_publish: true,
            can_publish_data: true,
            ..permission(&participant.claims)
        };
        self.change_permission(key, &wanted, now);
        self.refresh_token(key, now);
    }

    /// Unpublishes a track from our side.
    pub(super) fn take_track(&mut self, key: ParticipantKey, track: TrackKey, now: Now) {
        let sid = self
            .roster
            .get(&key)
            .and_then(|p| p.tracks.get(&track))
            .map(|t| t.sid.to_string());
        let Some(track_sid) = sid else { return };
        self.tell(
            key,
            Message::TrackUnpublished(TrackUnpublishedResponse { track_sid }),
        );
        self.end_track(key, track, now);
    }

    /// For everyone else a participant that hides has left.
    fn tell_hidden(&mut self, key: ParticipantKey) {
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        participant.version = participant.version.saturating_add(1);
        let info = ParticipantInfo {
            state: State::Disconnected.into(),
            disconnect_reason: DisconnectReason::ClientInitiated.into(),
            tracks: Vec::new(),
            data_tracks: Vec::new(),
            ..participant.info()
        };
        self.tell_others(key, &info);
    }
}

fn subscription_publisher(room: &Room, key: ParticipantKey, track: TrackKey) -> ParticipantKey {
    let watcher = room.roster.get(&key);
    watcher
        .and_then(|p| p.subscriptions.get(&track))
        .map_or(key, |s| s.publisher)
}
