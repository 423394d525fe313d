//! Tracks: announced by request, published when their section is negotiated, muted, ended.
//!
//! Backup codecs are never enabled in a `SubscribedQualityUpdate`, so clients do not publish them;
//! a request for one is refused. A watcher that cannot decode a track is told so.

use super::Room;
use crate::now::Now;
use crate::track::{Track, kind_of};
use crate::upstream::SectionUse;
use auth::Source;
use domain::EventData;
use livekit_protocol::request_response::{Reason, Request};
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    AddTrackRequest, MuteTrackRequest, TrackPublishedResponse, TrackSource, UpdateLocalAudioTrack,
    UpdateLocalVideoTrack,
};
use media::plane::TrackSpec;
use media::{Kind, MediaCommand, Mid, Rid};
use vocab::{MAX_NAME_BYTES, ParticipantKey, TrackKey, TrackSid};

/// Tracks of one participant, requested ones and queued ones too: each needs a section of its
/// own, and half of [`crate::limits::MAX_SECTIONS`] stays for watching.
pub(crate) const MAX_TRACKS_PER_PARTICIPANT: usize = 32;
/// Layers, codecs or features in one request: LiveKit knows three layers, two codecs and seven
/// features.
const MAX_REQUEST_ENTRIES: usize = 16;

impl Room {
    /// A client announces a track.
    pub(super) fn add_track(&mut self, key: ParticipantKey, request: AddTrackRequest, now: Now) {
        match self.check_track(key, &request) {
            Ok(kind) => {
                let cid = request.cid.clone();
                let track = self.new_track(key, kind, request);
                self.tell_track(key, track, cid);
                self.claim_early_section(key, track, now);
            }
            Err((reason, message)) => {
                if reason == Reason::Queued
                    && let Some(participant) = self.roster.get_mut(&key)
                {
                    participant.queued.push(request.clone());
                }
                self.respond(
                    key,
                    0,
                    reason,
                    message.into(),
                    Some(Request::AddTrack(request)),
                );
            }
        }
    }

    fn check_track(
        &self,
        key: ParticipantKey,
        request: &AddTrackRequest,
    ) -> Result<Kind, (Reason, &'static str)> {
        let participant = self
            .roster
            .get(&key)
            .ok_or((Reason::NotFound, "unknown participant"))?;
        let kind = kind_of(request.r#type).ok_or((
            Reason::UnsupportedType,
            "only audio and video tracks are supported",
        ))?;
        if !participant
            .claims
            .can_publish_source(Source::from_number(request.source))
        {
            return Err((
                Reason::NotAllowed,
                "does not have permission to publish this source",
            ));
        }
        if !request.sid.is_empty() {
            return Err((
                Reason::UnsupportedType,
                "backup codecs are not enabled on this server",
            ));
        }
        if is_oversized(request) {
            return Err((
                Reason::LimitExceeded,
                "the request is larger than the server accepts",
            ));
        }
        if participant
            .tracks
            .len()
            .saturating_add(participant.queued.len())
            >= MAX_TRACKS_PER_PARTICIPANT
        {
            return Err((Reason::LimitExceeded, "too many tracks"));
        }
        if participant
            .tracks
            .values()
            .any(|track| track.is_called(&request.cid))
        {
            return Err((Reason::Queued, "a track of the same cid is still published"));
        }
        Ok(kind)
    }

    /// A requested track that nobody else knows of yet.
    pub(super) fn new_track(
        &mut self,
        key: ParticipantKey,
        kind: Kind,
        request: AddTrackRequest,
    ) -> TrackKey {
        let sid = TrackSid::from(self.new_sid(sid_prefix(kind, request.source())));
        let track = Track::new(self.keys.track(), sid, kind, request, &self.config.codecs);
        let track_key = track.key;
        if let Some(participant) = self.roster.get_mut(&key) {
            participant.tracks.insert(track_key, track);
        }
        track_key
    }

    fn tell_track(&mut self, key: ParticipantKey, track: TrackKey, cid: String) {
        let track = self.roster.get(&key).and_then(|p| p.tracks.get(&track));
        let Some(info) = track.map(|track| track.info.clone()) else {
            return;
        };
        let response = TrackPublishedResponse {
            cid,
            track: Some(info),
        };
        self.tell(key, Message::TrackPublished(response));
    }

    /// The offer was faster than the request: its section waits unclaimed. A section whose msid
    /// names no track belongs to the first request of its kind.
    fn claim_early_section(&mut self, key: ParticipantKey, track: TrackKey, now: Now) {
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        let (Some(up), Some(wanted)) = (&mut participant.up, participant.tracks.get(&track)) else {
            return;
        };
        let fits = |using: &SectionUse| match using {
            SectionUse::Unclaimed(kind, Some(cid)) => *kind == wanted.kind && wanted.is_called(cid),
            SectionUse::Unclaimed(kind, None) => *kind == wanted.kind,
            _ => false,
        };
        let found = up
            .sections
            .iter()
            .find(|(_, using)| fits(using))
            .map(|(mid, _)| *mid);
        if let Some(mid) = found {
            up.sections.insert(mid, SectionUse::Publishing(track));
            let (mime, rids) = up.arriving(mid);
            self.publish(key, track, mid, mime, &rids, now);
        }
    }

    /// The track's section is negotiated: media flows, and others hear of it.
    pub(super) fn publish(
        &mut self,
        key: ParticipantKey,
        track_key: TrackKey,
        mid: Mid,
        mime: String,
        rids: &[Rid],
        now: Now,
    ) {
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        let Some(peer) = participant.up.as_ref().map(|up| up.peer) else {
            return;
        };
        let Some(track) = participant.tracks.get_mut(&track_key) else {
            return;
        };
        track.negotiated(peer, mid, mime, rids.len());
        let spec = TrackSpec {
            key: track_key,
            publisher: key,
            peer,
            mid,
            kind: track.kind,
            muted: track.info.muted,
            layers: crate::track::layer_specs(track.kind, &track.info, rids),
        };
        self.by_sid.insert(track.sid.clone(), track_key);
        self.tracks.insert(track_key, key);
        self.command(MediaCommand::PublishTrack {
            room: self.key,
            track: spec,
        });
        self.record_published(key, track_key, now);
        self.announce(key, false);
        self.offer_track(key, track_key);
        self.pump_changed(now);
        self.counts_changed(now);
    }

    /// A track is over: media stops, watchers lose it, others hear of it, and a request that
    /// waited for its `cid` goes on.
    pub(super) fn end_track(&mut self, key: ParticipantKey, track: TrackKey, now: Now) {
        let participant = self.roster.get(&key);
        let Some(ended) = participant.and_then(|p| p.tracks.get(&track)) else {
            return;
        };
        let (cid, was_published) = (ended.cid.clone(), ended.mid.is_some());
        self.forget_track(key, track, now);
        if was_published {
            self.announce(key, false);
            self.pump_changed(now);
            self.counts_changed(now);
        }
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        let next = participant
            .queued
            .iter()
            .position(|request| request.cid == cid);
        if let Some(request) = next.map(|at| participant.queued.remove(at)) {
            self.add_track(key, request, now);
        }
    }

    /// Takes a track out of everything but the announcements.
    pub(super) fn forget_track(&mut self, key: ParticipantKey, track: TrackKey, now: Now) {
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        let Some(ended) = participant.tracks.remove(&track) else {
            return;
        };
        if let Some(up) = &mut participant.up {
            for using in up.sections.values_mut() {
                if *using == SectionUse::Publishing(track) {
                    *using = SectionUse::Unclaimed(ended.kind, Some(ended.cid.clone()));
                }
            }
        }
        if self.tracks.remove(&track).is_none() {
            return;
        }
        self.by_sid.remove(&ended.sid);
        self.command(MediaCommand::UnpublishTrack {
            room: self.key,
            track,
        });
        self.record_unpublished(key, &ended, now);
        for watcher in self.keys_but(key) {
            self.drop_subscription(watcher, track);
        }
    }

    /// A client mutes or unmutes its own track.
    pub(super) fn mute_own_track(
        &mut self,
        key: ParticipantKey,
        request: &MuteTrackRequest,
        now: Now,
    ) {
        let track = self
            .roster
            .get(&key)
            .and_then(|p| p.track_by_sid(&request.sid));
        if let Some(track) = track.map(|track| track.key) {
            self.set_muted(key, track, request.muted, now);
        } else {
            let message = "unknown track".into();
            let request = Some(Request::Mute(request.clone()));
            self.respond(key, 0, Reason::NotFound, message, request);
        }
    }

    /// Mutes or unmutes; false when nothing changed.
    pub(super) fn set_muted(
        &mut self,
        key: ParticipantKey,
        track_key: TrackKey,
        muted: bool,
        now: Now,
    ) -> bool {
        let participant = self.roster.get_mut(&key);
        let Some(track) = participant.and_then(|p| p.tracks.get_mut(&track_key)) else {
            return false;
        };
        if std::mem::replace(&mut track.info.muted, muted) == muted {
            return false;
        }
        if track.mid.is_none() {
            return true;
        }
        let event = match (track.is_microphone(), track.is_camera(), muted) {
            (true, _, true) => Some(EventData::AudioPaused),
            (true, _, false) => Some(EventData::AudioResumed),
            (_, true, true) => Some(EventData::VideoPaused),
            (_, true, false) => Some(EventData::VideoResumed),
            (false, false, _) => None,
        };
        let room = self.key;
        self.command(MediaCommand::SetTrackMuted {
            room,
            track: track_key,
            muted,
        });
        if let Some(event) = event {
            self.record(key, event, now);
        }
        self.announce(key, true);
        true
    }

    /// A client's audio track changed its features.
    pub(super) fn update_audio_track(
        &mut self,
        key: ParticipantKey,
        request: UpdateLocalAudioTrack,
    ) {
        let track = self.roster.get_mut(&key).and_then(|p| {
            p.tracks
                .values_mut()
                .find(|track| track.info.sid == request.track_sid)
        });
        if let Some(track) = track.filter(|track| track.kind == Kind::Audio) {
            let mut features = request.features;
            features.truncate(MAX_REQUEST_ENTRIES);
            track.set_features(features);
            self.announce(key, true);
        } else {
            let request = Some(Request::UpdateAudioTrack(request));
            self.respond(key, 0, Reason::NotFound, "unknown track".into(), request);
        }
    }

    /// A client's video track changed its size.
    pub(super) fn update_video_track(
        &mut self,
        key: ParticipantKey,
        request: UpdateLocalVideoTrack,
    ) {
        let track = self.roster.get_mut(&key).and_then(|p| {
            p.tracks
                .values_mut()
                .find(|track| track.info.sid == request.track_sid)
        });
        if let Some(track) = track.filter(|track| track.kind == Kind::Video) {
            track.info.width = request.width;
            track.info.height = request.height;
            self.announce(key, true);
        } else {
            let request = Some(Request::UpdateVideoTrack(request));
            self.respond(key, 0, Reason::NotFound, "unknown track".into(), request);
        }
    }
}

/// `TR_`, the kind's letter and the source's (LiveKit `pkg/rtc/participant.go`, `getTrackPrefix`).
fn sid_prefix(kind: Kind, source: TrackSource) -> &'static str {
    match (kind, source) {
        (Kind::Audio, TrackSource::Camera) => "TR_AC",
        (Kind::Audio, TrackSource::Microphone) => "TR_AM",
        (Kind::Audio, TrackSource::ScreenShare) => "TR_AS",
        (Kind::Audio, TrackSource::ScreenShareAudio) => "TR_As",
        (Kind::Audio, TrackSource::Unknown) => "TR_A",
        (Kind::Video, TrackSource::Camera) => "TR_VC",
        (Kind::Video, TrackSource::Microphone) => "TR_VM",
        (Kind::Video, TrackSource::ScreenShare) => "TR_VS",
        (Kind::Video, TrackSource::ScreenShareAudio) => "TR_Vs",
        (Kind::Video, TrackSource::Unknown) => "TR_V",
    }
}

fn is_oversized(request: &AddTrackRequest) -> bool {
    let texts = [&request.cid, &request.name, &request.stream];
    let codecs = &request.simulcast_codecs;
    texts.iter().any(|text| text.len() > MAX_NAME_BYTES)
        || codecs
            .iter()
            .any(|c| c.cid.len() > MAX_NAME_BYTES || c.codec.len() > MAX_NAME_BYTES)
        || codecs
            .iter()
            .any(|codec| codec.layers.len() > MAX_REQUEST_ENTRIES)
        || [
            codecs.len(),
            request.layers.len(),
            request.audio_features.len(),
            request.packet_trailer_features.len(),
        ]
        .iter()
        .any(|entries| *entries > MAX_REQUEST_ENTRIES)
}
