//! One track: what its publisher announced, where it arrives, what its watchers want of it.

mod codec;
mod layers;

pub(crate) use codec::{choose_codec, mime_of_section};
pub(crate) use layers::{layer_of_quality, layer_specs, layer_that_fits};

use crate::sdp::SectionRole;
use livekit_protocol::{
    AddTrackRequest, AudioTrackFeature, SimulcastCodecInfo, SubscribedCodec, SubscribedQuality,
    SubscribedQualityUpdate, TrackInfo, TrackSource, TrackType, VideoQuality,
};
use media::{Kind, Mid};
use vocab::{PeerKey, TrackKey, TrackSid};

/// Longest stream name that is used as announced, in characters: room for any that a client makes
/// up, little enough for every section of a session description to repeat.
const MAX_STREAM_NAME: usize = 64;

/// A track from its request on.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) key: TrackKey,
    pub(crate) sid: TrackSid,
    pub(crate) kind: Kind,
    /// The client's id for it.
    pub(crate) cid: String,
    pub(crate) info: TrackInfo,
    /// The section it arrives in, once that is negotiated: then others know it.
    pub(crate) mid: Option<(PeerKey, Mid)>,
    /// Sent in several encodings.
    pub(crate) is_simulcast: bool,
    /// Its publisher knows that somebody watches.
    pub(crate) was_subscribed: bool,
    /// The layers that anybody wants, when the media plane has said so.
    pub(crate) demand: Option<[bool; 3]>,
}

impl Track {
    /// A requested track. `codecs` are the mime types the box allows.
    #[expect(deprecated, reason = "older clients read the deprecated fields")]
    pub(crate) fn new(
        key: TrackKey,
        sid: TrackSid,
        kind: Kind,
        request: AddTrackRequest,
        codecs: &[String],
    ) -> Self {
        let (has_stereo, no_dtx) = (request.stereo, request.disable_dtx);
        let mut features = request.audio_features;
        add_feature(&mut features, AudioTrackFeature::TfStereo, has_stereo);
        add_feature(&mut features, AudioTrackFeature::TfNoDtx, no_dtx);
        let mut info = TrackInfo {
            sid: sid.to_string(),
            r#type: request.r#type,
            name: request.name,
            muted: request.muted,
            width: request.width,
            height: request.height,
            source: request.source,
            layers: request.layers,
            disable_red: request.disable_red,
            encryption: request.encryption,
            stream: request.stream,
            backup_codec_policy: request.backup_codec_policy,
            packet_trailer_features: request.packet_trailer_features,
            ..TrackInfo::default()
        };
        for wanted in request.simulcast_codecs {
            info.codecs.push(SimulcastCodecInfo {
                mime_type: choose_codec(kind, &wanted.codec, codecs),
                cid: wanted.cid,
                layers: wanted.layers,
                video_layer_mode: wanted.video_layer_mode,
                ..SimulcastCodecInfo::default()
            });
        }
        if let Some(first) = info.codecs.first_mut() {
            if first.layers.is_empty() {
                first.layers.clone_from(&info.layers);
            }
            if info.layers.is_empty() {
                info.layers.clone_from(&first.layers);
            }
            info.mime_type.clone_from(&first.mime_type);
        } else if kind == Kind::Audio {
            info.mime_type = if info.disable_red {
                "audio/opus"
            } else {
                "audio/red"
            }
            .into();
        }
        let mut track = Self {
            key,
            sid,
            kind,
            cid: request.cid,
            info,
            mid: None,
            is_simulcast: false,
            was_subscribed: false,
            demand: None,
        };
        track.set_features(features);
        track
    }

    /// Whether a section with this track id in its msid is meant for it.
    pub(crate) fn is_called(&self, cid: &str) -> bool {
        !cid.is_empty()
            && (self.cid == cid || self.info.codecs.iter().any(|codec| codec.cid == cid))
    }

    /// Replaces the audio features, with the older fields that say the same.
    #[expect(deprecated, reason = "older clients read the deprecated fields")]
    pub(crate) fn set_features(&mut self, features: Vec<i32>) {
        let mut known = Vec::new();
        for feature in features {
            if !known.contains(&feature) && AudioTrackFeature::try_from(feature).is_ok() {
                known.push(feature);
            }
        }
        self.info.stereo = known.contains(&AudioTrackFeature::TfStereo.into());
        self.info.disable_dtx = known.contains(&AudioTrackFeature::TfNoDtx.into());
        self.info.audio_features = known;
    }

    /// The stream it shares with its publisher's other tracks: as announced where that can stand
    /// in SDP (a `token`, RFC 8866 §9, without our own `|`), else by its source.
    pub(crate) fn stream(&self) -> Option<&str> {
        let announced = self.info.stream.as_str();
        let fits = (1..=MAX_STREAM_NAME).contains(&announced.len())
            && announced
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
            // What begins so is a track to LiveKit's clients.
            && !announced.starts_with("TR");
        match self.info.source() {
            _ if fits => Some(announced),
            TrackSource::Camera | TrackSource::Microphone => Some("camera"),
            TrackSource::ScreenShare | TrackSource::ScreenShareAudio => Some("screen_share"),
            TrackSource::Unknown => None,
        }
    }

    /// Opus in stereo.
    #[expect(deprecated, reason = "kept equal to the feature by set_features")]
    pub(crate) fn is_stereo(&self) -> bool {
        self.info.stereo
    }

    /// What its section must say to the publisher.
    #[expect(deprecated, reason = "kept equal to the feature by set_features")]
    pub(crate) fn publish_role(&self) -> SectionRole {
        let first_codec = match self.kind {
            Kind::Video => Some(self.info.mime_type.clone()).filter(|mime| !mime.is_empty()),
            Kind::Audio => None,
        };
        SectionRole::Publish {
            first_codec,
            red: !self.info.disable_red,
            stereo: self.info.stereo,
            dtx: !self.info.disable_dtx,
        }
    }

    /// Its section is negotiated: records where it arrives and in which codec.
    #[expect(deprecated, reason = "older clients read info.simulcast")]
    pub(crate) fn negotiated(&mut self, peer: PeerKey, mid: Mid, mime: String, rids: usize) {
        self.mid = Some((peer, mid));
        self.is_simulcast = rids > 1;
        self.info.simulcast = self.is_simulcast;
        self.info.mid = mid.to_string();
        if !mime.is_empty() {
            self.info.mime_type.clone_from(&mime);
        }
        if self.kind == Kind::Video && self.info.codecs.is_empty() && !mime.is_empty() {
            self.info.codecs.push(SimulcastCodecInfo {
                cid: self.cid.clone(),
                layers: self.info.layers.clone(),
                ..SimulcastCodecInfo::default()
            });
        }
        let mode = layers::mode(&self.info.mime_type, rids);
        if let Some(first) = self.info.codecs.first_mut() {
            if !mime.is_empty() {
                first.mime_type = mime;
            }
            first.mid = mid.to_string();
            if self.kind == Kind::Video && first.video_layer_mode == 0 {
                first.video_layer_mode = mode.into();
            }
        }
    }

    /// Remembers the id its section came with, when it is not the one that was announced.
    pub(crate) fn set_sdp_cid(&mut self, cid: &str) {
        if let Some(first) = self
            .info
            .codecs
            .first_mut()
            .filter(|first| first.cid != cid)
        {
            cid.clone_into(&mut first.sdp_cid);
        }
    }

    /// What the publisher may stop sending. A track in one encoding is wanted when any layer is:
    /// clients look for it under different qualities.
    #[expect(deprecated, reason = "older clients read subscribed_qualities")]
    pub(crate) fn quality_update(&self) -> Option<SubscribedQualityUpdate> {
        let wanted = self.demand?;
        let any = wanted.contains(&true);
        let qualities: Vec<SubscribedQuality> =
            [VideoQuality::Low, VideoQuality::Medium, VideoQuality::High]
                .into_iter()
                .zip(wanted)
                .map(|(quality, enabled)| SubscribedQuality {
                    quality: quality.into(),
                    enabled: if self.is_simulcast { enabled } else { any },
                })
                .collect();
        let codec = self.info.mime_type.rsplit('/').next().unwrap_or_default();
        Some(SubscribedQualityUpdate {
            track_sid: self.sid.to_string(),
            subscribed_qualities: qualities.clone(),
            subscribed_codecs: vec![SubscribedCodec {
                codec: codec.to_ascii_lowercase(),
                qualities,
            }],
        })
    }

    /// A person's microphone or camera, whose pauses are worth an event.
    pub(crate) fn is_microphone(&self) -> bool {
        self.info.source() == TrackSource::Microphone
    }

    /// See [`Self::is_microphone`].
    pub(crate) fn is_camera(&self) -> bool {
        self.info.source() == TrackSource::Camera
    }

    /// A shared screen (its sound is a track of its own and no event).
    pub(crate) fn is_screen(&self) -> bool {
        self.info.source() == TrackSource::ScreenShare
    }
}

/// Audio or video of a request; anything else is not a media track.
pub(crate) fn kind_of(kind: i32) -> Option<Kind> {
    match TrackType::try_from(kind).ok()? {
        TrackType::Audio => Some(Kind::Audio),
        TrackType::Video => Some(Kind::Video),
        TrackType::Data => None,
    }
}

fn add_feature(features: &mut Vec<i32>, feature: AudioTrackFeature, wanted: bool) {
    if wanted && !features.contains(&feature.into()) {
        features.push(feature.into());
    }
}

#[cfg(test)]
mod tests;
