//! A published track: what arrives of it, layer by layer.

use crate::allocation;
use crate::demand::Demand;
use crate::keyframe::KeyframeGate;
use crate::layer_choice::{self, LayerSet, contains};
use crate::packet::{Kind, Layer, Mid, Packet, Rid, SenderReport};
use crate::plane::TrackSpec;
use crate::relay::PartKey;
use crate::rewrite::Source;
use crate::sequence_window::{Arrival, SequenceWindow};
use crate::speakers::AudioLevel;
use std::time::{Duration, Instant};
use vocab::{PeerKey, TrackKey};

/// Tracks a participant may publish; beyond it `PublishTrack` is ignored and nothing is forwarded.
pub const MAX_TRACKS_PER_PARTICIPANT: usize = 32;
/// A layer that is silent this much longer than its siblings is paused by its publisher, which
/// has too little bandwidth for it. Longer than the second between frames of a still screen.
pub const LAYER_SILENCE: Duration = Duration::from_millis(1_500);
/// Bitrates are measured over windows of this length.
pub const RATE_WINDOW: Duration = Duration::from_secs(1);

/// What a layer is taken to cost before it was measured or announced (libwebrtc's usual
/// simulcast of 720p: 150, 500 and 1,700 kbit/s).
const DEFAULT_BITRATES: [u64; 3] = [150_000, 500_000, 1_700_000];
/// RTP header, extensions and tag, in bytes: what a packet costs beyond its payload, as str0m's
/// bandwidth estimation counts it.
const PACKET_OVERHEAD: usize = 12 + 8 + 16;
/// Share of the newest window in a measured bitrate, in per cent.
const NEWEST_WINDOW_PERCENT: u64 = 60;

/// A published track.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) key: TrackKey,
    pub(super) publisher: usize,
    pub(super) home: Home,
    pub(super) kind: Kind,
    pub(super) muted: bool,
    /// The publisher may publish.
    pub(super) permitted: bool,
    announced: [u64; 3],
    layers: [LayerStream; 3],
    newest_arrival: Option<Instant>,
    pub(super) subscriptions: Vec<usize>,
    /// Other parts of the room that show it.
    pub(super) relays: Vec<TrackRelay>,
    pub(super) demand: Demand,
    pub(super) level: AudioLevel,
}

/// Where a track arrives.
#[derive(Debug, Clone, Copy)]
pub(super) enum Home {
    /// On a transport of this part.
    Here {
        peer: usize,
        peer_key: PeerKey,
        mid: Mid,
    },
    /// On another part, which relays what is `wanted` here.
    There {
        part: PartKey,
        peer: PeerKey,
        wanted: LayerSet,
    },
}

/// Another part of the room that shows a track of this one.
#[derive(Debug)]
pub(super) struct TrackRelay {
    pub(super) part: PartKey,
    /// What its viewers want.
    pub(super) wanted: LayerSet,
    /// The same, lowered later: who turns away sees the old layer until the keyframe of the new.
    pub(super) demand: Demand,
    /// What goes there now.
    pub(super) layers: LayerSet,
}

/// What the part that receives a layer knows of it when it begins to relay it.
#[derive(Debug, Clone, Copy)]
pub struct LayerStart {
    label: Label,
    is_flowing: bool,
    report: Option<SenderReport>,
    reported: Option<Instant>,
}

/// What arrives of one layer.
#[derive(Debug, Default)]
struct LayerStream {
    label: Label,
    epoch: u32,
    window: SequenceWindow,
    last_arrival: Option<Instant>,
    rate: RateMeter,
    report: Option<SenderReport>,
    reported: Option<Instant>,
    gate: KeyframeGate,
}

/// How a layer's packets are labelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Label {
    /// None came yet.
    #[default]
    Unknown,
    /// Without a rid: the only layer.
    Bare,
    /// With this rid.
    Rid(Rid),
}

impl Label {
    fn of(rid: Option<Rid>) -> Self {
        rid.map_or(Self::Bare, Self::Rid)
    }
}

/// What one packet meant for its layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received {
    pub(super) arrival: Arrival,
    pub(super) source: Source,
    /// The first packet of the track.
    pub(super) is_first: bool,
    /// The layer was absent or paused before.
    pub(super) starts_flowing: bool,
}

impl Track {
    pub(super) fn new(spec: &TrackSpec, publisher: usize, home: Home, permitted: bool) -> Self {
        let mut announced = [0; 3];
        for layer in &spec.layers {
            if let Some(slot) = announced.get_mut(layer.layer as usize) {
                *slot = layer.bitrate.0;
            }
        }
        Self {
            key: spec.key,
            publisher,
            home,
            kind: spec.kind,
            muted: spec.muted,
            permitted,
            announced,
            layers: Default::default(),
            newest_arrival: None,
            subscriptions: Vec::new(),
            relays: Vec::new(),
            demand: Demand::default(),
            level: AudioLevel::default(),
        }
    }

    /// It arrives on a transport of this part.
    pub(super) fn is_here(&self) -> bool {
        matches!(self.home, Home::Here { .. })
    }

    /// What another part has to know of a layer before its packets.
    pub(super) fn start_of(&self, layer: Layer) -> Option<LayerStart> {
        let stream = self.stream(layer)?;
        Some(LayerStart {
            label: stream.label,
            is_flowing: stream.is_flowing(self.newest_arrival),
            report: stream.report,
            reported: stream.reported,
        })
    }

    /// The part that receives a layer relays it from now on: nothing continues what came before.
    pub(super) fn begin(&mut self, layer: Layer, start: LayerStart, now: Instant) {
        let Some(stream) = self.stream_mut(layer) else {
            return;
        };
        stream.label = start.label;
        stream.epoch = stream.epoch.wrapping_add(1);
        stream.window = SequenceWindow::default();
        (stream.report, stream.reported) = (start.report, start.reported);
        stream.last_arrival = start.is_flowing.then_some(now);
        if start.is_flowing {
            self.newest_arrival = Some(now);
        }
    }

    /// Decides anew which layers go to which part; `begins` is told which ones start.
    ///
    /// A part gets what it wants, and where none of that flows the lowest layer that does, as a
    /// viewer does.
    pub(super) fn refresh_relays(
        &mut self,
        mut begins: impl FnMut(PartKey, [Option<LayerStart>; 3]),
    ) {
        let (is_open, flowing) = (!self.muted, self.flowing());
        let mut relays = std::mem::take(&mut self.relays);
        for relay in &mut relays {
            let mut layers = relay.demand.told();
            if let Some(highest) = allocation::best(layers) {
                let shown = layer_choice::candidates(flowing, highest);
                layers = layer_choice::union(layers, shown);
            }
            let goes = layers.map(|wanted| wanted && is_open);
            let starts = Layer::ALL.map(|layer| {
                let begins = contains(goes, layer) && !contains(relay.layers, layer);
                begins.then(|| self.start_of(layer)).flatten()
            });
            relay.layers = goes;
            if starts.iter().any(Option::is_some) {
                begins(relay.part, starts);
            }
        }
        self.relays = relays;
    }

    /// The layer that packets with this rid belong to, by the rid's *name*.
    ///
    /// Packets without a rid are the only layer, which lives in the slot of [`Layer::Low`]; so
    /// does a rid of any other name, when it is the first of the track (some WHIP encoders call
    /// theirs `0`). Other unknown rids have no layer: `None`.
    pub(super) fn layer_of(&mut self, rid: Option<Rid>) -> Option<Layer> {
        let label = Label::of(rid);
        for (stream, layer) in self.layers.iter().zip(Layer::ALL) {
            if stream.label == label {
                return Some(layer);
            }
        }
        let named = rid.and_then(Layer::from_rid);
        let is_untouched = self
            .layers
            .iter()
            .all(|stream| stream.label == Label::Unknown);
        let layer = named.or(is_untouched.then_some(Layer::Low))?;
        let stream = self.stream_mut(layer)?;
        let epoch = stream.epoch + u32::from(stream.label != Label::Unknown);
        *stream = LayerStream {
            label,
            epoch,
            ..LayerStream::default()
        };
        Some(layer)
    }

    /// Takes note of a packet of `layer`.
    pub(super) fn receive(
        &mut self,
        layer: Layer,
        packet: &Packet,
        now: Instant,
    ) -> Option<Received> {
        self.forgive_common_silence(now);
        let newest_before = self.newest_arrival;
        let stream = self.stream_mut(layer)?;
        let arrival = stream.window.receive(packet.sequence);
        if arrival == Arrival::Restart {
            stream.epoch = stream.epoch.wrapping_add(1);
            stream.report = None;
        }
        let source = Source {
            layer,
            epoch: stream.epoch,
        };
        let is_placed = matches!(arrival, Arrival::Newest | Arrival::Late | Arrival::Restart);
        // Padding says nothing of what the encoder does.
        if !is_placed || packet.payload.is_empty() {
            return Some(Received {
                arrival,
                source,
                is_first: false,
                starts_flowing: false,
            });
        }
        let starts_flowing = !stream.is_flowing(newest_before);
        stream.last_arrival = Some(now);
        stream
            .rate
            .count(packet.payload.len() + PACKET_OVERHEAD, now);
        if packet.starts_keyframe && arrival != Arrival::Late {
            stream.gate.served();
        }
        self.newest_arrival = Some(now);
        Some(Received {
            arrival,
            source,
            is_first: newest_before.is_none(),
            starts_flowing,
        })
    }

    /// When the whole track was silent, no layer fell behind its siblings: those that flowed
    /// before get the full time to come back.
    fn forgive_common_silence(&mut self, now: Instant) {
        let newest = self.newest_arrival;
        let is_back = newest.is_some_and(|at| now.saturating_duration_since(at) > LAYER_SILENCE);
        if !is_back {
            return;
        }
        for stream in &mut self.layers {
            if stream.is_flowing(newest) {
                stream.last_arrival = Some(now);
            }
        }
    }

    /// Whether any packet ever arrived.
    pub(super) fn has_flowed(&self) -> bool {
        self.newest_arrival.is_some()
    }

    /// Whether a packet arrived lately: asking its encoder for something makes sense.
    pub(super) fn is_live(&self, now: Instant) -> bool {
        self.newest_arrival
            .is_some_and(|at| now.saturating_duration_since(at) <= LAYER_SILENCE)
    }

    /// The layers that arrive and are not paused.
    pub(super) fn flowing(&self) -> LayerSet {
        let newest = self.newest_arrival;
        self.layers
            .each_ref()
            .map(|stream| stream.is_flowing(newest))
    }

    /// Bits per second of each layer: measured, else announced, else usual.
    pub(super) fn costs(&self) -> [u64; 3] {
        let is_single = self
            .stream(Layer::Low)
            .is_some_and(|s| s.label == Label::Bare);
        let announced = |layer: usize| {
            let own = self.announced.get(layer).copied().unwrap_or(0);
            let best = self.announced.iter().copied().max().unwrap_or(0);
            match if is_single { best } else { own } {
                0 if is_single => DEFAULT_BITRATES.get(1),
                0 => DEFAULT_BITRATES.get(layer),
                known => return known,
            }
            .copied()
            .unwrap_or(0)
        };
        [0, 1, 2].map(|layer| {
            let measured = self
                .layers
                .get(layer)
                .and_then(|stream| stream.rate.bitrate());
            measured.unwrap_or_else(|| announced(layer))
        })
    }

    /// Measured bits per second of an audio track.
    pub(super) fn audio_cost(&self, floor: u64) -> u64 {
        let measured = self
            .stream(Layer::Low)
            .and_then(|stream| stream.rate.bitrate());
        measured.unwrap_or(0).max(floor)
    }

    /// Takes note of a report; whose it is.
    pub(super) fn set_report(&mut self, report: SenderReport, now: Instant) -> Option<Source> {
        let mut streams = self.layers.iter_mut().zip(Layer::ALL);
        let label = Label::of(report.rid);
        let (stream, layer) = streams.find(|(stream, _)| stream.label == label)?;
        stream.report = Some(report);
        stream.reported = Some(now);
        Some(Source {
            layer,
            epoch: stream.epoch,
        })
    }

    /// The publisher's wall clock, and the timestamp of `source` that belongs to it, by the newest
    /// report and advanced to `now`.
    pub(super) fn clock(
        &self,
        source: Source,
        clock_rate: u32,
        now: Instant,
    ) -> Option<(Duration, u32)> {
        let stream = self.stream(source.layer)?;
        let (report, at) = stream.report.zip(stream.reported)?;
        let passed = now.saturating_duration_since(at);
        let ticks = crate::rewrite::ticks(passed, clock_rate) as u32;
        let advanced = (report.ntp + passed, report.timestamp.wrapping_add(ticks));
        (stream.epoch == source.epoch).then_some(advanced)
    }

    /// `timestamp` of layer `of` on the clock of `on`, from the sender reports of both.
    pub(super) fn align(
        &self,
        of: Layer,
        timestamp: u32,
        on: Source,
        clock_rate: u32,
    ) -> Option<u32> {
        let (of, onto) = (self.stream(of)?.report?, self.stream(on.layer)?);
        if onto.epoch != on.epoch {
            return None;
        }
        let onto = onto.report?;
        let since_report = timestamp.wrapping_sub(of.timestamp);
        let (ahead, behind) = (
            of.ntp.saturating_sub(onto.ntp),
            onto.ntp.saturating_sub(of.ntp),
        );
        let ahead = crate::rewrite::ticks(ahead, clock_rate) as u32;
        let behind = crate::rewrite::ticks(behind, clock_rate) as u32;
        let shifted = onto.timestamp.wrapping_add(ahead).wrapping_sub(behind);
        Some(shifted.wrapping_add(since_report))
    }

    /// The rid to put into a keyframe request for `layer`.
    pub(super) fn rid(&self, layer: Layer) -> Option<Rid> {
        match self.stream(layer)?.label {
            Label::Rid(rid) => Some(rid),
            Label::Unknown | Label::Bare => None,
        }
    }

    pub(super) fn gate_mut(&mut self, layer: Layer) -> Option<&mut KeyframeGate> {
        self.stream_mut(layer).map(|stream| &mut stream.gate)
    }

    pub(super) fn gate(&self, layer: Layer) -> Option<&KeyframeGate> {
        self.stream(layer).map(|stream| &stream.gate)
    }

    fn stream(&self, layer: Layer) -> Option<&LayerStream> {
        self.layers.get(layer as usize)
    }

    fn stream_mut(&mut self, layer: Layer) -> Option<&mut LayerStream> {
        self.layers.get_mut(layer as usize)
    }
}

impl LayerStream {
    fn is_flowing(&self, newest_of_track: Option<Instant>) -> bool {
        match (self.last_arrival, newest_of_track) {
            (Some(own), Some(newest)) => newest.saturating_duration_since(own) <= LAYER_SILENCE,
            _ => false,
        }
    }
}

/// Bits per second over windows of [`RATE_WINDOW`].
#[derive(Debug, Default)]
struct RateMeter {
    since: Option<Instant>,
    bytes: usize,
    bitrate: Option<u64>,
}

impl RateMeter {
    fn count(&mut self, bytes: usize, now: Instant) {
        let since = *self.since.get_or_insert(now);
        self.bytes += bytes;
        let passed = now.saturating_duration_since(since);
        if passed < RATE_WINDOW {
            return;
        }
        let newest = self.bytes as u64 * 8_000 / (passed.as_millis() as u64).max(1);
        self.bitrate = Some(match self.bitrate {
            None => newest,
            Some(old) => {
                (newest * NEWEST_WINDOW_PERCENT + old * (100 - NEWEST_WINDOW_PERCENT)) / 100
            }
        });
        self.since = Some(now);
        self.bytes = 0;
    }

    fn bitrate(&self) -> Option<u64> {
        self.bitrate
    }
}

/// The layers a viewer of this track can be given.
pub(super) fn candidates(track: &Track, highest: Layer) -> LayerSet {
    layer_choice::candidates(track.flowing(), highest)
}
