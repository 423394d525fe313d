//! Too little room: it shrinks, it is shared, it stays small.

use super::{seconds, viewer_behind};
use crate::sim::Sim;
use crate::view::Voice;
use crate::{Encoding, LinkSpec};
use media::Layer;
use peer::EgressKind;
use std::time::Duration;

/// The path that shrinks and recovers, in kbit/s.
const WIDE: u64 = 5_000;
const NARROW: u64 = 300;

/// What the best layer of [`Encoding::CAMERA`] needs to be given: 1.72 Mbit/s with a margin of a
/// quarter (`media::allocation`) and a tenth for repair, and a voice.
const USEFUL: f64 = 2.45e6;

/// A conversation bears a wait up to this (ITU-T G.114 has 400 ms for both ways and everything).
pub const BEARABLE: Duration = Duration::from_millis(300);

/// What a viewer met whose path went from 5 to 0.3 Mbit/s for 20 s and back.
#[derive(Debug, Clone)]
pub struct Shrink {
    /// The layer shown before.
    pub before: Option<Layer>,
    /// From the drop until nothing above the lowest layer is sent.
    pub dropped_after: Duration,
    /// The layer shown at the end of the narrow time.
    pub narrow: Option<Layer>,
    /// Pictures shown while narrow; 500 were encoded.
    pub pictures: usize,
    /// The voice from the drop on until the end.
    pub voice: Voice,
    /// From the drop until no voice waits longer than [`BEARABLE`] any more.
    pub voice_back_after: Duration,
    /// From recovery until the best layer is shown to stay.
    pub recovered_after: Duration,
    /// The layer shown at the end.
    pub after: Option<Layer>,
    /// Datagrams that found the queue full.
    pub overflowed: u64,
    /// Times video waited for the queue to empty.
    pub drains: u64,
    /// The run, in words.
    pub run: String,
}

/// The wide path, with a little jitter and loss by the seed.
fn wide(seed: u64) -> LinkSpec {
    let mut wide = LinkSpec::of_kbps(WIDE);
    wide.jitter = Duration::from_millis(1 + seed % 7);
    wide.impairment.loss = 1;
    wide
}

/// 5 → 0.3 Mbit/s and back (issue 3, item 6).
pub fn shrink(egress: EgressKind, seed: u64) -> Shrink {
    let wide = wide(seed);
    let (mut sim, link) = viewer_behind(egress, seed, Encoding::CAMERA, wide);
    sim.run(seconds(10) + Duration::from_millis(seed % 977));
    let before = sim.layer_of("nurse", "bed-4");
    // The buffer of a home router does not shrink with its line; neither is it endless.
    let narrow = LinkSpec {
        rate: NARROW * 1_000,
        queue: 40_000,
        ..wide
    };
    let drop = sim.now();
    sim.change_link(link, narrow);
    sim.run(seconds(20));
    let (at_narrow, pictures) = (
        sim.layer_of("nurse", "bed-4"),
        sim.frames_shown("nurse", "bed-4", drop).iter().sum(),
    );
    let dropped_after = sim.last_sent_above("nurse", "bed-4", Layer::Low, drop);
    let back = sim.now();
    sim.change_link(link, wide);
    sim.run(seconds(10));
    let recovered_after = sim.last_other("nurse", "bed-4", Layer::High, back);
    Shrink {
        before,
        dropped_after: dropped_after.unwrap_or_default(),
        narrow: at_narrow,
        pictures,
        voice: sim.voice("nurse", "bed-4", drop),
        voice_back_after: sim.last_late_voice("nurse", "bed-4", drop, BEARABLE),
        recovered_after: recovered_after.unwrap_or_default(),
        after: sim.layer_of("nurse", "bed-4"),
        overflowed: sim.link_totals(link).1,
        drains: sim.take_counters("nurse").egress.drains,
        run: sim.to_string(),
    }
}

/// Two viewers behind one line, for 20 s after 10 s to settle.
#[derive(Debug, Clone)]
pub struct Share {
    /// Bits per second of video that each received.
    pub rates: [f64; 2],
    /// Bits per second that the box estimated of each one's path, on average.
    pub estimates: [f64; 2],
    /// The layers that each was shown, by pictures.
    pub layers: [[usize; 3]; 2],
    /// Times each one's video waited for the queue to empty, from the beginning.
    pub drains: [u64; 2],
    /// Of the worse of the two.
    pub voice: Voice,
    /// The run, in words.
    pub run: String,
}

impl Share {
    /// The larger share by the smaller.
    pub fn ratio(&self) -> f64 {
        ratio(self.rates)
    }

    /// The larger estimate by the smaller, what nobody has a use for left out.
    pub fn estimate_ratio(&self) -> f64 {
        ratio(self.estimates.map(|estimate| estimate.min(USEFUL)))
    }
}

fn ratio([a, b]: [f64; 2]) -> f64 {
    (a / b).max(b / a)
}

/// Two viewers share one line of `kbps`. The second joins some time after the first.
pub fn share(egress: EgressKind, seed: u64, kbps: u64) -> Share {
    let mut sim = Sim::over(egress, seed)
        .encoding(Encoding::CAMERA)
        .publisher("bed-4")
        .subscriber("nurse");
    let line = LinkSpec::of_kbps(kbps);
    let link = sim.link_down(&["nurse"], line);
    sim.run(Duration::from_millis(8_000 + seed % 977));
    sim.join("ward", "doctor", false);
    sim.share_link_down("doctor", link);
    sim.run(seconds(10));
    let since = sim.now();
    sim.run(seconds(20));
    let rates = ["nurse", "doctor"].map(|name| sim.video_rate(name, "bed-4", since));
    let estimates = ["nurse", "doctor"].map(|name| sim.mean_estimate(name, since));
    let layers = ["nurse", "doctor"].map(|name| sim.frames_shown(name, "bed-4", since));
    let drains = ["nurse", "doctor"].map(|name| sim.take_counters(name).egress.drains);
    let voices = ["nurse", "doctor"].map(|name| sim.voice(name, "bed-4", since));
    let [first, second] = voices;
    Share {
        rates,
        estimates,
        layers,
        drains,
        voice: if (first.lost, first.delay) > (second.lost, second.delay) {
            first
        } else {
            second
        },
        run: sim.to_string(),
    }
}

/// A viewer for 30 s behind a line smaller than the stream.
#[derive(Debug, Clone)]
pub struct Storm {
    /// Retransmissions by packets, from the beginning.
    pub repair: f64,
    /// Packets sent again.
    pub resent: u64,
    /// Pictures shown in the last 10 s; 250 were encoded.
    pub pictures: usize,
    /// The layer shown last.
    pub layer: Option<Layer>,
    /// The voice in the last 20 s.
    pub voice: Voice,
    /// The run, in words.
    pub run: String,
}

/// A line of `kbps` with a queue of `queue` bytes that loses `loss` per mille besides: losses
/// must not feed on their own repair (`egress.md`, trap 4).
pub fn storm(egress: EgressKind, seed: u64, kbps: u64, queue: u64, loss: u32) -> Storm {
    let mut line = LinkSpec {
        queue,
        ..LinkSpec::of_kbps(kbps)
    };
    line.impairment.loss = loss;
    let (mut sim, _) = viewer_behind(egress, seed, Encoding::CAMERA, line);
    sim.run(seconds(10));
    let settled = sim.now();
    sim.run(seconds(10));
    let last = sim.now();
    sim.run(seconds(10));
    let counters = sim.take_counters("nurse");
    let (resent, packets) = match egress {
        EgressKind::Own => (counters.egress.retransmissions, counters.egress.packets),
        EgressKind::Plain => (counters.retransmissions, counters.packets_out),
    };
    Storm {
        repair: resent as f64 / packets.max(1) as f64,
        resent,
        pictures: sim.frames_shown("nurse", "bed-4", last).iter().sum(),
        layer: sim.layer_of("nurse", "bed-4"),
        voice: sim.voice("nurse", "bed-4", settled),
        run: sim.to_string(),
    }
}
