//! How good a participant's connection is, from loss and round trip.
//!
//! A simplified E-model (ITU-T G.107 as `LiveKit`'s `connectionquality` uses it): a section starts
//! at 100, loses [`AUDIO_LOSS_WEIGHT`] or [`VIDEO_LOSS_WEIGHT`] points per per cent of loss and
//! points for half the round trip; a participant is as good as its worst section. Bad news is
//! believed faster than good news.

use crate::packet::LossReport;
use crate::plane::Quality;
use crate::{Kind, Mid};
use smallvec::SmallVec;
use std::time::{Duration, Instant};
use vocab::PeerKey;

/// How often connections are judged.
pub const QUALITY_INTERVAL: Duration = Duration::from_secs(5);
/// How often it is asked whether somebody is lost.
pub const SILENCE_INTERVAL: Duration = Duration::from_secs(1);
/// A participant that should be heard and was not for this long is lost. Longer than Opus DTX's
/// 400 ms, and than what a client without anything to say keeps its path alive with: libwebrtc's
/// checks come every 2.5 s (`kStrongAndStableWritableConnectionPingInterval`), and are heard of up to
/// a second later.
pub const LOST_AFTER: Duration = Duration::from_secs(4);
/// Points per per cent of lost audio: Opus with in-band FEC or RED hides some.
pub const AUDIO_LOSS_WEIGHT: f32 = 5.0;
/// Points per per cent of lost video: a lost packet stalls a frame for a round trip.
pub const VIDEO_LOSS_WEIGHT: f32 = 10.0;
/// Sections remembered per interval and participant; more are not judged.
pub const MAX_JUDGED_SECTIONS: usize = 128;

const BEST: f32 = 100.0;
/// Above: excellent.
const GOOD_BELOW: f32 = 80.0;
/// Up to: poor.
const POOR_BELOW: f32 = 40.0;
/// How much of a change for the better is believed per interval.
const RISE: f32 = 0.4;
/// How much of a change for the worse is believed per interval.
const FALL: f32 = 0.7;

/// One participant's reports since the last judgement.
#[derive(Debug)]
pub(crate) struct QualityMeter {
    sections: SmallVec<[Section; 4]>,
    score: f32,
    reported: Option<Quality>,
    heard: Option<Instant>,
}

#[derive(Debug)]
struct Section {
    peer: PeerKey,
    mid: Mid,
    weight: f32,
    lost: f32,
    reports: u32,
    round_trip: Duration,
}

impl Default for QualityMeter {
    fn default() -> Self {
        Self {
            sections: SmallVec::new(),
            score: BEST,
            reported: None,
            heard: None,
        }
    }
}

impl QualityMeter {
    /// Anything at all came from the participant, then.
    pub(crate) fn hear(&mut self, at: Instant) {
        self.heard = self.heard.max(Some(at));
    }

    /// A report about one of its sections.
    pub(crate) fn report(&mut self, peer: PeerKey, kind: Kind, report: LossReport) {
        let found = self
            .sections
            .iter_mut()
            .find(|s| s.peer == peer && s.mid == report.mid);
        let lost = if report.fraction_lost.is_finite() {
            report.fraction_lost.clamp(0.0, 1.0)
        } else {
            1.0
        };
        let round_trip = report.round_trip.unwrap_or_default();
        if let Some(section) = found {
            section.lost += lost;
            section.reports += 1;
            section.round_trip = section.round_trip.max(round_trip);
        } else if self.sections.len() < MAX_JUDGED_SECTIONS {
            let weight = match kind {
                Kind::Audio => AUDIO_LOSS_WEIGHT,
                Kind::Video => VIDEO_LOSS_WEIGHT,
            };
            let mid = report.mid;
            self.sections.push(Section {
                peer,
                mid,
                weight,
                lost,
                reports: 1,
                round_trip,
            });
        }
    }

    /// Judges the interval. `expected`: the participant sends something that is neither muted
    /// nor unwanted. Returns quality and score (MOS, 1.0 to 4.5) when the quality changed.
    pub(crate) fn judge(&mut self, expected: bool, now: Instant) -> Option<(Quality, f32)> {
        let window = self
            .sections
            .iter()
            .map(Section::score)
            .fold(BEST, f32::min);
        self.sections.clear();
        let trust = if window < self.score { FALL } else { RISE };
        self.score += (window - self.score) * trust;
        self.tell(self.is_lost(expected, now))
    }

    /// Asks between judgements whether the participant is lost, or back; says so when that changed.
    pub(crate) fn listen(&mut self, expected: bool, now: Instant) -> Option<(Quality, f32)> {
        self.reported?;
        let lost = self.is_lost(expected, now);
        let was_lost = self.reported == Some(Quality::Lost);
        (lost != was_lost).then(|| self.tell(lost)).flatten()
    }

    fn is_lost(&self, expected: bool, now: Instant) -> bool {
        let is_long = |heard| now.saturating_duration_since(heard) > LOST_AFTER;
        expected && self.heard.is_some_and(is_long)
    }

    fn tell(&mut self, lost: bool) -> Option<(Quality, f32)> {
        let (quality, opinion) = if lost {
            (Quality::Lost, 1.0)
        } else {
            (grade(self.score), mos(self.score))
        };
        let is_news = self.reported.replace(quality) != Some(quality);
        is_news.then_some((quality, opinion))
    }
}

impl Section {
    fn score(&self) -> f32 {
        let percent = 100.0 * self.lost / self.reports.max(1) as f32;
        let one_way = self.round_trip.as_secs_f32() * 500.0;
        let delay = if one_way > 160.0 {
            (one_way - 120.0) / 10.0
        } else {
            one_way / 40.0
        };
        (BEST - delay - percent * self.weight).max(0.0)
    }
}

fn grade(score: f32) -> Quality {
    if score > GOOD_BELOW {
        Quality::Excellent
    } else if score > POOR_BELOW {
        Quality::Good
    } else {
        Quality::Poor
    }
}

/// Mean opinion score of an R-factor (ITU-T G.107 annex B).
fn mos(score: f32) -> f32 {
    let cubic = 0.000_007 * score * (score - 60.0) * (100.0 - score);
    (1.0 + 0.035 * score + cubic).clamp(1.0, 4.5)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::disallowed_methods,
        reason = "tests begin somewhere"
    )]

    use super::*;

    fn report(fraction_lost: f32, round_trip_ms: u64) -> LossReport {
        LossReport {
            mid: Mid::new("0").unwrap(),
            fraction_lost,
            round_trip: Some(Duration::from_millis(round_trip_ms)),
        }
    }

    fn settled(kind: Kind, fraction_lost: f32, round_trip_ms: u64) -> Quality {
        let (mut meter, now) = (QualityMeter::default(), Instant::now());
        let mut quality = Quality::Excellent;
        for _ in 0..10 {
            meter.report(PeerKey(1), kind, report(fraction_lost, round_trip_ms));
            if let Some((changed, _)) = meter.judge(true, now) {
                quality = changed;
            }
        }
        quality
    }

    #[test]
    fn loss_and_delay_are_graded() {
        for (name, kind, lost, rtt, want) in [
            ("a clean line", Kind::Video, 0.0, 20, Quality::Excellent),
            (
                "one per cent of video",
                Kind::Video,
                0.01,
                20,
                Quality::Excellent,
            ),
            (
                "three per cent of video",
                Kind::Video,
                0.03,
                20,
                Quality::Good,
            ),
            (
                "ten per cent of video",
                Kind::Video,
                0.10,
                20,
                Quality::Poor,
            ),
            (
                "three per cent of audio",
                Kind::Audio,
                0.03,
                20,
                Quality::Excellent,
            ),
            (
                "ten per cent of audio",
                Kind::Audio,
                0.10,
                20,
                Quality::Good,
            ),
            ("a satellite", Kind::Video, 0.0, 700, Quality::Good),
            ("nonsense", Kind::Video, f32::NAN, 20, Quality::Poor),
        ] {
            assert_eq!(settled(kind, lost, rtt), want, "{name}");
        }
    }

    #[test]
    fn bad_news_is_believed_faster_than_good_news() {
        let (mut meter, now) = (QualityMeter::default(), Instant::now());
        let mut judge = |fraction_lost| {
            meter.report(PeerKey(1), Kind::Video, report(fraction_lost, 0));
            meter.judge(true, now).map(|(quality, _)| quality)
        };
        assert_eq!(judge(0.2), Some(Quality::Poor), "at once");
        let recovery: Vec<_> = (0..4).map(|_| judge(0.0)).collect();
        assert_eq!(
            recovery,
            [Some(Quality::Good), None, Some(Quality::Excellent), None]
        );
    }

    #[test]
    fn only_changes_are_reported() {
        let (mut meter, now) = (QualityMeter::default(), Instant::now());
        assert!(
            meter.judge(true, now).is_some(),
            "the first judgement is news"
        );
        assert_eq!(meter.judge(true, now), None);
    }

    #[test]
    fn lost_means_silent_although_something_is_expected() {
        let start = Instant::now();
        for (name, expected, silence, want) in [
            (
                "muted or unwanted",
                false,
                Duration::from_mins(1),
                Quality::Excellent,
            ),
            ("a quiet moment", true, LOST_AFTER, Quality::Excellent),
            (
                "gone",
                true,
                LOST_AFTER + Duration::from_millis(1),
                Quality::Lost,
            ),
        ] {
            let mut meter = QualityMeter::default();
            meter.hear(start);
            let (quality, _) = meter.judge(expected, start + silence).unwrap();
            assert_eq!(quality, want, "{name}");
        }
    }

    #[test]
    fn who_falls_silent_is_lost_and_back_without_waiting_for_a_judgement() {
        let (mut meter, start) = (QualityMeter::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        meter.hear(at(0));
        assert_eq!(meter.listen(true, at(9_000)), None, "never judged yet");
        meter.hear(at(10_000));
        meter.judge(true, at(10_000)).unwrap();
        let mut told = |heard: Option<u64>, expected, now| {
            if let Some(ms) = heard {
                meter.hear(at(ms));
            }
            meter.listen(expected, at(now)).map(|(quality, _)| quality)
        };
        assert_eq!(told(None, true, 14_000), None);
        assert_eq!(told(None, false, 14_001), None, "muted");
        assert_eq!(told(None, true, 14_001), Some(Quality::Lost));
        assert_eq!(told(None, true, 15_001), None, "once");
        assert_eq!(told(Some(9_000), true, 15_002), None, "old news");
        let back = told(Some(15_500), true, 16_001);
        assert_eq!(back, Some(Quality::Excellent));
    }

    #[test]
    fn the_best_line_has_the_best_opinion_score() {
        let mut meter = QualityMeter::default();
        let (_, score) = meter.judge(false, Instant::now()).unwrap();
        assert!((4.4..=4.5).contains(&score), "{score}");
    }
}
