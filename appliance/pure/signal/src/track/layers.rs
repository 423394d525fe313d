//! Simulcast layers: announced ones for the media plane, wished ones from pixels or quality.

use livekit_protocol::video_layer::Mode;
use livekit_protocol::{TrackInfo, VideoLayer, VideoQuality};
use media::plane::LayerSpec;
use media::{Kind, Layer, Rid};
use std::collections::BTreeMap;
use vocab::Bitrate;

/// A layer that is this close to what is shown is good enough.
///
/// Source: LiveKit `pkg/rtc/mediatrack.go`, `layerSelectionTolerance` 0.9.
const TOLERANCE_PERMILLE: u64 = 900;
/// Heights assumed for the lower layers when the publisher announced none (same source).
const ASSUMED_HEIGHTS: [u32; 2] = [180, 360];

/// The layer of a LiveKit quality; `None` for OFF and unknown numbers.
pub(crate) fn layer_of_quality(quality: i32) -> Option<Layer> {
    match VideoQuality::try_from(quality).ok()? {
        VideoQuality::Low => Some(Layer::Low),
        VideoQuality::Medium => Some(Layer::Medium),
        VideoQuality::High => Some(Layer::High),
        VideoQuality::Off => None,
    }
}

/// How a section's encodings relate to spatial layers, when the client does not say.
pub(crate) fn mode(mime: &str, rids: usize) -> Mode {
    let scales = ["video/VP9", "video/AV1"]
        .iter()
        .any(|svc| svc.eq_ignore_ascii_case(mime));
    if scales && rids <= 1 {
        Mode::MultipleSpatialLayersPerStream
    } else {
        Mode::OneSpatialLayerPerStream
    }
}

/// What the media plane is told of a track: one spec per encoding on the wire, lowest first. A
/// rid that was not announced is there without pixels; a single encoding counts as the highest.
pub(crate) fn layer_specs(kind: Kind, info: &TrackInfo, rids: &[Rid]) -> Vec<LayerSpec> {
    if kind == Kind::Audio {
        return Vec::new();
    }
    let announced = announced(info);
    let spec = |layer: Layer| {
        let known = announced
            .iter()
            .find(|l| layer_of_quality(l.quality) == Some(layer));
        LayerSpec {
            layer,
            width: known.map_or(0, |l| l.width),
            height: known.map_or(0, |l| l.height),
            bitrate: Bitrate(known.map_or(0, |l| u64::from(l.bitrate))),
        }
    };
    let mut layers: Vec<Layer> = rids
        .iter()
        .filter_map(|rid| Layer::from_rid(*rid))
        .collect();
    layers.sort_unstable();
    layers.dedup();
    if layers.len() > 1 {
        return layers.into_iter().map(spec).collect();
    }
    let largest = announced.iter().max_by_key(|l| l.height);
    vec![LayerSpec {
        layer: Layer::High,
        width: largest.map_or(info.width, |l| l.width),
        height: largest.map_or(info.height, |l| l.height),
        bitrate: Bitrate(largest.map_or(0, |l| u64::from(l.bitrate))),
    }]
}

/// The lowest layer that still fills `height` pixels (LiveKit `GetQualityForDimension`).
pub(crate) fn layer_that_fits(info: &TrackInfo, height: u32) -> Layer {
    if info.height == 0 && announced(info).is_empty() {
        return Layer::High;
    }
    let mut heights: BTreeMap<Layer, u32> = announced(info)
        .iter()
        .filter(|layer| layer.height > 0)
        .filter_map(|layer| Some((layer_of_quality(layer.quality)?, layer.height)))
        .collect();
    if heights.is_empty() {
        let [low, medium] = ASSUMED_HEIGHTS;
        heights = [
            (Layer::Low, low),
            (Layer::Medium, medium),
            (Layer::High, info.height),
        ]
        .into();
    }
    let shown = u64::from(height).saturating_mul(TOLERANCE_PERMILLE) / 1_000;
    let enough = heights
        .iter()
        .find(|(_, height)| u64::from(**height) >= shown);
    enough
        .or_else(|| heights.iter().next_back())
        .map_or(Layer::High, |(layer, _)| *layer)
}

#[expect(deprecated, reason = "older clients announce layers here only")]
fn announced(info: &TrackInfo) -> &[VideoLayer] {
    match info.codecs.first() {
        Some(codec) if !codec.layers.is_empty() => &codec.layers,
        _ => &info.layers,
    }
}
