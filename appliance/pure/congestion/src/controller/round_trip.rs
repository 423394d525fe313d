//! The smoothed round trip.

use super::Controller;
use crate::clock::{Micros, SECOND, micros};
use std::time::Duration;

/// Weight of a new sample in the round trip (RFC 6298 §2).
const ROUND_TRIP_GAIN: i64 = 8;

/// Assumed before anything was measured.
const INITIAL_ROUND_TRIP: Micros = SECOND / 5;

/// No round trip beyond is believed; it would only slow reactions down.
const MAX_ROUND_TRIP: Micros = 3 * SECOND;

impl Controller {
    /// Takes a round trip measured by a receiver report (RFC 3550 §6.4.1).
    pub fn handle_round_trip(&mut self, round_trip: Duration) {
        smooth(&mut self.reported_round_trip, micros(round_trip));
    }

    /// The smoothed round trip, `None` before the first report.
    pub fn round_trip(&self) -> Option<Duration> {
        self.reported_round_trip
            .or(self.own_round_trip)
            .map(|micros| Duration::from_micros(micros.unsigned_abs()))
    }

    pub(super) fn round_trip_or_default(&self) -> Micros {
        self.reported_round_trip
            .or(self.own_round_trip)
            .unwrap_or(INITIAL_ROUND_TRIP)
    }
}

pub(super) fn smooth(round_trip: &mut Option<Micros>, sample: Micros) {
    let sample = sample.clamp(0, MAX_ROUND_TRIP);
    *round_trip = Some(match *round_trip {
        None => sample,
        Some(before) => before + (sample - before) / ROUND_TRIP_GAIN,
    });
}
