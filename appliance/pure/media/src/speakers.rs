//! Who speaks: audio levels of RFC 6464, observed and smoothed the way `LiveKit` does.
//!
//! Source: livekit-server `pkg/sfu/audio/audiolevel.go` and `pkg/rtc/room.go`
//! (`audioUpdateWorker`), defaults of `config.AudioConfig`.

use std::time::{Duration, Instant};

/// How often speakers are reported, and the length of one observation.
pub const SPEAKER_INTERVAL: Duration = Duration::from_millis(400);
/// Loudest level still counted as voice, in −dBov: 35 means "louder than −35 dBov".
pub const ACTIVE_LEVEL: u8 = 35;
/// Share of an observation that must be voice, in per cent.
pub const MIN_ACTIVE_PERCENT: u32 = 40;
/// Weight of the newest observation: 2 / (2 intervals + 1).
const SMOOTH_FACTOR: f32 = 2.0 / 3.0;
/// Reported levels are multiples of one eighth, so that breathing is not an event.
const LEVEL_STEPS: f32 = 8.0;
/// A longer gap between packets is silence (DTX), not a long packet.
const MAX_PACKET_TIME: Duration = Duration::from_millis(120);
/// What a packet after a gap stands for.
const DEFAULT_PACKET_TIME: Duration = Duration::from_millis(20);
const CLOCK_RATE: u32 = 48_000;

/// One audio track's loudness.
#[derive(Debug, Default)]
pub(crate) struct AudioLevel {
    smoothed: f32,
    loudest: Option<u8>,
    active: Duration,
    observed: Duration,
    last_timestamp: Option<u32>,
    last_arrival: Option<Instant>,
}

impl AudioLevel {
    /// One packet with its level in −dBov (0 loudest, 127 silence) and its 48 kHz timestamp.
    pub(crate) fn observe(&mut self, level: u8, timestamp: u32, arrival: Instant) {
        let packet_time = self.packet_time(timestamp);
        self.last_timestamp = Some(timestamp);
        self.last_arrival = Some(arrival);
        self.observed += packet_time;
        if level <= ACTIVE_LEVEL {
            self.active += packet_time;
            self.loudest = Some(self.loudest.map_or(level, |loudest| loudest.min(level)));
        }
        if self.observed >= SPEAKER_INTERVAL {
            self.conclude();
        }
    }

    /// The smoothed linear level, 0.0 when not speaking.
    pub(crate) fn level(&mut self, now: Instant) -> f32 {
        let stale = |last| now.saturating_duration_since(last) > 2 * SPEAKER_INTERVAL;
        if self.last_arrival.is_some_and(stale) {
            self.reset();
        }
        if self.smoothed >= linear(f32::from(ACTIVE_LEVEL)) {
            self.smoothed
        } else {
            0.0
        }
    }

    /// Muted: silence at once.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    fn packet_time(&self, timestamp: u32) -> Duration {
        let Some(last) = self.last_timestamp else {
            return DEFAULT_PACKET_TIME;
        };
        let ticks = timestamp.wrapping_sub(last);
        let time = Duration::from_micros(u64::from(ticks) * 1_000_000 / u64::from(CLOCK_RATE));
        if time > MAX_PACKET_TIME {
            DEFAULT_PACKET_TIME
        } else {
            time
        }
    }

    fn conclude(&mut self) {
        let enough = SPEAKER_INTERVAL * MIN_ACTIVE_PERCENT / 100;
        self.smoothed = match self.loudest {
            Some(loudest) if self.active >= enough => {
                let share = self.active.as_secs_f32() / SPEAKER_INTERVAL.as_secs_f32();
                let weighted = linear(f32::from(loudest) - 20.0 * share.log10());
                self.smoothed + (weighted - self.smoothed) * SMOOTH_FACTOR
            }
            _ => 0.0,
        };
        self.loudest = None;
        self.active = Duration::ZERO;
        self.observed = Duration::ZERO;
    }
}

/// −dBov as a share of full scale.
fn linear(level: f32) -> f32 {
    10f32.powf(-level / 20.0)
}

/// The level as reported: the next multiple of an eighth, at most 1.0.
pub(crate) fn reported(level: f32) -> f32 {
    ((level * LEVEL_STEPS).ceil() / LEVEL_STEPS).min(1.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests begin somewhere")]

    use super::*;

    /// So many 20 ms packets at a level, then the level.
    fn after(levels: &[(u8, u32)]) -> f32 {
        let mut now = Instant::now();
        let (mut audio, mut timestamp) = (AudioLevel::default(), 0u32);
        for (level, packets) in levels {
            for _ in 0..*packets {
                now += DEFAULT_PACKET_TIME;
                timestamp = timestamp.wrapping_add(960);
                audio.observe(*level, timestamp, now);
            }
        }
        audio.level(now)
    }

    #[test]
    fn voice_is_what_is_loud_for_long_enough() {
        for (name, levels, speaks) in [
            ("nothing yet", &[][..], false),
            ("an observation not finished", &[(20, 19)], false),
            ("a loud observation", &[(20, 20)], true),
            ("just loud enough after two observations", &[(33, 40)], true),
            ("one quieter", &[(34, 40)], false),
            ("one below the threshold", &[(36, 400)], false),
            ("40 per cent of an observation", &[(127, 12), (10, 8)], true),
            (
                "35 per cent of an observation",
                &[(127, 13), (10, 7)],
                false,
            ),
            ("voice, then silence", &[(20, 40), (127, 20)], false),
        ] {
            assert_eq!(after(levels) > 0.0, speaks, "{name}");
        }
    }

    #[test]
    fn a_track_that_falls_silent_without_a_word_stops_speaking() {
        let (mut audio, start) = (AudioLevel::default(), Instant::now());
        for packet in 1..=40 {
            audio.observe(20, packet * 960, start + DEFAULT_PACKET_TIME * packet);
        }
        let last = start + DEFAULT_PACKET_TIME * 40;
        assert!(audio.level(last + 2 * SPEAKER_INTERVAL) > 0.0);
        assert!(audio.level(last + 2 * SPEAKER_INTERVAL + Duration::from_millis(1)) <= 0.0);
    }

    #[test]
    fn levels_are_reported_in_eighths() {
        for (level, want) in [
            (0.0, 0.0),
            (0.01, 0.125),
            (0.125, 0.125),
            (0.126, 0.25),
            (3.0, 1.0),
        ] {
            assert!((reported(level) - want).abs() < f32::EPSILON, "{level}");
        }
    }
}
