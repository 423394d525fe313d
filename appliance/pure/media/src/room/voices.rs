//! Speakers and connection quality: what the room tells about its participants by itself.

use super::Room;
use crate::plane::{Quality, Speaker};
use crate::quality::QualityMeter;
use crate::speakers;
use crate::{Kind, MediaEvent};
use std::time::Instant;

/// A judgement: what changed, if anything.
type Judge = fn(&mut QualityMeter, bool, Instant) -> Option<(Quality, f32)>;

impl Room {
    /// Reports the speakers whose state or level changed.
    pub(super) fn report_speakers(&mut self, now: Instant) {
        let mut changed = Vec::new();
        for index in self.participant_indices() {
            let Some(participant) = self.roster.participants.get_mut(index) else {
                continue;
            };
            let mut loudest = 0f32;
            for track in &participant.tracks {
                if let Some(track) = self.tracks.get_mut(*track)
                    && track.kind == Kind::Audio
                    && track.permitted
                {
                    loudest = loudest.max(track.level.level(now));
                }
            }
            let level = speakers::reported(loudest);
            if (level - participant.voice).abs() > f32::EPSILON {
                participant.voice = level;
                let active = level > 0.0;
                changed.push(Speaker {
                    participant: participant.key,
                    level,
                    active,
                });
            }
        }
        if !changed.is_empty() {
            self.emit(MediaEvent::SpeakersChanged {
                room: self.key,
                changed,
            });
        }
    }

    /// Judges every connected participant's connection and reports changes.
    pub(super) fn judge_quality(&mut self, now: Instant) {
        self.tell_qualities(QualityMeter::judge, now);
    }

    /// Looks for those who have fallen silent, and those who are back.
    pub(super) fn judge_silence(&mut self, now: Instant) {
        self.tell_qualities(QualityMeter::listen, now);
    }

    fn tell_qualities(&mut self, judge: Judge, now: Instant) {
        let mut changed = Vec::new();
        for index in self.participant_indices() {
            let Some(participant) = self.roster.participants.get_mut(index) else {
                continue;
            };
            let peers = &self.roster.peers;
            if !participant
                .peers
                .iter()
                .any(|p| peers.get(*p).is_some_and(|p| p.connected))
            {
                continue;
            }
            let tracks = participant
                .tracks
                .iter()
                .filter_map(|track| self.tracks.get(*track));
            let expected = tracks
                .into_iter()
                .any(|track| !track.muted && track.has_flowed() && track.demand.is_any());
            if let Some((quality, score)) = judge(&mut participant.quality, expected, now) {
                changed.push((participant.key, quality, score));
            }
        }
        for (participant, quality, score) in changed {
            let room = self.key;
            self.emit(MediaEvent::QualityChanged {
                room,
                participant,
                quality,
                score,
            });
        }
    }
}
