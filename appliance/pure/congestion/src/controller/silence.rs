//! Feedback that stays away although packets leave.

use crate::clock::{Micros, SECOND};

/// A receiver reports at least every 250 ms (libwebrtc `kMaxSendInterval`): two reports missing
/// and a little.
const MIN_WAIT: Micros = 6 * SECOND / 10;

/// Round trips waited at least.
const ROUND_TRIPS: Micros = 3;

/// What is left of the estimate each time.
const BACK_OFF: f64 = 0.5;

#[derive(Debug, Default)]
pub(super) struct Silence {
    /// The client does send feedback.
    expected: bool,
    /// When the first packet left that no feedback followed.
    since: Option<Micros>,
    backed_off: bool,
}

impl Silence {
    pub(super) fn handle_sent(&mut self, at: Micros) {
        if self.expected {
            self.since.get_or_insert(at);
        }
    }

    /// Answers whether a silence long enough to back off has ended.
    pub(super) fn handle_feedback(&mut self) -> bool {
        self.expected = true;
        self.since = None;
        std::mem::take(&mut self.backed_off)
    }

    pub(super) fn due(&self, round_trip: Micros) -> Option<Micros> {
        Some(self.since? + MIN_WAIT.max(ROUND_TRIPS * round_trip))
    }

    /// The share of the estimate to go on with, once per wait in which packets left.
    pub(super) fn poll(&mut self, round_trip: Micros, now: Micros) -> Option<f64> {
        let due = self.due(round_trip)?;
        (now >= due).then(|| {
            self.since = None;
            self.backed_off = true;
            BACK_OFF
        })
    }
}
