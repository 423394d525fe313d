//! Publishers' sender reports, on each viewer's clock.

use super::subscription::Subscription;
use super::track::Track;
use super::{Output, Room};
use crate::packet::SenderReport;
use crate::rewrite::Source;
use std::time::Instant;

impl Room {
    /// Takes note of a publisher's report that came `at`, and tells those who are shown its layer.
    pub(super) fn report_to_viewers(
        &mut self,
        track_index: usize,
        report: SenderReport,
        at: Instant,
        now: Instant,
    ) {
        let Some(track) = self.tracks.get_mut(track_index) else {
            return;
        };
        let Some(source) = track.set_report(report, at) else {
            return;
        };
        for index in &track.subscriptions {
            let told = self
                .subscriptions
                .get(*index)
                .filter(|viewer| viewer.active)
                .and_then(|viewer| on_clock_of(viewer, track, source, now));
            self.outputs.extend(told);
        }
    }
}

/// The newest report of what a viewer is shown, on its clock and as of now. `None` while it is
/// shown something else than `source`, or nothing was reported of it.
pub(super) fn on_clock_of(
    viewer: &Subscription,
    track: &Track,
    source: Source,
    now: Instant,
) -> Option<Output> {
    let offset = viewer.rewriter.timestamp_offset(source)?;
    let (ntp, timestamp) = track.clock(source, viewer.rewriter.clock_rate(), now)?;
    Some(Output::SenderReport {
        peer: viewer.peer_key,
        report: SenderReport {
            mid: viewer.mid,
            rid: None,
            ntp,
            timestamp: timestamp.wrapping_add(offset),
        },
    })
}
