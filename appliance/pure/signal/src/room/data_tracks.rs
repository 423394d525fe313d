//! Data tracks: who publishes, who watches, and the handles by which packets are known.
//!
//! A publisher chooses a handle for each of its tracks; every viewer gets one of its own, told in
//! `DataTrackSubscriberHandles`, which always lists all that it watches.

use super::Room;
use crate::data_track::{
    MAX_DATA_TRACKS_PER_PARTICIPANT, StoreBlobError, Watched, is_described, is_name,
};
use livekit_protocol::data_track_subscriber_handles::PublishedDataTrack;
use livekit_protocol::request_response::{Reason, Request};
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    DataTrackInfo, DataTrackSubscriberHandles, GetDataBlobRequest, GetDataBlobResponse,
    PublishDataTrackRequest, PublishDataTrackResponse, StoreDataBlobRequest, StoreDataBlobResponse,
    UnpublishDataTrackRequest, UnpublishDataTrackResponse, UpdateDataSubscription,
};
use media::MediaCommand;
use media::plane::DataTrackRoute;
use std::collections::{BTreeMap, BTreeSet};
use vocab::ParticipantKey;

/// Decisions in one `UpdateDataSubscription`; further ones are ignored.
const MAX_UPDATES: usize = 4_096;

impl Room {
    /// A participant wants to publish a data track.
    pub(super) fn publish_data_track(
        &mut self,
        key: ParticipantKey,
        request: PublishDataTrackRequest,
    ) {
        let info = DataTrackInfo {
            pub_handle: request.pub_handle,
            sid: self.new_sid("DTR_"),
            name: request.name.clone(),
            encryption: request.encryption,
            frame_encoding: request.frame_encoding.clone(),
            schema: request.schema.clone(),
        };
        let accepted = self.accept_data_track(key, &info);
        let (handle, Some(participant)) = (accepted, self.roster.get_mut(&key)) else {
            return;
        };
        let handle = match handle {
            Ok(handle) => handle,
            Err((reason, message)) => {
                let request = Some(Request::PublishDataTrack(request));
                self.respond(key, 0, reason, message.into(), request);
                return;
            }
        };
        participant.data.published.insert(handle, info.clone());
        let response = PublishDataTrackResponse { info: Some(info) };
        self.tell(key, Message::PublishDataTrackResponse(response));
        self.announce(key, false);
        for viewer in self.keys_but(key) {
            self.reconcile_data(viewer);
        }
    }

    fn accept_data_track(
        &self,
        key: ParticipantKey,
        info: &DataTrackInfo,
    ) -> Result<u16, (Reason, &'static str)> {
        let participant = self.roster.get(&key).ok_or((Reason::NotFound, ""))?;
        let published = &participant.data.published;
        if !participant.claims.can_publish_data() {
            return Err((Reason::NotAllowed, "data may not be published"));
        }
        let handle = u16::try_from(info.pub_handle).ok().filter(|h| *h != 0);
        let Some(handle) = handle else {
            return Err((Reason::InvalidHandle, "a handle is from 1 to 65535"));
        };
        if !is_name(&info.name) {
            return Err((Reason::InvalidName, "a name has 1 to 256 characters"));
        }
        if !is_described(info) {
            let message = "an encoding's or schema's name is empty or too long";
            return Err((Reason::InvalidRequest, message));
        }
        if published.contains_key(&handle) {
            return Err((Reason::DuplicateHandle, "a data track has this handle"));
        }
        if published.values().any(|known| known.name == info.name) {
            return Err((Reason::DuplicateName, "a data track has this name"));
        }
        if published.len() >= MAX_DATA_TRACKS_PER_PARTICIPANT {
            return Err((Reason::LimitExceeded, "too many data tracks"));
        }
        Ok(handle)
    }

    /// A participant ends one of its data tracks.
    pub(super) fn unpublish_data_track(
        &mut self,
        key: ParticipantKey,
        request: UnpublishDataTrackRequest,
    ) {
        let handle = u16::try_from(request.pub_handle).unwrap_or(0);
        if !self.end_data_track(key, handle) {
            let request = Some(Request::UnpublishDataTrack(request));
            let message = "no data track has this handle".into();
            self.respond(key, 0, Reason::NotFound, message, request);
            return;
        }
        self.announce(key, false);
    }

    /// What it may not publish any more ends; everyone is to be told of the participant after.
    pub(super) fn end_data_tracks(&mut self, key: ParticipantKey) {
        let published = self.roster.get(&key).map(|p| &p.data.published);
        let handles: Vec<u16> = published
            .into_iter()
            .flat_map(BTreeMap::keys)
            .copied()
            .collect();
        for handle in handles {
            self.end_data_track(key, handle);
        }
    }

    fn end_data_track(&mut self, key: ParticipantKey, handle: u16) -> bool {
        let participant = self.roster.get_mut(&key);
        let Some(info) = participant.and_then(|p| p.data.published.remove(&handle)) else {
            return false;
        };
        for viewer in self.keys_but(key) {
            self.reconcile_data(viewer);
            if let Some(viewer) = self.roster.get_mut(&viewer) {
                viewer.data.forget(&info.sid);
            }
        }
        let response = UnpublishDataTrackResponse { info: Some(info) };
        self.tell(key, Message::UnpublishDataTrackResponse(response));
        true
    }

    /// A participant decides what it watches. A rate of frames is not served: every frame comes.
    pub(super) fn update_data_subscription(
        &mut self,
        key: ParticipantKey,
        request: UpdateDataSubscription,
    ) {
        if let Some(participant) = self.roster.get_mut(&key) {
            for update in request.updates.into_iter().take(MAX_UPDATES) {
                participant.data.ask(update.track_sid, update.subscribe);
            }
        }
        self.reconcile_data(key);
    }

    /// Serves what a participant wants and may watch, and no more.
    pub(super) fn reconcile_data(&mut self, key: ParticipantKey) {
        let wanted = self.wanted_data(key);
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        let data = &mut participant.data;
        let mut changed = BTreeSet::new();
        data.watched.retain(|track, _| {
            let is_kept = wanted.contains_key(track);
            if !is_kept {
                changed.insert(*track);
            }
            is_kept
        });
        for (track, sid) in wanted {
            if !data.watched.contains_key(&track) {
                let handle = data.next_handle();
                data.watched.insert(track, Watched { handle, sid });
                changed.insert(track);
            }
        }
        if changed.is_empty() {
            return;
        }
        self.tell_data_handles(key);
        for (publisher, handle) in changed {
            self.route_data_track(publisher, handle);
        }
    }

    /// What a participant wants to watch and may.
    fn wanted_data(&self, key: ParticipantKey) -> BTreeMap<(ParticipantKey, u16), String> {
        let viewer = self.roster.get(&key);
        let viewer = viewer.filter(|p| p.link.signals() && p.claims.can_subscribe());
        let Some(viewer) = viewer else {
            return BTreeMap::new();
        };
        let (sid, identity) = (viewer.sid.as_str(), viewer.identity.as_str());
        let publishers = self.roster.values();
        let publishers = publishers.filter(|p| p.key != key && !p.is_hidden());
        let tracks = publishers.flat_map(|publisher| {
            let published = publisher.data.published.iter();
            published.filter_map(move |(handle, info)| {
                let is_admitted = publisher.admission.admits(sid, identity, &info.sid);
                (is_admitted && viewer.data.wants(&info.sid))
                    .then(|| ((publisher.key, *handle), info.sid.clone()))
            })
        });
        tracks.collect()
    }

    /// Tells a participant by which handles it knows what it watches.
    pub(super) fn tell_data_handles(&mut self, key: ParticipantKey) {
        let Some(viewer) = self.roster.get(&key) else {
            return;
        };
        let entry = |(&(publisher, _), watched): (&(ParticipantKey, u16), &Watched)| {
            let publisher = self.roster.get(&publisher)?;
            let track = PublishedDataTrack {
                publisher_identity: publisher.identity.to_string(),
                publisher_sid: publisher.sid.to_string(),
                track_sid: watched.sid.clone(),
            };
            Some((u32::from(watched.handle), track))
        };
        let sub_handles = viewer.data.watched.iter().filter_map(entry).collect();
        let handles = DataTrackSubscriberHandles { sub_handles };
        self.tell(key, Message::DataTrackSubscriberHandles(handles));
    }

    fn route_data_track(&mut self, publisher: ParticipantKey, handle: u16) {
        let track = (publisher, handle);
        let seen = |viewer: &super::Participant| {
            let watched = viewer.data.watched.get(&track)?;
            Some((viewer.key, watched.handle))
        };
        let viewers = self.roster.values().filter_map(seen).collect();
        self.command(MediaCommand::RouteDataTrack {
            room: self.key,
            route: DataTrackRoute {
                publisher,
                handle,
                viewers,
            },
        });
    }

    /// Somebody left: its data tracks are over, and what it watched has a viewer less.
    pub(super) fn leave_data(&mut self, gone: &super::Participant) {
        for viewer in self.roster.keys().copied().collect::<Vec<_>>() {
            self.reconcile_data(viewer);
        }
        for viewer in self.roster.values_mut() {
            for info in gone.data.published.values() {
                viewer.data.forget(&info.sid);
            }
        }
        for (publisher, handle) in gone.data.watched.keys() {
            self.route_data_track(*publisher, *handle);
        }
    }

    /// A participant keeps a blob for others.
    pub(super) fn store_data_blob(&mut self, key: ParticipantKey, request: StoreDataBlobRequest) {
        let id = request.request_id;
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        if !participant.claims.can_publish_data() {
            let message = "data may not be published".into();
            self.respond(key, id, Reason::NotAllowed, message, None);
            return;
        }
        let blob = request.blob.unwrap_or_default();
        let stored = blob.key.clone();
        match participant.blobs.store(blob) {
            Ok(()) => {
                let response = StoreDataBlobResponse {
                    request_id: id,
                    key: stored,
                };
                self.tell(key, Message::StoreDataBlobResponse(response));
            }
            Err(refusal) => {
                let reason = match refusal {
                    StoreBlobError::Invalid => Reason::InvalidRequest,
                    StoreBlobError::TooMuch => Reason::LimitExceeded,
                };
                self.respond(key, id, reason, refusal.to_string(), None);
            }
        }
    }

    /// A participant asks for a blob of another, or of its own.
    pub(super) fn get_data_blob(&mut self, key: ParticipantKey, request: &GetDataBlobRequest) {
        let id = request.request_id;
        let Some(wanted) = &request.key else {
            let message = "a blob is asked for by its key".into();
            self.respond(key, id, Reason::InvalidRequest, message, None);
            return;
        };
        let owner = self.by_identity.get(request.participant_identity.as_str());
        let owner = owner.and_then(|owner| self.roster.get(owner));
        let owner = owner.filter(|owner| owner.key == key || !owner.is_hidden());
        let Some(blob) = owner.and_then(|owner| owner.blobs.get(wanted)) else {
            let message = "nobody of that identity keeps such a blob".into();
            self.respond(key, id, Reason::NotFound, message, None);
            return;
        };
        let response = GetDataBlobResponse {
            request_id: id,
            blob: Some(blob),
        };
        self.tell(key, Message::GetDataBlobResponse(response));
    }
}
