//! What one publisher publishes: tracks, their layers, and where these get their packets.

use crate::options::{Media, Options};
use crate::publisher::{MIN_PACKET_BYTES, MediaPacket, Pattern, Publisher};
use crate::stamp::{Epoch, Source};
use crate::trace::{Replay, TraceStream};
use std::time::Instant;

/// Simulcast layers as `LiveKit`'s clients name them, from the smallest.
pub const RIDS: [&str; 3] = ["q", "h", "f"];

/// Packets per second of an audio track: one per 20 ms.
const AUDIO_RATE: u32 = 50;

/// Where a stream's packets come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Script {
    /// Made up.
    Pattern(Pattern),
    /// Recorded.
    Trace(TraceStream),
}

/// A track to be published: its layers from the smallest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Opus, not video.
    pub audio: bool,
    /// Each with its rid, `None` without simulcast.
    pub layers: Vec<(Option<&'static str>, Script)>,
}

impl Plan {
    /// What every publisher of a run publishes.
    pub fn of(options: &Options, trace: &[TraceStream]) -> Vec<Self> {
        let mut plans = Vec::new();
        for audio in [true, false] {
            let wanted = match options.media {
                Media::Both => true,
                Media::Audio => audio,
                Media::Video => !audio,
            };
            let layers = if !wanted {
                Vec::new()
            } else if options.trace.is_some() {
                let streams = trace.iter().filter(|stream| stream.audio == audio);
                let script = |stream: &TraceStream| (stream.rid, Script::Trace(stream.clone()));
                streams.map(script).collect()
            } else {
                let patterns = patterns(options, audio).into_iter();
                patterns
                    .map(|(rid, pattern)| (rid, Script::Pattern(pattern)))
                    .collect()
            };
            if !layers.is_empty() {
                plans.push(Self { audio, layers });
            }
        }
        plans
    }

    /// The rids of its layers; empty without simulcast.
    pub fn rids(&self) -> Vec<&'static str> {
        self.layers.iter().filter_map(|(rid, _)| *rid).collect()
    }
}

/// A third and a tenth of the packets make the middle and the small layer; the small one's are
/// half as long.
fn patterns(options: &Options, audio: bool) -> Vec<(Option<&'static str>, Pattern)> {
    let pattern = |burst: u32, packet_bytes| Pattern {
        rate: (options.rate * burst / options.burst).max(1),
        burst,
        packet_bytes,
    };
    if audio {
        let pattern = Pattern {
            rate: AUDIO_RATE,
            burst: 1,
            packet_bytes: options.audio_bytes,
        };
        return vec![(None, pattern)];
    }
    if !options.simulcast {
        return vec![(None, pattern(options.burst, options.bytes))];
    }
    let small = (options.bytes / 2).max(MIN_PACKET_BYTES);
    let bursts = [
        (options.burst / 10, small),
        (options.burst * 3 / 10, options.bytes),
    ];
    let lower = bursts.map(|(burst, bytes)| pattern(burst.max(1), bytes));
    let all = lower
        .into_iter()
        .chain([pattern(options.burst, options.bytes)]);
    RIDS.map(Some).into_iter().zip(all).collect()
}

/// A rid of ours by its name.
pub fn rid(name: &str) -> Option<&'static str> {
    RIDS.into_iter().find(|rid| *rid == name)
}

/// The number of a layer in stamps; a track without simulcast has layer 0.
pub fn layer(rid: Option<&str>) -> u8 {
    let place = RIDS.iter().position(|known| Some(*known) == rid);
    place.unwrap_or_default() as u8
}

/// One stream that is being sent.
pub struct Lane {
    /// Simulcast layer.
    pub rid: Option<&'static str>,
    /// Packets sent in the window.
    pub sent: u64,
    /// Nobody wants it: what falls due is not sent.
    pub is_paused: bool,
    feed: Feed,
}

enum Feed {
    Pattern(Publisher),
    Replay(Replay),
}

impl Lane {
    /// All lanes of a track of this publisher.
    pub fn of(plan: &Plan, publisher: u32) -> Vec<Self> {
        let lane = |(rid, script): &(Option<&'static str>, Script)| {
            let source = Source {
                publisher,
                layer: layer(*rid),
                audio: plan.audio,
            };
            Self {
                rid: *rid,
                sent: 0,
                is_paused: false,
                feed: match script {
                    Script::Pattern(pattern) => Feed::Pattern(Publisher::new(source, *pattern)),
                    Script::Trace(stream) => Feed::Replay(Replay::new(source, stream.clone())),
                },
            }
        };
        plan.layers.iter().map(lane).collect()
    }

    /// The next frame is a key frame.
    pub fn request_keyframe(&mut self) {
        match &mut self.feed {
            Feed::Pattern(publisher) => publisher.request_keyframe(),
            Feed::Replay(replay) => replay.request_keyframe(),
        }
    }

    /// When the next packets are to be sent.
    pub fn due(&mut self, now: Instant) -> Instant {
        match &mut self.feed {
            Feed::Pattern(publisher) => publisher.due(now),
            Feed::Replay(replay) => replay.due(now),
        }
    }

    /// All packets that are due; none while nobody wants them.
    pub fn take_due(&mut self, epoch: Epoch, now: Instant) -> Vec<MediaPacket> {
        match &mut self.feed {
            Feed::Replay(replay) if self.is_paused => replay.skip_due(now),
            Feed::Pattern(publisher) if self.is_paused => publisher.skip_due(now),
            Feed::Replay(replay) => return replay.take_due(epoch, now),
            Feed::Pattern(publisher) => {
                let mut packets = Vec::new();
                while publisher.due(now) <= now {
                    packets.extend(publisher.frame(epoch, now));
                }
                return packets;
            }
        }
        Vec::new()
    }

    /// Stops or goes on; it goes on with a key frame.
    pub fn set_paused(&mut self, paused: bool) {
        if self.is_paused && !paused {
            self.request_keyframe();
        }
        self.is_paused = paused;
    }
}
