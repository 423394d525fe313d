//! Random loss, which is no congestion.

use super::{seconds, viewer_behind};
use crate::sim::Sim;
use crate::{Encoding, LinkSpec};
use peer::EgressKind;
use std::time::Duration;

/// A frame later than this is of no use: libwebrtc waits for it up to 3 s, people do not.
pub const IN_TIME: Duration = Duration::from_secs(1);

/// What came of the frames of one viewer for 30 s.
#[derive(Debug, Clone)]
pub struct Repair {
    /// Complete within [`IN_TIME`], and within 250 ms, of so many frames.
    pub complete: usize,
    /// Complete within 250 ms.
    pub soon: usize,
    /// Frames that the box sent.
    pub sent: usize,
    /// Retransmissions by packets.
    pub repair: f64,
    /// Voices have no retransmissions: lost on the way, share.
    pub voice_lost: f64,
    /// The run, in words.
    pub run: String,
}

impl Repair {
    /// The share complete in time.
    pub fn share(&self) -> f64 {
        self.complete as f64 / self.sent.max(1) as f64
    }

    /// The share complete within 250 ms.
    pub fn soon_share(&self) -> f64 {
        self.soon as f64 / self.sent.max(1) as f64
    }
}

/// `loss` per mille in both directions, 40 ms round trip, 15 ms jitter, 1 % doubled
/// (`reliability.md`, G11).
pub fn repair(egress: EgressKind, seed: u64, loss: u32) -> Repair {
    let lossy = LinkSpec::lossy(loss);
    let (mut sim, _) = viewer_behind(egress, seed, Encoding::EVEN, lossy);
    sim.link_up(&["nurse"], lossy);
    // A str0m client takes nothing older than the first packet it receives of a stream, so that
    // reordering alone costs the first frame; libwebrtc's does.
    sim.run(seconds(1));
    let from = sim.now();
    sim.run(seconds(30));
    let until = sim.now();
    let counters = sim.take_counters("nurse");
    sim.run(seconds(1));
    let [(complete, sent), (soon, _)] = [IN_TIME, Duration::from_millis(250)]
        .map(|within| sim.complete_frames("nurse", "bed-4", (from, until), within));
    let voice = sim.voice("nurse", "bed-4", from);
    let (resent, packets) = match egress {
        EgressKind::Own => (counters.egress.retransmissions, counters.egress.packets),
        EgressKind::Plain => (counters.retransmissions, counters.packets_out),
    };
    Repair {
        complete,
        soon,
        sent,
        repair: resent as f64 / packets.max(1) as f64,
        voice_lost: voice.lost as f64 / voice.sent.max(1) as f64,
        run: sim.to_string(),
    }
}

/// Two publishers who watch each other and a viewer who watches both, through 20 % loss and
/// reordering for 8 s; the tracks on which nothing is shown in the third second of the calm
/// after it.
pub fn calm_after(egress: EgressKind, seed: u64) -> (Vec<String>, String) {
    let mut sim = Sim::over(egress, seed)
        .publisher("bed-4")
        .subscriber("nurse")
        .publisher("doctor")
        .loss_permille(200)
        .reorder_permille(50)
        .duplicate_permille(10);
    sim.run(seconds(8));
    sim.calm();
    sim.run(seconds(2));
    let since = sim.now();
    sim.run(seconds(1));
    (sim.silent_since(since), sim.to_string())
}
