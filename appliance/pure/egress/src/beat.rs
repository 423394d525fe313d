//! When the pictures of many tracks leave together.
//!
//! A client that is shown a ward's worth of thumbnails gets a frame of some track every
//! millisecond, of one packet or two: each would cost a whole send. Their frames wait for a beat
//! that all clients of a worker share, and leave as one train.

use std::time::{Duration, Instant};

/// Pictures of more tracks than this leave on the beat: a consultation of five is not one.
const MANY_TRACKS: usize = 4;

/// How far apart beats are, and how long a frame waits at most: a tenth of a picture at 30 Hz.
pub(crate) const BEAT: Duration = Duration::from_millis(3);

/// One client's part in it.
#[derive(Debug)]
pub(crate) struct Beat {
    epoch: Instant,
    is_many: bool,
    due: Option<Instant>,
}

impl Beat {
    /// The beat that has gone on since `epoch`.
    pub(crate) fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            is_many: false,
            due: None,
        }
    }

    /// So many tracks with pictures may be sent.
    pub(crate) fn set_tracks(&mut self, tracks: usize) {
        self.is_many = tracks > MANY_TRACKS;
    }

    /// A frame is complete.
    pub(crate) fn ready(&mut self, now: Instant) {
        if self.is_many && self.due.is_none() {
            let passed = now.saturating_duration_since(self.epoch).as_micros();
            let beats = passed / BEAT.as_micros() + 1;
            let next = Duration::from_micros((beats * BEAT.as_micros()) as u64);
            self.due = Some(self.epoch + next);
        }
    }

    /// Until when complete frames wait; `None`: they do not.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether frames may leave; if so they do.
    pub(crate) fn strikes(&mut self, now: Instant) -> bool {
        let strikes = self.due.is_none_or(|due| due <= now);
        if strikes {
            self.due = None;
        }
        strikes
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests begin somewhere")]

    use super::*;

    fn at(epoch: Instant, micros: u64) -> Instant {
        epoch + Duration::from_micros(micros)
    }

    #[test]
    fn frames_of_many_tracks_wait_for_the_beat_that_all_share() {
        let epoch = Instant::now();
        for (first, second) in [(1, 2_999), (3_000, 5_999), (100_500, 101_900)] {
            let mut beat = Beat::new(epoch);
            beat.set_tracks(MANY_TRACKS + 1);
            beat.ready(at(epoch, first));
            let due = beat.due().expect("it waits");
            assert!(!beat.strikes(at(epoch, second)));
            beat.ready(at(epoch, second));
            assert_eq!(beat.due(), Some(due), "the first frame decides");
            let passed = due.duration_since(epoch).as_micros();
            assert_eq!(passed % BEAT.as_micros(), 0);
            assert!(due.duration_since(at(epoch, first)) <= BEAT);
            assert!(beat.strikes(due));
            assert_eq!(beat.due(), None);
        }
    }

    #[test]
    fn frames_of_few_tracks_leave_at_once() {
        let epoch = Instant::now();
        let mut beat = Beat::new(epoch);
        beat.set_tracks(MANY_TRACKS);
        beat.ready(epoch);
        assert_eq!(beat.due(), None);
        assert!(beat.strikes(epoch));
    }
}
