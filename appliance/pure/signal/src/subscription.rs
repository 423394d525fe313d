//! One participant's wish to watch one track, and how far it has come.

use crate::track::{layer_of_quality, layer_that_fits};
use livekit_protocol::{TrackInfo, UpdateTrackSettings};
use media::plane::LayerWish;
use media::{Kind, Layer, Mid};
use vocab::{ParticipantKey, TrackKey};

/// A wish. It stays while it is not allowed, so that a permission that comes back is used.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) track: TrackKey,
    pub(crate) publisher: ParticipantKey,
    pub(crate) kind: Kind,
    pub(crate) place: Place,
    pub(crate) wish: LayerWish,
    /// The watcher was told that the publisher does not admit it.
    pub(crate) told_denied: bool,
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// No section yet.
    Waiting,
    /// In an offer of ours that is not answered yet.
    Offered,
    /// Media flows in this section.
    Live(Mid),
    /// The watcher cannot decode it.
    Refused,
}

impl Subscription {
    /// A new wish.
    pub(crate) fn new(track: TrackKey, publisher: ParticipantKey, kind: Kind) -> Self {
        let wish = LayerWish::default();
        Self {
            track,
            publisher,
            kind,
            place: Place::Waiting,
            wish,
            told_denied: false,
        }
    }

    /// Its section, once media flows.
    pub(crate) fn mid(&self) -> Option<Mid> {
        match self.place {
            Place::Live(mid) => Some(mid),
            Place::Waiting | Place::Offered | Place::Refused => None,
        }
    }
}

/// What the media plane is to send, of what a client says it shows. Width and height win over
/// quality; in LiveKit priority 1 is the highest and 0 unset, here larger is served first.
pub(crate) fn wish_of(settings: &UpdateTrackSettings, track: &TrackInfo) -> LayerWish {
    let quality = layer_of_quality(settings.quality);
    let by_size = settings.width > 0 || settings.height > 0;
    let highest = match (by_size, quality) {
        (true, _) => layer_that_fits(track, settings.height),
        (false, Some(layer)) => layer,
        (false, None) => Layer::Low,
    };
    LayerWish {
        enabled: !settings.disabled && (by_size || quality.is_some()),
        highest,
        priority: match settings.priority {
            0 => 0,
            rank => u32::MAX.saturating_sub(rank),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use livekit_protocol::{SimulcastCodecInfo, VideoLayer, VideoQuality};

    fn camera() -> TrackInfo {
        let layer = |quality: VideoQuality, height| VideoLayer {
            quality: quality.into(),
            height,
            ..VideoLayer::default()
        };
        TrackInfo {
            height: 720,
            codecs: vec![SimulcastCodecInfo {
                layers: vec![
                    layer(VideoQuality::High, 720),
                    layer(VideoQuality::Low, 180),
                    layer(VideoQuality::Medium, 360),
                ],
                ..SimulcastCodecInfo::default()
            }],
            ..TrackInfo::default()
        }
    }

    #[test]
    fn the_lowest_layer_that_fills_the_tile_is_wished() {
        let size = |width, height| UpdateTrackSettings {
            width,
            height,
            ..Default::default()
        };
        let named = |quality: VideoQuality| UpdateTrackSettings {
            quality: quality.into(),
            ..Default::default()
        };
        for (name, settings, want) in [
            ("exactly the lowest", size(320, 180), Layer::Low),
            ("a tenth above the lowest", size(355, 200), Layer::Low),
            ("more than a tenth above", size(360, 202), Layer::Medium),
            ("larger than everything", size(3840, 2160), Layer::High),
            ("quality alone", named(VideoQuality::Medium), Layer::Medium),
            (
                "quality low is the default number",
                named(VideoQuality::Low),
                Layer::Low,
            ),
        ] {
            assert_eq!(wish_of(&settings, &camera()).highest, want, "{name}");
        }
    }

    #[test]
    fn off_and_disabled_both_stop_the_track() {
        let off = UpdateTrackSettings {
            quality: VideoQuality::Off.into(),
            ..Default::default()
        };
        let disabled = UpdateTrackSettings {
            disabled: true,
            height: 720,
            ..Default::default()
        };
        assert!(!wish_of(&off, &camera()).enabled);
        assert!(!wish_of(&disabled, &camera()).enabled);
    }

    #[test]
    fn priority_one_is_served_before_two_and_both_before_unset() {
        let with = |priority| {
            wish_of(
                &UpdateTrackSettings {
                    priority,
                    ..Default::default()
                },
                &camera(),
            )
            .priority
        };
        assert!(with(1) > with(2) && with(2) > with(0));
    }

    #[test]
    fn a_track_without_announced_sizes_is_sent_whole() {
        let settings = UpdateTrackSettings {
            height: 100,
            ..Default::default()
        };
        assert_eq!(
            wish_of(&settings, &TrackInfo::default()).highest,
            Layer::High
        );
    }
}
